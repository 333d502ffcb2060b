"""Finding a model's folder."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from slmeval_api.model import ModelEntry
from slmeval_runner.failures import ModelUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.models import digest_of_folder, locate


def a_folder(path: Path, *, weights: str | None = "model.safetensors") -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (path / "tokenizer.json").write_text("{}")
    if weights:
        (path / weights).write_bytes(b"weights")
    return path


def an_entry(source: str, **engine: Any) -> ModelEntry:
    return ModelEntry.from_json_data({"name": "m", "source": source, "engine": engine})


class TestFolders:
    def test_of_a_claim_lie_below_its_mount(self, tmp_path: Path) -> None:
        folder = a_folder(tmp_path / "team/llama/1b")
        found = locate(an_entry("pvc://team/llama/1b"), Folders(claims=tmp_path))
        assert (found.folder, found.revision) == (folder, None)
        assert found.digest == digest_of_folder(folder)

    def test_of_the_image_are_paths(self, tmp_path: Path) -> None:
        folder = a_folder(tmp_path / "model")
        assert locate(an_entry(f"file://{folder}"), Folders()).folder == folder

    def test_in_a_folder_that_stands_for_the_image_is_found_without_links(
        self, tmp_path: Path
    ) -> None:
        folder = a_folder(tmp_path / "image" / "models" / "small")
        (tmp_path / "link").symlink_to(tmp_path / "image")
        folders = Folders(image=tmp_path / "link")
        assert locate(an_entry("file:///models/small"), folders).folder == folder

    def test_that_are_missing_are_answered_with_what_is_there(self, tmp_path: Path) -> None:
        a_folder(tmp_path / "team/llama-3b")
        with pytest.raises(ModelUnusable, match=r"team/llama-1b is not a folder; .* llama-3b"):
            locate(an_entry("pvc://team/llama-1b"), Folders(claims=tmp_path))

    def test_that_are_missing_with_their_parents_name_the_first_gap(self, tmp_path: Path) -> None:
        (tmp_path / "team").mkdir()
        with pytest.raises(ModelUnusable, match=r"team/a is not a folder; .*team holds: nothing"):
            locate(an_entry("pvc://team/a/b/c"), Folders(claims=tmp_path))

    def test_without_a_config_are_no_model(self, tmp_path: Path) -> None:
        folder = a_folder(tmp_path / "m")
        (folder / "config.json").unlink()
        with pytest.raises(ModelUnusable, match=r"no config.json; it holds: model.safetensors, to"):
            locate(an_entry(f"file://{folder}"), Folders())

    def test_without_weights_serve_dummy_ones_only(self, tmp_path: Path) -> None:
        folder = a_folder(tmp_path / "m", weights=None)
        with pytest.raises(ModelUnusable, match=r"no weights.*loadFormat: dummy"):
            locate(an_entry(f"file://{folder}"), Folders())
        assert locate(an_entry(f"file://{folder}", loadFormat="dummy"), Folders()).folder == folder


class TestDigest:
    def test_is_of_names_sizes_and_the_small_files(self, tmp_path: Path) -> None:
        folder = a_folder(tmp_path / "m")
        first = digest_of_folder(folder)
        (folder / "model.safetensors").write_bytes(b"WEIGHTS")  # as long as before
        assert digest_of_folder(folder) == first
        (folder / "model.safetensors").write_bytes(b"longer weights")
        second = digest_of_folder(folder)
        (folder / "config.json").write_text("{}")
        assert len({first, second, digest_of_folder(folder)}) == 3

    def test_leaves_out_what_a_downloader_keeps_beside_the_model(self, tmp_path: Path) -> None:
        folder = a_folder(tmp_path / "m")
        first = digest_of_folder(folder)
        (folder / ".cache").mkdir()
        (folder / ".cache/lock").write_text("x")
        assert digest_of_folder(folder) == first


class Hub:
    """Stands in for snapshot_download."""

    def __init__(self, folder: Path, error: Exception | None = None) -> None:
        self.folder = folder
        self.error = error
        self.asked: dict[str, Any] = {}

    def __call__(self, **asked: Any) -> str:
        self.asked = asked
        if self.error:
            raise self.error
        return str(self.folder)


def hub_error(name: str, status: int = 404) -> Exception:
    from huggingface_hub import errors

    response = SimpleNamespace(headers={}, request=None, status_code=status)
    made: Exception = getattr(errors, name)("no", response=response)
    return made


class TestHub:
    source = "hf://org/model@main"

    def test_records_the_commit_that_the_revision_stood_for(self, tmp_path: Path) -> None:
        hub = Hub(a_folder(tmp_path / "snapshots/0a1b2c"))
        folders = Folders(cache=tmp_path / "cache")
        found = locate(an_entry(self.source), folders, download=hub)
        assert found.revision == "0a1b2c"
        assert (hub.asked["repo_id"], hub.asked["revision"]) == ("org/model", "main")
        assert hub.asked["cache_dir"] == str(tmp_path / "cache/huggingface/hub")
        assert "*.safetensors" in hub.asked["allow_patterns"]

    def test_is_asked_for_no_weights_when_they_are_dummies(self, tmp_path: Path) -> None:
        hub = Hub(a_folder(tmp_path / "m", weights=None))
        locate(an_entry(self.source, loadFormat="dummy"), Folders(), download=hub)
        assert "*.safetensors" not in hub.asked["allow_patterns"]

    def test_is_given_the_token_of_the_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", "hf_x")
        hub = Hub(a_folder(tmp_path / "m"))
        locate(an_entry(self.source), Folders(), download=hub)
        assert hub.asked["token"] == "hf_x"

    @pytest.mark.parametrize(
        ("error", "words", "may_pass"),
        [
            (hub_error("GatedRepoError", 403), r"gated: accept .*spec.huggingFace.secretN", False),
            (hub_error("RepositoryNotFoundError", 404), r"no such model, or it is private", False),
            (hub_error("RevisionNotFoundError", 404), r"no revision 'main'", False),
            (hub_error("HfHubHTTPError", 401), r"answers 401: set spec.huggingFace", False),
            (hub_error("HfHubHTTPError", 503), r"download failed", True),
            (ConnectionResetError(104, "reset"), r"download failed: ConnectionReset.*reset", True),
            (OSError(28, "No space left on device"), r"No space left .* cacheClaim", True),
        ],
    )
    def test_refuses_in_words_that_say_what_to_do(
        self, error: Exception, words: str, may_pass: bool
    ) -> None:
        with pytest.raises(ModelUnusable, match=words) as caught:
            locate(an_entry(self.source), Folders(), download=Hub(Path(), error))
        assert caught.value.may_pass is may_pass

    def test_that_cannot_be_reached_may_be_reachable_later(self) -> None:
        from huggingface_hub.errors import LocalEntryNotFoundError

        with pytest.raises(ModelUnusable, match=r"cannot be reached: .*pvc://") as caught:
            locate(
                an_entry(self.source),
                Folders(),
                download=Hub(Path(), LocalEntryNotFoundError("offline")),
            )
        assert caught.value.may_pass

    def test_lets_errors_of_our_own_making_be_seen(self) -> None:
        with pytest.raises(TypeError, match="a bug"):
            locate(an_entry(self.source), Folders(), download=Hub(Path(), TypeError("a bug")))
