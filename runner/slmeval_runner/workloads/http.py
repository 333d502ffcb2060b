"""The kind `http`: sets in turns over HTTP and to the engine itself, and the difference."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slmeval_api.base import decimal_string
from slmeval_api.result import HttpComparison, Quantiles, WorkloadFigures, WorkloadResult
from slmeval_api.workload import HttpWorkload

from slmeval_runner.engines.base import AT_ONCE, Counters, Engine, Outcome, Pacing, Request, Served
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.serving import generator
from slmeval_runner.serving.endpoint import Endpoint
from slmeval_runner.serving.generator import Generated, Target

from .points import Bench, Point, any_noisy, in_turns
from .requests import RequestSource

WATCH_S = 1.0
"""From one look at the engine to the next while it is asked over HTTP."""
CPU_LIMIT = 0.9
"""Largest share of a core that the generator's busiest process may use."""


@dataclass(slots=True)
class _Front:
    """The endpoint as a server of sets: what the engine is for the other kinds."""

    engine: Engine
    endpoint: Endpoint
    target: Target
    last: Generated | None = None
    cpu_share: float | None = None
    """The largest so far."""
    hits: int = 0

    async def serve(self, requests: Sequence[Request], pacing: Pacing = AT_ONCE) -> Served:
        """Have the generator send them. Raises MeasurementInvalid if it was the bottleneck."""
        await self.endpoint.begin()
        with tempfile.TemporaryDirectory(prefix="http") as folder:
            found = await self._generated(requests, pacing, Path(folder))
        done = [outcome for outcome in found.outcomes if outcome.is_finished]
        if not done:
            raise MeasurementInvalid(
                f"none of {len(requests)} requests over HTTP was answered, the first because of: "
                f"{next(iter(found.errors), 'no reason given')}"[:1_000]
            )
        self._check_generator(found)
        self.last = found
        self.hits += sum(outcome.cached_tokens or 0 for outcome in done)
        return Served(
            outcomes=in_order(found.outcomes, requests),
            submitted_s=min(o.arrival_s for o in done if o.arrival_s is not None),
            finished_s=max(o.last_token_s for o in done if o.last_token_s is not None),
            late_s=found.late_s,
            steps=await self.endpoint.steps(found.finished),
        )

    async def _generated(
        self, requests: Sequence[Request], pacing: Pacing, folder: Path
    ) -> Generated:
        """Return what the generator says; raise EngineFailed when the engine stops meanwhile.

        Requests to an engine that was killed would never be answered.
        """
        sending = asyncio.ensure_future(
            self.endpoint.generator.generate(requests, pacing, self.target, folder)
        )
        try:
            while not sending.done():
                await asyncio.wait([sending], timeout=WATCH_S)
                await self.engine.check_running()
            return await sending
        finally:
            sending.cancel()

    def _check_generator(self, found: Generated) -> None:
        share = found.cpu_share
        if share is None:
            return
        self.cpu_share = max(share, self.cpu_share or 0.0)
        if share > CPU_LIMIT:
            raise MeasurementInvalid(
                f"the load generator used {100 * share:.0f}% of a core, at most "
                f"{100 * CPU_LIMIT:.0f}% is allowed: the figures would be the generator's; give "
                "the worker more CPUs (SLMPool workerResources.cpu), for every second one it takes "
                "another process"
            )

    async def forget(self) -> None:
        """Empty the engine's prefix cache."""
        await self.engine.forget()

    async def counters(self) -> Counters:
        """Return the cached prompt tokens that the endpoint itself has told of."""
        return Counters(prefix_cache_hits=self.hits)


def in_order(
    sorted_outcomes: Sequence[Outcome], requests: Sequence[Request]
) -> tuple[Outcome, ...]:
    """Return outcomes in the order of requests that have their lengths.

    The generator does not say whose answer an outcome is. Where all lengths are as asked, each
    request gets one of its own lengths; where one is not, some request gets one that is not.
    """
    order = sorted(range(len(requests)), key=lambda n: _length(requests[n]))
    placed = dict(zip(order, sorted_outcomes, strict=True))
    return tuple(placed[n] for n in range(len(requests)))


def _length(request: Request) -> tuple[int, int]:
    return len(request.prompt_token_ids), request.max_tokens


async def measure_http(
    load: HttpWorkload, source: RequestSource, bench: Bench, result: WorkloadResult
) -> WorkloadResult:
    """Return `result` with the figures over HTTP and, beside them, without.

    Args:
        load: what to send.
        source: draws the requests.
        bench: with an engine that was started for being shared.
        result: of the workload, without figures.

    Raises:
        MeasurementInvalid: a gate refused a set, or endpoint or generator failed.
        EngineFailed: the engine stopped.

    """
    name = generator.version()
    endpoint = await bench.endpoint()
    target = Target(url=endpoint.url, model=endpoint.model, is_streaming=load.streaming)
    front = _Front(engine=bench.engine, endpoint=endpoint, target=target)
    rate = load.requests_per_second
    point = Point(
        name="",
        requests=load.requests,
        in_flight=load.concurrency,
        rate=float(rate) if rate else None,
        is_streamed=load.streaming,
    )
    servers = {"over HTTP": front, "the engine itself": bench.engine}
    over_http, engine = await in_turns(
        point, load, source, bench, servers, repetitions=load.repetitions
    )
    last = front.last
    if last is None:
        raise RuntimeError("nothing was sent over HTTP")
    return result.model_copy(
        update={
            "repetitions": load.repetitions,
            "figures": over_http.figures,
            "is_noisy": any_noisy((over_http, engine)),
            "http": comparison(
                over_http.figures,
                engine.figures,
                generator=name,
                generator_cpu_share=front.cpu_share,
                report=last.report,
                start_s=endpoint.start_s,
            ),
        }
    )


def comparison(
    over_http: WorkloadFigures,
    engine: WorkloadFigures,
    *,
    generator: str,
    generator_cpu_share: float | None,
    report: str,
    start_s: float,
) -> HttpComparison:
    """Return what the way over HTTP costs, from the figures of both sides."""
    ratio = float(over_http.requests_per_second) / float(engine.requests_per_second)
    share = generator_cpu_share
    first = over_http.time_to_first_token_seconds, engine.time_to_first_token_seconds
    return HttpComparison(
        generator=generator,
        generator_cpu_percent=None if share is None else decimal_string(100 * share, digits=1),
        report=report,
        start_seconds=decimal_string(start_s, digits=3),
        engine=engine,
        requests_per_second_ratio=decimal_string(ratio, digits=4),
        added_latency_seconds=_added(over_http.latency_seconds, engine.latency_seconds),
        added_time_to_first_token_seconds=(
            _added(first[0], first[1]) if first[0] and first[1] else None
        ),
    )


def _added(over_http: Quantiles, engine: Quantiles) -> str:
    return decimal_string(float(over_http.p50) - float(engine.p50), digits=6)
