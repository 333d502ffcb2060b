"""Statistics of what was measured. Pure; plain floats in, plain floats out."""

import math
from collections import defaultdict
from collections.abc import Sequence, Set
from itertools import chain
from statistics import mean, stdev
from typing import Any

from slmeval_api.base import decimal_string
from slmeval_api.result import MetricName, Quantiles, Score

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


def quantiles(repetitions_s: Sequence[Sequence[float]]) -> Quantiles:
    """Return the reported quantiles over all repetitions, and how far those differ.

    Args:
        repetitions_s: seconds of each request of each repetition; none is without any.

    """
    ordered = sorted(chain.from_iterable(repetitions_s))
    each = [sorted(samples_s) for samples_s in repetitions_s] if len(repetitions_s) > 1 else []
    return Quantiles(
        n=len(ordered),
        p50=decimal_string(nearest_rank(ordered, 50)),
        p90=decimal_string(nearest_rank(ordered, 90)),
        p95=decimal_string(nearest_rank(ordered, 95)),
        p99=decimal_string(nearest_rank(ordered, 99)),
        repetition_p50=[decimal_string(nearest_rank(samples, 50)) for samples in each],
        repetition_p99=[decimal_string(nearest_rank(samples, 99)) for samples in each],
    )


def variation_percent(samples: Sequence[float]) -> float | None:
    """Return sample standard deviation ÷ mean, in percent; None for fewer than two samples."""
    if len(samples) <= 1:
        return None
    return 100.0 * stdev(samples) / mean(samples)


CONFIDENCE = 0.95
RESAMPLES = 2_000
BOOTSTRAP_SEED = 20_180_611
"""Any fixed number: the same values have the same interval."""
BATCH_NUMBERS = 2_000_000
"""How many are drawn at a time: 16 MB of them."""
CALIBRATION_BINS = 10


def score(values: Sequence[float]) -> Score:
    """Return the mean of `values`, at least one and each in [0, 1], with its 95% interval.

    Wilson's, where each is 0 or 1; else the BCa bootstrap's (Efron 1987). Values that are all the
    same tell a bootstrap nothing: they get Wilson's interval for as many items of which that share
    is right, which is never too narrow.
    """
    n, mean_value = len(values), mean(values)
    if len(set(values)) == 1 or set(values) <= {0.0, 1.0}:
        low, high = _wilson(math.floor(sum(values)), n)[0], _wilson(math.ceil(sum(values)), n)[1]
    else:
        low, high = _bootstrap(values)
    return Score(
        value=decimal_string(mean_value),
        low=decimal_string(min(low, mean_value)),
        high=decimal_string(max(high, mean_value)),
        n=n,
    )


def suite_score(tasks: Sequence[Score]) -> Score:
    """Return the mean of the scores of `tasks`, at least one, with a 95% interval.

    A task counts the same whatever its number of items. The interval is put together from the
    tasks' own by MOVER (Zou and Donner 2008, doi:10.1002/sim.3095): the mean is as far from its
    ends as the root of the sum of squares of the tasks' distances, divided by their number.
    """
    values = [float(task.value) for task in tasks]
    below = math.hypot(*(float(task.value) - float(task.low) for task in tasks)) / len(tasks)
    above = math.hypot(*(float(task.high) - float(task.value) for task in tasks)) / len(tasks)
    return Score(
        value=decimal_string(mean(values)),
        low=decimal_string(max(0.0, mean(values) - below)),
        high=decimal_string(min(1.0, mean(values) + above)),
        n=sum(task.n for task in tasks),
    )


def _wilson(right: int, n: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def _bootstrap(values: Sequence[float]) -> tuple[float, float]:
    import numpy as np
    from scipy.stats import bootstrap

    found = bootstrap(
        [list(values)],
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="BCa",
        vectorized=True,
        batch=max(1, BATCH_NUMBERS // len(values)),
        rng=np.random.default_rng(BOOTSTRAP_SEED),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def macro_f1(expected: Sequence[str], given: Sequence[str | None]) -> float:
    """Return the mean F1 over the labels in `expected`; None in `given` is an unanswered item."""
    from sklearn.metrics import f1_score

    predicted = ["" if label is None else label for label in given]
    labels = sorted(set(expected))
    value = f1_score(list(expected), predicted, labels=labels, average="macro", zero_division=0)
    return float(value)


def set_f1(expected: Set[Any], given: Set[Any]) -> float:
    """Return F1 of `given` against `expected`; 1 where both are empty."""
    if not expected and not given:
        return 1.0
    return 2 * len(expected & given) / (len(expected) + len(given))


def sets_metrics(
    expected: Sequence[Set[Any]], given: Sequence[Set[Any]]
) -> dict[MetricName, float]:
    """Return F1 over all members of all sets (micro) and the mean over members (macro).

    Macro is over the members that are expected anywhere. 0 where there is nothing to find. As
    scikit-learn's f1_score of indicators, which takes a matrix of items by members.
    """
    known, found = _places(expected), _places(given)
    same = sum(len(known[member] & found[member]) for member in known.keys() & found.keys())
    total = sum(map(len, (*expected, *given)))
    each = [set_f1(places, found.get(member, frozenset())) for member, places in known.items()]
    return {
        "microF1": 2 * same / total if total else 0.0,
        "macroF1": mean(each) if each else 0.0,
    }


def _places(sets: Sequence[Set[Any]]) -> dict[Any, set[int]]:
    """Return the sets that each member is in, by their places."""
    found = defaultdict[Any, set[int]](set)
    for place, members in enumerate(sets):
        for member in members:
            found[member].add(place)
    return found


def binary_metrics(expected: Sequence[bool], given: Sequence[bool]) -> dict[MetricName, float]:
    """Return precision, recall and F1 of what is true; 0 where there is nothing to divide by."""
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(
        expected, given, average="binary", zero_division=0
    )
    return {"precision": float(precision), "recall": float(recall), "f1": float(f1)}


def confidence_metrics(
    confidences: Sequence[float], is_right: Sequence[bool]
) -> dict[MetricName, float]:
    """Return how well confidence, in [0, 1], tells right answers from wrong ones.

    AUROC (absent when all are right, or all wrong), the Brier score, and the expected calibration
    error over CALIBRATION_BINS bins of equal width (Guo et al. 2017).
    """
    import numpy as np
    from sklearn.metrics import brier_score_loss, roc_auc_score

    right = np.asarray(is_right, dtype=float)
    sure = np.asarray(confidences, dtype=float)
    found: dict[MetricName, float] = {
        "brierScore": float(brier_score_loss(right, sure, pos_label=1.0)),
        "expectedCalibrationError": _calibration_error(sure, right),
    }
    if 0 < right.sum() < len(right):
        found["auroc"] = float(roc_auc_score(right, sure))
    return found


def _calibration_error(sure: Any, right: Any) -> float:  # noqa: ANN401 - numpy's arrays
    """Return the mean over items of |share right - mean confidence| of the item's bin."""
    import numpy as np

    bins = np.minimum((sure * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(float((right[bins == b] - sure[bins == b]).sum())) for b in range(CALIBRATION_BINS)]
    return sum(gaps) / len(right)
