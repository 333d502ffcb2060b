"""The figures of a load, from what the engine's clock said of each request. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import mean, median
from typing import NamedTuple, TypeVar

from slmeval_api.base import decimal_string
from slmeval_api.result import (
    DeviceFigures,
    EngineLoad,
    Goodput,
    Quantiles,
    Roofline,
    WorkloadFigures,
)
from slmeval_api.workload import Objectives

from slmeval_runner.devices.readings import DeviceReadings
from slmeval_runner.engines.base import CeilingFacts, ModelShape, Outcome, Served, Steps
from slmeval_runner.engines.work import count
from slmeval_runner.stats import quantiles, variation_percent

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """A set that passed every gate, and what else was read while it ran."""

    served: Served
    cache_hits: int
    readings: DeviceReadings


class Card(NamedTuple):
    """What counted work is held against."""

    shape: ModelShape
    ceilings: CeilingFacts
    gpus: int


def figures_of(
    repetitions: Sequence[Repetition],
    *,
    card: Card | None,
    may_hit: bool,
    is_open_loop: bool = False,
) -> WorkloadFigures:
    """Return the figures over all `repetitions`, at least one.

    Args:
        repetitions: of one load.
        card: what the work is held against; None: no roofline.
        may_hit: whether cached prompt tokens are allowed, and so reported.
        is_open_loop: arrivals set the time that a repetition takes, so the spread is that of the
            median latencies.

    """
    sets = [repetition.served for repetition in repetitions]
    seconds = [served.seconds for served in sets]
    total_s = sum(seconds)
    outcomes = list(chain.from_iterable(served.outcomes for served in sets))
    latencies_s = _latencies(outcomes)
    inputs = sum(outcome.prompt_tokens for outcome in outcomes)
    outputs = sum(outcome.output_tokens for outcome in outcomes)
    variation = variation_percent(_compared(sets, is_open_loop=is_open_loop))
    steps = [served.steps for served in sets if served.steps]
    return WorkloadFigures(
        requests=len(outcomes),
        seconds=decimal_string(total_s / len(seconds)),
        repetition_seconds=[decimal_string(s) for s in seconds],
        variation_percent=None if variation is None else decimal_string(variation, digits=3),
        requests_per_second=decimal_string(len(outcomes) / total_s),
        input_tokens_per_second=decimal_string(inputs / total_s, digits=3),
        output_tokens_per_second=decimal_string(outputs / total_s, digits=3),
        total_tokens_per_second=decimal_string((inputs + outputs) / total_s, digits=3),
        input_tokens=inputs,
        output_tokens=outputs,
        cached_input_tokens=sum(r.cache_hits for r in repetitions) if may_hit else None,
        mean_concurrency=decimal_string(sum(latencies_s) / total_s, digits=3),
        latency_seconds=quantiles([_latencies(s.outcomes) for s in sets]),
        time_to_first_token_seconds=_quantiles([_first_tokens(s.outcomes) for s in sets]),
        time_per_output_token_seconds=_quantiles([per_output_token(s.outcomes) for s in sets]),
        inter_token_seconds=_quantiles([s.inter_token_s for s in steps]),
        queue_seconds=_quantiles([_queues(s.outcomes) for s in sets]),
        engine=_engine_load(steps) if len(steps) == len(sets) else None,
        device=device_figures(
            [r.readings for r in repetitions], requests=len(outcomes), output_tokens=outputs
        ),
        roofline=roofline(sets, card.shape, card.ceilings, gpus=card.gpus) if card else None,
    )


def _compared(sets: Sequence[Served], *, is_open_loop: bool) -> list[float]:
    """Return one figure a repetition, whose spread is the load's."""
    if not is_open_loop:
        return [served.seconds for served in sets]
    return [median(_latencies(served.outcomes)) for served in sets]


def _spans(outcomes: Iterable[Outcome], start: str, end: str) -> list[float]:
    """Return the time between two moments of each request; empty: one of them lacks a moment."""
    moments = [(getattr(outcome, start), getattr(outcome, end)) for outcome in outcomes]
    return [] if any(None in pair for pair in moments) else [end - start for start, end in moments]


def _latencies(outcomes: Iterable[Outcome]) -> list[float]:
    return _spans(outcomes, "arrival_s", "last_token_s")


def _first_tokens(outcomes: Iterable[Outcome]) -> list[float]:
    return _spans(outcomes, "arrival_s", "first_token_s")


def _queues(outcomes: Iterable[Outcome]) -> list[float]:
    return _spans(outcomes, "arrival_s", "scheduled_s")


def per_output_token(outcomes: Sequence[Outcome]) -> list[float]:
    """Return first to last token ÷ (output tokens - 1) in seconds, of requests with two or more."""
    longer = [outcome for outcome in outcomes if outcome.output_tokens > 1]
    spans = _spans(longer, "first_token_s", "last_token_s")
    return [span / (o.output_tokens - 1) for span, o in zip(spans, longer, strict=False)]


