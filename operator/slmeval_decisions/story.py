"""What a pass has to tell: how statuses as they will be differ from those that are stored. Pure.

News is old as soon as the status is written. Told again, after a crash between the two, it has the
same key, so that it is the same event.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from slmeval_api.base import KindInfo
from slmeval_api.conditions import Condition, ConditionType, Reason, condition, is_true
from slmeval_api.evaluation import Evaluation, EvaluationStatus
from slmeval_api.objects import Meta, StoredObject
from slmeval_api.result import Summary, TrialResult
from slmeval_api.run import Attempt, Run, RunStatus
from slmeval_api.trial import Trial, TrialStatus

from .conditions import sentence
from .event_reasons import EVENT_KINDS, EventReason
from .question import changes
from .statuses import StatusWrite
from .verdict import was_superseded
from .world import World

Stored = StoredObject[Any, Any]
MOST_CHANGES = 6
"""Changed fields that the news of a run names."""
_AS_THEY_ARE = {
    Reason.WAITING_FOR_NODES,
    Reason.WAITING_FOR_IMAGE,
    Reason.CONTAINER_DYING,
    Reason.RAYJOB_REFUSED,
    Reason.NAMESPACE_TERMINATING,
    Reason.SUSPENDED,
    Reason.SUPERSEDED,
}
"""Reasons of a run's or a trial's condition that are told under the same name."""
_NO_RUN = {
    Reason.POOL_NOT_FOUND,
    Reason.INVALID_SPEC,
    Reason.INVALID_SCHEDULE,
    Reason.RAYJOB_REFUSED,
    Reason.NAMESPACE_TERMINATING,
}
"""Why an evaluation gets no run. The last two may as well be a run's, which tells of them then."""
_GATES = {Reason.GATES_MET, Reason.GATES_FAILED, Reason.GATES_INCONCLUSIVE}
_WORTH = (ConditionType.READY, ConditionType.NOISY)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing that happened: an event on each of its subjects, and a line in the log."""

    reason: EventReason
    message: str
    subjects: tuple[tuple[KindInfo, Meta], ...]
    key: str
    """What tells it from other news of that reason on the same objects."""
    where: Mapping[str, str | int]
    """Keys of the log's line: run, pool, attempt, trial, as far as there are such."""
    is_echo: bool = False
    """Whether the run's news says the same: a run may have many trials that wait for one node."""

    @property
    def is_warning(self) -> bool:
        """Whether somebody should look."""
        return EVENT_KINDS[self.reason].is_warning


def news_of(world: World, writes: Sequence[StatusWrite]) -> list[News]:
    """Return what has happened, in the story's order, when `writes` come true in `world`."""
    evaluation = world.evaluation
    if evaluation is None:
        return []
    statuses = {(w.info.kind, w.name): w.status for w in writes}
    found = list[News]()
    for run in world.runs:
        trials = list(world.trials_of(run).values())
        after = dict[str, TrialStatus]()
        for trial in trials:
            status = statuses.get((Trial.info.kind, trial.meta.name))
            if isinstance(status, TrialStatus):
                found += _of_trial(evaluation, trial, status)
            after[trial.meta.name] = status if isinstance(status, TrialStatus) else trial.status
        status = statuses.get((Run.info.kind, run.meta.name))
        if isinstance(status, RunStatus):
            found += _of_run(evaluation, run, status, world.runs)
            found += _of_attempts(evaluation, run, status, _measured_by_pool(trials, after))
    status = statuses.get((Evaluation.info.kind, evaluation.meta.name))
    if isinstance(status, EvaluationStatus):
        told = {news.reason for news in found}
        found += [n for n in _of_evaluation(evaluation, status) if n.reason not in told]
    order = list(EventReason)
    return sorted(found, key=lambda news: order.index(news.reason))


def _news(
    reason: EventReason,
    message: str,
    *objects: Stored,
    key: object = "",
    where: Mapping[str, str | int] = MappingProxyType({}),
    is_echo: bool = False,
) -> News:
    """Return news of the kind that its reason says, on those of `objects` that may have it."""
    kinds = EVENT_KINDS[reason].on
    return News(
        reason=reason,
        message=message,
        subjects=tuple((o.info, o.meta) for o in objects if o.info in kinds),
        key=str(key),
        where=where,
        is_echo=is_echo,
    )


def _of_evaluation(evaluation: Evaluation, after: EvaluationStatus) -> Iterator[News]:
    """Yield what keeps runs from being made; anything else is the news of a run."""
    ready = _changed(evaluation.status.conditions, after.conditions)
    if ready and ready.reason in _NO_RUN:
        key = f"{evaluation.meta.generation}/{ready.message}"
        yield _news(EventReason(ready.reason), ready.message, evaluation, key=key)
    schedule, was, now = evaluation.spec.schedule, evaluation.status.schedule, after.schedule
    missed = now.last_missed_time if now else None
    if schedule and missed and missed != (was.last_missed_time if was else None):
        told = (
            f"No run was started for {missed}: more than startingDeadlineSeconds "
            f"({schedule.starting_deadline_seconds} s) have passed since."
        )
        yield _news(EventReason.SCHEDULE_MISSED, told, evaluation, key=missed)


