"""Summarization: a summary of a text, compared with one of the data's by ROUGE (Lin 2004)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from slmeval_api.result import MetricName
from slmeval_api.task_types import SummarizationTask

from slmeval_runner.items import Row

from .base import Form, Judged, TaskType, Written

MAX_TOKENS = 256


class Summarized(NamedTuple):
    """A text and its summary."""

    text: str
    summary: str


class Summarization(TaskType[Summarized, str]):
    """See the module. F-measures with stemming, by Google's rouge-score."""

    metric = "rougeL"
    cue = "Summary"

    def __init__(self, options: SummarizationTask) -> None:
        self._options = options

    @cached_property
    def _scorer(self) -> Any:  # noqa: ANN401 - rouge-score has no types
        from rouge_score.rouge_scorer import RougeScorer

        return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)

    def read(self, row: Row) -> Summarized:
        """Return text and summary."""
        return Summarized(row.text("text"), row.text("summary"))

    def text(self, content: Summarized) -> str:
        """Return the text."""
        return content.text

    def instruction(self) -> str:
        """Return it."""
        return self._options.instruction or "Sum the text up in a few sentences."

    def question(self, content: Summarized) -> str:
        """Return the text."""
        return f"Text: {content.text}"

    def answer(self, content: Summarized) -> str:
        """Return the data's summary."""
        return content.summary

    def form(self, content: Summarized) -> Form:
        """Return a text."""
        del content
        return Written(max_tokens=MAX_TOKENS)

    def parse(self, written: str, content: Summarized) -> str | None:
        """Return the whole answer."""
        del content
        return written.strip() or None

    def score(self, answer: str, content: Summarized) -> float:
        """Return ROUGE-L."""
        return self._rouge(content, answer)["rougeL"]

    def metrics(self, judged: Sequence[Judged[Summarized, str]]) -> Mapping[MetricName, float]:
        """Return ROUGE-1 and ROUGE-2."""
        names: tuple[MetricName, ...] = ("rouge1", "rouge2")
        each = [self._rouge(j.content, j.answer or "") for j in judged]
        return {name: sum(found[name] for found in each) / len(each) for name in names}

    def _rouge(self, content: Summarized, answer: str) -> dict[str, float]:
        found = self._scorer.score(content.summary, answer)
        return {name: float(of.fmeasure) for name, of in found.items()}
