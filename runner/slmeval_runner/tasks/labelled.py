"""What the types share whose answer is one label of a few."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from slmeval_api.result import MetricName

from slmeval_runner.stats import confidence_metrics

from .base import Chosen, Form, Judged, Written
from .parsing import constrained_label, free_label

Way = Literal["Constrained", "Free", "LogProbability"]
FREE_MARGIN_TOKENS = 8


def label_form(way: Way, labels: Sequence[str]) -> Form:
    """Return how a label is asked for.

    Constrained: at most a token a byte of the longest label, since the engine may spell it in any
    way, and one for the end. Free: that, and some more for what is let pass around it.
    """
    if way == "LogProbability":
        return Chosen(tuple(labels))
    longest = max(len(label.encode()) for label in labels)
    if way == "Constrained":
        return Written(max_tokens=longest + 1, choices=tuple(labels))
    return Written(max_tokens=longest + FREE_MARGIN_TOKENS)


def read_label(way: Way, written: str, labels: Sequence[str]) -> str | None:
    """Return the label that was written; None: none was."""
    return (free_label if way == "Free" else constrained_label)(written, labels)


def sureness(judged: Sequence[Judged[Any, Any]]) -> Mapping[MetricName, float]:
    """Return the figures of how well the model knows when it is right; none where it wrote."""
    known = [(j.confidence, j.score == 1.0) for j in judged if j.confidence is not None]
    if not known:
        return {}
    return confidence_metrics([c for c, _ in known], [right for _, right in known])
