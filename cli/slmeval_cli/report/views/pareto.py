"""Score against speed: which models no other beats in both."""

from dataclasses import replace

from slmeval_api.evaluation import Question

from slmeval_cli.report.figures import interval, score, score_decimals, significant

from .candidates import Candidate, pools_of, warning_lines
from .chart import AnyChart, Mark, PointChart
from .scores import Suite, suites
from .speed import described


def pareto_charts(question: Question, candidates: list[Candidate]) -> list[AnyChart]:
    """Return a picture for each pool with two models or more that have both, score and speed.

    The speed is that of the first workload that any candidate has figures of.
    """
    found = suites(candidates)
    names = [w.name for w in question.workloads]
    first = next((n for n in names if any(s.candidate.best_figures(n) for s in found)), None)
    if first is None:
        return []
    made = (_chart(first, pool, found) for pool in pools_of(candidates))
    return [chart for chart in made if chart]


def frontier(marks: list[Mark]) -> tuple[Mark, ...]:
    """Return the points that no other beats, by rising x: none has more of both, x and y."""
    best = list[Mark]()
    for mark in sorted(marks, key=lambda m: (-m.x, -m.y, m.label)):
        if not best or mark.y > best[-1].y:
            best.append(mark)
    return tuple(reversed(best))


def _chart(workload: str, pool: str, found: list[Suite]) -> PointChart | None:
    both = [
        s for s in found if s.candidate.pool == pool and s.candidate.best_figures(workload)
    ]  # fmt: skip
    if len(both) <= 1:
        return None
    plain_marks = [_mark(one, workload) for one in both]
    best = frontier(plain_marks)
    marks = [replace(mark, is_filled=mark in best) for mark in plain_marks]
    return PointChart(
        name=f"score-speed_{pool}",
        title=f"Score against speed: {pool}",
        subtitle=warning_lines([s.candidate for s in both]),
        x_axis=f"Requests a second (workload {workload})",
        y_axis="Mean score of the tasks, 0 to 1",
        note="Right and high is better; thin lines are 95% intervals. Filled, and joined by steps: "
        "the models that no other beats in both, by their plain values. Where intervals overlap, "
        "another sample of items could change who is among them.",
        description=described(_words(one, workload) for one in both)
        + f" On the frontier: {', '.join(m.label for m in best)}.",
        marks=tuple(marks),
        lines="Frontier",
        frontier=best,
        is_y_share=True,
    )


def _mark(one: Suite, workload: str) -> Mark:
    figures = one.candidate.best_figures(workload)
    if figures is None:
        raise ValueError(f"{one.candidate.name} has no figures of {workload}")
    return Mark(
        label=one.candidate.model + one.candidate.caution(workload),
        x=float(figures.requests_per_second),
        y=float(one.scores.score.value),
        low=float(one.scores.score.low),
        high=float(one.scores.score.high),
    )


def _words(one: Suite, workload: str) -> str:
    figures = one.candidate.best_figures(workload)
    served = significant(figures.requests_per_second) if figures else None
    value = one.scores.score
    places = score_decimals([value])
    return (
        f"{one.candidate.model}: {served} requests/s, score {score(value, places)} "
        f"({interval(value, places)})"
    )
