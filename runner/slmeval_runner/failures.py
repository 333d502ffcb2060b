"""Why a trial, or a part of it, has no figures: errors that become a Failure in the result."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from slmeval_api.result import Failure

MESSAGE_LIMIT = 1_500
"""Characters of a message: with every part failed, a report still fits the reporter's limit."""

FailureReason = Literal[
    "MeasurementInvalid",
    "ModelUnusable",
    "TaskUnusable",
    "ArtifactsUnwritable",
    "EngineFailed",
    "WorkerLost",
    "TrialDeadlineExceeded",
]


def cut(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return `text` with its middle left out if it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    mark = " ... "
    head = (limit - len(mark)) // 2
    return text[:head] + mark + text[-(limit - len(mark) - head) :]


def failure(reason: FailureReason, message: str, *, may_pass: bool = False) -> Failure:
    """Return a Failure whose message is cut to size."""
    return Failure(reason=reason, message=cut(message), may_pass=may_pass)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield `error` and what it was raised from, the first cause last."""
    while error is not None:
        yield error
        error = error.__cause__


class TrialError(Exception):
    """Something that ends a trial or one of its parts. Its text says what to do."""

    reason: ClassVar[FailureReason]

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass

    @property
    def failure(self) -> Failure:
        """The same, as results carry it."""
        return failure(self.reason, str(self), may_pass=self.may_pass)


class MeasurementInvalid(TrialError):
    """A validity check refused a workload's figures."""

    reason = "MeasurementInvalid"


class ModelUnusable(TrialError):
    """The model could not be found, read or loaded."""

    reason = "ModelUnusable"


class TaskUnusable(TrialError):
    """A task's data could not be found or read as declared."""

    reason = "TaskUnusable"


class ArtifactsUnwritable(TrialError):
    """What was asked and answered could not be kept."""

    reason = "ArtifactsUnwritable"


class EngineFailed(TrialError):
    """The engine stopped with an error."""

    reason = "EngineFailed"
