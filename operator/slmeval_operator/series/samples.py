"""All samples of one evaluation. Pure."""

from collections.abc import Sequence

from slmeval_api.evaluation import Evaluation
from slmeval_api.run import Run
from slmeval_api.trial import Trial

from .results import Samples, result_samples
from .states import comparison_samples, evaluation_samples, lag_samples, run_samples


def samples_of(evaluation: Evaluation, runs: Sequence[Run], trials: Sequence[Trial]) -> Samples:
    """Yield everything about an evaluation, by its runs and their trials."""
    by_run = dict[str, list[Trial]]()
    for trial in trials:
        by_run.setdefault(trial.meta.owner.uid if trial.meta.owner else "", []).append(trial)
    runs = [r for r in runs if r.meta.owner and r.meta.owner.uid == evaluation.meta.uid]
    labels = (evaluation.meta.namespace or "", evaluation.meta.name)
    yield from evaluation_samples(evaluation, labels)
    yield from lag_samples(runs, labels)
    current = evaluation.status.current_run
    for run in runs:
        if current is not None and run.meta.name == current.name:
            yield from run_samples(run, by_run.get(run.meta.uid, []), labels)
    ended = [run for run in runs if run.status.completion_time and run.status.comparisons]
    if ended:
        newest = max(ended, key=lambda run: run.status.completion_time or "")
        yield from comparison_samples(newest, labels)
    rated = {w.name for w in evaluation.spec.workloads if w.rate and w.rate.requests_per_second}
    for trial in newest_good(evaluation, [t for r in runs for t in by_run.get(r.meta.uid, ())]):
        result = trial.status.result
        if result is not None and result.provenance is not None:
            place = (*labels, trial.spec.model.name, trial.spec.pool, result.provenance.engine)
            yield from result_samples(result, place, has_named_rates=rated.__contains__)


def newest_good(evaluation: Evaluation, trials: list[Trial]) -> list[Trial]:
    """Return, for each model and pool that the evaluation still names, its newest good trial."""
    wanted = {(m.name, p) for m in evaluation.spec.models for p in evaluation.spec.pools}
    best = dict[tuple[str, str], Trial]()
    for trial in trials:
        key, result = (trial.spec.model.name, trial.spec.pool), trial.status.result
        if key not in wanted or result is None or result.failure is not None:
            continue
        other = best.get(key)
        if other is None or _completed(other) < result.completed_at:
            best[key] = trial
    return list(best.values())


def _completed(trial: Trial) -> str:
    return trial.status.result.completed_at if trial.status.result else ""
