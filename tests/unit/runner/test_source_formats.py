"""Rows of JSON lines, CSV and Parquet: the same for the same data, and named when they are not."""

import io
from typing import Any

import pytest
from runner_builders import parquet_of
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.sources.load import rows
from slmeval_runner.sources.table import SIZE_LIMIT_MIB

GOOD = '{"text": "where is it", "label": "delivery"}'


def loaded(*lines: str) -> list[dict[str, Any]]:
    content = "".join(f"{line}\n" for line in lines).encode()
    return [values for _, values in rows("configmap://data/test.jsonl", content)]


def csv_of(text: str, source: str = "pvc://d/t.csv") -> list[dict[str, Any]]:
    return [values for _, values in rows(source, text.encode())]


class TestLines:
    def test_become_rows_in_their_order_with_blank_lines_left_out(self) -> None:
        found = loaded(GOOD, "", ' {"label": "login", "text": "locked", "id": 3} ')
        assert [values["text"] for values in found] == ["where is it", "locked"]

    def test_may_begin_with_a_byte_order_mark_and_end_with_carriage_returns(self) -> None:
        found = loaded(f"\ufeff{GOOD}\r", f"{GOOD}\r")
        assert [values["label"] for values in found] == ["delivery", "delivery"]

    def test_may_hold_other_line_separators_inside_a_text(self) -> None:
        assert loaded('{"text": "a\u2028b"}') == [{"text": "a\u2028b"}]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("{", r"line 2 is not JSON .*: put one JSON object on each line"),
            ("[" * 100_000, r"line 2 is not JSON"),
            ('["refund"]', r"line 2 is a JSON list, not an object"),
            ("3", r"line 2 is a JSON int, not an object"),
        ],
    )
    def test_that_are_no_objects_are_named(self, line: str, words: str) -> None:
        with pytest.raises(TaskUnusable, match=rf"configmap://data/test.jsonl: {words}"):
            loaded(GOOD, line)

    def test_must_hold_an_item(self) -> None:
        with pytest.raises(TaskUnusable, match="has no items: put one JSON object on each line"):
            loaded("", " ")

    def test_that_are_no_utf8_are_named(self) -> None:
        content = GOOD.encode() + b'\n{"text": "\xff"}'
        with pytest.raises(TaskUnusable, match="line 2 is not UTF-8"):
            list(rows("pvc://d/t.jsonl", content))


class TestCsv:
    def test_has_a_header_and_texts(self) -> None:
        assert csv_of('text,label\n"a, b",1\n\nc,\n') == [
            {"text": "a, b", "label": "1"},
            {"text": "c", "label": None},
        ]

    def test_is_told_by_its_name_whatever_the_case(self) -> None:
        assert csv_of("text\na\n", "s3://bucket/T.CSV") == [{"text": "a"}]

    def test_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(self) -> None:
        assert csv_of("\ufefftext\r\na\r\n") == [{"text": "a"}]

    def test_may_hold_line_breaks_and_texts_longer_than_the_parsers_own_limit(self) -> None:
        long = "x" * 200_000
        assert csv_of(f'text\n"a\nb"\n{long}\n') == [{"text": "a\nb"}, {"text": long}]

    def test_counts_rows_without_the_header(self) -> None:
        places = [where for where, _ in rows("pvc://d/t.csv", b"text\na\nb\n")]
        assert places == ["pvc://d/t.csv: row 1", "pvc://d/t.csv: row 2"]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "t.csv: has no items: put the columns' names on the first line"),
            ("text,label\n", "t.csv: has no items"),
            ("a,b\n1,2\n1,2,3\n", r"row 2 \(it ends on line 3\) has 3 cells, the header has 2: "),
            ("a,b\n1\n", "row 1 .* has 1 cells, the header has 2"),
            ("a,b,a\n1,2,3\n", "the header names 'a' 2 times: give each column a name"),
            ('a\n"b" c\n', "line 2 is not CSV .*: separate cells by commas"),
            ('a\n"b\n', "is not CSV .*unexpected end"),
        ],
    )
    def test_that_is_not_as_declared_is_named(self, text: str, words: str) -> None:
        with pytest.raises(TaskUnusable, match=words):
            csv_of(text)


class TestParquet:
    def test_has_the_values_that_were_written(self) -> None:
        columns: dict[str, list[Any]] = {
            "text": ["a", None],
            "answers": [{"text": ["x"]}, {"text": []}],
            "n": [1, 2],
        }
        assert list(rows("pvc://d/t.parquet", parquet_of(columns))) == [
            ("pvc://d/t.parquet: row 1", {"text": "a", "answers": {"text": ["x"]}, "n": 1}),
            ("pvc://d/t.parquet: row 2", {"text": None, "answers": {"text": []}, "n": 2}),
        ]

    def test_of_a_dataset_has_names_for_its_classes(self) -> None:
        import datasets

        kind = datasets.ClassLabel(names=["negative", "positive"])
        features = datasets.Features(label=kind, tags=datasets.List(kind), o={"c": kind})
        content = io.BytesIO()
        datasets.disable_progress_bars()
        datasets.Dataset.from_dict(
            {"label": [1, -1], "tags": [[0, 1], []], "o": [{"c": 0}, None]}, features=features
        ).to_parquet(content)
        assert [values for _, values in rows("pvc://d/t.parquet", content.getvalue())] == [
            {"label": "positive", "tags": ["negative", "positive"], "o": {"c": "negative"}},
            {"label": None, "tags": [], "o": None},
        ]

    def test_that_is_none_is_named(self) -> None:
        with pytest.raises(TaskUnusable, match=r"t.parquet: is not a Parquet file .* \.jsonl"):
            list(rows("pvc://d/t.parquet", GOOD.encode()))

    def test_without_rows_is_refused(self) -> None:
        with pytest.raises(TaskUnusable, match="has no items"):
            list(rows("pvc://d/t.parquet", parquet_of({"text": []})))

    def test_that_is_small_only_because_it_is_packed_is_refused(self) -> None:
        content = parquet_of({"text": ["x" * 65_536] * 4_200})
        assert len(content) < 1024 * 1024
        with pytest.raises(TaskUnusable, match=f"more than {SIZE_LIMIT_MIB} MiB unpacked"):
            list(rows("pvc://d/t.parquet", content))
