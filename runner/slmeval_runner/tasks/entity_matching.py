"""Entity matching: whether two records are about the same thing."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from slmeval_api.result import MetricName
from slmeval_api.task_types import EntityMatchingTask

from slmeval_runner.items import Row
from slmeval_runner.stats import binary_metrics

from .base import Judged
from .labelled import OneLabel
from .reading import known_label


class Pair(NamedTuple):
    """Two records as text, and their label."""

    left: str
    right: str
    label: str


class EntityMatching(OneLabel[Pair]):
    """See the module."""

    cue = "Answer"

    def __init__(self, options: EntityMatchingTask) -> None:
        self._options = options
        self.way = options.answer
        self._labels = [options.match_label, options.no_match_label]

    def read(self, row: Row) -> Pair:
        """Return both records and the label."""
        return Pair(
            _record(row, "left"),
            _record(row, "right"),
            known_label(row, "label", frozenset(self._labels)),
        )

    def text(self, content: Pair) -> str:
        """Return both records."""
        return f"{content.left}\n\n{content.right}"

    def labels(self, content: Pair) -> Sequence[str]:
        """Return both."""
        del content
        return self._labels

    def instruction(self) -> str:
        """Return it with the two answers."""
        told = self._options.instruction or "Are the two records about the same thing?"
        match, other = self._labels
        return f"{told}\n\nAnswer {match!r} if they are, {other!r} if they are not, and no more."

    def question(self, content: Pair) -> str:
        """Return both records."""
        return f"Record 1:\n{content.left}\nRecord 2:\n{content.right}"

    def answer(self, content: Pair) -> str:
        """Return the label."""
        return content.label

    def metrics(self, judged: Sequence[Judged[Pair, str]]) -> Mapping[MetricName, float]:
        """Return precision, recall and F1 of matches; an unanswered pair was not matched."""
        match = self._options.match_label
        found = binary_metrics(
            [j.content.label == match for j in judged], [j.answer == match for j in judged]
        )
        return {**found, **super().metrics(judged)}


def _record(row: Row, role: str) -> str:
    """Return a record as text: a line a field, those without a value left out."""
    value = row.value(role)
    if isinstance(value, dict):
        lines = [
            f"{key}: {_shown(field)}" for key, field in value.items() if field not in (None, "")
        ]
        if lines:
            return "\n".join(lines)
    if isinstance(value, str) and value.strip():
        return value
    raise row.unfit(role, "an object or a text that is not empty", value)


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
