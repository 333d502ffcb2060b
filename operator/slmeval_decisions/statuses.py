"""Status documents of trials, runs and evaluations, from what was decided about them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from slmeval_api.base import ApiModel, KindInfo
from slmeval_api.conditions import Condition, ConditionType, Reason, condition, has_ended, is_true
from slmeval_api.evaluation import Evaluation, EvaluationStatus, RunRef, TrialCounts
from slmeval_api.gate import GateReport
from slmeval_api.result import Failure, TrialResult
from slmeval_api.run import Attempt, Run, RunStatus, ScoreComparison
from slmeval_api.schedule import ScheduleStatus
from slmeval_api.trial import Trial, TrialStatus

from .attempts import is_finished
from .comparison import Comparison, marked_of, run_comparison
from .conditions import (
    sentence,
    timestamp,
    with_condition,
    without_condition,
)
from .gates.verdicts import gated, with_gates
from .scores import score_comparisons
from .verdict import Standing, State, standing_conditions, superseded


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWrite:
    """A status that differs from what is stored."""

    info: KindInfo
    name: str
    status: ApiModel


def trial_standing(trial: Trial, unfinished: Standing, *, engine: str, attempt: int) -> Standing:
    """Return where a trial stands: its result says so, or else what was decided for its pool.

    Args:
        trial: the trial with what the runner wrote.
        unfinished: the standing of unfinished trials of its pool.
        engine: the pool's engine.
        attempt: number of the newest attempt; older progress is no sign of life.

    """
    result, progress = trial.status.result, trial.status.progress
    if result is not None and result.failure is None:
        return _measured(engine, "Everything that was asked was measured.")
    if result is not None and result.failure is not None and is_finished(trial):
        return Standing(
            state=State.FAILED,
            reason=result.failure.condition_reason,
            message=result.failure.message,
        )
    if has_ended(trial.status.conditions):
        return _as_it_was(trial.status.conditions)
    is_given_up = unfinished.state == State.FAILED and unfinished.reason != Reason.SUPERSEDED
    if is_given_up and result is not None and result.failure is not None:
        return Standing(
            state=State.FAILED,
            reason=result.failure.condition_reason,
            message=f"{result.failure.message} {unfinished.message}",
        )
    is_alive = progress is not None and progress.stage != "Queued" and progress.attempt >= attempt
    if is_alive and unfinished.reason in (
        Reason.PENDING,
        Reason.WAITING_FOR_NODES,  # another worker of the same attempt
        Reason.WAITING_FOR_IMAGE,
        Reason.CONTAINER_DYING,
    ):
        return Standing(
            state=State.IN_PROGRESS,
            reason=Reason.RUNNING,
            message="Being measured; status.progress says where it stands.",
        )
    if result is not None and result.failure is not None:
        return _failed_in_passing(result, result.failure, unfinished, attempt=attempt)
    return unfinished


def _failed_in_passing(
    result: TrialResult, failure: Failure, unfinished: Standing, *, attempt: int
) -> Standing:
    """Return the standing of a trial that may yet succeed: why it has not, until it is its turn."""
    is_retried = unfinished.reason == Reason.RETRYING
    is_over = unfinished.state == State.IN_PROGRESS and result.attempt >= attempt
    if not is_retried and not is_over:
        return unfinished
    then = unfinished.message if is_retried else "The next attempt, if one is left, repeats it."
    return Standing(
        state=State.IN_PROGRESS,
        reason=Reason.RETRYING,
        message=f"{failure.reason}: {sentence(failure.message)} {then}",
    )


def _measured(engine: str, message: str) -> Standing:
    if engine == "simulated":
        return Standing(
            state=State.SUCCEEDED,
            reason=Reason.SIMULATED,
            message="The pool's engine is simulated: the figures are invented and mean nothing.",
        )
    return Standing(state=State.SUCCEEDED, reason=Reason.MEASURED, message=message)


def _as_it_was(conditions: Sequence[Condition]) -> Standing:
    ready = condition(conditions, ConditionType.READY)
    state = State.SUCCEEDED if is_true(conditions, ConditionType.SUCCEEDED) else State.FAILED
    if ready is None:  # somebody edited the status; the verdict is kept, its cause is lost
        return Standing(state=state, reason=Reason.ATTEMPTS_EXHAUSTED, message="cause unknown")
    return Standing(state=state, reason=ready.reason, message=ready.message)


def trial_status(
    trial: Trial, standing: Standing, now: datetime, *, comparison: Comparison | None = None
) -> TrialStatus:
    """Return the operator's part of a trial's status: conditions, nothing else.

    Args:
        trial: the trial as stored.
        standing: where it stands.
        now: the time of what changes.
        comparison: whether it agrees with the others of its run; None: nothing to compare.

    """
    generation = trial.meta.generation
    conditions = standing_conditions(
        trial.status.conditions, standing, generation=generation, now=now
    )
    conditions = _with_noise(conditions, trial, now)
    conditions = _with_comparison(conditions, comparison, generation=generation, now=now)
    return TrialStatus(observed_generation=generation, conditions=conditions)


def _with_comparison(
    conditions: list[Condition], comparison: Comparison | None, *, generation: int, now: datetime
) -> list[Condition]:
    if comparison is None:
        return without_condition(conditions, ConditionType.COMPARABLE)
    return with_condition(
        conditions,
        ConditionType.COMPARABLE,
        "True" if comparison.is_comparable else "False",
        reason=comparison.reason,
        message=comparison.message,
        generation=generation,
        now=now,
    )


def _with_noise(conditions: list[Condition], trial: Trial, now: datetime) -> list[Condition]:
    result = trial.status.result
    judged = [w for w in result.workloads if w.is_noisy is not None] if result else []
    if not judged:
        return conditions
    noisy = [w.name for w in judged if w.is_noisy]
    return with_condition(
        conditions,
        ConditionType.NOISY,
        "True" if noisy else "False",
        reason=Reason.MEASURED,
        message=(
            f"Repetitions of {', '.join(noisy)} differ by more than maxVariationPercent: see "
            "repetitionSeconds; raise repetitions or keep other work off the node."
            if noisy
            else "Repetitions agree within maxVariationPercent."
        ),
        generation=trial.meta.generation,
        now=now,
    )


def counts_of(standings: Sequence[Standing]) -> TrialCounts:
    """Return how many trials stand where."""
    total = len(standings)
    succeeded = sum(s.state == State.SUCCEEDED for s in standings)
    failed = sum(s.state == State.FAILED for s in standings)
    return TrialCounts(
        total=total,
        succeeded=succeeded,
        failed=failed,
        unfinished=total - succeeded - failed,
        summary=f"{succeeded + failed}/{total}",
    )


_URGENCY = (
    Reason.WAITING_FOR_IMAGE,
    Reason.CONTAINER_DYING,
    Reason.WAITING_FOR_NODES,
    Reason.RUNNING,
    Reason.STARTING,
    Reason.RETRYING,
    Reason.PENDING,
)
"""Which of several trials' standings a run shows: what somebody could act on comes first."""


