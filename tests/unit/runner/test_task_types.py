"""Each type of task: what it reads, how it asks, what it takes for an answer, how it judges."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slmeval_api.task import Task
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.items import Row
from slmeval_runner.tasks import type_of
from slmeval_runner.tasks.base import Chosen, Judged, TaskType, Written
from slmeval_runner.tasks.parsing import json_value, last_after, number
from slmeval_runner.tasks.question_answering import normal, token_f1

LABELS = {"labels": ["spam", "urgent", "on hold"]}
KEYS = {
    "keys": [
        {"name": "city"},
        {"name": "dish", "description": "what is eaten", "multiple": True},
    ]
}
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "classification": (LABELS, {"text": "buy now", "label": "spam"}),
    "multilabel": (LABELS, {"text": "buy now", "labels": ["urgent", "spam"]}),
    "entityMatching": (
        {},
        {"left": {"name": "café", "tel": 3, "x": None}, "right": "the cafe", "label": "match"},
    ),
    "extraction": (
        KEYS,
        {"text": "pho and tea in Hue", "entities": {"dish": ["pho", "tea"], "city": "Hue"}},
    ),
    "questionAnswering": (
        {"unanswerable": True},
        {"context": "It is red.", "question": "Which colour?", "answers": ["red", "the red one"]},
    ),
    "multipleChoice": ({}, {"question": "2 + 2?", "choices": ["3", "4", "5"], "label": 1}),
    "numeric": ({}, {"question": "How many?", "answer": "1,200"}),
    "summarization": (
        {},
        {"text": "The cat sat on the mat. It slept.", "summary": "A cat sat and slept."},
    ),
}
HOSTILE = {
    "empty": "",
    "NUL": "\0",
    "JSON bomb": "[" * 100_000,
    "long number": "9" * 100_000,
    "exponent": "1e999999999",
    "surrogate": "\ud800",
    "objects": '{"a":' * 5_000,
    "long": "a" * 10**6,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def made(kind: str, **options: Any) -> TaskType[Any, Any]:
    declared = {**ROWS[kind][0], **options}
    return type_of(
        Task.from_json_data(
            {"name": "t", kind: declared, "data": {"test": "builtin://support-intents/test"}}
        )
    )


def read(kind: str, type_: TaskType[Any, Any] | None = None, **columns: Any) -> Any:
    row = Row({**ROWS[kind][1], **columns}, "f: line 2", {})
    return (type_ or made(kind)).read(row)


def judged(type_: TaskType[Any, Any], content: Any, written: str) -> Judged[Any, Any]:
    answer = type_.parse(written, content)
    return Judged(content, answer, 0.0 if answer is None else type_.score(answer, content))


@pytest.mark.parametrize("kind", ROWS)
class TestEveryType:
    def test_takes_its_own_right_answer_for_right(self, kind: str) -> None:
        content = read(kind)
        found = judged(made(kind), content, made(kind).answer(content))
        assert found.score == 1.0

    def test_has_figures_of_right_and_of_unanswered_items(self, kind: str) -> None:
        type_, content = made(kind), read(kind)
        right = judged(type_, content, type_.answer(content))
        for value in type_.metrics([right, Judged(content, None, 0.0)]).values():
            assert 0.0 <= value <= 1.0

    def test_says_what_it_wants(self, kind: str) -> None:
        type_ = made(kind, instruction="Please do as I say.")
        assert type_.instruction().startswith("Please do as I say.")
        assert type_.question(read(kind))

    def test_leaves_room_for_its_own_right_answer(self, kind: str) -> None:
        form = made(kind).form(read(kind))
        if isinstance(form, Written):
            assert form.max_tokens > len(made(kind).answer(read(kind)).encode()) // 2
        else:
            assert made(kind).answer(read(kind)) in form.candidates

    @given(written=st.text() | st.from_regex(r"[\[{\"}\],:0-9a-z. ]*", fullmatch=True))
    def test_reads_any_answer_or_says_that_it_cannot(self, kind: str, written: str) -> None:
        found = judged(made(kind), read(kind), written)
        assert 0.0 <= found.score <= 1.0

    @pytest.mark.parametrize("written", HOSTILE.values(), ids=HOSTILE)
    def test_bears_hostile_answers(self, kind: str, written: str) -> None:
        assert judged(made(kind), read(kind), written).score <= 1.0


class TestMultilabel:
    @pytest.mark.parametrize("written", ['["spam","urgent"]', '["spam", "urgent", "spam"]'])
    def test_reads_json(self, written: str) -> None:
        assert made("multilabel").parse(written, None) == {"spam", "urgent"}

    @pytest.mark.parametrize("written", ["spam, urgent", '["no"]', "[1]", '"spam"', "{}", ""])
    def test_reads_nothing_else_when_constrained(self, written: str) -> None:
        assert made("multilabel").parse(written, None) is None

    def test_reads_commas_when_free(self) -> None:
        free = made("multilabel", answer="Free")
        assert free.parse("Spam, on hold.\nBecause", None) == {"spam", "on hold"}
        assert free.parse("[]", None) == set()
        assert free.parse("spam, or not", None) is None

    def test_scores_f1_of_the_sets(self) -> None:
        content = read("multilabel")
        assert judged(made("multilabel"), content, '["spam","on hold"]').score == 0.5
        assert judged(made("multilabel"), content, "[]").score == 0.0

    def test_is_held_to_the_labels(self) -> None:
        form = made("multilabel").form(None)
        assert isinstance(form, Written)
        assert json.loads(str(form.json_schema))["items"] == {"enum": LABELS["labels"]}

    def test_refuses_an_unknown_label(self) -> None:
        with pytest.raises(TaskUnusable, match=r"line 2: labels is 'junk', .* 3 \(on hold"):
            read("multilabel", labels=["spam", "junk"])


class TestEntityMatching:
    def test_shows_records_a_field_a_line(self) -> None:
        assert made("entityMatching").question(read("entityMatching")) == (
            "Record 1:\nname: café\ntel: 3\nRecord 2:\nthe cafe"
        )

    @pytest.mark.parametrize("left", [{}, {"a": None}, "", 3, None])
    def test_refuses_a_record_without_anything(self, left: object) -> None:
        with pytest.raises(TaskUnusable, match=r"'left' must be an object or a text"):
            read("entityMatching", left=left)

    def test_takes_the_datas_own_labels(self) -> None:
        type_ = made("entityMatching", matchLabel="yes", noMatchLabel="no")
        content = read("entityMatching", type_, label="no")
        assert "'yes' if they are, 'no'" in type_.instruction()
        assert judged(type_, content, "no").score == 1.0
        metrics = type_.metrics([judged(type_, content, "yes"), judged(type_, content, "no")])
        assert metrics == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


class TestExtraction:
    def test_compares_values_without_case_and_blanks(self) -> None:
        written = '{"dish": ["PHO", "tea "], "city": ["hue"]}'
        assert judged(made("extraction"), read("extraction"), written).score == 1.0

    @pytest.mark.parametrize(
        ("written", "score"),
        [
            ("{}", 0.0),
            ('{"city": "Hue"}', 0.5),
            ('{"city": "Hue", "dish": "pho"}', 0.8),
            ('{"city": null, "dish": ["", "tea"]}', 0.5),
            ('```json\n{"city": "Hue"}\n```', 0.5),
        ],
    )
    def test_scores_f1_of_the_pairs(self, written: str, score: float) -> None:
        assert judged(made("extraction"), read("extraction"), written).score == pytest.approx(score)

    @pytest.mark.parametrize(
        "written",
        [
            "",
            "[]",
            '{"country": "VN"}',
            '{"city": 3}',
            '{"city": "a", "city": "b"}',
            '{"city": {}}',
        ],
    )
    def test_reads_nothing_else(self, written: str) -> None:
        assert made("extraction").parse(written, None) is None

    def test_finds_nothing_where_there_is_nothing(self) -> None:
        content = read("extraction", entities={"dish": []})
        assert made("extraction").answer(content) == "{}"
        assert judged(made("extraction"), content, "{}").score == 1.0

    @pytest.mark.parametrize(
        ("entities", "words"),
        [
            ([], "must be an object of texts"),
            ({"city": 3}, "must be an object of texts"),
            ({"country": "VN"}, "entities is 'country', which is not among the task's 2"),
            ({"city": ["Hue", "Hoi An"]}, "2 values of 'city', which may have one: set multiple"),
        ],
    )
    def test_refuses_other_data(self, entities: object, words: str) -> None:
        with pytest.raises(TaskUnusable, match=words):
            read("extraction", entities=entities)


class TestQuestionAnswering:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("The  Eiffel Tower!", "eiffel tower"),
            ("A.B. (an) x-ray", "ab xray"),
            ("theatre", "theatre"),
            ("…", "…"),
        ],
    )
    def test_compares_as_squad_does(self, text: str, expected: str) -> None:
        assert normal(text) == expected

    @pytest.mark.parametrize(
        ("right", "answer", "f1"),
        [
            ("the red car", "a red car", 1.0),
            ("red car", "car", 2 / 3),
            ("red red car", "red", 1 / 2),
            ("blue", "red", 0.0),
            ("the", "a", 1.0),
            ("the", "red", 0.0),
        ],
    )
    def test_scores_as_squad_does(self, right: str, answer: str, f1: float) -> None:
        assert token_f1(right, answer) == pytest.approx(f1)

    def test_takes_the_nearest_of_several_answers(self) -> None:
        found = judged(made("questionAnswering"), read("questionAnswering"), "red one")
        assert found.score == 1.0

    def test_takes_the_word_for_no_answer(self) -> None:
        type_, none = made("questionAnswering"), read("questionAnswering", answers=[])
        some = read("questionAnswering")
        assert type_.answer(none) == "unanswerable"
        assert judged(type_, none, "Unanswerable.").score == 1.0
        assert judged(type_, none, "red").score == 0.0
        assert judged(type_, some, "unanswerable").score == 0.0
        assert judged(type_, some, "").answer is None
        metrics = type_.metrics([judged(type_, none, "red"), judged(type_, some, "Red")])
        assert metrics == {"exactMatch": 0.5, "answerableF1": 1.0, "unanswerableAccuracy": 0.0}

    def test_refuses_a_question_without_an_answer_unless_told_of_them(self) -> None:
        with pytest.raises(TaskUnusable, match=r"answers is empty: set unanswerable: true"):
            read("questionAnswering", made("questionAnswering", unanswerable=False), answers=[])

    def test_may_have_no_context(self) -> None:
        content = read("questionAnswering", context=None)
        assert made("questionAnswering").question(content) == "Question: Which colour?"


class TestMultipleChoice:
    def test_letters_the_choices(self) -> None:
        type_, content = made("multipleChoice"), read("multipleChoice")
        assert type_.question(content) == "Question: 2 + 2?\nA. 3\nB. 4\nC. 5"
        assert type_.form(content) == Chosen(("A", "B", "C"))
        assert type_.guesses(content) == 3

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ({"label": 3}, "label is 3, but there are 3 choices, numbered from 0 to 2"),
            ({"choices": ["3"]}, "choices has 1 entries: it must have 2 to 26"),
            ({"choices": "3"}, "'choices' must be a list of texts"),
            ({"label": "B"}, "'label' must be a whole number"),
        ],
    )
    def test_refuses_other_data(self, columns: dict[str, Any], words: str) -> None:
        with pytest.raises(TaskUnusable, match=words):
            read("multipleChoice", **columns)

    @pytest.mark.parametrize("way", ["LogProbability", "Constrained", "Free"])
    @pytest.mark.parametrize("written", ["", " ", "AB", "BC", "D", "4"])
    def test_reads_nothing_but_a_letter(self, way: str, written: str) -> None:
        content = read("multipleChoice")
        assert made("multipleChoice", answer=way).parse(written, content) is None
        assert made("multipleChoice", answer=way).parse("B", content) == "B"


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("12", Fraction(12)),
            ("-1.50", Fraction(-3, 2)),
            ("\N{MINUS SIGN}3", Fraction(-3)),
            ("1,200,300", Fraction(1_200_300)),
            ("$1,200.50", Fraction(2401, 2)),
            ("€3", Fraction(3)),
            ("40%", Fraction(40)),
            (".5", Fraction(1, 2)),
            ("3/4", Fraction(3, 4)),
            (" -2 / 11. ", Fraction(-2, 11)),
            ("+007", Fraction(7)),
        ],
    )
    def test_are_read_as_people_write_them(self, text: str, value: Fraction) -> None:
        assert number(text) == value

    @pytest.mark.parametrize(
        "text",
        ["", ".", "-", "$", "1,20", "12,3456", "1/0", "1e5", "twelve", "12 apples", "0x10", "1.2.3",
         "٣", "12..", "--1", "nan", "inf", "9" * 65],
    )  # fmt: skip
    def test_are_nothing_else(self, text: str) -> None:
        assert number(text) is None

    @given(st.fractions(max_denominator=10**6))
    def test_are_read_back(self, value: Fraction) -> None:
        assert number(str(value)) == value

    def test_may_be_off_by_what_is_allowed(self) -> None:
        type_, content = made("numeric", tolerancePercent=1), read("numeric")
        assert [judged(type_, content, t).score for t in ("1212", "1188", "1213")] == [1, 1, 0]

    def test_after_reasoning_stand_on_the_last_marked_line(self) -> None:
        type_ = made("numeric", reasoning=True)
        content = read("numeric", type_, solution="600 each.")
        assert type_.answer(content) == "600 each.\nAnswer: 1,200"
        assert judged(type_, content, "Answer: 3? No.\nso\nanswer: 1200\nDone").score == 1.0
        assert judged(type_, content, "It is 1200").answer is None
        assert last_after("none", "Answer:") is None

    def test_without_reasoning_are_the_first_line(self) -> None:
        type_, content = made("numeric"), read("numeric")
        assert judged(type_, content, "\n1200\nbecause").score == 1.0
        assert judged(type_, content, "It is 1200").answer is None

    @pytest.mark.parametrize("answer", ["many", None, True, [1]])
    def test_of_the_data_must_be_numbers(self, answer: object) -> None:
        with pytest.raises(TaskUnusable, match=r"'answer' must be a number, or a text that is one"):
            read("numeric", answer=answer)

    @pytest.mark.parametrize("answer", [3, 2.5, "3/4"])
    def test_of_the_data_may_be_json_numbers(self, answer: object) -> None:
        content = read("numeric", answer=answer)
        assert judged(made("numeric"), content, str(answer)).score == 1.0


class TestSummarization:
    def test_scores_rouge_l(self) -> None:
        """Words: a cat sat and slept | the cat sat: 2 in order; F = 2 × 2 / (3 + 5)."""
        found = judged(made("summarization"), read("summarization"), "The cat sat.")
        assert found.score == pytest.approx(0.5)
        metrics = made("summarization").metrics([found])
        # ROUGE-2: (cat, sat) of 2 and of 4 pairs.
        assert metrics == pytest.approx({"rouge1": 0.5, "rouge2": 1 / 3})


class TestJson:
    @given(JSON)
    def test_is_read_back(self, value: object) -> None:
        assert json_value(json.dumps(value)) == value

    @pytest.mark.parametrize("text", ["NaN", "Infinity", '{"a":1,"a":2}', "{} and more", "'a'"])
    def test_that_is_doubtful_is_none(self, text: str) -> None:
        assert json_value(text) is None


def test_every_type_has_a_module_of_its_own() -> None:
    modules = {type(made(kind)).__module__.rpartition(".")[2] for kind in ROWS}
    assert len(modules) == len(ROWS)
    folder = Path(__file__).parents[3] / "runner/slmeval_runner/tasks"
    assert {f"{name}.py" for name in modules} <= {path.name for path in folder.iterdir()}
