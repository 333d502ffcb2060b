"""All tasks of a trial together. Pure."""

from collections.abc import Sequence

from slmeval_api.base import decimal_string
from slmeval_api.result import SuiteScores, TaskResult
from slmeval_api.task import Task

from slmeval_runner.stats import suite_score


def suite_of(
    done: Sequence[TaskResult], asked: Sequence[Task], *, seconds: float
) -> SuiteScores | None:
    """Return the scores of all tasks together; None unless every task that was asked has one.

    `seconds` is what answering them took.
    """
    scores = [task.score for task in done if task.score]
    if len(scores) < len(asked):
        return None
    held_out = [task.score for task in done if task.score and task.held_out]
    return SuiteScores(
        score=suite_score(scores),
        held_out=suite_score(held_out) if held_out else None,
        seconds=decimal_string(seconds),
    )
