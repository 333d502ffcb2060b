"""Classification: one label of a known set for each text."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from slmeval_api.result import MetricName
from slmeval_api.task_types import ClassificationTask

from slmeval_runner.items import Row
from slmeval_runner.stats import macro_f1

from .base import Judged
from .labelled import OneLabel
from .reading import known_label


class Labelled(NamedTuple):
    """A text and its label."""

    text: str
    label: str


class Classification(OneLabel[Labelled]):
    """See the module."""

    cue = "Label"

    def __init__(self, options: ClassificationTask) -> None:
        self._options = options
        self.way = options.answer
        self._known = frozenset(options.labels)

    def read(self, row: Row) -> Labelled:
        """Return text and label."""
        return Labelled(row.text("text"), known_label(row, "label", self._known))

    def text(self, content: Labelled) -> str:
        """Return the text."""
        return content.text

    def labels(self, content: Labelled) -> Sequence[str]:
        """Return the task's."""
        del content
        return self._options.labels

    def instruction(self) -> str:
        """Return it with the labels."""
        told = self._options.instruction or (
            "Classify the text: pick the one label that fits it best."
        )
        labels = ", ".join(self._options.labels)
        return f"{told}\n\nAnswer with the label alone. Labels: {labels}"

    def question(self, content: Labelled) -> str:
        """Return the text."""
        return f"Text: {content.text}"

    def answer(self, content: Labelled) -> str:
        """Return the label."""
        return content.label

    def metrics(self, judged: Sequence[Judged[Labelled, str]]) -> Mapping[MetricName, float]:
        """Return macro F1, and how sure the model was."""
        expected = [j.content.label for j in judged]
        return {
            "macroF1": macro_f1(expected, [j.answer for j in judged]),
            **super().metrics(judged),
        }
