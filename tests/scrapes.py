"""What Prometheus would have scraped in the month of history.py, as OpenMetrics text with times.

The series of evaluations are written by the operator's own exposition, from made-up objects; those
of the operator by its own metrics, which are told made-up passes and calls. What vLLM, Ray and the
operator's process say of themselves is made up here, under their names.
"""

import asyncio
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import history
from formula import POOLS, SIZES, speed_of
from history import BEGIN, DAY_S, END, HOUR_S, LAST_MONDAY, UNDER_WAY
from prometheus_client import CollectorRegistry, generate_latest
from slmeval_operator.metrics import OperatorMetrics
from slmeval_operator.series.exposition import Exposition
from slmeval_operator.series.families import FAMILIES
from slmeval_operator.store import Store

Json = dict[str, Any]
COARSE_S, FINE_S, FINEST_S = 3 * HOUR_S, 360, 30
"""Steps of the dashboards' month and day, and of what is live: there is a scrape at each."""
LIVE_SINCE = LAST_MONDAY - 6 * HOUR_S
JOB = {"job": "slmeval/0"}
STATE = {family.full_name for family in FAMILIES if family.group == "State"}
CALLS = (("list", "slmtrials"), ("patch", "slmruns"), ("patch", "slmtrials"), ("create", "rayjobs"))
KINDS = ("slmevaluations", "slmruns", "slmtrials", "slmpools", "rayjobs", "pods")
RESYNC_S = 300
BUCKETS = (0.05, 0.1, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
GIB = 2**30


def text() -> str:
    """Return all scrapes."""
    return "\n".join([*lines(), "# EOF", ""])


def lines() -> Iterator[str]:
    """Yield the samples, by time."""
    evaluations, operator = _Evaluations(), _Operator()
    for at, is_whole in sorted(_times().items()):
        is_changed = evaluations.move_to(at)
        yield from _timed(evaluations.lines(is_whole=is_whole), at, JOB)
        if LIVE_SINCE <= at <= LAST_MONDAY:
            yield from _timed(operator.lines(at, is_busy=is_changed), at, JOB)
            yield from _timed(_engines(at), at, {})


def _times() -> dict[float, bool]:
    """Return when was scraped, and whether figures are kept beside states: they seldom change."""
    fine = _range(LAST_MONDAY - DAY_S, LAST_MONDAY, FINE_S)
    fine += _range(LIVE_SINCE, LAST_MONDAY, FINEST_S)
    whole = [*_range(BEGIN, END, COARSE_S), UNDER_WAY]
    return dict.fromkeys(fine, False) | dict.fromkeys(whole, True)


def _range(begin: float, end: float, step: int) -> list[float]:
    return [float(at) for at in range(int(begin), int(end) + 1, step)]


def _timed(samples: Iterable[str], at: float, labels: Mapping[str, str]) -> Iterator[str]:
    """Yield lines of an exposition with further labels and a time."""
    more = ",".join(f'{name}="{value}"' for name, value in labels.items())
    for line in samples:
        if line.startswith("#"):
            continue
        if not more:
            yield f"{line} {at:.0f}"
            continue
        name, brace, rest = line.partition("{")
        if brace:
            yield f"{name}{{{more},{rest} {at:.0f}"
        else:
            name, _, value = line.partition(" ")
            yield f"{name}{{{more}}} {value} {at:.0f}"


class _Evaluations:
    """The operator's store and exposition, moved through the month."""

    def __init__(self) -> None:
        self._store = Store()
        self._exposition = Exposition(self._store)
        self._exposition.is_complete = True
        self._left = history.moments()
        self._have = dict[str, Json]()
        self._lines = list[str]()

    def move_to(self, at: float) -> bool:
        """Store what has changed until a time; return whether anything has."""
        passed = [moment for moment in self._left if moment <= at]
        if not passed:
            return False
        self._left = self._left[len(passed) :]
        for body in history.objects(passed[-1]):
            uid = body["metadata"]["uid"]
            if self._have.get(uid) != body:
                self._have[uid] = body
                self._put(body, version=str(int(at)))
        asyncio.run(self._exposition.refresh())
        self._lines = b"".join(self._exposition.parts()).decode().splitlines()
        return True

    def _put(self, body: Json, version: str) -> None:
        meta = body["metadata"] | {"resourceVersion": version}
        self._store.put(f"{body['kind'].lower()}s", body | {"metadata": meta})

    def lines(self, *, is_whole: bool) -> Iterable[str]:
        """Return what a scrape brings; unless `is_whole`, states alone."""
        if is_whole:
            return self._lines
        return [line for line in self._lines if line.partition("{")[0] in STATE]


class _Operator:
    """An operator that has been at work since before the first scrape, and was restarted once."""

    RESTARTED = LAST_MONDAY - 4.2 * HOUR_S

    def __init__(self) -> None:
        self._luck = random.Random(1)
        self._begin(LIVE_SINCE - 3 * DAY_S)

    def _begin(self, at: float) -> None:
        """Start anew: all counts begin again."""
        self._started, self._registry, self._cpu_s = at, CollectorRegistry(), 0.0
        self._metrics = OperatorMetrics(self._registry)

    def lines(self, at: float, *, is_busy: bool) -> list[str]:
        """Return what it says of itself at a time."""
        if self._started < self.RESTARTED <= at:
            self._begin(at)
        passes = 6 if is_busy else self._luck.choice((0, 0, 1))
        self._work(passes, at)
        memory = 1.1e8 + 2e6 * math.log1p(at - self._started)
        own = (
            ("cpu_seconds_total", self._cpu_s),
            ("open_fds", 21 + passes),
            ("resident_memory_bytes", memory),
            ("start_time_seconds", self._started),
        )
        told = generate_latest(self._registry).decode().splitlines()
        return [
            *(line for line in told if "_created" not in line),
            *(f"process_{name} {value}" for name, value in own),
        ]

    def _work(self, passes: int, at: float) -> None:
        metrics, luck = self._metrics, self._luck
        for _ in range(passes):
            is_failed = luck.random() < 0.03
            metrics.passes.labels("failed" if is_failed else "done").inc()
            metrics.pass_seconds.observe(luck.lognormvariate(-3.5, 0.6))
            for verb, resource in CALLS[1:]:
                status = luck.choices((200, 409, 503), (96, 3, 1))[0]
                metrics.observe_call(verb, resource, status, luck.lognormvariate(-4.5, 0.5))
        listed = at - (at - self._started) % RESYNC_S
        for place, kind in enumerate(KINDS):
            metrics.last_resync.labels(kind).set(listed - place)
            if at - listed < FINEST_S:
                metrics.observe_call("list", kind, 200, luck.lognormvariate(-3.8, 0.4))
                metrics.repairs.labels(kind).inc(luck.random() < 0.04)
        metrics.queue_depth.set(max(passes - 1, 0))
        self._cpu_s += 0.4 + 0.15 * passes


def _engines(at: float) -> Iterator[str]:
    """Yield what vLLM and Ray say of the trials that are being measured at a time."""
    for turn in history.turns(history.MONDAYS - 1):
        if not turn.begin <= at < turn.end:
            continue
        pod = f"support-desk-example-5-{turn.pool}-worker"
        run = {"namespace": "team", "evaluation": "support-desk-example", "pool": turn.pool}
        share = (at - turn.begin) / (turn.end - turn.begin)
        trial = run | {"pod": pod, "model": turn.model}
        yield from _samples(_vllm(turn, at, share), trial)
        yield from _samples(_ray(turn.pool, share), run | {"pod": pod})
        yield from _samples(
            _head(turn.pool, share), run | {"pod": f"support-desk-example-5-{turn.pool}-head"}
        )


def _samples(found: Iterable[tuple[str, float]], labels: Mapping[str, str]) -> Iterator[str]:
    more = ",".join(f'{name}="{value}"' for name, value in labels.items())
    for name, value in found:
        plain, brace, rest = name.partition("{")
        yield f"{plain}{{{more}{',' + rest if brace else '}'} {value}"


def _vllm(turn: history.Turn, at: float, share: float) -> Iterator[tuple[str, float]]:
    warm = turn.begin + 0.25 * (turn.end - turn.begin)
    if at < warm:
        return
    per_s = speed_of(turn.model, SIZES[turn.model], turn.pool)
    wave = math.sin(share * 25 + len(turn.pool))
    served = per_s * (at - warm)
    batch = 40 + 30 * wave
    yield "vllm:num_requests_running", round(batch)
    yield "vllm:num_requests_waiting", round(max(0.0, 60 * wave - 20))
    yield "vllm:kv_cache_usage_perc", min(0.98, batch / 75)
    yield "vllm:prompt_tokens_total", round(served * 1200)
    yield "vllm:generation_tokens_total", round(served * 120)
    yield "vllm:num_preemptions_total", round(served / 40) if turn.pool == "a10" else 0
    for name, median in (
        ("vllm:e2e_request_latency_seconds", 30 / per_s),
        ("vllm:time_to_first_token_seconds", 6 / per_s),
    ):
        for bound in (*BUCKETS, math.inf):
            below = 1.0 if math.isinf(bound) else 1 / (1 + (median / bound) ** 3)
            end = "+Inf" if math.isinf(bound) else str(bound)
            yield f'{name}_bucket{{le="{end}"}}', round(served * below)


def _ray(pool: str, share: float) -> Iterator[tuple[str, float]]:
    wave = math.sin(share * 40 + len(pool))
    is_measuring = share >= 0.25
    yield "ray_node_cpu_utilization", 18 + 6 * wave
    yield "ray_node_mem_used", (9 + 3 * share) * GIB
    yield "ray_node_mem_total", 32 * GIB
    yield 'ray_node_gpus_utilization{GpuIndex="0"}', 96 + 3 * wave if is_measuring else 8
    mib = POOLS[pool].memory_gib * 1024
    yield 'ray_node_gram_used{GpuIndex="0"}', mib * (0.93 if is_measuring else 0.4)


def _head(pool: str, share: float) -> Iterator[tuple[str, float]]:
    yield "ray_node_cpu_utilization", 4 + 2 * math.cos(share * 30 + len(pool))
    yield "ray_node_mem_used", (1.5 + 0.1 * len(pool)) * GIB
    yield "ray_node_mem_total", 4 * GIB