def deleted_standing(run: Run, pool: str) -> Standing:
    """Return where a trial of `run` stands that was measured, and that somebody deleted since."""
    engine = next(p.spec.engine for p in run.spec.pools if p.name == pool)
    return _measured(engine, "It was measured; its SLMTrial was deleted since.")


def run_standing(trials: dict[str, Standing]) -> Standing:
    """Return where a run stands, from its trials' standings by trial name (at least one)."""
    standings = list(trials.values())
    failed = {name: s for name, s in trials.items() if s.state == State.FAILED}
    if all(s.has_ended for s in standings):
        if failed:
            return _failed(failed, len(standings))
        is_simulated = all(s.reason == Reason.SIMULATED for s in standings)
        return _measured(
            "simulated" if is_simulated else "vllm", f"All {len(standings)} trials were measured."
        )
    open_ones = [s for s in standings if not s.has_ended]
    stalled = [s for s in open_ones if s.state == State.STALLED]
    working = [s for s in open_ones if s.state == State.IN_PROGRESS]
    if stalled or not working:
        return (stalled or open_ones)[0]
    order: dict[str, int] = {reason: i for i, reason in enumerate(_URGENCY)}
    return min(working, key=lambda s: order.get(s.reason, len(order)))


def _failed(failed: dict[str, Standing], total: int) -> Standing:
    name, first = next(iter(failed.items()))
    if any(s.reason == Reason.SUPERSEDED for s in failed.values()):
        return superseded()
    return Standing(
        state=State.FAILED,
        reason=Reason.TRIALS_FAILED,
        message=f"{len(failed)} of {total} trials failed; {name}: {first.reason}: {first.message}",
    )


