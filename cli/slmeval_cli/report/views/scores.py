"""Accuracy: all tasks together, the tasks held out, and task by task."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from slmeval_api.evaluation import Question
from slmeval_api.result import Score, SuiteScores, TaskItems, TaskResult

from slmeval_cli.report.figures import (
    MOST_DECIMALS,
    count,
    counted,
    fixed,
    interval,
    score,
    score_decimals,
)

from .candidates import Candidate, pools_of, warning_lines
from .chart import AnyChart, Bar, BarChart
from .speed import described
from .table import Column, Heading, Row, Table, columns_with_figures

ALL, HELD_OUT = "all tasks", "held-out tasks"


@dataclass(frozen=True, slots=True)
class Scored:
    """What a task came to for a candidate."""

    candidate: Candidate
    task: TaskResult


@dataclass(frozen=True, slots=True)
class Suite:
    """A candidate's tasks together."""

    candidate: Candidate
    scores: SuiteScores


def score_charts(candidates: list[Candidate]) -> list[AnyChart]:
    """Return for each pool the suite's score of each model, with the held-out tasks beside it."""
    return [
        _score_chart(pool, of_pool)
        for pool in pools_of(candidates)
        if (of_pool := [s for s in suites(candidates) if s.candidate.pool == pool])
    ]


def suites(candidates: list[Candidate]) -> list[Suite]:
    """Return the candidates of which every task has a score."""
    return [Suite(c, c.result.suite) for c in candidates if c.result and c.result.suite]


def suite_table(candidates: list[Candidate]) -> Table | None:
    """Return all tasks together, a row for each candidate; None: there are no tasks with scores."""
    found = suites(candidates)
    if not found:
        return None
    columns = (
        *_score_columns(lambda s: s.scores.score, "All tasks", found),
        *_score_columns(lambda s: s.scores.held_out, "Held-out tasks", found),
    )
    headings, cells = columns_with_figures(columns, found)
    return Table(
        caption="All tasks together: the mean of the tasks' scores, each counting the same",
        heads=("Model", "Pool"),
        headings=headings,
        rows=tuple(
            _row(one.candidate, row) for one, row in zip(found, cells, strict=True)
        ),
    )  # fmt: skip


def task_tables(question: Question, candidates: list[Candidate]) -> tuple[Table, ...]:
    """Return a table for each task that any candidate reached, in the question's order."""
    made = (_task_table(task.name, candidates) for task in question.tasks)
    return tuple(table for table in made if table)


def _score_chart(pool: str, found: list[Suite]) -> BarChart:
    values = list(_values(found))
    return BarChart(
        name=f"score_{pool}",
        title=f"Score over the benchmark: {pool}",
        subtitle=warning_lines([s.candidate for s in found]),
        axis="Mean score, 0 to 1; more is better",
        note="Thin lines are 95% intervals. Two that overlap may still differ: see the comparisons "
        "of pairs.",
        description=described(
            f"{v.model}, {v.series}: {score(v.score, v.places)} ({interval(v.score, v.places)})"
            for v in values
        ),
        bars=tuple(
            Bar(
                label=v.model,
                series=v.series,
                value=float(v.score.value),
                text=fixed(v.score.value, v.places) + v.caution,
                low=float(v.score.low),
                high=float(v.score.high),
            )
            for v in values
        ),
        most=1.0,
    )


class Value(NamedTuple):
    """A score that is drawn."""

    model: str
    series: str
    score: Score
    places: int
    """Decimals that all of its series support."""
    caution: str
    """What must be said beside it. Empty: nothing."""


def _values(found: list[Suite]) -> Iterator[Value]:
    whole = score_decimals(s.scores.score for s in found)
    kept = score_decimals(s.scores.held_out for s in found)
    for one in found:
        yield Value(one.candidate.model, ALL, one.scores.score, whole, one.candidate.caution())
        if one.scores.held_out:
            yield Value(
                one.candidate.model, HELD_OUT, one.scores.held_out, kept, one.candidate.caution()
            )


