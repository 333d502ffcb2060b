"""Reading a row by what its columns hold, and what is said of one that is not as declared."""

from datetime import date

import pytest
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.items import Row
from slmeval_runner.sources import Cell, ClassName


def row(values: dict[str, object], **fields: str) -> Row:
    return Row(values, "f: line 2", fields)


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
            ({"text": 7}, r"line 2: column 'text' must be a text .* not 7: correct it"),
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

    @pytest.mark.parametrize("value", ["a", [1], None])
    def test_without_an_object_are_named(self, value: object) -> None:
        with pytest.raises(TaskUnusable, match=r"'entities' must be an object of texts, not"):
            row({"entities": value}).record("entities", "texts")

    def test_with_a_value_that_json_has_no_word_for_are_named(self) -> None:
        with pytest.raises(TaskUnusable, match='not "2026-11-01": correct it'):
            row({"text": date(2026, 11, 1)}).text("text")


class TestCellsOfACsvFile:
    def test_are_texts_where_a_text_is_asked_for(self) -> None:
        assert row({"text": Cell("[1]")}).text("text") == "[1]"

    def test_are_json_where_something_else_is_asked_for(self) -> None:
        cells = {"choices": Cell('["a", "b"]'), "label": Cell("1"), "keys": Cell('{"a": "b"}')}
        assert row({**cells}).texts("choices") == ["a", "b"]
        assert row({**cells}).whole("label") == 1
        assert row({**cells}).record("keys", "texts") == {"a": "b"}

    @pytest.mark.parametrize("text", ["Paris", "[", "[" * 100_000])
    def test_that_are_no_json_are_named(self, text: str) -> None:
        with pytest.raises(TaskUnusable, match=r"'answers' must be a list of texts"):
            row({"answers": Cell(text)}).texts("answers")


class TestNamesOfClasses:
    def test_are_texts_and_keep_their_number(self) -> None:
        name = ClassName.of(1, ["negative", "positive"])
        assert row({"label": name}).text("label") == "positive"
        assert row({"label": name}).whole("label") == 1

    @pytest.mark.parametrize("number", [-1, 2])
    def test_are_none_where_the_number_stands_for_no_class(self, number: int) -> None:
        assert ClassName.of(number, ["negative", "positive"]) is None
