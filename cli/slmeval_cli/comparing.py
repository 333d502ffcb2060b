"""Two models of one answer side by side: ratios of speed, and the run's comparisons. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from slmeval_api.base import decimal_string
from slmeval_api.run import ScoreComparison

from .answer import Answer
from .figures import ALL_TASKS, Row, rows_of
from .numbers import interval, p_value, rounded, score


class Figure(NamedTuple):
    """A figure of speed that two models are compared by."""

    key: str
    """Of a row."""
    header: str
    sentence: str
    """With places for both models, the workload, both figures and their ratio."""


_SERVED = Figure(
    "requests_per_second",
    "req/s",
    "{first} serves {workload} at {ratio} times the rate of {second}: {a} against {b} requests a "
    "second.",
)
_HIGHEST = Figure(
    "highest_requests_per_second",
    "highest req/s",
    "{first} meets the objectives of {workload} up to {ratio} times the rate of {second}: {a} "
    "against {b} requests a second.",
)
_AT_A_RATE = (
    Figure(
        "goodput_requests_per_second",
        "good req/s",
        "{first} serves {workload} within the objectives at {ratio} times the rate of {second}: "
        "{a} against {b} requests a second.",
    ),
    *(
        Figure(
            f"latency_{quantile}_seconds",
            f"{quantile} s",
            "{first} answers {workload} in {ratio} times the time of {second}: {a} against {b} s "
            f"({quantile}).",
        )
        for quantile in ("p50", "p99")
    ),
)
"""Where requests come at a rate that was given, as many are served by any model that keeps up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """A figure of both models, in one workload or one point of it, on one pool."""

    pool: str
    workload: str
    """With its point, where it has several."""
    figure: Figure
    first: str | None
    """Decimal string; None: not measured."""
    second: str | None

    @property
    def ratio(self) -> str:
        """The first one's ÷ the second's, rounded; empty where it cannot be told."""
        if self.first is None or self.second is None or not Decimal(self.second):
            return ""
        return rounded(str(Decimal(self.first) / Decimal(self.second)), digits=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How far the scores of both are apart, as the first one's less the second's."""

    pool: str
    task: str
    difference: str
    low: str
    high: str
    items: int
    adjusted_p_value: str
    is_tied: bool

    @property
    def interval(self) -> str:
        """Both ends of the difference's 95% interval."""
        return interval(self.low, self.high)


def models_of(answer: Answer) -> list[str]:
    """Return the names of the models that were measured, in the question's order."""
    question = answer.run.spec.question if answer.run else answer.evaluation.spec
    return [model.name for model in question.models]


def pools_of(answer: Answer) -> list[str]:
    """Return the names of the pools, in the question's order."""
    question = answer.run.spec.question if answer.run else answer.evaluation.spec
    return list(question.pools)


def speeds_of(answer: Answer, first: str, second: str, pools: list[str]) -> list[Speeds]:
    """Return both models' speeds wherever at least one of them was measured."""
    found = dict[tuple[str, str, Figure], dict[str, str]]()
    for row in (*_highest(answer), *rows_of(answer)):
        if row["measure"] != "speed" or row["model"] not in (first, second):
            continue
        for figure in _figures_of(row, answer):
            if row["pool"] in pools and figure.key in row:
                key = (str(row["pool"]), _point(row), figure)
                found.setdefault(key, {})[str(row["model"])] = str(row[figure.key])
    return [
        Speeds(
            pool=pool,
            workload=point,
            figure=figure,
            first=both.get(first),
            second=both.get(second),
        )
        for (pool, point, figure), both in sorted(
            found.items(), key=lambda one: pools.index(one[0][0])
        )
    ]


def _figures_of(row: Row, answer: Answer) -> tuple[Figure, ...]:
    question = answer.run.spec.question if answer.run else answer.evaluation.spec
    at_rates = {w.name for w in question.workloads if w.http and w.http.requests_per_second}
    if _HIGHEST.key in row:
        return (_HIGHEST,)
    if "offered_requests_per_second" in row or row["name"] in at_rates:
        return _AT_A_RATE
    return (_SERVED,)


def _highest(answer: Answer) -> Iterator[Row]:
    """Yield the highest rate within its objectives of each workload of the kind rate."""
    for trial in answer.trials:
        for workload in trial.status.result.workloads if trial.status.result else ():
            if workload.highest_requests_per_second is not None:
                yield {
                    "measure": "speed",
                    "model": trial.spec.model.name,
                    "pool": trial.spec.pool,
                    "name": workload.name,
                    _HIGHEST.key: workload.highest_requests_per_second,
                }


def scores_of(answer: Answer, first: str, second: str, pools: list[str]) -> list[Scores]:
    """Return the run's comparisons of both models; none before the run has ended."""
    comparisons = answer.run.status.comparisons if answer.run else []
    return [
        _turned(c, is_as_stored=c.model == first)
        for c in comparisons
        if {c.model, c.against} == {first, second} and c.pool in pools
    ]


def sentences(first: str, second: str, speeds: list[Speeds], scores: list[Scores]) -> Iterator[str]:
    """Yield the comparison in words: one sentence a figure of speed, one a task."""
    for speed in speeds:
        if speed.ratio:
            words = speed.figure.sentence.format(
                first=first,
                second=second,
                workload=speed.workload,
                ratio=speed.ratio,
                a=rounded(speed.first),
                b=rounded(speed.second),
            )
            yield f"On {speed.pool}, {words}"
    for one in scores:
        yield _sentence(first, second, one)


def _sentence(first: str, second: str, one: Scores) -> str:
    evidence = (
        f"difference {score(one.difference)}, 95% interval {one.interval}, "
        f"adjusted p {p_value(one.adjusted_p_value)}"
    )
    where = f"On {one.pool}, {one.task}: "
    if one.is_tied:
        return f"{where}{one.items} items do not tell {first} and {second} apart ({evidence})."
    better, worse = (second, first) if one.difference.startswith("-") else (first, second)
    return f"{where}{better} is better than {worse} ({evidence})."


def _point(row: Row) -> str:
    if "concurrency" in row:
        return f"{row['name']} with {row['concurrency']} in flight"
    if "offered_requests_per_second" in row:
        return f"{row['name']} at {row['offered_requests_per_second']} requests/s"
    return str(row["name"])


def _turned(stored: ScoreComparison, *, is_as_stored: bool) -> Scores:
    ends = (stored.difference, stored.low, stored.high)
    if not is_as_stored:
        ends = (_negative(stored.difference), _negative(stored.high), _negative(stored.low))
    return Scores(
        pool=stored.pool,
        task=stored.task or ALL_TASKS,
        difference=ends[0],
        low=ends[1],
        high=ends[2],
        items=stored.items,
        adjusted_p_value=stored.adjusted_p_value,
        is_tied=stored.is_tied,
    )


def _negative(value: str) -> str:
    return decimal_string(-Decimal(value), digits=9)
