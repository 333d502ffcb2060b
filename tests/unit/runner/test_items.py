"""Reading a task's data: where sources lie, and what is said of a file that is not as declared."""

from pathlib import Path

import pytest
from runner_builders import LABELS, write_lines
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.items import SIZE_LIMIT_MIB, Row, content_of, file_of, rows

GOOD = '{"text": "where is it", "label": "delivery"}'


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(claims=tmp_path / "claims", configmaps=tmp_path / "maps")


SOURCE = "configmap://data/test.jsonl"


def loaded(folders: Folders, *lines: str) -> list[dict[str, object]]:
    write_lines(folders.configmaps / "data/test.jsonl", *lines)
    return [values for _, values in rows(SOURCE, content_of(SOURCE, folders))]


def row(values: dict[str, object], **fields: str) -> Row:
    return Row(values, "f: line 2", fields)


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
    def test_become_rows_in_their_order_with_blank_lines_left_out(self, folders: Folders) -> None:
        found = loaded(folders, GOOD, "", ' {"label": "login", "text": "locked", "id": 3} ')
        assert [values["text"] for values in found] == ["where is it", "locked"]

    def test_may_begin_with_a_byte_order_mark_and_end_with_carriage_returns(
        self, folders: Folders
    ) -> None:
        found = loaded(folders, f"\ufeff{GOOD}\r", f"{GOOD}\r")
        assert [values["label"] for values in found] == ["delivery", "delivery"]

    def test_may_hold_other_line_separators_inside_a_text(self, folders: Folders) -> None:
        assert loaded(folders, '{"text": "a\u2028b"}') == [{"text": "a\u2028b"}]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("{", r"line 2 is not JSON .*: put one JSON object on each line"),
            ("[" * 100_000, r"line 2 is not JSON"),
            ('["refund"]', r"line 2 is a JSON list, not an object"),
            ("3", r"line 2 is a JSON int, not an object"),
        ],
    )
    def test_that_are_no_objects_are_named(self, line: str, words: str, folders: Folders) -> None:
        with pytest.raises(TaskUnusable, match=rf"configmap://data/test.jsonl: {words}"):
            loaded(folders, GOOD, line)


class TestRows:
    def test_are_read_by_what_columns_hold(self) -> None:
        assert row({"body": "b"}, text="body").text("text") == "b"
        assert row({"answers": {"text": ["x"]}}, answers="answers.text").texts("answers") == ["x"]
        assert row({"a.b": "dotted"}, text="a.b").text("text") == "dotted"

    def test_may_lack_an_optional_column_unless_it_is_named(self) -> None:
        assert not row({}).has("context")
        assert not row({"context": None}).has("context")
        assert row({"context": "c"}).has("context")
        with pytest.raises(TaskUnusable, match=r"no column 'passage', only none.*fields\.context"):
            row({}, context="passage").has("context")

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"label": "x"}, r"f: line 2 has no column 'text', only 'label': .*fields\.text"),
            ({}, r"line 2 has no column 'text', only none"),
            ({"text": 7}, r"line 2: column 'text' must be a text .* not 7: correct the line"),
            ({"text": None}, r"line 2: column 'text' .* not null"),
            ({"text": " "}, r"line 2: column 'text' must be a text that is not empty"),
            ({"text": ["a"]}, r"line 2: column 'text' must be a text"),
        ],
    )
    def test_without_a_text_are_named(self, values: dict[str, object], words: str) -> None:
        with pytest.raises(TaskUnusable, match=words):
            row(values).text("text")

    @pytest.mark.parametrize("value", ["a", [1], [""], {"a": 1}, None])
    def test_without_a_list_of_texts_are_named(self, value: object) -> None:
        with pytest.raises(TaskUnusable, match=r"'answers' must be a list of texts"):
            row({"answers": value}).texts("answers")

    @pytest.mark.parametrize("value", [-1, True, 1.5, "1"])
    def test_without_a_whole_number_are_named(self, value: object) -> None:
        with pytest.raises(TaskUnusable, match=r"'label' must be a whole number from 0"):
            row({"label": value}).whole("label")


class TestFiles:
    def test_without_items_are_refused(self, folders: Folders) -> None:
        with pytest.raises(TaskUnusable, match="has no items"):
            loaded(folders, "", " ")

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

    def test_that_are_no_utf8_are_refused_with_the_line(self, folders: Folders) -> None:
        path = write_lines(folders.configmaps / "data/test.jsonl", GOOD)
        path.write_bytes(path.read_bytes() + b'{"text": "\xff"}')
        with pytest.raises(TaskUnusable, match="line 2 is not UTF-8"):
            list(rows(SOURCE, content_of(SOURCE, folders)))

    def test_beyond_the_size_limit_are_not_read(self, folders: Folders) -> None:
        path = write_lines(folders.configmaps / "data/test.jsonl")
        with path.open("wb") as file:
            file.truncate((SIZE_LIMIT_MIB + 1) * 1024 * 1024)  # sparse
        with pytest.raises(TaskUnusable, match="257 MiB, the limit is 256 MiB"):
            content_of(SOURCE, folders)


class TestBuiltInSample:
    def test_is_balanced_and_shares_no_text_between_its_files(self) -> None:
        parts = [
            [values for _, values in rows(source, content_of(source, Folders()))]
            for source in ("builtin://support-intents/test", "builtin://support-intents/train")
        ]
        for items, of_each in zip(parts, (10, 6), strict=True):
            labels = [item["label"] for item in items]
            assert {label: labels.count(label) for label in LABELS} == dict.fromkeys(
                LABELS, of_each
            )
        assert len({item["text"] for items in parts for item in items}) == 96
