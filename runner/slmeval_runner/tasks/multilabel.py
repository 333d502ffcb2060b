"""Multilabel classification: any number of labels of a known set for each text."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from slmeval_api.result import MetricName
from slmeval_api.task_types import MultilabelTask

from slmeval_runner.items import Row
from slmeval_runner.stats import set_f1, sets_metrics

from .base import Form, Judged, TaskType, Written
from .parsing import first_line, free_label, json_value
from .reading import demand_known

Labels = frozenset[str]


class Tagged(NamedTuple):
    """A text and its labels."""

    text: str
    labels: Labels


class Multilabel(TaskType[Tagged, Labels]):
    """See the module."""

    metric = "f1"
    cue = "Labels"

    def __init__(self, options: MultilabelTask) -> None:
        self._options = options
        self._known = frozenset(options.labels)

    def read(self, row: Row) -> Tagged:
        """Return text and labels."""
        labels = row.texts("labels")
        demand_known(row, "labels", labels, self._known)
        return Tagged(row.text("text"), frozenset(labels))

    def text(self, content: Tagged) -> str:
        """Return the text."""
        return content.text

    def instruction(self) -> str:
        """Return it with the labels and the form."""
        told = self._options.instruction or "Classify the text: pick every label that fits it."
        labels = ", ".join(self._options.labels)
        return f"{told}\n\nAnswer with a JSON list of labels, [] if none fits. Labels: {labels}"

    def question(self, content: Tagged) -> str:
        """Return the text."""
        return f"Text: {content.text}"

    def answer(self, content: Tagged) -> str:
        """Return the labels as JSON, in the task's order."""
        mine = [label for label in self._options.labels if label in content.labels]
        return json.dumps(mine, ensure_ascii=False)

    def form(self, content: Tagged) -> Form:
        """Return the schema of a list of labels."""
        del content
        labels = self._options.labels
        tokens = len(json.dumps(labels, ensure_ascii=False).encode()) + 1
        if self._options.answer == "Free":
            return Written(max_tokens=tokens)
        schema = {"type": "array", "items": {"enum": labels}, "maxItems": len(labels)}
        return Written(max_tokens=tokens, json_schema=json.dumps(schema))

    def parse(self, written: str, content: Tagged) -> Labels | None:
        """Return the labels of a JSON list, or between commas where the answer is free.

        A label that stands twice counts once. One that is not known makes it no answer.
        """
        del content
        found = json_value(written)
        if not isinstance(found, list):
            line = first_line(written)
            if self._options.answer != "Free" or not line:
                return None
            found = line.split(",")
        labels = [
            free_label(one, self._options.labels) if isinstance(one, str) else None for one in found
        ]
        return None if None in labels else frozenset(label for label in labels if label)

    def score(self, answer: Labels, content: Tagged) -> float:
        """Return F1 of the two sets."""
        return set_f1(content.labels, answer)

    def metrics(self, judged: Sequence[Judged[Tagged, Labels]]) -> Mapping[MetricName, float]:
        """Return F1 over all labels, the mean over labels, and how often all are right."""
        expected = [j.content.labels for j in judged]
        return sets_metrics(expected, [j.answer or frozenset() for j in judged]) | {
            "exactMatch": sum(j.answer == j.content.labels for j in judged) / len(judged)
        }
