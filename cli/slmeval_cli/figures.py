"""An answer as flat rows: one a workload's point, one a task. Pure.

Each row has the keys of COLUMNS that were measured. A key that is absent was not measured.
"""

from collections.abc import Iterator

from slmeval_api.conditions import Condition, ConditionType, Reason, condition
from slmeval_api.result import (
    LoadPoint,
    Quantiles,
    Score,
    SuiteScores,
    TaskResult,
    TrialResult,
    WorkloadFigures,
    WorkloadResult,
)
from slmeval_api.trial import Trial

from .answer import Answer

Row = dict[str, str | int | bool]
"""Decimal strings of the API stay strings here, so that no digit is lost."""

_LABELS = ("namespace", "evaluation", "run", "model", "pool", "measure", "name", "kind")
_POINT = ("concurrency", "offered_requests_per_second")
_QUANTILES = tuple(
    f"{figure}_{quantile}_seconds"
    for figure in (
        "latency",
        "time_to_first_token",
        "time_per_output_token",
        "inter_token",
        "queue",
    )
    for quantile in ("p50", "p90", "p95", "p99")
)
_SPEED = (
    "requests",
    "repetitions",
    "seconds",
    "requests_per_second",
    "variation_percent",
    "input_tokens_per_second",
    "output_tokens_per_second",
    "total_tokens_per_second",
    "mean_concurrency",
    *_QUANTILES,
    "goodput_requests_per_second",
    "goodput_percent",
    "joules_per_request",
    "peak_memory_bytes",
    "roofline_percent",
    "added_latency_seconds",
)
_ACCURACY = (
    "metric",
    "score",
    "score_low",
    "score_high",
    "items",
    "answered",
    "score_of_answered",
    "score_of_answered_low",
    "score_of_answered_high",
    "majority_score",
    "random_score",
)
_MARKS = ("is_held_out", "is_simulated", "is_comparable", "is_noisy", "reason", "message")
COLUMNS = (*_LABELS, *_POINT, *_SPEED, *_ACCURACY, *_MARKS)
"""Every key that a row may have, in the order of `-o csv`."""
ALL_TASKS, HELD_OUT_TASKS = "all tasks", "held-out tasks"
"""Names of the rows that are means over tasks. No task can have them: they hold a blank."""


def ready(trial: Trial) -> Condition | None:
    """Return a trial's condition Ready; None: the operator has not looked at it yet."""
    return condition(trial.status.conditions, ConditionType.READY)


def is_simulated(trial: Trial) -> bool:
    """Return whether a trial's figures are invented: its engine was the simulated one."""
    result, standing = trial.status.result, ready(trial)
    by_result = result and result.provenance and result.provenance.engine == "simulated"
    return bool(by_result) or bool(standing and standing.reason == Reason.SIMULATED)


def rows_of(answer: Answer) -> list[Row]:
    """Return what each trial measured, in the order of models, pools, workloads, tasks.

    A trial that has measured nothing has one row, which says where it stands.
    """
    return [row for trial in answer.trials for row in _of_trial(answer, trial)]


def _of_trial(answer: Answer, trial: Trial) -> Iterator[Row]:
    common = _present(
        namespace=answer.name.namespace or None,
        evaluation=answer.name.name,
        run=answer.run.meta.name if answer.run else None,
        model=trial.spec.model.name,
        pool=trial.spec.pool,
    )
    marks = _present(is_simulated=is_simulated(trial), is_comparable=_is_comparable(trial))
    result = trial.status.result
    rows = [*_speed(result), *_accuracy(result)] if result else []
    yield from (common | row | marks for row in rows)
    if not rows:
        yield common | {"measure": "none"} | marks | _standing(trial)


def _is_comparable(trial: Trial) -> bool | None:
    found = condition(trial.status.conditions, ConditionType.COMPARABLE)
    return None if found is None or found.status == "Unknown" else found.status == "True"


