"""Series of where evaluations, runs and trials stand. Pure."""

from collections.abc import Sequence

from slmeval_api.conditions import ConditionType, condition, is_true
from slmeval_api.evaluation import Evaluation
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_decisions.observed import instant

from .results import Sample, Samples

TOLD = (
    ConditionType.READY,
    ConditionType.STALLED,
    ConditionType.SUCCEEDED,
    ConditionType.FAILED,
    ConditionType.GATES_PASSED,
)
VERDICTS = {"True": 1.0, "False": 0.0}


def evaluation_samples(evaluation: Evaluation, labels: tuple[str, str]) -> Samples:
    """Yield the samples of an evaluation itself."""
    status = evaluation.status
    for type_ in TOLD:
        found = condition(status.conditions, type_)
        if found is not None and found.status in VERDICTS:
            place = (*labels, str(type_), found.reason)
            yield Sample("evaluation_condition", place, VERDICTS[found.status])
    yield Sample("evaluation_suspended", labels, float(evaluation.spec.suspend))
    last = status.last_successful_run
    when = last.completion_time if last else None
    yield from _time("evaluation_last_success_timestamp_seconds", when, labels)
    times = status.schedule
    if times is not None:
        yield from _time(
            "evaluation_next_schedule_timestamp_seconds", times.next_schedule_time, labels
        )
        yield from _time(
            "evaluation_last_schedule_timestamp_seconds", times.last_schedule_time, labels
        )
        yield from _time(
            "evaluation_missed_schedule_timestamp_seconds", times.last_missed_time, labels
        )
    for state in ("succeeded", "failed", "unfinished") if status.trials is not None else ():
        yield Sample("trials", (*labels, state), float(getattr(status.trials, state)))


def run_samples(run: Run, trials: Sequence[Trial], labels: tuple[str, str]) -> Samples:
    """Yield the samples of the newest run and its trials."""
    yield from _time("run_start_timestamp_seconds", run.meta.created or None, labels)
    yield from _time("run_end_timestamp_seconds", run.status.completion_time, labels)
    for verdict in run.status.gates.verdicts if run.status.gates else ():
        which = (verdict.model, verdict.pool, verdict.gate, verdict.demand)
        yield Sample("gate_outcome", (*labels, *which, verdict.outcome.lower()), 1.0)
    for pool in run.spec.pools:
        attempts = sum(attempt.pool == pool.name for attempt in run.status.attempts)
        yield Sample("run_attempts", (*labels, pool.name), float(attempts))
    has_gpus = {pool.name for pool in run.spec.pools if pool.spec.gpus is not None}
    for trial in trials:
        place = (*labels, trial.spec.model.name, trial.spec.pool)
        yield from _trial(trial, place, has_gpus=trial.spec.pool in has_gpus)


def lag_samples(runs: Sequence[Run], labels: tuple[str, str]) -> Samples:
    """Yield how late the newest run was that the schedule started."""
    scheduled = [run for run in runs if run.spec.trigger.reason == "Scheduled"]
    newest = max(scheduled, key=lambda run: run.spec.number, default=None)
    if newest is None:
        return
    meant, made = instant(newest.spec.trigger.scheduled_time), instant(newest.meta.created or None)
    if meant is not None and made is not None:
        yield Sample("evaluation_schedule_lag_seconds", labels, (made - meant).total_seconds())


def comparison_samples(run: Run, labels: tuple[str, str]) -> Samples:
    """Yield how far models are apart over all tasks, of a run that has ended."""
    for one in run.status.comparisons:
        if one.task is not None:
            continue
        place = (*labels, one.pool, one.model, one.against)
        yield Sample("score_difference", place, float(one.difference))
        yield Sample("score_difference_lower_bound", place, float(one.low))
        yield Sample("score_difference_upper_bound", place, float(one.high))
        yield Sample("score_tied", place, float(one.is_tied))


def _trial(trial: Trial, labels: tuple[str, ...], *, has_gpus: bool) -> Samples:
    status = trial.status
    ready = condition(status.conditions, ConditionType.READY)
    state = _state(trial)
    yield Sample("trial_state", (*labels, state, ready.reason if ready else "Pending"), 1.0)
    yield from _time("trial_created_timestamp_seconds", trial.meta.created or None, labels)
    progress, result = status.progress, status.result
    if state == "running" and progress is not None:
        place = (*labels, progress.stage)
        yield from _time("trial_progress_timestamp_seconds", progress.updated_at, place)
    if result is None or not has_gpus:
        return
    begun, ended = instant(result.started_at), instant(result.completed_at)
    if begun is not None and ended is not None:
        gpus = trial.spec.model.engine.tensor_parallel_size
        yield Sample("trial_gpu_seconds", labels, gpus * (ended - begun).total_seconds())


def _state(trial: Trial) -> str:
    if is_true(trial.status.conditions, ConditionType.SUCCEEDED):
        return "succeeded"
    if is_true(trial.status.conditions, ConditionType.FAILED):
        return "failed"
    progress = trial.status.progress
    return "running" if progress is not None and progress.stage != "Queued" else "pending"


def _time(family: str, text: str | None, labels: tuple[str, ...]) -> Samples:
    when = instant(text)
    if when is not None:
        yield Sample(family, labels, when.timestamp())
