"""Where files of mounts lie, and what is said of one that is not there."""

from pathlib import Path

import pytest
from runner_builders import LABELS, write_lines
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.sources import load
from slmeval_runner.sources.files import content_of, file_of
from slmeval_runner.sources.table import SIZE_LIMIT_MIB

GOOD = '{"text": "where is it", "label": "delivery"}'
SOURCE = "configmap://data/test.jsonl"


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(claims=tmp_path / "claims", configmaps=tmp_path / "maps")


class TestSources:
    @pytest.mark.parametrize(
        ("source", "path"),
        [
            ("configmap://data/test.jsonl", "maps/data/test.jsonl"),
            ("pvc://team/nlp/test.jsonl", "claims/team/nlp/test.jsonl"),
        ],
    )
    def test_are_below_their_mount(
        self, source: str, path: str, folders: Folders, tmp_path: Path
    ) -> None:
        assert file_of(source, folders) == tmp_path / path

    def test_of_the_image_are_paths(self, folders: Folders) -> None:
        assert file_of("file:///data/test.jsonl", folders) == Path("/data/test.jsonl")

    def test_that_are_built_in_ship_with_the_runner(self, folders: Folders) -> None:
        assert file_of("builtin://support-intents/test", folders).is_file()


class TestFiles:
    def test_that_are_missing_are_answered_with_what_is_there(self, folders: Folders) -> None:
        write_lines(folders.claims / "team/train.jsonl", GOOD)
        with pytest.raises(TaskUnusable, match=r"no file test.jsonl; beside it: train.jsonl"):
            content_of("pvc://team/test.jsonl", folders)

    def test_of_a_configmap_that_did_not_exist_say_so(self, folders: Folders) -> None:
        (folders.configmaps / "data").mkdir(parents=True)
        with pytest.raises(TaskUnusable, match=r"ConfigMap data did not exist"):
            content_of(SOURCE, folders)

    def test_of_an_unknown_sample_are_answered_with_the_known_ones(self, folders: Folders) -> None:
        with pytest.raises(TaskUnusable, match=r"it has: catalogue-pairs, .*support-intents"):
            content_of("builtin://poems/test", folders)

    def test_below_a_file_are_missing(self, folders: Folders) -> None:
        write_lines(folders.claims / "team/a", GOOD)
        with pytest.raises(TaskUnusable, match="no file b"):
            content_of("pvc://team/a/b", folders)

    def test_that_are_folders_are_refused(self, folders: Folders) -> None:
        (folders.claims / "team/a").mkdir(parents=True)
        with pytest.raises(TaskUnusable, match="is a folder"):
            content_of("pvc://team/a", folders)

    def test_beyond_the_size_limit_are_not_read(self, folders: Folders) -> None:
        path = write_lines(folders.configmaps / "data/test.jsonl")
        with path.open("wb") as file:
            file.truncate((SIZE_LIMIT_MIB + 1) * 1024 * 1024)  # sparse
        with pytest.raises(TaskUnusable, match="257 MiB, the limit is 256 MiB"):
            content_of(SOURCE, folders)


class TestBuiltInSample:
    def test_is_balanced_and_shares_no_text_between_its_files(self) -> None:
        parts = [
            [values for _, values in load(source, Folders()).rows]
            for source in ("builtin://support-intents/test", "builtin://support-intents/train")
        ]
        for items, of_each in zip(parts, (10, 6), strict=True):
            labels = [item["label"] for item in items]
            assert {label: labels.count(label) for label in LABELS} == dict.fromkeys(
                LABELS, of_each
            )
        assert len({item["text"] for items in parts for item in items}) == 96
