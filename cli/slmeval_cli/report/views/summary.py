"""The top of the report: what was asked, how it went, and what must be known before any figure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from slmeval_api.conditions import ConditionType, condition
from slmeval_api.evaluation import Question, TrialCounts
from slmeval_api.run import Run

from slmeval_cli.answer import Answer
from slmeval_cli.report.figures import (
    asked,
    counted,
    interval,
    listed,
    moment,
    score,
    score_decimals,
    speed,
)

from .candidates import (
    NOISY,
    NOT_COMPARABLE,
    SIMULATED,
    Candidate,
    pools_of,
    question_of,
)
from .pairs import leader, tied_with
from .scores import suites


class Gravity(StrEnum):
    """How loudly a warning is set."""

    INVENTED = "invented"
    """No figure under it means anything."""
    FAILED = "failed"
    CAREFUL = "careful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What must be known before any figure is read."""

    gravity: Gravity
    title: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of the summary."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryView:
    """The top of the report."""

    title: str
    warnings: tuple[Caution, ...]
    facts: tuple[Fact, ...]
    findings: tuple[str, ...]


def summary(answer: Answer, candidates: list[Candidate]) -> SummaryView:
    """Return the top of the report on `answer`, whose trials are `candidates`."""
    return SummaryView(
        title=str(answer.name),
        warnings=tuple(_warnings(answer, candidates)),
        facts=tuple(_facts(answer, candidates)),
        findings=tuple(_findings(answer, candidates)),
    )


def _facts(answer: Answer, candidates: list[Candidate]) -> Iterator[Fact]:
    question, run = question_of(answer), answer.run
    yield Fact(name="Asked", value=_asked(question))
    yield Fact(name="Models", value=listed([m.name for m in question.models]))
    yield Fact(name="Pools", value=listed(_pool_names(question, run)))
    if run is None:
        return
    began, ended = moment(run.meta.created), moment(run.status.completion_time)
    times = [f"began {began}" if began else "", f"ended {ended}" if ended else "has not ended"]
    yield Fact(name="Run", value=", ".join([run.meta.name, *filter(None, times)]))
    yield Fact(name="Trials", value=_counted_trials(run.status.trials, candidates))
    ready = condition(run.status.conditions, ConditionType.READY)
    if ready:
        yield Fact(name="State", value=f"{ready.reason}: {ready.message}")


def _gates(run: Run) -> Iterator[Caution]:
    """Yield which gates failed, and of which the data cannot tell."""
    report = run.status.gates
    if report is not None and report.failed:
        title = f"{counted(report.failed, 'demand')} of gates failed"
        told = tuple(v.message for v in report.verdicts if v.outcome == "Failed")
        yield Caution(gravity=Gravity.FAILED, title=title, details=told)
    if report is not None and report.inconclusive:
        title = f"{counted(report.inconclusive, 'demand')} of gates cannot be judged"
        told = tuple(v.message for v in report.verdicts if v.outcome == "Inconclusive")
        yield Caution(gravity=Gravity.CAREFUL, title=title, details=told)


def _asked(question: Question) -> str:
    held_out = sum(task.held_out for task in question.tasks)
    parts = [
        f"{counted(len(question.models), 'model')} on {counted(len(question.pools), 'pool')}",
    ]
    if question.workloads:
        parts.append(counted(len(question.workloads), "workload"))
    if question.tasks:
        kept = f" ({held_out} held out)" if held_out else ""
        parts.append(counted(len(question.tasks), "task") + kept)
    return f"{', '.join(parts)}; seed {question.seed}"


def _pool_names(question: Question, run: Run | None) -> list[str]:
    described = {p.name: p.spec.description for p in run.spec.pools} if run else {}
    return [f"{n} ({described[n]})" if described.get(n) else n for n in question.pools]


def _counted_trials(counts: TrialCounts | None, candidates: list[Candidate]) -> str:
    if counts is None:
        return counted(len(candidates), "trial")
    text = f"{counts.succeeded} of {counts.total} succeeded"
    for number, word in ((counts.failed, "failed"), (counts.unfinished, "unfinished")):
        text += f", {number} {word}" if number else ""
    missing = counts.total - len(candidates)
    return text + (f"; {missing} of them are not in this report's source" if missing > 0 else "")


