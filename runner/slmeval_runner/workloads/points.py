"""Measuring one load: warm-up, then its repetitions, each through every gate."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from slmeval_api.base import decimal_string
from slmeval_api.result import Goodput, LoadPoint, WorkloadFigures
from slmeval_api.workload import Load, Objectives

from slmeval_runner.devices.monitor import Monitor, NoDevice
from slmeval_runner.devices.readings import DeviceReadings
from slmeval_runner.engines.base import Engine, Pacing, Request, Served, Server
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.serving.endpoint import Endpoint

from .checks import check_client, check_device, check_long_enough, check_prompts, check_served
from .figures import Card, Repetition, figures_of, goodput
from .requests import WARMUP, RequestSource

Tell = Callable[[str], None]


async def no_endpoint() -> Endpoint:
    """Raise MeasurementInvalid."""
    raise MeasurementInvalid(
        "the engine has no HTTP endpoint: leave workloads of the kind http out, or measure with "
        "the engine vllm"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every measurement of a trial uses."""

    engine: Engine
    monitor: Monitor
    card: Card | None
    """None: no roofline."""
    tell: Tell
    """Called with a few words between the sets, never while one is measured."""
    endpoint: Callable[[], Awaitable[Endpoint]] = no_endpoint
    """Gives the engine's endpoint. Raises MeasurementInvalid: there is none."""


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
    is_streamed: bool = True
    """False: answers come whole, and nobody knows when their first token came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a valid point showed."""

    figures: WorkloadFigures
    goodput: Goodput | None
    is_noisy: bool | None


def any_noisy(parts: Iterable[Measured | LoadPoint]) -> bool | None:
    """Return whether one of the parts of a workload is noisy; None: unknown of all."""
    known = [part.is_noisy for part in parts if part.is_noisy is not None]
    return any(known) if known else None


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
    servers = {"": bench.engine}
    (measured,) = await in_turns(point, load, source, bench, servers, repetitions=repetitions)
    return measured


async def in_turns(
    point: Point,
    load: Load,
    source: RequestSource,
    bench: Bench,
    servers: Mapping[str, Server],
    *,
    repetitions: int,
) -> list[Measured]:
    """Return the figures of `point` of each of `servers`, which get the same requests in turns.

    Args:
        point: how they are sent.
        load: what is sent.
        source: draws the requests.
        bench: what else is needed.
        servers: by what messages call each; empty: there is only one.
        repetitions: of each.

    Raises:
        MeasurementInvalid: a gate refused one of the repetitions.
        EngineFailed: the engine stopped.

    """
    done: dict[str, list[Repetition]] = {side: [] for side in servers}
    warmup = source.take(load.warmup_requests, WARMUP) if load.warmup_requests else []
    for side, server in servers.items():
        if warmup:
            bench.tell(_where(point.name, side, "warm-up"))
            await server.serve(warmup, Pacing(in_flight=point.in_flight))
    for number in range(1, repetitions + 1):
        name = f"repetition {number}"
        drawn = _where(point.name, name)
        requests = source.take(point.requests, drawn)
        check_prompts(warmup, requests, drawn)
        offsets = source.arrivals(len(requests), point.rate, drawn) if point.rate else None
        for side, server in servers.items():
            where = _where(point.name, name, side)
            bench.tell(f"{where} of {repetitions}")
            # Another server's set is longer than what it measures: its sender starts within it.
            monitor = bench.monitor if server is bench.engine else NoDevice()
            done[side].append(
                await _repetition(point, load, server, monitor, requests, offsets, where)
            )
    return [_measured(point, load, bench.card, done[side]) for side in servers]


def _where(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _measured(point: Point, load: Load, card: Card | None, done: Sequence[Repetition]) -> Measured:
    figures = figures_of(
        done,
        card=card,
        may_hit=load.allow_prefix_caching,
        is_open_loop=point.rate is not None,
    )
    variation = figures.variation_percent
    return Measured(
        figures=figures,
        goodput=goodput([r.served for r in done], point.objectives) if point.objectives else None,
        is_noisy=None if variation is None else float(variation) > load.max_variation_percent,
    )


async def _repetition(
    point: Point,
    load: Load,
    server: Server,
    monitor: Monitor,
    requests: Sequence[Request],
    offsets: tuple[float, ...] | None,
    where: str,
) -> Repetition:
    pacing = Pacing(in_flight=point.in_flight, offsets_s=offsets)
    await server.forget()
    before = await server.counters()
    with _read(monitor) as readings:
        served = await server.serve(requests, pacing)
    hits = (await server.counters()).prefix_cache_hits - before.prefix_cache_hits
    check_served(
        requests,
        served,
        cache_hits=hits,
        may_hit=load.allow_prefix_caching,
        is_streamed=point.is_streamed,
        where=where,
    )
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
