"""Figures with their uncertainty, as gates judge them. Pure.

Speed is judged over repetitions, on the logarithm of times, where a change by some percent is the
same distance everywhere: Student's t for one run, Welch's (1947) for two, of which no equal spread
is assumed. Scores have their own intervals; two runs on the same items are compared item by item,
as two models of one run are (`slmeval_decisions.scores`).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
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


class Evidence(NamedTuple):
    """A figure, its 95% interval, and the number of observations that it is of."""

    value: float
    low: float
    high: float
    n: int
    freedom: float = math.inf
    """Degrees of freedom of the interval; infinity: it is a normal one."""

    def turned(self) -> "Evidence":
        """Return the same of the figure times -1."""
        return Evidence(-self.value, -self.high, -self.low, self.n, self.freedom)


def of_times(times_s: Sequence[float]) -> Evidence | None:
    """Return the mean of the logarithms of a repetition's times; None: fewer than two."""
    if len(times_s) < FEWEST:
        return None
    logs = [math.log(t) for t in times_s]
    half = quantile(len(logs) - 1) * math.sqrt(variance(logs) / len(logs))
    centre = mean(logs)
    return Evidence(centre, centre - half, centre + half, len(logs), len(logs) - 1)


def of_growth(before_s: Sequence[float], after_s: Sequence[float]) -> Evidence | None:
    """Return by how much times have grown, as the logarithm of the ratio; None: too few to tell."""
    if min(len(before_s), len(after_s)) < FEWEST:
        return None
    logs = [[math.log(t) for t in times] for times in (before_s, after_s)]
    squares = [variance(each) / len(each) for each in logs]
    total = sum(squares)
    freedom = float(len(T_95))
    if total > 0:
        parts = (s * s / (len(e) - 1) for s, e in zip(squares, logs, strict=True))
        freedom = total * total / sum(parts)
    centre, half = mean(logs[1]) - mean(logs[0]), quantile(freedom) * math.sqrt(total)
    return Evidence(centre, centre - half, centre + half, min(map(len, logs)), freedom)


def quantile(freedom: float) -> float:
    """Return Student's t for 95%; between two whole numbers, that of the lower one."""
    if math.isinf(freedom):
        return NORMAL_95
    return T_95[min(max(int(freedom), 1), len(T_95)) - 1]


def needed(found: Evidence, limit: float, most: int = MOST) -> int | None:
    """Return about how many observations would tell on which side of `limit` the figure is.

    In four of five such runs. Of two runs, of each. None: more than `most`, or no number would.
    """
    gap = abs(found.value - limit)
    error = (found.high - found.low) / 2 / quantile(found.freedom)

    def tells(n: int) -> bool:
        freedom = found.freedom * (n - 1) / max(1, found.n - 1)
        return (quantile(freedom) + T_80) * error * math.sqrt(found.n / n) <= gap

    candidates = range(found.n + 1, most + 1)
    place = bisect_left(candidates, True, key=tells)
    return candidates[place] if place < len(candidates) else None
