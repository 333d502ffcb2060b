"""The kinds of workload: which points each one measures, and in which order."""

import math
from collections.abc import AsyncIterator, Sequence

from slmeval_api.result import Failure, LoadPoint, WorkloadResult
from slmeval_api.workload import (
    MAX_POINTS,
    BatchWorkload,
    ConcurrencyWorkload,
    HttpWorkload,
    RateSearch,
    RateWorkload,
    Workload,
)

from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.folders import Folders

from .http import measure_http
from .points import Bench, Point, any_noisy, measure_point, point_result, rate_text
from .requests import RequestSource


async def measure(
    workload: Workload, bench: Bench, *, max_model_len: int, seed: int, folders: Folders
) -> WorkloadResult:
    """Return the workload's figures, or the check that refused them.

    Args:
        workload: what to send.
        bench: its engine runs, and serves nothing else meanwhile.
        max_model_len: the engine's context in tokens.
        seed: draws prompts, lengths and arrivals.
        folders: where prompts of the user's own are found.

    Raises:
        EngineFailed: the engine stopped.

    """
    load = workload.load
    result = WorkloadResult(
        name=workload.name,
        kind=workload.kind,
        input_tokens=load.input_tokens,
        output_tokens=load.output_tokens,
        repetitions=0,
    )
    try:
        source = RequestSource(
            load,
            bench.engine.tokenizer,
            seed=seed,
            workload=workload.name,
            max_model_len=max_model_len,
            folders=folders,
        )
        inputs, outputs = source.lengths
        result = result.model_copy(update={"input_tokens": inputs, "output_tokens": outputs})
        if isinstance(load, BatchWorkload):
            return await _batch(load, source, bench, result)
        if isinstance(load, HttpWorkload):
            return await measure_http(load, source, bench, result)
    except MeasurementInvalid as error:
        return result.model_copy(update={"failure": error.failure})
    if isinstance(load, ConcurrencyWorkload):
        points = [p async for p in _levels(load, source, bench)]
    elif isinstance(load, RateWorkload):
        points = [p async for p in _rates(load, source, bench)]
    else:
        raise TypeError(f"no way to measure a {type(load).__name__}")
    return _of_points(result, points, load.repetitions)


async def _batch(
    batch: BatchWorkload, source: RequestSource, bench: Bench, result: WorkloadResult
) -> WorkloadResult:
    point = Point(name="", requests=batch.requests)
    measured = await measure_point(point, batch, source, bench, repetitions=batch.repetitions)
    return result.model_copy(
        update={
            "repetitions": batch.repetitions,
            "figures": measured.figures,
            "is_noisy": measured.is_noisy,
        }
    )


async def _levels(
    load: ConcurrencyWorkload, source: RequestSource, bench: Bench
) -> AsyncIterator[LoadPoint]:
    for level in load.levels:
        requests = level * load.requests_per_slot
        point = Point(name=f"concurrency {level}", requests=requests, in_flight=level)
        yield await point_result(point, load, source, bench, repetitions=load.repetitions)


async def _rates(
    load: RateWorkload, source: RequestSource, bench: Bench
) -> AsyncIterator[LoadPoint]:
    """Measure the rates that are named, or those that the search comes by."""
    search = Search(load.search) if load.search else None
    named = [float(rate) for rate in load.requests_per_second or ()]
    rate = search.first if search else named.pop(0)
    for _ in range(MAX_POINTS):
        text = rate_text(rate)
        point = Point(
            name=f"rate {text}/s", requests=load.requests, rate=rate, objectives=load.objectives
        )
        measured = await point_result(point, load, source, bench, repetitions=load.repetitions)
        yield measured
        if search:
            found = None if measured.goodput is None else search.after(measured.goodput.is_met)
        else:
            found = named.pop(0) if named else None
        if found is None:
            return
        rate = found


class Search:
    """Looks for the highest rate that meets the objectives: doubles, then halves the gap.

    The gap is halved on a logarithmic scale. Pure.
    """

    def __init__(self, asked: RateSearch) -> None:
        self.first = float(asked.lowest)
        self._highest = float(asked.highest) if asked.highest else float("inf")
        self._resolution = 1 + asked.resolution_percent / 100
        self._rate = self.first
        self._met: float | None = None
        self._missed: float | None = None

    def after(self, is_met: bool) -> float | None:
        """Return the next rate, now that the last one met the objectives or not; None: the end."""
        if is_met:
            self._met = self._rate
        else:
            self._missed = self._rate
        following = self._following()
        if following is not None:
            self._rate = following
        return following

    def _following(self) -> float | None:
        if self._met is None:
            return None  # even the lowest missed: there is nothing to look for
        if self._missed is None:
            return None if self._met >= self._highest else min(2 * self._met, self._highest)
        if self._missed / self._met <= self._resolution:
            return None
        return math.sqrt(self._met * self._missed)


def _of_points(
    result: WorkloadResult, points: Sequence[LoadPoint], repetitions: int
) -> WorkloadResult:
    """Return the result that `points` make together; the first failure stands for it."""
    met = [
        float(point.offered_requests_per_second)
        for point in points
        if point.offered_requests_per_second and point.goodput and point.goodput.is_met
    ]
    return result.model_copy(
        update={
            "repetitions": repetitions,
            "points": list(points),
            "is_noisy": any_noisy(points),
            "highest_requests_per_second": rate_text(max(met)) if met else None,
            "failure": _first_failure(points),
        }
    )


def _first_failure(points: Sequence[LoadPoint]) -> Failure | None:
    return next((point.failure for point in points if point.failure), None)
