"""Reading a task's data: where sources lie, and what is said of a file that is not as declared."""

from pathlib import Path

import pytest
from runner_builders import LABELS, write_lines
from slmeval_api.task import Fields
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.items import SIZE_LIMIT_MIB, Item, file_of, load

GOOD = '{"text": "where is it", "label": "delivery"}'


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(claims=tmp_path / "claims", configmaps=tmp_path / "maps")


def loaded(folders: Folders, *lines: str, fields: Fields | None = None) -> list[Item]:
    write_lines(folders.configmaps / "data/test.jsonl", *lines)
    return load("configmap://data/test.jsonl", fields or Fields(), LABELS, folders).items


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


class TestLines:
    def test_become_items_in_their_order_with_blank_lines_left_out(self, folders: Folders) -> None:
        found = loaded(folders, GOOD, "", ' {"label": "login", "text": "locked", "id": 3} ')
        assert found == [Item("where is it", "delivery"), Item("locked", "login")]

    def test_may_name_their_columns_otherwise(self, folders: Folders) -> None:
        fields = Fields(text="body", label="intent")
        line = '{"body": "b", "intent": "login"}'
        assert loaded(folders, line, fields=fields) == [Item("b", "login")]

    def test_may_begin_with_a_byte_order_mark_and_end_with_carriage_returns(
        self, folders: Folders
    ) -> None:
        assert (
            loaded(folders, f"\ufeff{GOOD}\r", f"{GOOD}\r") == [Item("where is it", "delivery")] * 2
        )

    def test_may_hold_other_line_separators_inside_a_text(self, folders: Folders) -> None:
        assert loaded(folders, '{"text": "a\u2028b", "label": "login"}') == [
            Item("a\u2028b", "login")
        ]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("{", r"line 2 is not JSON .*: put one JSON object on each line"),
            ("[" * 100_000, r"line 2 is not JSON"),
            ('["refund"]', r"line 2 is a JSON list, not an object"),
            ("3", r"line 2 is a JSON int, not an object"),
            ('{"label": "login"}', r"line 2 has no column 'text', only 'label': .*fields\.text"),
            ('{"text": "x"}', r"line 2 has no column 'label', only 'text': .*fields\.label"),
            ("{}", r"line 2 has no column 'text', only none"),
            ('{"text": 7, "label": "login"}', r"line 2: column 'text' must be a text .* not 7"),
            ('{"text": null, "label": "login"}', r"line 2: column 'text' .* not null"),
            (
                '{"text": " ", "label": "login"}',
                r"line 2: column 'text' must be a text that is not empty",
            ),
            ('{"text": "x", "label": ["login"]}', r"line 2: column 'label' must be a text"),
            (
                '{"text": "x", "label": "Login"}',
                r"line 2: .* label 'Login', .* 6 labels \(cancel, .*: add it",
            ),
        ],
    )
    def test_that_are_not_as_declared_are_named(
        self, line: str, words: str, folders: Folders
    ) -> None:
        with pytest.raises(TaskUnusable, match=rf"configmap://data/test.jsonl: {words}"):
            loaded(folders, GOOD, line)


class TestFiles:
    def test_without_items_are_refused(self, folders: Folders) -> None:
        with pytest.raises(TaskUnusable, match="has no items"):
            loaded(folders, "", " ")

    def test_that_are_missing_are_answered_with_what_is_there(self, folders: Folders) -> None:
        write_lines(folders.claims / "team/train.jsonl", GOOD)
        with pytest.raises(TaskUnusable, match=r"no file test.jsonl; beside it: train.jsonl"):
            load("pvc://team/test.jsonl", Fields(), LABELS, folders)

    def test_of_a_configmap_that_did_not_exist_say_so(self, folders: Folders) -> None:
        (folders.configmaps / "data").mkdir(parents=True)
        with pytest.raises(TaskUnusable, match=r"ConfigMap data did not exist"):
            load("configmap://data/test.jsonl", Fields(), LABELS, folders)

    def test_of_an_unknown_sample_are_answered_with_the_known_ones(self, folders: Folders) -> None:
        with pytest.raises(TaskUnusable, match="it has: support-intents"):
            load("builtin://poems/test", Fields(), LABELS, folders)

    def test_below_a_file_are_missing(self, folders: Folders) -> None:
        write_lines(folders.claims / "team/a", GOOD)
        with pytest.raises(TaskUnusable, match="no file b"):
            load("pvc://team/a/b", Fields(), LABELS, folders)

    def test_that_are_folders_are_refused(self, folders: Folders) -> None:
        (folders.claims / "team/a").mkdir(parents=True)
        with pytest.raises(TaskUnusable, match="is a folder"):
            load("pvc://team/a", Fields(), LABELS, folders)

    def test_that_are_no_utf8_are_refused_with_the_line(self, folders: Folders) -> None:
        path = write_lines(folders.configmaps / "data/test.jsonl", GOOD)
        path.write_bytes(path.read_bytes() + b'{"text": "\xff"}')
        with pytest.raises(TaskUnusable, match="line 2 is not UTF-8"):
            load("configmap://data/test.jsonl", Fields(), LABELS, folders)

    def test_beyond_the_size_limit_are_not_read(self, folders: Folders) -> None:
        path = write_lines(folders.configmaps / "data/test.jsonl")
        with path.open("wb") as file:
            file.truncate((SIZE_LIMIT_MIB + 1) * 1024 * 1024)  # sparse
        with pytest.raises(TaskUnusable, match="257 MiB, the limit is 256 MiB"):
            load("configmap://data/test.jsonl", Fields(), LABELS, folders)


class TestBuiltInSample:
    def test_is_balanced_and_shares_no_text_between_its_files(self) -> None:
        folders = Folders()
        test = load("builtin://support-intents/test", Fields(), LABELS, folders).items
        train = load("builtin://support-intents/train", Fields(), LABELS, folders).items
        for items, of_each in ((test, 10), (train, 6)):
            labels = [item.label for item in items]
            assert {label: labels.count(label) for label in LABELS} == dict.fromkeys(
                LABELS, of_each
            )
        assert len({item.text for item in test + train}) == 96
