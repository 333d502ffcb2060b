"""Extraction: values of known keys found in a text."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from slmeval_api.result import MetricName
from slmeval_api.task_types import ExtractionTask

from slmeval_runner.failures import TaskUnusable
from slmeval_runner.items import Row
from slmeval_runner.stats import set_f1, sets_metrics

from .base import Form, Judged, TaskType, Written
from .parsing import json_value
from .reading import demand_known

MAX_TOKENS = 512
MAX_VALUES = 32
Found = frozenset[tuple[str, str]]
"""Pairs of key and value; the value without regard to case and to how much blank space is in it."""


class Text(NamedTuple):
    """A text, and what is in it."""

    text: str
    values: dict[str, list[str]]


class Extraction(TaskType[Text, Found]):
    """See the module."""

    metric = "f1"
    cue = "JSON"

    def __init__(self, options: ExtractionTask) -> None:
        self._options = options
        self._known = {key.name: key for key in options.keys}

    def read(self, row: Row) -> Text:
        """Return the text and the values of each key."""
        entities = row.record("entities", "texts or lists of texts")
        demand_known(row, "entities", list(entities), self._known.keys())
        values = dict[str, list[str]]()
        for key, value in entities.items():
            found = _values(value)
            if found is None:
                raise row.unfit("entities", "an object of texts or lists of texts", entities)
            if len(found) > 1 and not self._known[key].multiple:
                raise TaskUnusable(
                    f"{row.where}: entities has {len(found)} values of {key!r}, which may have "
                    "one: set multiple: true for that key"
                )
            if found:
                values[key] = found
        return Text(row.text("text"), values)

    def text(self, content: Text) -> str:
        """Return the text."""
        return content.text

    def instruction(self) -> str:
        """Return it with the keys and the form."""
        told = self._options.instruction or "Find these things in the text, word for word."
        keys = "\n".join(
            f"- {key.name}{' (a list)' if key.multiple else ''}"
            f"{': ' + key.description if key.description else ''}"
            for key in self._options.keys
        )
        return (
            f"{told}\n\nAnswer with a JSON object that has what the text holds, {{}} if it holds "
            f"nothing of it. Keys:\n{keys}"
        )

    def question(self, content: Text) -> str:
        """Return the text."""
        return f"Text: {content.text}"

    def answer(self, content: Text) -> str:
        """Return the values as JSON, keys in the task's order."""
        values = {
            name: content.values[name] if key.multiple else content.values[name][0]
            for name, key in self._known.items()
            if name in content.values
        }
        return json.dumps(values, ensure_ascii=False)

    def form(self, content: Text) -> Form:
        """Return the schema of an object of these keys, none of which is required."""
        del content
        if self._options.answer == "Free":
            return Written(max_tokens=MAX_TOKENS)
        schema = {
            "type": "object",
            "properties": {
                name: {"type": "array", "items": {"type": "string"}, "maxItems": MAX_VALUES}
                if key.multiple
                else {"type": "string"}
                for name, key in self._known.items()
            },
            "additionalProperties": False,
        }
        return Written(max_tokens=MAX_TOKENS, json_schema=json.dumps(schema))

    def parse(self, written: str, content: Text) -> Found | None:
        """Return the pairs of a JSON object of known keys, with texts or lists of texts."""
        del content
        found = json_value(written)
        if not isinstance(found, dict) or not found.keys() <= self._known.keys():
            return None
        pairs = set[tuple[str, str]]()
        for key, value in found.items():
            values = _values(value)
            if values is None:
                return None
            pairs |= {(key, _normal(one)) for one in values}
        return frozenset(pairs)

    def score(self, answer: Found, content: Text) -> float:
        """Return F1 of the two sets of pairs."""
        return set_f1(_expected(content), answer)

    def metrics(self, judged: Sequence[Judged[Text, Found]]) -> Mapping[MetricName, float]:
        """Return F1 over all pairs, and how often all of an item's are right."""
        expected = [_expected(j.content) for j in judged]
        found = sets_metrics(expected, [j.answer or frozenset() for j in judged])
        exact = sum(j.answer == e for j, e in zip(judged, expected, strict=True)) / len(judged)
        return {"microF1": found["microF1"], "exactMatch": exact}


def _expected(content: Text) -> Found:
    return frozenset(
        (key, _normal(value)) for key, values in content.values.items() for value in values
    )


def _values(value: Any) -> list[str] | None:  # noqa: ANN401 - any JSON
    """Return the texts in a text or a list of texts, null and empty ones left out; else None."""
    values = value if isinstance(value, list) else [value]
    if not all(one is None or isinstance(one, str) for one in values):
        return None
    return [one for one in values if one and one.strip()]


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())
