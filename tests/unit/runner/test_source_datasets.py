"""Datasets: the real loader on folders of the hub's form, and the hub's errors by stand-ins."""

import hashlib
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from runner_builders import parquet_of
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.sources.dataset import Found, Wanted, load_dataset
from slmeval_runner.sources.table import Table

SOURCE = "hf://datasets/org/name@main"
EXPORT = "hf://datasets/org/name@refs/convert/parquet"
COMMIT = "0a1b2c3d" * 5
TWO_CONFIGURATIONS = """---
configs:
- config_name: en
  data_files:
  - {split: test, path: en/test.jsonl}
- config_name: de
  data_files:
  - {split: test, path: de/test.jsonl}
---
"""


class Hub:
    """A folder that stands for a repository; `load` reads it with the real library."""

    def __init__(self, path: Path) -> None:
        self.folder = path / "repository"
        self._folders = Folders(cache=path / "cache")

    def put(self, name: str, content: bytes | str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def load(self, source: str) -> Table:
        return load_dataset(source, self._folders, find=lambda _: Found(str(self.folder), None))

    def keep(self, configuration: str) -> None:
        """Put what was loaded where the library would have put it, had it come from the hub."""
        root = self._folders.cache / "huggingface/datasets"
        (loaded,) = (p.parent for p in root.glob("repository/*/*/*/dataset_info.json"))
        kept = root / "org___name" / configuration / "0.0.0" / COMMIT
        shutil.copytree(loaded, kept)
        (kept / "repository-test.arrow").rename(kept / "name-test.arrow")
        described = (kept / "dataset_info.json").read_text()
        for old, new in (("repository", "name"), ("default", configuration)):
            described = described.replace(f'"{old}"', f'"{new}"')
        (kept / "dataset_info.json").write_text(described)

    def offline(self, source: str) -> Table:
        return load_dataset(source, self._folders)

    def rows(self, source: str) -> list[dict[str, Any]]:
        return [values for _, values in self.load(source).rows]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


class TestSources:
    @pytest.mark.parametrize(
        ("source", "parts"),
        [
            ("org/name@main/test", ("org/name", "main", None, "test")),
            ("org/name@v1.0/en-us/test", ("org/name", "v1.0", "en-us", "test")),
            ("org/name@refs/pr/3/test", ("org/name", "refs/pr/3", None, "test")),
            ("o/n@refs/convert/parquet/en/a.b", ("o/n", "refs/convert/parquet", "en", "a.b")),
        ],
    )
    def test_name_repository_revision_configuration_and_split(
        self, source: str, parts: tuple[str | None, ...]
    ) -> None:
        found = Wanted.of(f"hf://datasets/{source}")
        assert (found.repository, found.revision, found.configuration, found.split) == parts


class TestRepositories:
    def test_of_parquet_files_have_their_splits(self, hub: Hub) -> None:
        hub.put("data/train-00000-of-00002.parquet", parquet_of({"text": ["a"]}))
        hub.put("data/train-00001-of-00002.parquet", parquet_of({"text": ["b"]}))
        hub.put("data/test-00000-of-00001.parquet", parquet_of({"text": ["c"]}))
        assert hub.rows(f"{SOURCE}/train") == [{"text": "a"}, {"text": "b"}]
        assert list(hub.load(f"{SOURCE}/test").rows) == [(f"{SOURCE}/test: row 1", {"text": "c"})]

    def test_of_json_lines_have_configurations(self, hub: Hub) -> None:
        hub.put("README.md", TWO_CONFIGURATIONS)
        hub.put("en/test.jsonl", '{"text": "yes"}\n')
        hub.put("de/test.jsonl", '{"text": "ja"}\n')
        assert hub.rows(f"{SOURCE}/en/test") == [{"text": "yes"}]
        assert hub.rows(f"{SOURCE}/de/test") == [{"text": "ja"}]

    def test_of_csv_files_are_read_too(self, hub: Hub) -> None:
        hub.put("test.csv", "text,label\na,1\n")
        assert hub.rows(f"{SOURCE}/test") == [{"text": "a", "label": 1}]

    def test_that_the_hub_converted_have_configurations_for_folders(self, hub: Hub) -> None:
        hub.put("en/test/0000.parquet", parquet_of({"text": ["yes"]}))
        hub.put("de/test/0000.parquet", parquet_of({"text": ["ja"]}))
        assert hub.rows(f"{EXPORT}/de/test") == [{"text": "ja"}]

    def test_have_names_for_their_classes(self, hub: Hub) -> None:
        names = "{'0': negative, '1': positive}"
        features = f"- {{name: label, dtype: {{class_label: {{names: {names}}}}}}}"
        split = "- {name: test, num_bytes: 9, num_examples: 2}"
        info = f"dataset_info:\n  features:\n  {features}\n  splits:\n  {split}\n"
        hub.put("README.md", f"---\n{info}---\n")
        hub.put("test.jsonl", '{"label": 1}\n{"label": 0}\n')
        assert hub.rows(f"{SOURCE}/test") == [{"label": "positive"}, {"label": "negative"}]


class TestDigest:
    def test_is_of_the_rows_as_canonical_json(self, hub: Hub) -> None:
        hub.put("test.jsonl", '{"b": "\u00e9", "a": [1, null]}\n{"b": "x", "a": []}\n')
        expected = '{"a":[1,null],"b":"\u00e9"}\n{"a":[],"b":"x"}\n'.encode()
        assert hub.load(f"{SOURCE}/test").digest == hashlib.sha256(expected).digest()

    def test_is_the_same_whatever_files_the_rows_are_in(self, hub: Hub, tmp_path: Path) -> None:
        hub.put("test.jsonl", '{"text": "a"}\n{"text": "b"}\n')
        other = Hub(tmp_path / "other")
        other.put("test-00000-of-00002.parquet", parquet_of({"text": ["a"]}))
        other.put("test-00001-of-00002.parquet", parquet_of({"text": ["b"]}))
        digests = {each.load(f"{SOURCE}/test").digest for each in (hub, other)}
        assert len(digests) == 1

    def test_changes_with_a_row(self, hub: Hub) -> None:
        hub.put("test.jsonl", '{"text": "a"}\n')
        hub.put("train.jsonl", '{"text": "b"}\n')
        digests = {hub.load(f"{SOURCE}/{split}").digest for split in ("test", "train")}
        assert len(digests) == 2


class TestRepositoriesThatAreNotAsAsked:
    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ("en/train", r"no split 'train', only test: correct the last part"),
            ("fr/test", r"no configuration 'fr', only en, de: correct the part before the split"),
            ("test", rf"several configurations, en, de: name one as {SOURCE}/configuration/test"),
        ],
    )
    def test_are_answered_with_the_names_that_there_are(
        self, asked: str, words: str, hub: Hub
    ) -> None:
        hub.put("README.md", TWO_CONFIGURATIONS)
        hub.put("en/test.jsonl", '{"text": "yes"}\n')
        hub.put("de/test.jsonl", '{"text": "ja"}\n')
        with pytest.raises(TaskUnusable, match=words):
            hub.load(f"{SOURCE}/{asked}")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("test.csv", b"text,label\n"),
            ("test.jsonl", b""),
            ("test.parquet", parquet_of({"text": []})),
        ],
    )
    def test_may_have_an_empty_split(self, name: str, content: bytes, hub: Hub) -> None:
        hub.put(name, content)
        with pytest.raises(TaskUnusable, match=r"has no items.*: name a"):
            hub.load(f"{SOURCE}/test")

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("test.jsonl", '{"a": [', r"cannot be read as a dataset: DatasetGenerationError: JSON"),
            ("repository.py", "", rf"made by a script, which is never run: .*{EXPORT}/config"),
        ],
    )
    def test_say_what_to_do(self, name: str, content: str, words: str, hub: Hub) -> None:
        hub.put(name, content)
        with pytest.raises(TaskUnusable, match=words):
            hub.load(f"{SOURCE}/test")


