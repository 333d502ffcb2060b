"""Multiple choice: one of an item's own choices, which are lettered."""

import string
from collections.abc import Sequence
from typing import NamedTuple

from slmeval_api.task_types import MultipleChoiceTask

from slmeval_runner.failures import TaskUnusable
from slmeval_runner.items import Row

from .labelled import OneLabel
from .reading import context_of, with_context

LETTERS = string.ascii_uppercase
FEWEST = 2


class Choice(NamedTuple):
    """A question, its choices, and the place of the right one."""

    context: str | None
    question: str
    choices: list[str]
    right: int

    @property
    def letters(self) -> str:
        """Those of the choices."""
        return LETTERS[: len(self.choices)]


class MultipleChoice(OneLabel[Choice]):
    """See the module."""

    cue = "Answer"

    def __init__(self, options: MultipleChoiceTask) -> None:
        self._options = options
        self.way = options.answer

    def read(self, row: Row) -> Choice:
        """Return question, choices and the right one's place."""
        choices, right = row.texts("choices"), row.whole("label")
        if not FEWEST <= len(choices) <= len(LETTERS):
            raise TaskUnusable(
                f"{row.where}: choices has {len(choices)} entries: it must have {FEWEST} to "
                f"{len(LETTERS)}"
            )
        if right >= len(choices):
            raise TaskUnusable(
                f"{row.where}: label is {right}, but there are {len(choices)} choices, numbered "
                f"from 0 to {len(choices) - 1}"
            )
        return Choice(context_of(row), row.text("question"), choices, right)

    def labels(self, content: Choice) -> Sequence[str]:
        """Return the letters, each by itself: no two of them together are an answer."""
        return tuple(content.letters)

    def instruction(self) -> str:
        """Return it, with the form."""
        told = self._options.instruction or "Pick the choice that answers the question."
        return f"{told} Answer with its letter alone."

    def question(self, content: Choice) -> str:
        """Return question and lettered choices, with the context before them."""
        asked = with_context(content.context, content.question)
        lines = [
            f"{letter}. {text}" for letter, text in zip(LETTERS, content.choices, strict=False)
        ]
        return "\n".join([asked, *lines])

    def answer(self, content: Choice) -> str:
        """Return the right letter."""
        return content.letters[content.right]
