"""Which models of a run are told apart by their scores, item by item. Pure.

Two models are asked the same items, so their differences item by item say more than two
intervals: what makes an item hard for both cancels out (Miller 2024, arXiv:2411.00640). Of a task,
or of the mean over tasks, each counting the same:

- the interval is Wald's with two items added that differ by half an item each way (Agresti and Min
  2005, doi:10.1002/sim.1781, "Wald+2"), which is right also for few items that seldom differ;
- the p-value is McNemar's exact one for a task whose items are right or wrong, else the normal
  one of the same interval;
- adjusted for the number of comparisons by Holm (1979), over tasks and task by task apart.
"""

import base64
import binascii
import math
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from statistics import NormalDist, mean
from typing import NamedTuple

from slmeval_api.base import decimal_string
from slmeval_api.result import ITEM_BEST, ITEM_SKIPPED, ITEM_UNANSWERED, TaskResult
from slmeval_api.run import MAX_COMPARISONS, ScoreComparison
from slmeval_api.trial import Trial

SIGNIFICANCE = 0.05
HALF_WIDTHS = NormalDist().inv_cdf(1 - SIGNIFICANCE / 2)
MOST_EXACT = 1_000
"""Items that differ up to which McNemar's p-value is summed up; then the normal one is the same."""
Differences = list[float]
"""Of one task's items that both models were asked: one's score less the other's."""


class Scored(NamedTuple):
    """A model on a pool, with the score of each item of each task; None: skipped."""

    model: str
    tasks: dict[tuple[str, str], list[float | None]]
    """By task and digest of its items."""


class Estimate(NamedTuple):
    """A difference, and how sure it is."""

    difference: float
    low: float
    high: float
    p_value: float
    items: int


class Sums(NamedTuple):
    """A task's differences, summed up."""

    items: float
    total: float
    squares: float

    def times(self, factor: float) -> "Sums":
        """Return those of so many times as many items that differ alike."""
        return Sums(self.items * factor, self.total * factor, self.squares * factor)


class Pair(NamedTuple):
    """Two models and how far apart they are; of all tasks, or of one."""

    pool: str
    task: str | None
    first: str
    second: str
    estimate: Estimate


def score_comparisons(trials: Sequence[Trial]) -> list[ScoreComparison]:
    """Return the comparisons of any two models of a pool that were asked the same tasks."""
    by_pool = defaultdict[str, list[Scored]](list)
    for trial in trials:
        scored = _scored(trial)
        if scored.tasks:
            by_pool[trial.spec.pool].append(scored)
    couples = [
        (pool, first, second)
        for pool, models in by_pool.items()
        for first, second in _couples(models)
    ]
    overall = [pair for pool, a, b in couples for pair in _over_all(pool, a, b)]
    several = [couple for couple in couples if len(couple[1].tasks) > 1]
    by_task = list[Pair]()
    if len(overall) + sum(len(first.tasks) for _, first, _ in several) <= MAX_COMPARISONS:
        by_task = [pair for pool, a, b in several for pair in _task_by_task(pool, a, b)]
    return [*_adjusted(overall), *_adjusted(by_task)][:MAX_COMPARISONS]


def _couples(models: Sequence[Scored]) -> Iterator[tuple[Scored, Scored]]:
    """Yield any two; with too many models, the best and each other one."""
    if len(models) * (len(models) - 1) // 2 <= MAX_COMPARISONS:
        yield from combinations(models, 2)
        return
    best = max(models, key=_mean_score)
    yield from ((best, other) for other in models if other is not best)


def _mean_score(scored: Scored) -> float:
    asked = [[s for s in scores if s is not None] for scores in scored.tasks.values()]
    return mean(mean(scores) for scores in asked if scores) if any(asked) else 0.0


def _scored(trial: Trial) -> Scored:
    result = trial.status.result
    tasks = dict[tuple[str, str], list[float | None]]()
    for task in result.tasks if result else []:
        scores = _scores_of(task)
        if scores is not None and task.outcomes:
            tasks[task.name, task.outcomes.items_digest] = scores
    return Scored(trial.spec.model.name, tasks)


def _scores_of(task: TaskResult) -> list[float | None] | None:
    """Return each item's score; None: they are not known, or nobody could read them."""
    if task.score is None or task.outcomes is None or task.outcomes.scores is None:
        return None
    try:
        each = zlib.decompress(base64.b64decode(task.outcomes.scores, validate=True))
    except (binascii.Error, zlib.error):
        return None
    none = {ITEM_SKIPPED: None, ITEM_UNANSWERED: 0.0}
    return [none.get(byte, byte / ITEM_BEST) for byte in each]


