"""Two models of one answer side by side: ratios of speed, and the run's comparisons. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from slmeval_api.base import decimal_string
from slmeval_api.run import ScoreComparison

from .answer import Answer
from .figures import ALL_TASKS, Row, rows_of
from .numbers import interval, p_value, rounded, score


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Requests a second of both models, in one workload or one point of it, on one pool."""

    pool: str
    workload: str
    """With its point, where it has several."""
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
    found = dict[tuple[str, str], dict[str, str]]()
    for row in rows_of(answer):
        is_wanted = row["model"] in (first, second) and row["pool"] in pools
        if row["measure"] == "speed" and is_wanted and "requests_per_second" in row:
            key = (str(row["pool"]), _point(row))
            found.setdefault(key, {})[str(row["model"])] = str(row["requests_per_second"])
    return [
        Speeds(pool=pool, workload=point, first=both.get(first), second=both.get(second))
        for (pool, point), both in sorted(found.items(), key=lambda one: pools.index(one[0][0]))
    ]


def scores_of(answer: Answer, first: str, second: str, pools: list[str]) -> list[Scores]:
    """Return the run's comparisons of both models; none before the run has ended."""
    comparisons = answer.run.status.comparisons if answer.run else []
    return [
        _turned(c, is_as_stored=c.model == first)
        for c in comparisons
        if {c.model, c.against} == {first, second} and c.pool in pools
    ]


def sentences(first: str, second: str, speeds: list[Speeds], scores: list[Scores]) -> Iterator[str]:
    """Yield the comparison in words: one sentence a workload, one a task."""
    for speed in speeds:
        if speed.ratio and speed.first and speed.second:
            yield (
                f"On {speed.pool}, {first} serves {speed.workload} at {speed.ratio} times the rate "
                f"of {second}: {rounded(speed.first)} against {rounded(speed.second)} requests a "
                "second."
            )
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