def _standing(trial: Trial) -> Row:
    result, standing = trial.status.result, ready(trial)
    if result and result.failure:
        return {"reason": result.failure.reason, "message": result.failure.message}
    return _present(
        reason=standing.reason if standing else None,
        message=standing.message if standing else None,
    )


def _speed(result: TrialResult) -> Iterator[Row]:
    for workload in result.workloads:
        common = _present(measure="speed", name=workload.name, kind=workload.kind)
        common |= _present(repetitions=workload.repetitions)
        yield from (common | row for row in _points(workload))


def _points(workload: WorkloadResult) -> Iterator[Row]:
    if workload.figures or not workload.points:
        row = _figures(workload.figures) | _failure(workload)
        if workload.http:
            row |= _present(added_latency_seconds=workload.http.added_latency_seconds)
        yield row | _present(is_noisy=workload.is_noisy)
    for point in workload.points:
        yield (
            _present(
                concurrency=point.concurrency,
                offered_requests_per_second=point.offered_requests_per_second,
                is_noisy=point.is_noisy,
            )
            | _figures(point.figures)
            | _goodput(point)
            | _failure(point)
        )


def _goodput(point: LoadPoint) -> Row:
    if point.goodput is None:
        return {}
    return {
        "goodput_requests_per_second": point.goodput.requests_per_second,
        "goodput_percent": point.goodput.attained_percent,
    }


def _failure(part: WorkloadResult | LoadPoint | TaskResult) -> Row:
    if part.failure is None:
        return {}
    return {"reason": part.failure.reason, "message": part.failure.message}


def _figures(figures: WorkloadFigures | None) -> Row:
    if figures is None:
        return {}
    device, roofline = figures.device, figures.roofline
    row = _present(
        **{
            key: getattr(figures, key)
            for key in (
                "requests",
                "seconds",
                "requests_per_second",
                "variation_percent",
                "input_tokens_per_second",
                "output_tokens_per_second",
                "total_tokens_per_second",
                "mean_concurrency",
            )
        },
        joules_per_request=device.joules_per_request if device else None,
        peak_memory_bytes=device.peak_memory_bytes if device else None,
        roofline_percent=roofline.percent if roofline else None,
    )
    row |= _quantiles("latency", figures.latency_seconds)
    row |= _quantiles("time_to_first_token", figures.time_to_first_token_seconds)
    row |= _quantiles("time_per_output_token", figures.time_per_output_token_seconds)
    row |= _quantiles("inter_token", figures.inter_token_seconds)
    return row | _quantiles("queue", figures.queue_seconds)


def _quantiles(name: str, quantiles: Quantiles | None) -> Row:
    if quantiles is None:
        return {}
    return {f"{name}_{q}_seconds": getattr(quantiles, q) for q in ("p50", "p90", "p95", "p99")}


def _accuracy(result: TrialResult) -> Iterator[Row]:
    for task in result.tasks:
        items = task.items
        yield (
            _present(
                measure="accuracy",
                name=task.name,
                kind=task.type,
                metric=task.metric,
                items=items.asked if items else None,
                answered=items.answered if items else None,
                majority_score=task.majority_score,
                random_score=task.random_score,
                is_held_out=task.held_out,
            )
            | _score("score", task.score)
            | _score("score_of_answered", task.score_of_answered)
            | _failure(task)
        )
    if result.suite:
        yield from _suite(result.suite)


def _suite(suite: SuiteScores) -> Iterator[Row]:
    for name, score in ((ALL_TASKS, suite.score), (HELD_OUT_TASKS, suite.held_out)):
        if score is not None:
            row: Row = {"measure": "accuracy", "name": name, "kind": "suite", "items": score.n}
            yield row | _score("score", score)


def _score(name: str, score: Score | None) -> Row:
    if score is None:
        return {}
    return {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}


def _present(**values: str | int | bool | None) -> Row:
    return {key: value for key, value in values.items() if value is not None}