def hub_error(name: str, status: int) -> Exception:
    from huggingface_hub import errors

    response = SimpleNamespace(headers={}, request=None, status_code=status)
    made: Exception = getattr(errors, name)("no", response=response)
    return made


def gated() -> Exception:
    """Return it as the library passes it on."""
    from datasets.exceptions import DatasetNotFoundError

    error: Exception = DatasetNotFoundError("Dataset 'org/name' is a gated dataset on the Hub.")
    error.__cause__ = hub_error("GatedRepoError", 403)
    return error


class TestTheHub:
    @pytest.mark.parametrize(
        ("error", "words", "may_pass"),
        [
            (hub_error("RepositoryNotFoundError", 404), r"no such dataset, or it is priv", False),
            (hub_error("RevisionNotFoundError", 404), r"no revision 'main'", False),
            (hub_error("HfHubHTTPError", 401), r"answers 401: set spec.huggingFace", False),
            (hub_error("HfHubHTTPError", 503), r"download failed.*HF_ENDPOINT.*pvc://", True),
            (ConnectionError("Couldn't reach it"), r"download failed.*HF_ENDPOINT", True),
            (OSError(28, "No space left on device"), r"No space left .* cacheClaim", True),
            (gated(), r"gated: accept .*huggingface.co/datasets/org/name, then set spec", False),
        ],
    )
    def test_refuses_in_words_that_say_what_to_do(
        self, error: Exception, words: str, may_pass: bool
    ) -> None:
        with pytest.raises(TaskUnusable, match=words) as caught:
            load_dataset(f"{SOURCE}/test", Folders(), find=raising(error))
        assert caught.value.may_pass is may_pass

    def test_is_asked_for_exactly_the_commit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", "hf_x")
        asked: dict[str, Any] = {}

        def open_builder(path: str, **more: Any) -> Any:
            asked.update(path=path, **more)
            raise ConnectionError("far enough")

        with pytest.raises(TaskUnusable):
            load_dataset(
                f"hf://datasets/org/name@{COMMIT}/en/test",
                Folders(cache=tmp_path),
                open_builder=open_builder,
            )
        assert asked == {
            "path": "org/name",
            "name": "en",
            "data_dir": None,
            "revision": COMMIT,
            "cache_dir": str(tmp_path / "huggingface/datasets"),
            "token": "hf_x",
        }

    def test_lets_errors_of_our_own_making_be_seen(self) -> None:
        with pytest.raises(TypeError, match="a bug"):
            load_dataset(f"{SOURCE}/test", Folders(), find=raising(TypeError("a bug")))