def _differences(first: Scored, second: Scored) -> dict[str, Differences]:
    """Return those of each task that both were asked, by its name."""
    found = dict[str, Differences]()
    for key, scores in first.tasks.items():
        pairs = zip(scores, second.tasks.get(key, []), strict=False)
        each = [a - b for a, b in pairs if a is not None and b is not None]
        if each:
            found[key[0]] = each
    return found


def differences_of(first: TaskResult, second: TaskResult) -> Differences | None:
    """Return the first's score less the second's of each item that both were asked.

    None: it is not known of one of them, or there is no such item.
    """
    scores = _scores_of(first), _scores_of(second)
    if scores[0] is None or scores[1] is None:
        return None
    pairs = zip(scores[0], scores[1], strict=False)
    return [a - b for a, b in pairs if a is not None and b is not None] or None


def _over_all(pool: str, first: Scored, second: Scored) -> Iterator[Pair]:
    """Yield the comparison over all tasks, if both have the same ones."""
    differences = _differences(first, second)
    if len(differences) == len(first.tasks) == len(second.tasks):
        estimate = estimate_of(list(differences.values()))
        yield Pair(pool, None, first.model, second.model, estimate)


def _task_by_task(pool: str, first: Scored, second: Scored) -> Iterator[Pair]:
    for task, differences in _differences(first, second).items():
        yield Pair(pool, task, first.model, second.model, estimate_of([differences]))


def estimate_of(tasks: Sequence[Differences]) -> Estimate:
    """Return the mean of the tasks' mean differences; no task is without items."""
    centre, error = centre_of([sums_of(each) for each in tasks])
    p_value = _mcnemar(tasks[0]) if len(tasks) == 1 else None
    if p_value is None:
        p_value = 2.0 * NormalDist().cdf(-abs(centre) / error)
    return Estimate(
        difference=mean(mean(each) for each in tasks),
        low=max(-1.0, centre - HALF_WIDTHS * error),
        high=min(1.0, centre + HALF_WIDTHS * error),
        p_value=p_value,
        items=sum(map(len, tasks)),
    )


def sums_of(differences: Differences) -> Sums:
    """Return what the interval of a task's mean difference is made of."""
    return Sums(len(differences), sum(differences), sum(d * d for d in differences))


def centre_of(tasks: Sequence[Sums]) -> tuple[float, float]:
    """Return the centre of the interval ("Wald+2") of the tasks' mean, and its standard error."""
    added = [task.items + 2 for task in tasks]
    centres = [task.total / n for task, n in zip(tasks, added, strict=True)]
    variances = [
        ((task.squares + 1.0) / n - centre * centre) / n
        for task, n, centre in zip(tasks, added, centres, strict=True)
    ]
    return mean(centres), math.sqrt(sum(variances)) / len(tasks)


def _mcnemar(differences: Differences) -> float | None:
    """Return McNemar's exact p-value.

    None: an item is neither right nor wrong, or more than MOST_EXACT differ.
    """
    if not set(differences) <= {-1.0, 0.0, 1.0}:
        return None
    better, worse = differences.count(1.0), differences.count(-1.0)
    differ = better + worse
    if differ > MOST_EXACT:
        return None
    tail = sum(math.comb(differ, k) for k in range(min(better, worse) + 1))
    return min(1.0, float(Fraction(2 * tail, 2**differ)))


def _adjusted(pairs: Sequence[Pair]) -> list[ScoreComparison]:
    """Return `pairs` with Holm's p-values: the k-th smallest times how many are not smaller."""
    adjusted, highest = dict[int, float](), 0.0
    ascending = sorted(range(len(pairs)), key=lambda n: pairs[n].estimate.p_value)
    for rank, number in enumerate(ascending):
        highest = max(highest, pairs[number].estimate.p_value * (len(pairs) - rank))
        adjusted[number] = min(1.0, highest)
    return [_comparison(pair, adjusted[number]) for number, pair in enumerate(pairs)]


def _comparison(pair: Pair, adjusted: float) -> ScoreComparison:
    found = pair.estimate
    is_turned = found.difference < 0
    low, high = (-found.high, -found.low) if is_turned else (found.low, found.high)
    model, against = (pair.second, pair.first) if is_turned else (pair.first, pair.second)
    return ScoreComparison(
        pool=pair.pool,
        task=pair.task,
        model=model,
        against=against,
        difference=decimal_string(abs(found.difference)),
        low=decimal_string(low),
        high=decimal_string(high),
        items=found.items,
        p_value=decimal_string(found.p_value),
        adjusted_p_value=decimal_string(adjusted),
        is_tied=adjusted >= SIGNIFICANCE,
    )
