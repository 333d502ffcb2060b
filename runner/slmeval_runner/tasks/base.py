"""What every task type does: read its data, ask the model, score the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from slmeval_api.result import TaskResult
from slmeval_api.task import Task

from slmeval_runner.engines.base import Outcome, Request, Tokenizer
from slmeval_runner.failures import TrialError
from slmeval_runner.folders import Folders


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is put to the model."""

    requests: list[Request]
    expected: list[str]
    """The right answers, in the requests' order."""
    skipped_too_long: int


class Prepared(Protocol):
    """A task whose data was read, before any engine runs."""

    def questions(self, tokenizer: Tokenizer, *, max_model_len: int) -> Questions:
        """Return the prompts. Raises TaskUnusable when no item fits."""

    def result(
        self, questions: Questions, outcomes: Sequence[Outcome], *, seconds: float
    ) -> TaskResult:
        """Return the scores. Raises MeasurementInvalid when a check refuses the answers."""


class TaskType(Protocol):
    """A type of task."""

    def prepare(self, task: Task, *, seed: int, folders: Folders) -> Prepared:
        """Read and draw the items. Raises TaskUnusable."""

    def failed(self, task: Task, error: TrialError) -> TaskResult:
        """Return the result of a task that `error` ended."""