def _score_columns(
    get: Callable[[Suite], Score | None], group: str, found: list[Suite]
) -> tuple[Column[Suite], ...]:
    places = score_decimals(get(s) for s in found)
    return (
        Column(heading=Heading(text="score", group=group), cell=lambda s: score(get(s), places)),
        Column(
            heading=Heading(text="95% interval", group=group),
            cell=lambda s: interval(get(s), places),
        ),
        Column(
            heading=Heading(text="items", unit="n", group=group),
            cell=lambda s: count(value.n) if (value := get(s)) else None,
        ),
    )


def _task_columns(reached: list[Scored]) -> tuple[Column[Scored], ...]:
    places = score_decimals(s.task.score for s in reached)
    return (
        Column(heading=Heading(text="score"), cell=lambda s: score(s.task.score, places)),
        Column(heading=Heading(text="95% interval"), cell=lambda s: interval(s.task.score, places)),
        Column(
            heading=Heading(text="of answered alone"),
            cell=lambda s: score(s.task.score_of_answered, places),
        ),
        _items("asked", lambda items: items.asked),
        _items("answered", lambda items: items.answered),
        _items("cut short", lambda items: items.cut_short),
        _items("skipped, too long", lambda items: items.skipped_too_long),
        _items("also in train", lambda items: items.also_in_train),
        _baseline("commonest answer", lambda task: task.majority_score),
        _baseline("guessing", lambda task: task.random_score),
    )


def _items(text: str, get: Callable[[TaskItems], int | None]) -> Column[Scored]:
    return Column(
        heading=Heading(text=text, unit="n"),
        cell=lambda s: count(get(s.task.items)) if s.task.items else None,
    )


def _baseline(text: str, get: Callable[[TaskResult], str | None]) -> Column[Scored]:
    """Return a column of a figure that follows from the data alone, and so has no interval."""

    def cell(one: Scored) -> str | None:
        figure = get(one.task)
        return None if figure is None else fixed(figure, MOST_DECIMALS)

    return Column(heading=Heading(text=text, group="Score to beat"), cell=cell)


def _task_table(name: str, candidates: list[Candidate]) -> Table | None:
    reached = [Scored(c, task) for c in candidates if (task := c.task(name))]
    if not reached:
        return None
    first = reached[0].task
    metric = next((s.task.metric for s in reached if s.task.metric), None)
    headings, cells = columns_with_figures(_task_columns(reached), reached)
    kind = ", held out" if first.held_out else ""
    return Table(
        caption=f"{name} ({first.type}{kind})" + (f": {metric}" if metric else ""),
        heads=("Model", "Pool"),
        headings=headings,
        rows=tuple(_row(s.candidate, row) for s, row in zip(reached, cells, strict=True)),
        notes=tuple(_notes(reached)),
    )


def _row(candidate: Candidate, cells: tuple[str | None, ...]) -> Row:
    return Row(head=(candidate.model, candidate.pool), cells=cells, marks=candidate.marks)


def _notes(reached: list[Scored]) -> Iterator[str]:
    for scored in reached:
        if scored.task.failure:
            yield (
                f"{scored.candidate.name} has no score: {scored.task.failure.reason}: "
                f"{scored.task.failure.message}"
            )
    weak = [s.candidate.name for s in reached if _is_weak(s.task)]
    if weak:
        names = f"{counted(len(weak), 'candidate')} ({', '.join(weak)})"
        yield (
            f"Of {names} the interval holds, or lies below, what the commonest answer or guessing "
            "gets: they have not understood the task."
        )


def _is_weak(task: TaskResult) -> bool:
    """Whether the score is not above a baseline beyond doubt."""
    bars = [Decimal(b) for b in (task.majority_score, task.random_score) if b is not None]
    interval_of: Score | None = task.score
    return interval_of is not None and any(Decimal(interval_of.low) <= bar for bar in bars)