class TestTheCacheWhereTheHubCannotBeReached:
    @pytest.fixture
    def cached(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
        import datasets.config

        hub.put("test.jsonl", '{"text": "a"}\n')
        hub.load(f"{SOURCE}/test")
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        return hub

    def test_serves_exactly_the_commit(self, cached: Hub) -> None:
        cached.keep("default")
        source = f"hf://datasets/org/name@{COMMIT}/test"
        assert list(cached.offline(source).rows) == [(f"{source}: row 1", {"text": "a"})]

    @pytest.mark.parametrize(
        ("kept", "asked", "words"),
        [
            (["default"], f"{'f' * 40}/test", rf"another one \(revision {COMMIT}, conf.*HF_ENDP"),
            (["en"], f"{COMMIT}/test", r"another one \(.*configuration 'en'\)"),
            (["en", "de"], f"{COMMIT}/test", r"another one \(There are multiple"),
            (["en"], f"{COMMIT}/de/test", r"another one \(Couldn't find cache"),
            ([], f"{COMMIT}/test", r"download failed: ConnectionError: .*HF_ENDPOINT"),
        ],
    )
    def test_serves_nothing_else(
        self, kept: list[str], asked: str, words: str, cached: Hub
    ) -> None:
        for configuration in kept:
            cached.keep(configuration)
        with pytest.raises(TaskUnusable, match=words) as caught:
            cached.offline(f"hf://datasets/org/name@{asked}")
        assert caught.value.may_pass


def raising(error: Exception) -> Any:
    def find(_: Wanted) -> Found:
        raise error

    return find
