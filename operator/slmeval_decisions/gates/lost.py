"""By how much a score is lower than in an earlier run, over the tasks of the later one."""

import math
from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from slmeval_api.gate import ScoreGate
from slmeval_api.result import Score, TaskResult
from slmeval_api.run import Run
from slmeval_api.trial import Trial

from slmeval_decisions.scores import (
    HALF_WIDTHS,
    Differences,
    centre_of,
    differences_of,
    estimate_of,
    sums_of,
)

from .alike import refuse_other_task
from .evidence import Bounds, Evidence, of_interval
from .figures import result_of, score_of, task_of, tasks_of
from .judged import Untold

Pair = tuple[TaskResult, TaskResult]
"""A task in the earlier run, and in the later one."""


def pairs_of(gate: ScoreGate, before: Run, old: Trial, after: Run, new: Trial) -> list[Pair]:
    """Return each task that the score of `new` is of, as it was and as it is.

    Raises:
        Untold: there is no score, or a task is not the same in both.

    """
    score_of(gate, new)
    pairs = list[Pair]()
    for now in tasks_of(gate, new):
        was = task_of(result_of(old), now.name)
        if was is None or was.score is None:
            raise Untold(
                f"run {before.meta.name} has not measured task {now.name}: name task, one that it "
                "has, or a later baseline"
            )
        refuse_other_task(before, was, after, now)
        pairs.append((was, now))
    return pairs


def left_out(gate: ScoreGate, before: Trial, pairs: Sequence[Pair]) -> str:
    """Return a remark on the earlier run's tasks that are not among those compared."""
    compared = {old.name for old, _ in pairs}
    left = [task.name for task in tasks_of(gate, before) if task.name not in compared]
    return f" (without {', '.join(left)}, which this run has not)" if left else ""


def lost(pairs: Sequence[Pair]) -> Evidence:
    """Return by how much a mean of scores is lower, item by item where that is known."""
    each = [differences_of(*pair) for pair in pairs]
    known = [task for task in each if task]
    if len(known) == len(each):
        return _item_by_item(known)
    return _of_intervals([(old.score, new.score) for old, new in pairs if old.score and new.score])


def _item_by_item(tasks: Sequence[Differences]) -> Evidence:
    found = estimate_of(tasks)
    sums = [sums_of(each) for each in tasks]

    def outlook(wanted: int) -> Bounds:
        # The two items that the interval adds stay two: of few differences it narrows faster.
        centre, error = centre_of([task.times(wanted / found.items) for task in sums])
        return Bounds(centre - HALF_WIDTHS * error, centre + HALF_WIDTHS * error, error)

    return Evidence(found.difference, found.low, found.high, found.items, outlook)


def _of_intervals(pairs: Sequence[tuple[Score, Score]]) -> Evidence:
    """Return by how much a mean of scores is lower, as of independent samples.

    MOVER: Zou and Donner 2008.
    """
    old, new = ([Ends.of(score) for score in scores] for scores in zip(*pairs, strict=True))
    value = mean(o.value for o in old) - mean(n.value for n in new)
    down = math.hypot(*(o.value - o.low for o in old), *(n.high - n.value for n in new))
    up = math.hypot(*(o.high - o.value for o in old), *(n.value - n.low for n in new))
    n = min(sum(score.n for score in scores) for scores in zip(*pairs, strict=True))
    return of_interval(value, value - down / len(pairs), value + up / len(pairs), n)


class Ends(NamedTuple):
    """A score in numbers."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, score: Score) -> "Ends":
        """Return those of `score`."""
        return cls(float(score.value), float(score.low), float(score.high))
