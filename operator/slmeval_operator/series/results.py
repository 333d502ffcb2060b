"""Series of what a trial measured. Pure: what was not measured yields nothing."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from slmeval_api.result import (
    LoadPoint,
    Quantiles,
    Score,
    TaskResult,
    TrialResult,
    WorkloadFigures,
    WorkloadResult,
)
from slmeval_decisions.observed import instant

QUANTILES = {"0.5": "p50", "0.95": "p95", "0.99": "p99"}
LOAD_QUANTILES = {"0.5": "p50", "0.99": "p99"}
PERCENT = 100.0


class Sample(NamedTuple):
    """A value of a family, with the values of its labels in their order."""

    family: str
    labels: tuple[str, ...]
    value: float


Samples = Iterator[Sample]


def result_samples(
    result: TrialResult, labels: tuple[str, ...], *, has_named_rates: Callable[[str], bool]
) -> Samples:
    """Yield the samples of everything that `result` holds.

    Args:
        result: of a trial.
        labels: those that every family about it begins with, the engine last.
        has_named_rates: whether the workload of that name says itself which rates are offered.

    """
    for workload in result.workloads:
        place = (*labels, workload.name)
        figures = workload.best_figures
        if figures is not None:
            yield from _speed(figures, place)
        yield from _of_the_workload(workload, place)
        for point in workload.points:
            if point.concurrency is not None or has_named_rates(workload.name):
                yield from _load(point, place)
    for task in result.tasks:
        yield from _accuracy(task, (*labels, task.name))
    if result.suite is not None:
        yield from _score("suite_score", result.suite.score, (*labels, "all"))
        yield from _score("suite_score", result.suite.held_out, (*labels, "held_out"))
    yield from _start(result, labels)


def _some(values: Mapping[str, object], labels: tuple[str, ...], *, whole: float = 1.0) -> Samples:
    """Yield those of `values`, by family, that are there: numbers, or texts of them, ÷ `whole`."""
    for family, value in values.items():
        if value is not None:
            yield Sample(family, labels, float(str(value)) / whole)


def _spread(
    family: str,
    quantiles: Quantiles | None,
    labels: tuple[str, ...],
    wanted: Mapping[str, str] = QUANTILES,
) -> Samples:
    for label, field in wanted.items() if quantiles is not None else ():
        yield Sample(family, (*labels, label), float(getattr(quantiles, field)))


def _score(family: str, score: Score | None, labels: tuple[str, ...]) -> Samples:
    if score is not None:
        yield Sample(family, labels, float(score.value))
        yield Sample(f"{family}_lower_bound", labels, float(score.low))
        yield Sample(f"{family}_upper_bound", labels, float(score.high))


def _speed(figures: WorkloadFigures, labels: tuple[str, ...]) -> Samples:
    device, engine, roofline = figures.device, figures.engine, figures.roofline
    plain = {
        "requests_per_second": figures.requests_per_second,
        "workload_seconds": figures.seconds,
        "concurrent_requests": figures.mean_concurrency,
        "preemptions": engine and engine.preemptions,
        "request_energy_joules": device and device.joules_per_request,
        "device_memory_peak_bytes": device and device.peak_memory_bytes,
    }
    yield from _some(plain, labels)
    percents = {
        "workload_variation_ratio": figures.variation_percent,
        "kv_cache_peak_ratio": engine and engine.peak_kv_cache_percent,
        "roofline_ratio": roofline and roofline.percent,
    }
    yield from _some(percents, labels, whole=PERCENT)
    by_direction = {
        "input": figures.input_tokens_per_second,
        "output": figures.output_tokens_per_second,
    }
    for direction, value in by_direction.items():
        yield Sample("tokens_per_second", (*labels, direction), float(value))
    spread = {
        "latency_seconds": figures.latency_seconds,
        "time_to_first_token_seconds": figures.time_to_first_token_seconds,
        "time_per_output_token_seconds": figures.time_per_output_token_seconds,
        "inter_token_seconds": figures.inter_token_seconds,
        "queue_seconds": figures.queue_seconds,
    }
    for family, quantiles in spread.items():
        yield from _spread(family, quantiles, labels)


def _of_the_workload(workload: WorkloadResult, labels: tuple[str, ...]) -> Samples:
    http = workload.http
    values = {
        "highest_requests_per_second": workload.highest_requests_per_second,
        "http_requests_per_second_ratio": http and http.requests_per_second_ratio,
        "http_added_latency_seconds": http and http.added_latency_seconds,
    }
    yield from _some(values, labels)


def _load(point: LoadPoint, labels: tuple[str, ...]) -> Samples:
    offered = point.offered_requests_per_second if point.concurrency is None else point.concurrency
    place = (*labels, str(offered))
    if point.figures is not None:
        rate = float(point.figures.requests_per_second)
        yield Sample("load_requests_per_second", place, rate)
        latency = point.figures.latency_seconds
        yield from _spread("load_latency_seconds", latency, place, LOAD_QUANTILES)
    attained = point.goodput and point.goodput.attained_percent
    yield from _some({"load_attained_ratio": attained}, place, whole=PERCENT)


def _accuracy(task: TaskResult, labels: tuple[str, ...]) -> Samples:
    if task.score is None or task.metric is None:
        return
    yield from _score("score", task.score, (*labels, task.metric))
    values = {"majority_score": task.majority_score, "random_score": task.random_score}
    yield from _some(values, labels)
    for metric in task.metrics:
        yield Sample("task_metric_ratio", (*labels, metric.name), float(metric.value))
    items = task.items
    if items is None:
        return
    if items.asked:
        share = items.answered / items.asked
        yield Sample("score_completion_ratio", (*labels, task.metric), share)
    outcomes = {
        "answered": items.answered,
        "unanswered": items.asked - items.answered,
        "skipped": items.skipped_too_long,
    }
    for outcome, count in outcomes.items():
        yield Sample("task_items", (*labels, outcome), float(count))


def _start(result: TrialResult, labels: tuple[str, ...]) -> Samples:
    when = instant(result.completed_at)
    start, engine = result.start_seconds, result.engine
    values = {
        "last_success_timestamp_seconds": when and when.timestamp(),
        "engine_start_seconds": start and start.total,
        "model_parameters": engine and engine.parameters,
        "model_weights_bytes": engine and engine.weights_bytes,
        "kv_cache_tokens": engine and engine.kv_cache_tokens,
    }
    yield from _some(values, labels)
    parts = start.model_dump(exclude={"total", "engine"}, exclude_none=True) if start else {}
    for part, seconds in parts.items():
        yield Sample("engine_start_part_seconds", (*labels, part), float(seconds))
