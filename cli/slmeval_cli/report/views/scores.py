"""Accuracy: all tasks together, the tasks held out, and task by task."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from slmeval_api.evaluation import Question
from slmeval_api.result import Score, SuiteScores, TaskResult

from slmeval_cli.report.figures import count, counted, fixed, interval, score, score_decimals

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
        *_score_columns(lambda s: s.scores.score, "All tasks"),
        *_score_columns(lambda s: s.scores.held_out, "Held-out tasks"),
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
    return BarChart(
        name=f"score_{pool}",
        title=f"Score over the benchmark: {pool}",
        subtitle=warning_lines([s.candidate for s in found]),
        axis="Mean score of the tasks (0 to 1); more is better",
        note="Thin lines are 95% intervals. Two that overlap may still differ: see the comparisons "
        "of pairs.",
        description=described(
            f"{one.candidate.model}, {series}: {score(value)} ({interval(value)})"
            for one, series, value in _values(found)
        ),
        bars=tuple(
            Bar(
                label=one.candidate.model,
                series=series,
                value=float(value.value),
                text=score(value) or "",
                low=float(value.low),
                high=float(value.high),
            )
            for one, series, value in _values(found)
        ),
        most=1.0,
    )


def _values(found: list[Suite]) -> Iterator[tuple[Suite, str, Score]]:
    for one in found:
        for series, value in ((ALL, one.scores.score), (HELD_OUT, one.scores.held_out)):
            if value:
                yield one, series, value


def _score_columns(get: Callable[[Suite], Score | None], group: str) -> tuple[Column[Suite], ...]:
    return (
        Column(heading=Heading(text="score", group=group), cell=lambda s: score(get(s))),
        Column(heading=Heading(text="95% interval", group=group), cell=lambda s: interval(get(s))),
        Column(
            heading=Heading(text="items", unit="n", group=group),
            cell=lambda s: count(value.n) if (value := get(s)) else None,
        ),
    )


TASK_COLUMNS: tuple[Column[Scored], ...] = (
    Column(heading=Heading(text="score"), cell=lambda s: score(s.task.score)),
    Column(heading=Heading(text="95% interval"), cell=lambda s: interval(s.task.score)),
    Column(
        heading=Heading(text="of answered alone"), cell=lambda s: score(s.task.score_of_answered)
    ),
    Column(
        heading=Heading(text="asked", unit="n"),
        cell=lambda s: count(s.task.items.asked) if s.task.items else None,
    ),
    Column(
        heading=Heading(text="answered", unit="n"),
        cell=lambda s: count(s.task.items.answered) if s.task.items else None,
    ),
    Column(
        heading=Heading(text="cut short", unit="n"),
        cell=lambda s: count(s.task.items.cut_short) if s.task.items else None,
    ),
    Column(
        heading=Heading(text="skipped, too long", unit="n"),
        cell=lambda s: count(s.task.items.skipped_too_long) if s.task.items else None,
    ),
    Column(
        heading=Heading(text="also in train", unit="n"),
        cell=lambda s: count(s.task.items.also_in_train) if s.task.items else None,
    ),
    Column(
        heading=Heading(text="commonest answer", group="Score to beat"),
        cell=lambda s: _baseline(s.task, s.task.majority_score),
    ),
    Column(
        heading=Heading(text="guessing", group="Score to beat"),
        cell=lambda s: _baseline(s.task, s.task.random_score),
    ),
)


def _task_table(name: str, candidates: list[Candidate]) -> Table | None:
    reached = [Scored(c, task) for c in candidates if (task := c.task(name))]
    if not reached:
        return None
    first = reached[0].task
    metric = next((s.task.metric for s in reached if s.task.metric), None)
    headings, cells = columns_with_figures(TASK_COLUMNS, reached)
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


def _baseline(task: TaskResult, figure: str | None) -> str | None:
    """Return a baseline with the decimals of the score that it stands beside."""
    places = score_decimals(task.score) if task.score else 2
    return None if figure is None else fixed(figure, places)


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
