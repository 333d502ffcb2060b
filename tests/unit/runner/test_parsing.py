"""Reading labels out of answers."""

import random

import pytest
from slmeval_runner.tasks.parsing import constrained_label, free_label

LABELS = ["refund", "delivery", "Not clear", "NO"]


class TestConstrainedAnswers:
    @pytest.mark.parametrize("answer", ["refund", "Not clear", "NO"])
    def test_are_labels_as_they_stand(self, answer: str) -> None:
        assert constrained_label(answer, LABELS) == answer
        assert constrained_label(f" {answer}", LABELS) == answer

    @pytest.mark.parametrize("answer", ["", "Refund", "refund.", "refunds", "re fund"])
    def test_are_unanswered_when_the_engine_was_not_held_to_them(self, answer: str) -> None:
        assert constrained_label(answer, LABELS) is None


class TestFreeAnswers:
    @pytest.mark.parametrize(
        ("answer", "label"),
        [
            ("refund", "refund"),
            ("  refund \n", "refund"),
            ("\n\nRefund.\nBecause they want money back.", "refund"),
            ("NOT CLEAR", "Not clear"),
            ('"refund"', "refund"),
            ("'refund.'", "refund"),
            ("`no`.", "NO"),
        ],
    )
    def test_are_the_label_on_the_first_line(self, answer: str, label: str) -> None:
        assert free_label(answer, LABELS) == label

    @pytest.mark.parametrize(
        "answer",
        [
            "",
            " \n\t ",
            "Label: refund",
            "refund or delivery",
            "refund, I think",
            "not refund",
            "**refund**",
            '"refund',
            "refund..",
            "I would say\nrefund",
            "ref\u0000und",
            "réfund",
        ],
    )
    def test_are_unanswered_when_the_line_is_anything_else(self, answer: str) -> None:
        assert free_label(answer, LABELS) is None

    def test_are_unanswered_when_case_alone_tells_labels_apart(self) -> None:
        assert free_label("us", ["US", "Us"]) is None
        assert free_label("US", ["US", "Us"]) == "US"

    def test_keep_a_full_stop_that_belongs_to_the_label(self) -> None:
        assert free_label("e.g.", ["e.g.", "e.g"]) == "e.g."

    def test_never_raise_and_never_make_up_a_label(self) -> None:
        generator = random.Random(5)
        alphabet = "refund deliv\n\r\t\"'`.:,{}[]\\\u0000\u2028\ud7ffÄß́🙂"
        for _ in range(3000):
            answer = "".join(generator.choices(alphabet, k=generator.randrange(24)))
            assert free_label(answer, LABELS) in {None, *LABELS}
            assert constrained_label(answer, LABELS) in {None, *LABELS}
