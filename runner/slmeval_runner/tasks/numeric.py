"""Numeric answers: a question whose answer is a number."""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from slmeval_api.task_types import NumericTask

from slmeval_runner.items import Row

from .base import Form, TaskType, Written
from .parsing import first_line, last_after, number
from .reading import context_of, with_context

MARK = "Answer:"
DIRECT_TOKENS = 32
REASONING_TOKENS = 512
PERCENT = 100


class Sum(NamedTuple):
    """A question and its number."""

    context: str | None
    question: str
    written: str
    """The number as the data has it."""
    value: Fraction
    solution: str | None
    """How it is found; None: the data does not say."""


class Numeric(TaskType[Sum, Fraction]):
    """See the module."""

    metric = "accuracy"
    end = "\n\nQuestion:"

    def __init__(self, options: NumericTask) -> None:
        self._options = options
        self.cue = "Working" if options.reasoning else "Answer"

    def read(self, row: Row) -> Sum:
        """Return question and number."""
        answer = row.value("answer")
        is_number = isinstance(answer, int | float | Decimal) and not isinstance(answer, bool)
        written = str(answer) if is_number else answer
        value = number(written) if isinstance(written, str) else None
        if value is None:
            raise row.unfit("answer", "a number, or a text that is one, such as 1,200", answer)
        solution = row.text("solution") if row.has("solution") else None
        return Sum(context_of(row), row.text("question"), written, value, solution)

    def instruction(self) -> str:
        """Return it, with the form."""
        told = self._options.instruction or "Answer the question with a number."
        if not self._options.reasoning:
            return f"{told} Write the number alone."
        return f"{told} Think step by step, and end with a line: {MARK} the number"

    def question(self, content: Sum) -> str:
        """Return the question with its context."""
        return with_context(content.context, content.question)

    def answer(self, content: Sum) -> str:
        """Return the number; where the model may think aloud, with the data's solution before."""
        if not self._options.reasoning:
            return content.written
        lines = [content.solution] if content.solution else []
        return "\n".join([*lines, f"{MARK} {content.written}"])

    def form(self, content: Sum) -> Form:
        """Return a text."""
        del content
        return Written(max_tokens=REASONING_TOKENS if self._options.reasoning else DIRECT_TOKENS)

    def parse(self, written: str, content: Sum) -> Fraction | None:
        """Return the number on the first line, or on the last one that begins with the mark."""
        del content
        if not self._options.reasoning:
            return number(first_line(written))
        last = last_after(written, MARK)
        return None if last is None else number(last)

    def score(self, answer: Fraction, content: Sum) -> float:
        """Return 1 if it is near enough."""
        allowed = abs(content.value) * Fraction(self._options.tolerance_percent, PERCENT)
        return float(abs(answer - content.value) <= allowed)
