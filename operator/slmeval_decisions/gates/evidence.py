"""Figures with their uncertainty, as gates judge them. Pure.

Speed is judged over repetitions, on the logarithm of times, where a change by some percent is the
same distance everywhere: Student's t for one run, Welch's (1947) for two, of which no equal spread
is assumed. Scores have their own intervals; two runs on the same items are compared item by item,
as two models of one run are (`slmeval_decisions.scores`).
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from statistics import mean, variance
from typing import NamedTuple

# Of Student's t, P(|T| < q) = 0.95, for 1 to 40 degrees of freedom: two runs of 20 repetitions
# have at most 38.
T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    2.040, 2.037, 2.035, 2.032, 2.030, 2.028, 2.026, 2.024, 2.023, 2.021,
)  # fmt: skip
NORMAL_95 = 1.960
T_80 = 0.842
"""The normal quantile by which a limit must be further off for four in five runs to tell."""
MOST = 10_000_000
"""More observations than anybody has are no advice."""
FEWEST = 2
"""Repetitions without which nothing is known of their spread."""


class Bounds(NamedTuple):
    """An interval, and by how much a figure that is measured anew would be elsewhere."""

    low: float
    high: float
    error: float
    """Standard error."""


Outlook = Callable[[int], Bounds]
"""What the interval would be of so many observations that are like those that there are."""


class Earlier(NamedTuple):
    """The earlier run's part in a figure that says how far two runs are apart."""

    n: int
    """Its observations."""
    both: Outlook
    """With so many in either run; without it that run has those that it has."""


class Evidence(NamedTuple):
    """A figure, its 95% interval, and the number of observations that it is of."""

    value: float
    low: float
    high: float
    n: int
    outlook: Outlook
    earlier: Earlier | None = None
    """None: it is of one run, or of items that both runs were asked."""


def of_interval(value: float, low: float, high: float, n: int) -> Evidence:
    """Return a figure whose interval narrows as a mean's does."""

    def outlook(wanted: int) -> Bounds:
        part = math.sqrt(n / wanted)
        error = (high - low) / 2 / NORMAL_95 * part
        return Bounds(value - (value - low) * part, value + (high - value) * part, error)

    return Evidence(value, low, high, n, outlook)


def of_times(times_s: Sequence[float]) -> Evidence | None:
    """Return the mean of the logarithms of a repetition's times; None: fewer than two."""
    if len(times_s) < FEWEST:
        return None
    logs = [math.log(t) for t in times_s]
    centre, spread = mean(logs), variance(logs)

    def outlook(wanted: int) -> Bounds:
        error = math.sqrt(spread / wanted)
        half = quantile(wanted - 1) * error
        return Bounds(centre - half, centre + half, error)

    low, high, _ = outlook(len(logs))
    return Evidence(centre, low, high, len(logs), outlook)


def of_growth(before_s: Sequence[float], after_s: Sequence[float]) -> Evidence | None:
    """Return by how much times have grown, as the logarithm of the ratio; None: too few to tell."""
    if min(len(before_s), len(after_s)) < FEWEST:
        return None
    before, after = ([math.log(t) for t in times] for times in (before_s, after_s))
    centre = mean(after) - mean(before)
    spreads = variance(before), variance(after)

    def alone(wanted: int) -> Bounds:
        half = _welch(spreads, (len(before), wanted))
        return Bounds(centre - half, centre + half, math.sqrt(spreads[1] / wanted))

    def both(wanted: int) -> Bounds:
        half = _welch(spreads, (wanted, wanted))
        return Bounds(centre - half, centre + half, math.sqrt(sum(spreads) / wanted))

    low, high, _ = alone(len(after))
    return Evidence(centre, low, high, len(after), alone, Earlier(len(before), both))


def _welch(spreads: tuple[float, float], counts: tuple[int, int]) -> float:
    """Return half the width of the interval between two means, of their variances."""
    squares = [spread / n for spread, n in zip(spreads, counts, strict=True)]
    total = sum(squares)
    if total == 0:
        return 0.0
    parts = sum(square * square / (n - 1) for square, n in zip(squares, counts, strict=True))
    return quantile(total * total / parts) * math.sqrt(total)


def quantile(freedom: float) -> float:
    """Return Student's t for 95%; between two whole numbers, that of the lower one."""
    return T_95[min(max(int(freedom), 1), len(T_95)) - 1]


def needed(found: Evidence, limit: float, most: int = MOST) -> int | None:
    """Return about how many observations would tell on which side of `limit` the figure is.

    In four of five such runs, the earlier run being what it is. None: more than `most`, or no
    number would.
    """
    return _fewest(found.outlook, range(found.n + 1, most + 1), found.value, limit)


def needed_in_both(found: Evidence, limit: float, most: int = MOST) -> int | None:
    """Return the same of observations in either of two runs. None also: it is not of two."""
    if found.earlier is None:
        return None
    candidates = range(min(found.n, found.earlier.n) + 1, most + 1)
    return _fewest(found.earlier.both, candidates, found.value, limit)


def _fewest(outlook: Outlook, candidates: range, value: float, limit: float) -> int | None:
    def tells(n: int) -> bool:
        low, high, error = outlook(n)
        margin = T_80 * error
        return high + margin <= limit if value <= limit else low - margin > limit

    place = bisect_left(candidates, True, key=tells)
    return candidates[place] if place < len(candidates) else None
