"""Measured results as gauges, read from the stored objects at every scrape.

Nothing is remembered: after a restart the same objects give the same series, a deleted evaluation
has none, and what was not measured is absent. A failed run leaves the last good figures standing;
their time stands beside them.
"""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from slmeval_api.evaluation import Evaluation
from slmeval_api.result import Quantiles, TrialResult
from slmeval_api.run import Run
from slmeval_api.trial import Trial

from .observed import instant
from .store import Store

BASE = ("namespace", "evaluation", "model", "pool", "engine")
QUANTILES = (("p50", "0.5"), ("p90", "0.9"), ("p95", "0.95"), ("p99", "0.99"))
Families = dict[str, GaugeMetricFamily]


def _families() -> Families:
    per_workload, per_task = (*BASE, "workload"), (*BASE, "task", "metric")
    kept = " Of the newest trial that succeeded; absent until one has."
    made = (
        ("requests_per_second", "Requests a second at the engine.", per_workload),
        ("tokens_per_second", "Input and output tokens a second.", per_workload),
        ("workload_seconds", "Mean seconds to serve the workload once.", per_workload),
        ("workload_variation_ratio", "Coefficient of variation of repetitions.", per_workload),
        ("latency_seconds", "Request latency at the engine.", (*per_workload, "quantile")),
        ("time_to_first_token_seconds", "Arrival to first token.", (*per_workload, "quantile")),
        (
            "time_per_output_token_seconds",
            "First to last token, an output token.",
            (*per_workload, "quantile"),
        ),
        ("score", "Score over all items, unanswered ones wrong.", per_task),
        ("score_lower_bound", "Lower end of the score's 95% interval.", per_task),
        ("score_upper_bound", "Upper end of the score's 95% interval.", per_task),
        ("score_completion_ratio", "Items whose answer parsed, of all items.", per_task),
        ("engine_start_seconds", "Start of the trial's process to engine warm.", BASE),
        ("last_success_timestamp_seconds", "When the trial's last figure was measured.", BASE),
    )
    return {
        name: GaugeMetricFamily(f"slmeval_{name}", text + kept, labels=labels)
        for name, text, labels in made
    }


class ResultCollector(Collector):
    """Collects from `store`; nothing before it is complete."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_complete = False

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the families without reading anything."""
        yield from _families().values()
        yield _trials_family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read all objects and return their series."""
        families, trials = _families(), _trials_family()
        if self.is_complete:
            self._fill(families, trials)
        yield from families.values()
        yield trials

    def _fill(self, families: Families, counts: GaugeMetricFamily) -> None:
        # What cannot be read has no series; the pass over that evaluation fails loudly.
        evaluations: list[Evaluation] = self._store.readable(Evaluation.info.plural)
        by_run = dict[str, list[Trial]]()
        for trial in self._store.readable(Trial.info.plural):
            by_run.setdefault(trial.meta.owner.uid if trial.meta.owner else "", []).append(trial)
        runs = dict[str, list[Run]]()
        for run in self._store.readable(Run.info.plural):
            runs.setdefault(run.meta.owner.uid if run.meta.owner else "", []).append(run)
        for evaluation in evaluations:
            _count(evaluation, counts)
            mine = [
                t for r in runs.get(evaluation.meta.uid, ()) for t in by_run.get(r.meta.uid, ())
            ]
            for trial in newest_good(evaluation, mine):
                _export(trial, families)


def _trials_family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "slmeval_trials",
        "Trials of the newest run, by where they stand. Absent until there is a run.",
        labels=("namespace", "evaluation", "state"),
    )


def _count(evaluation: Evaluation, family: GaugeMetricFamily) -> None:
    counts = evaluation.status.trials
    if counts is None:
        return
    place = [evaluation.meta.namespace or "", evaluation.meta.name]
    for state in ("succeeded", "failed", "unfinished"):
        family.add_metric([*place, state], getattr(counts, state))


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


def _export(trial: Trial, families: Families) -> None:
    result = trial.status.result
    if result is None or result.provenance is None:
        return
    base = [
        trial.meta.namespace or "",
        trial.spec.evaluation,
        trial.spec.model.name,
        trial.spec.pool,
        result.provenance.engine,
    ]
    when = instant(result.completed_at)
    if when is not None:
        families["last_success_timestamp_seconds"].add_metric(base, when.timestamp())
    if result.start_seconds is not None:
        families["engine_start_seconds"].add_metric(base, float(result.start_seconds.total))
    _export_workloads(result, base, families)
    _export_tasks(result, base, families)


def _export_workloads(result: TrialResult, base: list[str], families: Families) -> None:
    for workload in result.workloads:
        figures = workload.best_figures
        if figures is None:
            continue
        labels = [*base, workload.name]
        plain = {
            "requests_per_second": figures.requests_per_second,
            "tokens_per_second": figures.total_tokens_per_second,
            "workload_seconds": figures.seconds,
        }
        for name, value in plain.items():
            families[name].add_metric(labels, float(value))
        if figures.variation_percent is not None:
            ratio = float(figures.variation_percent) / 100
            families["workload_variation_ratio"].add_metric(labels, ratio)
        spread: dict[str, Quantiles | None] = {
            "latency_seconds": figures.latency_seconds,
            "time_to_first_token_seconds": figures.time_to_first_token_seconds,
            "time_per_output_token_seconds": figures.time_per_output_token_seconds,
        }
        for name, quantiles in spread.items():
            for field, label in QUANTILES if quantiles is not None else ():
                families[name].add_metric([*labels, label], float(getattr(quantiles, field)))


def _export_tasks(result: TrialResult, base: list[str], families: Families) -> None:
    for task in result.tasks:
        if task.score is None or task.metric is None:
            continue
        labels = [*base, task.name, task.metric]
        families["score"].add_metric(labels, float(task.score.value))
        families["score_lower_bound"].add_metric(labels, float(task.score.low))
        families["score_upper_bound"].add_metric(labels, float(task.score.high))
        if task.items and task.items.asked:
            share = task.items.answered / task.items.asked
            families["score_completion_ratio"].add_metric(labels, share)
