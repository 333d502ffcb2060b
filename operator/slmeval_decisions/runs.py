"""Which runs an evaluation is to have: the newest, a further one, and those to forget. Pure.

A run is started by an edit of the question, by hand, or by the schedule. What a run was started for
is written in it, so a pass that is repeated after a crash finds that it was, and starts no other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from slmeval_api.conditions import ConditionType, has_ended, is_true
from slmeval_api.evaluation import Evaluation
from slmeval_api.run import Run, Trigger
from slmeval_api.schedule import Schedule

from .conditions import timestamp
from .gates.good import last_good
from .question import Problem, question_digest
from .schedules import Times, times_of
from .verdict import was_superseded

KEPT_WITHOUT_SCHEDULE = Schedule(cron="@yearly")
"""Its defaults say how much history is kept where nobody says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """A run that is due."""

    number: int
    trigger: Trigger
    replaces: bool
    waits_for: Run | None = None
    """The run that has to end first; None: it starts now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What is to become of an evaluation's runs."""

    newest: Run | None
    current: Run | None
    """The newest, if it asks, to its end, what the evaluation asks now."""
    next: NextRun | None
    """None: the current one is all that is asked for, as yet."""
    stopped: frozenset[str]
    """Uids of runs that end unfinished, if they have not ended."""
    forgotten: tuple[str, ...]
    """Names of ended runs that are more than the history keeps."""
    times: Times | None
    """Of the schedule; None: there is none, or none that names a time."""
    problem: Problem | None
    """Why the schedule names no time."""


def runs_of(evaluation: Evaluation, runs: Sequence[Run], now: datetime) -> Runs:
    """Return what is to become of `runs`, all runs of `evaluation`."""
    living = sorted((r for r in runs if not r.meta.is_being_deleted), key=lambda r: r.spec.number)
    newest = living[-1] if living else None
    asks = question_digest(evaluation.spec.question)
    others = {r.meta.uid for r in living if question_digest(r.spec.question) != asks}
    current = newest
    if newest and (newest.meta.uid in others or was_superseded(newest.status.conditions)):
        current = None  # also of an edit that was taken back: it asks anew
    found = times_of(evaluation, living, current=current, now=now)
    times = found if isinstance(found, Times) else None
    return Runs(
        newest=newest,
        current=current,
        next=_next(
            evaluation,
            living,
            current=current,
            times=times,
            number=1 + max((r.spec.number for r in runs), default=0),
        ),
        stopped=_stopped(evaluation, living, others),
        forgotten=_forgotten(evaluation, living),
        times=times,
        problem=found if isinstance(found, Problem) else None,
    )


def _next(
    evaluation: Evaluation,
    living: Sequence[Run],
    *,
    current: Run | None,
    times: Times | None,
    number: int,
) -> NextRun | None:
    answered = living[-1].spec.trigger.request if living else None
    trigger = _trigger(evaluation, current, answered=answered, due=times.due if times else None)
    if trigger is None:
        return None
    replaces = trigger.reason in _reasons_that_replace(evaluation)
    waits_for = None
    if not replaces and not _may_run_beside(evaluation, trigger):
        waits_for = next((r for r in reversed(living) if not has_ended(r.status.conditions)), None)
    if waits_for is not None and current is not None:
        return None  # the same question is being asked; the next pass sees what is due then
    return NextRun(
        number=number,
        trigger=trigger,
        replaces=replaces,
        waits_for=waits_for,
    )


def _trigger(
    evaluation: Evaluation,
    current: Run | None,
    *,
    answered: str | None,
    due: datetime | None,
) -> Trigger | None:
    """Return why a further run is due, if it is.

    Whatever the reason, a run answers all that is asked when it starts: nothing is measured twice.

    Args:
        evaluation: what is asked.
        current: the run that asks it.
        answered: the newest request that a run was started for. One whose annotation was removed
            is not forgotten: the same value, applied again, asks nothing new.
        due: the time of the schedule that has come.

    """
    request = evaluation.meta.run_requested_at or answered
    if current is None:
        reason = "Changed"
    elif evaluation.spec.suspend:
        return None
    elif due is not None:  # before a request, which would wait where the schedule need not
        reason = "Scheduled"
    elif request != answered:
        reason = "Requested"
    else:
        return None
    return Trigger(
        reason=reason,  # type: ignore[arg-type]
        request=request,
        scheduled_time=timestamp(due) if due else None,
    )


def _reasons_that_replace(evaluation: Evaluation) -> list[str]:
    """Return the reasons for which a run takes the place of one that is on its way."""
    schedule = evaluation.spec.schedule
    reasons = []
    if evaluation.spec.on_change == "Replace":
        reasons.append("Changed")
    if schedule is not None and schedule.concurrency_policy == "Replace":
        reasons.append("Scheduled")
    return reasons


def _may_run_beside(evaluation: Evaluation, trigger: Trigger) -> bool:
    schedule = evaluation.spec.schedule
    is_allowed = schedule is not None and schedule.concurrency_policy == "Allow"
    return is_allowed and trigger.reason == "Scheduled"


def _stopped(evaluation: Evaluation, living: Sequence[Run], others: set[str]) -> frozenset[str]:
    """Return the runs whose place a newer one takes, also one that cannot be made yet.

    Args:
        evaluation: theirs.
        living: its runs, in order.
        others: uids of those that ask what the evaluation does not ask any more.

    """
    replacing = max((r.spec.number for r in living if r.spec.replaces), default=0)
    found = {r.meta.uid for r in living if r.spec.number < replacing}
    return frozenset(found | others if evaluation.spec.on_change == "Replace" else found)


def _forgotten(evaluation: Evaluation, living: Sequence[Run]) -> tuple[str, ...]:
    limits = evaluation.spec.schedule or KEPT_WITHOUT_SCHEDULE
    ended = [r for r in reversed(living) if has_ended(r.status.conditions)]
    good = [r for r in ended if is_true(r.status.conditions, ConditionType.SUCCEEDED)]
    bad = [r for r in ended if not is_true(r.status.conditions, ConditionType.SUCCEEDED)]
    surplus = (
        *good[limits.successful_runs_history_limit :],
        *bad[limits.failed_runs_history_limit :],
    )
    kept = {living[-1].meta.name} if living else set[str]()
    kept |= set(_held_against(evaluation, living))
    return tuple(r.meta.name for r in surplus if r.meta.name not in kept)


def _held_against(evaluation: Evaluation, living: Sequence[Run]) -> Iterator[str]:
    """Yield the names of runs that gates hold others against; without them, nothing could fail."""
    for gate in evaluation.spec.gates:
        if gate.regression and gate.regression.baseline:
            yield gate.regression.baseline
        elif gate.regression and (good := last_good(living[:-1])):
            yield good.meta.name