def _of_run(
    evaluation: Evaluation, run: Run, after: RunStatus, runs: Sequence[Run]
) -> Iterator[News]:
    where = {"run": run.meta.name}
    key = f"{run.meta.name}/{evaluation.meta.generation}"
    told = list[tuple[EventReason, str]]()
    if not run.status.conditions:
        told.append((EventReason.RUN_CREATED, _why(run, runs)))
    told += _of_its_state(run, after)
    told += _of_its_figures(run, after)
    for reason, message in told:
        yield _news(reason, message, evaluation, run, key=f"{key}/{message}", where=where)


def _of_its_state(run: Run, after: RunStatus) -> Iterator[tuple[EventReason, str]]:
    """Yield what a run waits for, and its end."""
    before = condition(run.status.conditions, ConditionType.READY)
    ready = _changed(run.status.conditions, after.conditions)
    if ready is None:
        return
    message = sentence(ready.message)
    if ready.reason == Reason.SUPERSEDED:
        yield EventReason.SUPERSEDED, f"SLMRun {run.meta.name} ends. {message}"
    elif ready.reason in _AS_THEY_ARE:
        yield EventReason(ready.reason), message
    elif is_true(after.conditions, ConditionType.FAILED):
        yield EventReason.RUN_FAILED, f"{message} {_see(run)}"
    elif is_true(after.conditions, ConditionType.SUCCEEDED):
        if not is_true(run.status.conditions, ConditionType.SUCCEEDED):
            if ready.reason in _GATES:
                message = f"All {after.trials.total if after.trials else 0} trials were measured."
            yield EventReason.RUN_SUCCEEDED, f"{message} {_see(run)}"
    elif before and before.reason == Reason.SUSPENDED:
        told = "spec.suspend was taken back: the trials that are left are measured."
        yield EventReason.RESUMED, told


def _of_its_figures(run: Run, after: RunStatus) -> Iterator[tuple[EventReason, str]]:
    """Yield that trials may not be compared, and what came of the gates."""
    if was_superseded(after.conditions):
        return
    for type_ in (ConditionType.COMPARABLE, ConditionType.GATES_PASSED):
        was, now = (condition(s.conditions, type_) for s in (run.status, after))
        if now is None or (was is not None and was.reason == now.reason):
            continue
        if now.reason in _GATES or (now.status == "False" and not (was and was.status == "False")):
            yield EventReason(now.reason), now.message


def _see(run: Run) -> str:
    return f"See: kubectl get slmtrial -l slmeval.dev/run={run.meta.name}"


def _why(run: Run, runs: Sequence[Run]) -> str:
    """Return what a run asks, and why it is asked now."""
    spec, trigger = run.spec, run.spec.trigger
    models, pools = len(spec.question.models), len(spec.pools)
    what = (
        f"SLMRun {run.meta.name} measures {_many(models, 'model')} on {_many(pools, 'pool')}: "
        f"{_many(models * pools, 'trial')}."
    )
    earlier = [r for r in runs if r.spec.number < spec.number]
    if trigger.reason == "Requested":
        what += f" It was asked for by hand ({trigger.request})."
    elif trigger.reason == "Scheduled":
        what += f" spec.schedule asks for it at {trigger.scheduled_time}."
    elif not earlier:
        return f"{what} It is the first run of this evaluation."
    if not earlier:
        return what
    last = max(earlier, key=lambda r: r.spec.number)
    found = changes(last.spec.question, spec.question)
    if not found:
        return f"{what} It asks the same as SLMRun {last.meta.name}."
    more = f" and {len(found) - MOST_CHANGES} more" if len(found) > MOST_CHANGES else ""
    return f"{what} Since SLMRun {last.meta.name} changed: {', '.join(found[:MOST_CHANGES])}{more}."


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@dataclass(slots=True)
class _Sum:
    """A pool's trials."""

    measured: int = 0
    total: int = 0

    def __str__(self) -> str:
        return f"{self.measured} of {_many(self.total, 'trial')}"


def _measured_by_pool(
    trials: Sequence[Trial], after: Mapping[str, TrialStatus]
) -> Mapping[str, _Sum]:
    found = dict[str, _Sum]()
    for trial in trials:
        its = found.setdefault(trial.spec.pool, _Sum())
        its.total += 1
        its.measured += is_true(after[trial.meta.name].conditions, ConditionType.SUCCEEDED)
    return found


