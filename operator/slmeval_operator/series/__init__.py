"""Evaluations as Prometheus series, read from the stored objects at every scrape.

Nothing is remembered: after a restart the same objects give the same series, a deleted evaluation
has none, and what was not measured is absent. A failed run leaves the last good figures standing;
their time stands beside them.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import StoredObject
from slmeval_api.run import Run
from slmeval_api.trial import Trial

from slmeval_operator.store import Store

from .families import FAMILIES
from .results import Samples, result_samples
from .states import comparison_samples, evaluation_samples, run_samples

Owned = TypeVar("Owned", bound=StoredObject[Any, Any])


class EvaluationCollector(Collector):
    """Collects from `store`; nothing before it is complete."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_complete = False

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the families without reading anything."""
        yield from _families().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read all objects and return their series."""
        families = _families()
        for sample in self._samples() if self.is_complete else ():
            families[sample.family].add_metric(sample.labels, sample.value)
        yield from families.values()

    def _samples(self) -> Samples:
        # What cannot be read has no series; the pass over that evaluation fails loudly.
        runs = _by_owner(self._store.readable(Run.info.plural))
        trials = _by_owner(self._store.readable(Trial.info.plural))
        for evaluation in self._store.readable(Evaluation.info.plural):
            yield from _of(evaluation, runs.get(evaluation.meta.uid, []), trials)


def _families() -> dict[str, GaugeMetricFamily]:
    return {
        one.name: GaugeMetricFamily(one.full_name, one.text, labels=one.labels) for one in FAMILIES
    }


def _by_owner(objects: list[Owned]) -> dict[str, list[Owned]]:
    found = dict[str, list[Owned]]()
    for one in objects:
        found.setdefault(one.meta.owner.uid if one.meta.owner else "", []).append(one)
    return found


def _of(evaluation: Evaluation, runs: list[Run], trials: dict[str, list[Trial]]) -> Samples:
    labels = (evaluation.meta.namespace or "", evaluation.meta.name)
    yield from evaluation_samples(evaluation, labels)
    current = evaluation.status.current_run
    for run in runs:
        if current is not None and run.meta.name == current.name:
            yield from run_samples(run, trials.get(run.meta.uid, []), labels)
    ended = [run for run in runs if run.status.completion_time and run.status.comparisons]
    if ended:
        newest = max(ended, key=lambda run: run.status.completion_time or "")
        yield from comparison_samples(newest, labels)
    rated = {w.name for w in evaluation.spec.workloads if w.rate and w.rate.requests_per_second}
    for trial in newest_good(evaluation, [t for r in runs for t in trials.get(r.meta.uid, ())]):
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