def run_status(
    run: Run,
    trials: dict[str, Standing],
    *,
    attempts: Sequence[Attempt],
    now: datetime,
    compared: Mapping[str, Comparison] | None = None,
    measured: Sequence[Trial] = (),
    gates: GateReport | None = None,
) -> RunStatus:
    """Return the status of `run`; its completion time, once set, stays.

    Args:
        run: the run as stored.
        trials: where its trials stand, by name.
        attempts: its RayJobs.
        now: the time of what changes.
        compared: whether its trials agree, by name; those that say nothing are not in it.
        measured: its trials as stored, whose scores are compared when it has ended.
        gates: what came of its gates; None: there are none, or it has not ended.

    """
    compared = compared or {}
    standing = gated(_with_marked(run_standing(trials), compared, run.meta.name), gates)
    generation = run.meta.generation
    completed = run.status.completion_time or timestamp(now) if standing.has_ended else None
    conditions = standing_conditions(
        run.status.conditions, standing, generation=generation, now=now
    )
    conditions = with_gates(conditions, gates, generation=generation, now=now)
    return RunStatus(
        observed_generation=generation,
        conditions=_with_comparison(
            conditions, run_comparison(compared), generation=generation, now=now
        ),
        trials=counts_of(list(trials.values())),
        attempts=list(attempts),
        comparisons=_score_comparisons(run, measured) if completed else [],
        gates=gates,
        completion_time=completed,
    )


def _score_comparisons(run: Run, measured: Sequence[Trial]) -> list[ScoreComparison]:
    """Return what is stored: once a run has ended, no score of it changes any more."""
    stored = run.status.comparisons
    return stored if run.status.completion_time and stored else score_comparisons(measured)


def _with_marked(standing: Standing, compared: Mapping[str, Comparison], run: str) -> Standing:
    """Return the standing of a run, with a word on trials that are not comparable at its end."""
    marked = marked_of(compared)
    if not marked or not standing.has_ended or standing.reason == Reason.SUPERSEDED:
        return standing
    words = f"Not comparable with the rest: {marked}; see Comparable of SLMRun {run}."
    return replace(standing, message=f"{standing.message} {words}")


def evaluation_status(
    evaluation: Evaluation,
    standing: Standing,
    *,
    shown: tuple[str, RunStatus] | None,
    last_success: RunRef | None,
    now: datetime,
    request: str | None = None,
    schedule: ScheduleStatus | None = None,
) -> EvaluationStatus:
    """Return the status of `evaluation`.

    Args:
        evaluation: as stored.
        standing: where it stands.
        shown: name and status of its newest run; None: that does not ask what it asks now.
        last_success: the newest run that succeeded.
        now: the time of what changes.
        request: what was asked by hand and is answered by the newest run.
        schedule: where the schedule stands.

    """
    run = None
    if shown is not None:
        run = RunRef(name=shown[0], completion_time=shown[1].completion_time)
    generation = evaluation.meta.generation
    conditions = standing_conditions(
        evaluation.status.conditions, standing, generation=generation, now=now
    )
    report = shown[1].gates if shown else None
    return EvaluationStatus(
        observed_generation=generation,
        conditions=with_gates(conditions, report, generation=generation, now=now),
        current_run=run,
        last_successful_run=last_success,
        trials=shown[1].trials if shown else None,
        schedule=schedule,
        last_handled_request=request,
    )