def _of_attempts(
    evaluation: Evaluation, run: Run, after: RunStatus, pools: Mapping[str, _Sum]
) -> Iterator[News]:
    before = {a.name: a for a in run.status.attempts}
    for attempt in after.attempts:
        done = pools.get(attempt.pool, _Sum())
        is_missed = done.measured < done.total and not was_superseded(after.conditions)
        for reason, message in _steps(before.get(attempt.name), attempt, run, done, is_missed):
            yield _news(
                reason,
                message,
                evaluation,
                run,
                key=f"{attempt.name}/{evaluation.meta.generation}",  # may be suspended again
                where={"run": run.meta.name, "pool": attempt.pool, "attempt": attempt.number},
            )


def _steps(
    was: Attempt | None, attempt: Attempt, run: Run, done: _Sum, is_missed: bool
) -> Iterator[tuple[EventReason, str]]:
    """Yield what became of an attempt. `is_missed`: what it did not measure is still wanted."""
    allowed, pool = 1 + run.spec.question.backoff_limit, attempt.pool
    which = f"Attempt {attempt.number} of {allowed} on pool {pool}"
    if was is None:
        left = _many(done.total - done.measured, "trial")
        yield EventReason.ATTEMPT_STARTED, f"{which}: RayJob {attempt.name} is made for {left}."
    if attempt.outcome != "Running" and (was is None or was.outcome == "Running"):
        if attempt.outcome == "Failed" and is_missed:
            why = sentence(attempt.message or "no details")
            reason = attempt.reason or "no reason given"
            yield EventReason.ATTEMPT_FAILED, f"{which} failed ({reason}): {why} {done} measured."
        else:
            yield EventReason.ATTEMPT_ENDED, f"{which} is over: {done} measured."
    if attempt.released_time and (was is None or not was.released_time):
        yield (
            EventReason.NODES_RELEASED,
            f"The pods of RayJob {attempt.name} are gone: the nodes and GPUs of pool {pool} that "
            "they held are free.",
        )


def _of_trial(evaluation: Evaluation, trial: Trial, after: TrialStatus) -> Iterator[News]:
    ready = _changed(trial.status.conditions, after.conditions)
    reason = _reason_of_trial(ready, after) if ready else None
    if ready is None or reason is None:
        return
    result, name = trial.status.result, f"{trial.spec.model.name} on {trial.spec.pool}"
    attempt = max((at.attempt for at in (trial.status.progress, result) if at), default=1)
    message = {
        EventReason.TRIAL_STARTED: f"{name}: attempt {attempt} measures it.",
        EventReason.TRIAL_MEASURED: f"{name}: {_figures(result, after)}",
        EventReason.TRIAL_FAILED: f"{name}: {ready.reason}: {ready.message}",
        EventReason.RETRYING: f"{name}: {ready.message}",
    }.get(reason, ready.message)
    # What is no trial's own is told by the attempt's news.
    has_failed = result is not None and result.failure is not None
    is_echo = ready.reason in _AS_THEY_ARE or (reason == EventReason.RETRYING and not has_failed)
    objects: tuple[Stored, ...] = (trial,) if is_echo else (evaluation, trial)
    yield _news(
        reason,
        message,
        *objects,
        key=f"{trial.meta.name}/{attempt}/{evaluation.meta.generation}",
        is_echo=is_echo,
        where={
            "run": trial.spec.run,
            "pool": trial.spec.pool,
            "attempt": attempt,
            "trial": trial.meta.name,
        },
    )


def _reason_of_trial(ready: Condition, after: TrialStatus) -> EventReason | None:
    """Return what the trial's new condition is told as; None: what the attempt's news says."""
    if is_true(after.conditions, ConditionType.SUCCEEDED):
        return EventReason.TRIAL_MEASURED
    if is_true(after.conditions, ConditionType.FAILED) and ready.reason != Reason.SUPERSEDED:
        return EventReason.TRIAL_FAILED
    if ready.reason in _AS_THEY_ARE or ready.reason == Reason.RETRYING:
        return EventReason(ready.reason)
    return EventReason.TRIAL_STARTED if ready.reason == Reason.RUNNING else None


def _figures(result: TrialResult | None, after: TrialStatus) -> str:
    """Return the figures that `kubectl get slmtrial` prints, and what they are worth."""
    ready, noisy = (condition(after.conditions, t) for t in _WORTH)
    summary = result.summary if result else Summary()
    figures = [
        f"{summary.requests_per_second} requests/s" if summary.requests_per_second else "",
        f"p50 {summary.latency_p50_seconds} s" if summary.latency_p50_seconds else "",
        f"score {summary.score}" if summary.score else "",
    ]
    said = ", ".join(figure for figure in figures if figure)
    worth = [
        ready.message if ready and (not said or ready.reason == Reason.SIMULATED) else "",
        noisy.message if noisy and noisy.status == "True" else "",
    ]
    return " ".join([*([f"{said}."] if said else []), *(word for word in worth if word)])


def _changed(before: Sequence[Condition], after: Sequence[Condition]) -> Condition | None:
    """Return the new Ready if its reason is another than before."""
    was, ready = (condition(c, ConditionType.READY) for c in (before, after))
    return ready if ready and (was is None or was.reason != ready.reason) else None
