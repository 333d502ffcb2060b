"""What the types share whose answer is one label of a few."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

from slmeval_api.result import MetricName

from slmeval_runner.stats import confidence_metrics

from .base import Chosen, Content, Form, Judged, TaskType, Written
from .parsing import constrained_label, free_label

Way = Literal["Constrained", "Free", "LogProbability"]
FREE_MARGIN_TOKENS = 8


class OneLabel(TaskType[Content, str]):
    """A type whose answer is one label of a few, and whose metric is accuracy."""

    metric = "accuracy"
    way: Way
    """How the answer is asked for."""

    @abstractmethod
    def labels(self, content: Content) -> Sequence[str]:
        """Return every answer that there is, at least two."""

    def label(self, content: Content) -> str:
        """Return the right one."""
        return self.answer(content)

    def form(self, content: Content) -> Form:
        """Return how a label is asked for.

        Constrained: at most a token a byte of the longest label, since the engine may spell it in
        any way, and one for the end. Free: that, and some more for what is let pass around it.
        """
        labels = self.labels(content)
        if self.way == "LogProbability":
            return Chosen(tuple(labels))
        longest = max(len(label.encode()) for label in labels)
        if self.way == "Constrained":
            return Written(max_tokens=longest + 1, choices=tuple(labels))
        return Written(max_tokens=longest + FREE_MARGIN_TOKENS)

    def parse(self, written: str, content: Content) -> str | None:
        """Return the label that was written."""
        read = free_label if self.way == "Free" else constrained_label
        return read(written, self.labels(content))

    def score(self, answer: str, content: Content) -> float:
        """Return 1 if it is the right one."""
        return float(answer == self.answer(content))

    def metrics(self, judged: Sequence[Judged[Content, str]]) -> Mapping[MetricName, float]:
        """Return how well the model knows when it is right; nothing where it wrote."""
        known = [(j.confidence, j.score == 1.0) for j in judged if j.confidence is not None]
        if not known:
            return {}
        return confidence_metrics([c for c, _ in known], [right for _, right in known])

    def guesses(self, content: Content) -> int:
        """Return the number of labels."""
        return len(self.labels(content))
