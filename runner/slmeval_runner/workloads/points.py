"""Measuring one load: warm-up, then its repetitions, each through every gate."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from slmeval_api.base import decimal_string
from slmeval_api.result import Goodput, LoadPoint, WorkloadFigures
from slmeval_api.workload import Load, Objectives

from slmeval_runner.devices.monitor import Monitor
from slmeval_runner.devices.readings import DeviceReadings
from slmeval_runner.engines.base import Engine, Pacing, Request, Served
from slmeval_runner.failures import MeasurementInvalid

from .checks import check_client, check_device, check_long_enough, check_prompts, check_served
from .figures import Card, Repetition, figures_of, goodput
from .requests import WARMUP, RequestSource

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every measurement of a trial uses."""

    engine: Engine
    monitor: Monitor
    card: Card | None
    """None: no roofline."""
    tell: Tell
    """Called with a few words between the sets, never while one is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One way of sending one load."""

    name: str
    """What the point is called in progress and messages; empty: the workload has only one."""
    requests: int
    in_flight: int | None = None
    rate: float | None = None
    """Requests a second, for an open loop."""
    objectives: Objectives | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a valid point showed."""

    figures: WorkloadFigures
    goodput: Goodput | None
    is_noisy: bool | None


def rate_text(rate: float) -> str:
    """Return requests a second as they are shown."""
    return decimal_string(rate, digits=4)


async def measure_point(
    point: Point, load: Load, source: RequestSource, bench: Bench, *, repetitions: int
) -> Measured:
    """Return the figures of `point`.

    Raises:
        MeasurementInvalid: a gate refused one of its repetitions.
        EngineFailed: the engine stopped.

    """
    done = list[Repetition]()
    warmup = await _warm_up(point, load, source, bench)
    for number in range(1, repetitions + 1):
        name = f"repetition {number}"
        where = f"{point.name}, {name}" if point.name else name
        bench.tell(f"{where} of {repetitions}")
        requests = source.take(point.requests, where)
        check_prompts(warmup, requests, where)
        done.append(await _repetition(point, load, source, bench, requests, where))
    figures = figures_of(
        done,
        card=bench.card,
        may_hit=load.allow_prefix_caching,
        is_open_loop=point.rate is not None,
    )
    variation = figures.variation_percent
    return Measured(
        figures=figures,
        goodput=goodput([r.served for r in done], point.objectives) if point.objectives else None,
        is_noisy=None if variation is None else float(variation) > load.max_variation_percent,
    )


async def _warm_up(
    point: Point, load: Load, source: RequestSource, bench: Bench
) -> Sequence[Request]:
    requests = source.take(load.warmup_requests, WARMUP) if load.warmup_requests else []
    if requests:
        bench.tell(f"{point.name}, warm-up" if point.name else "warm-up")
        await bench.engine.serve(requests, Pacing(in_flight=point.in_flight))
    return requests


async def _repetition(
    point: Point,
    load: Load,
    source: RequestSource,
    bench: Bench,
    requests: Sequence[Request],
    where: str,
) -> Repetition:
    offsets = source.arrivals(len(requests), point.rate, where) if point.rate else None
    pacing = Pacing(in_flight=point.in_flight, offsets_s=offsets)
    engine = bench.engine
    await engine.forget()
    before = await engine.counters()
    with _read(bench.monitor) as readings:
        served = await engine.serve(requests, pacing)
    hits = (await engine.counters()).prefix_cache_hits - before.prefix_cache_hits
    may_hit = load.allow_prefix_caching
    check_served(requests, served, cache_hits=hits, may_hit=may_hit, where=where)
    check_client(served, point.in_flight, where)
    check_device(readings[0], where)
    if offsets and _is_met([served], point.objectives):  # what a burst missed is missed anyway
        check_long_enough(served, offsets, where)
    return Repetition(served=served, cache_hits=hits, readings=readings[0])


def _is_met(served: Sequence[Served], objectives: Objectives | None) -> bool:
    return objectives is None or goodput(served, objectives).is_met


@contextmanager
def _read(monitor: Monitor) -> Iterator[list[DeviceReadings]]:
    """Read the devices meanwhile; the list has the one reading afterwards."""
    readings = list[DeviceReadings]()
    monitor.begin()
    try:
        yield readings
    finally:
        readings.append(monitor.end())


async def point_result(
    point: Point, load: Load, source: RequestSource, bench: Bench, *, repetitions: int
) -> LoadPoint:
    """Return the point as it is reported: figures, or the gate that refused them."""
    place = LoadPoint(
        concurrency=point.in_flight,
        offered_requests_per_second=None if point.rate is None else rate_text(point.rate),
    )
    try:
        measured = await measure_point(point, load, source, bench, repetitions=repetitions)
    except MeasurementInvalid as error:
        return place.model_copy(update={"failure": error.failure})
    return place.model_copy(
        update={
            "figures": measured.figures,
            "goodput": measured.goodput,
            "is_noisy": measured.is_noisy,
        }
    )