def _quantiles(repetitions_s: Sequence[Sequence[float]]) -> Quantiles | None:
    """Return the quantiles; None: a repetition has no such times."""
    return quantiles(repetitions_s) if repetitions_s and all(repetitions_s) else None


def _engine_load(steps: Sequence[Steps]) -> EngineLoad:
    return EngineLoad(
        steps=sum(s.count for s in steps),
        peak_running=max(s.peak_running for s in steps),
        peak_waiting=max(s.peak_waiting for s in steps),
        peak_kv_cache_percent=decimal_string(100 * max(s.peak_kv_cache for s in steps), digits=3),
        preemptions=sum(s.preemptions for s in steps),
    )


def device_figures(
    readings: Sequence[DeviceReadings], *, requests: int, output_tokens: int
) -> DeviceFigures | None:
    """Return what the GPUs showed over all repetitions; None: nothing.

    A figure that one repetition lacks is absent: the others alone could miss what mattered.
    """
    energy = _sum(_all([r.energy_j for r in readings]))
    memory = _all([r.memory_peak_bytes for r in readings])
    temperature = _all([r.temperature_peak_c for r in readings])
    events = _all([r.clock_events for r in readings])
    capped = [
        next((e.share for e in seen if e.reason == "SwPowerCap"), 0.0) for seen in events or ()
    ]
    found = DeviceFigures(
        energy_joules=_text(energy, digits=1),
        joules_per_request=_text(None if energy is None else energy / requests, digits=4),
        joules_per_output_token=_text(None if energy is None else energy / output_tokens),
        mean_watts=_text(_mean(_all([r.power_mean_w for r in readings])), digits=1),
        peak_memory_bytes=max(memory) if memory else None,
        mean_sm_clock_mhz=_text(_mean(_all([r.sm_clock_mean_mhz for r in readings])), digits=0),
        peak_temperature_celsius=str(max(temperature)) if temperature else None,
        power_capped_percent=_text(100 * mean(capped) if capped else None, digits=2),
    )
    return found if found.model_dump(exclude_none=True) else None


def _all(values: Sequence[T | None]) -> list[T] | None:
    """Return the values, or None when one is missing."""
    known = [value for value in values if value is not None]
    return known if known and len(known) == len(values) else None


def _sum(values: Sequence[float] | None) -> float | None:
    return sum(values) if values else None


def _mean(values: Sequence[float] | None) -> float | None:
    return mean(values) if values else None


def _text(value: float | None, *, digits: int = 6) -> str | None:
    return None if value is None else decimal_string(value, digits=digits)


def goodput(served: Sequence[Served], objectives: Objectives) -> Goodput:
    """Return the requests of all repetitions that kept every objective."""
    outcomes = list(chain.from_iterable(s.outcomes for s in served))
    good = sum(is_good(outcome, objectives) for outcome in outcomes)
    attained = 100 * good / len(outcomes)
    return Goodput(
        requests_per_second=decimal_string(good / sum(s.seconds for s in served)),
        attained_percent=decimal_string(attained, digits=3),
        is_met=attained >= objectives.attainment_percent,
    )


def is_good(outcome: Outcome, objectives: Objectives) -> bool:
    """Return whether a request that passed the gates kept every limit."""
    unknown = [math.inf]
    limits = (
        (objectives.time_to_first_token_seconds, _first_tokens([outcome]) or unknown),
        (objectives.time_per_output_token_seconds, per_output_token([outcome])),
        (objectives.latency_seconds, _latencies([outcome]) or unknown),
    )
    return all(
        limit is None or all(value <= float(limit) for value in values) for limit, values in limits
    )


def roofline(
    sets: Sequence[Served], shape: ModelShape, ceilings: CeilingFacts, *, gpus: int
) -> Roofline | None:
    """Return counted work ÷ what the cards could have done meanwhile; None: steps are unknown.

    After Williams, Waterman and Patterson, "Roofline" (CACM 2009): the time is bound by the
    slower of computing and moving.
    """
    steps = [served.steps for served in sets if served.steps]
    if len(steps) != len(sets):
        return None
    outcomes = chain.from_iterable(served.outcomes for served in sets)
    work = count(shape, outcomes, sum(s.count for s in steps))
    seconds = sum(served.seconds for served in sets)
    compute = work.flops / (ceilings.flops_per_s * gpus * seconds)
    bandwidth = work.moved_bytes / (ceilings.bytes_per_s * gpus * seconds)
    return Roofline(
        flops=decimal_string(work.flops / 1e12, digits=3),
        bytes_moved=decimal_string(work.moved_bytes / 1e9, digits=3),
        compute_percent=decimal_string(100 * compute, digits=2),
        bandwidth_percent=decimal_string(100 * bandwidth, digits=2),
        percent=decimal_string(100 * max(compute, bandwidth), digits=2),
    )