def _warnings(answer: Answer, candidates: list[Candidate]) -> Iterator[Caution]:
    yield from _invented(candidates)
    if answer.run is None:
        yield Caution(
            gravity=Gravity.CAREFUL,
            title="There is no run yet: nothing was measured",
            details=_ready_message(answer),
        )
        return
    if answer.run.spec.question != answer.evaluation.spec.question:
        yield Caution(
            gravity=Gravity.CAREFUL,
            title="The evaluation was edited since: these figures answer what it asked before",
        )
    yield from _gates(answer.run)
    failed = [c for c in candidates if _is_true(c, ConditionType.FAILED)]
    waiting = [
        c for c in candidates if c not in failed and not _is_true(c, ConditionType.SUCCEEDED)
    ]
    for gravity, group, title in (
        (Gravity.FAILED, failed, "{} failed: what it measured before is shown, what it did not is "
         "absent"),
        (Gravity.CAREFUL, waiting, "{} unfinished"),
    ):  # fmt: skip
        if group:
            yield Caution(
                gravity=gravity,
                title=title.format(counted(len(group), "trial")),
                details=tuple(_said(c, ConditionType.READY) for c in group),
            )
    for mark, type_, title in (
        (NOISY, ConditionType.NOISY, "Noisy: repetitions differ by more than allowed"),
        (
            NOT_COMPARABLE,
            ConditionType.COMPARABLE,
            "Not comparable: measured with something that differs from the other trials",
        ),
    ):
        group = [c for c in candidates if mark in c.marks]
        if group:
            yield Caution(
                gravity=Gravity.CAREFUL, title=title, details=tuple(_said(c, type_) for c in group)
            )


def _invented(candidates: list[Candidate]) -> Iterator[Caution]:
    invented = [c for c in candidates if SIMULATED in c.marks]
    if not invented:
        return
    pools = pools_of(invented)
    is_all = len(invented) == len(candidates)
    where = "all figures in this report are" if is_all else f"the figures of {listed(pools)} are"
    yield Caution(
        gravity=Gravity.INVENTED,
        title="Simulated: " + where + " invented and mean nothing",
        details=(
            f"The engine of {'pool' if len(pools) == 1 else 'pools'} {listed(pools)} is the "
            "simulated one, which tries out an installation without a model or a GPU.",
        ),
    )


def _said(candidate: Candidate, type_: ConditionType) -> str:
    found = candidate.condition(type_)
    if found is None:
        return f"{candidate.name}: says nothing yet"
    reason = "" if type_ is ConditionType.NOISY else f"{found.reason}: "  # there it says Measured
    return f"{candidate.name}: {reason}{found.message}"


def _ready_message(answer: Answer) -> tuple[str, ...]:
    ready = condition(answer.evaluation.status.conditions, ConditionType.READY)
    return (f"{ready.reason}: {ready.message}",) if ready else ()


def _is_true(candidate: Candidate, type_: ConditionType) -> bool:
    found = candidate.condition(type_)
    return found is not None and found.status == "True"


def _findings(answer: Answer, candidates: list[Candidate]) -> Iterator[str]:
    """Return the ends of the scales in words; invented figures have none."""
    real = [c for c in candidates if not c.is_simulated]
    for workload in question_of(answer).workloads:
        yield from _fastest(workload.name, workload.kind, real)
    for pool in pools_of(real):
        yield from _highest_score(pool, answer, real)


def _fastest(name: str, kind: str, candidates: list[Candidate]) -> Iterator[str]:
    measured = [(c, f) for c in candidates if (f := c.best_figures(name))]
    if kind == "batch" and measured:
        best, figures = min(measured, key=lambda pair: Decimal(pair[1].seconds))
        text = speed(figures.seconds, figures.variation_percent)
        yield f"Least time for {name}: {best.name}, {text} s{_marked(best)}."
    rates = [
        (c, w.highest_requests_per_second)
        for c in candidates
        if (w := c.workload(name)) and w.highest_requests_per_second
    ]
    if rates:
        best, rate = max(rates, key=lambda pair: Decimal(pair[1]))
        yield (
            f"Highest rate of {name} that met the objectives: {best.name}, "
            f"{asked(rate)} requests a second{_marked(best)}."
        )


def _highest_score(pool: str, answer: Answer, candidates: list[Candidate]) -> Iterator[str]:
    found = [s for s in suites(candidates) if s.candidate.pool == pool]
    if not found:
        return
    best = max(found, key=lambda s: Decimal(s.scores.score.value))
    compared = [
        c
        for c in (answer.run.status.comparisons if answer.run else [])
        if c.pool == pool and c.task is None
    ]
    value, name = best.scores.score, best.candidate.model
    places = score_decimals([value])
    ends = interval(value, places)
    text = f"Highest score on {pool}: {name}, {score(value, places)} (95% interval {ends})"
    tied = tied_with(name, compared) if leader(compared) == name else []
    told = f"; not told apart from {listed(tied)}" if tied else ""
    yield f"{text}{told}{_marked(best.candidate)}."


def _marked(candidate: Candidate) -> str:
    return f" ({', '.join(candidate.marks)})" if candidate.marks else ""
