"""Statistics of what was measured. Pure; plain floats in, plain floats out."""

import math
from collections.abc import Sequence
from statistics import mean, stdev

from slmeval_api.base import decimal_string
from slmeval_api.result import Quantiles, Score

HUNDRED = 100  # percent


def nearest_rank(samples: Sequence[float], q: float) -> float:
    """Return the nearest-rank `q`-th percentile of `samples`: one of them, never interpolated.

    Args:
        samples: any order, at least one. Not modified.
        q: percent in (0, 100].

    Raises:
        ValueError: `q` is out of range, there are no samples, or one is not finite.

    """
    if not 0 < q <= HUNDRED:
        raise ValueError(f"q must be in (0, 100], not {q}")
    if not samples or not all(map(math.isfinite, samples)):
        raise ValueError("samples must be finite, and at least one")
    return sorted(samples)[math.ceil(q / HUNDRED * len(samples)) - 1]


def quantiles(samples_s: Sequence[float]) -> Quantiles:
    """Return the reported quantiles of `samples_s` (seconds, at least one)."""
    ordered = sorted(samples_s)
    return Quantiles(
        n=len(ordered),
        p50=decimal_string(nearest_rank(ordered, 50)),
        p90=decimal_string(nearest_rank(ordered, 90)),
        p95=decimal_string(nearest_rank(ordered, 95)),
        p99=decimal_string(nearest_rank(ordered, 99)),
    )


def variation_percent(samples: Sequence[float]) -> float | None:
    """Return sample standard deviation ÷ mean, in percent; None for fewer than two samples."""
    if len(samples) <= 1:
        return None
    return 100.0 * stdev(samples) / mean(samples)


def score(right: int, n: int) -> Score:
    """Return `right` of `n` with its 95% Wilson interval; `n` is at least 1."""
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(confidence_level=0.95, method="wilson")
    return Score(
        value=decimal_string(right / n),
        low=decimal_string(float(interval.low)),
        high=decimal_string(float(interval.high)),
        n=n,
    )


def macro_f1(expected: Sequence[str], given: Sequence[str | None]) -> float:
    """Return the mean F1 over the labels in `expected`; None in `given` is an unanswered item."""
    from sklearn.metrics import f1_score

    predicted = ["" if label is None else label for label in given]
    labels = sorted(set(expected))
    value = f1_score(list(expected), predicted, labels=labels, average="macro", zero_division=0)
    return float(value)
