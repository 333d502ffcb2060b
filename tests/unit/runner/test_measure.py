"""The kinds of workload on the simulated engine, whose clock is arithmetic: golden figures, and
every gate tripped by an engine that misbehaves in that way."""

from collections.abc import Sequence
from typing import Any

import pytest
from builders import a_load
from runner_builders import FakeClock, a_simulated_engine
from slmeval_api.result import WorkloadResult
from slmeval_api.workload import RateSearch, Workload
from slmeval_runner.devices.monitor import Monitor, NoDevice
from slmeval_runner.devices.readings import ClockEvent, DeviceReadings
from slmeval_runner.engines.base import Pacing, Request, Served
from slmeval_runner.engines.simulated import (
    DECODE_S,
    PREFILL_S,
    SLOTS,
    SimulatedEngine,
    SimulatedTokenizer,
)
from slmeval_runner.folders import Folders
from slmeval_runner.workloads.figures import Repetition, figures_of
from slmeval_runner.workloads.measure import Search, measure
from slmeval_runner.workloads.points import Bench


async def measured(
    engine: SimulatedEngine,
    kind: str = "batch",
    *,
    told: list[str] | None = None,
    monitor: Monitor | None = None,
    **load: Any,
) -> WorkloadResult:
    lines: list[str] = [] if told is None else told
    bench = Bench(engine=engine, monitor=monitor or NoDevice(), card=None, tell=lines.append)
    workload = Workload.from_json_data(a_load(kind, **load))
    return await measure(workload, bench, max_model_len=8192, seed=1, folders=Folders())


def pace_of(engine: SimulatedEngine, served: Served) -> float:
    """Return the factor of one set, from its first outcome."""
    first = served.outcomes[0]
    assert first.first_token_s is not None
    assert first.scheduled_s is not None
    return (first.first_token_s - first.scheduled_s) / (PREFILL_S * first.prompt_tokens + DECODE_S)


class TestBatch:
    async def test_reports_what_the_engine_recorded(self) -> None:
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, requests=300, repetitions=3, outputTokens=20)
        sets = engine.recorded[1:]
        assert result.figures == figures_of(
            [Repetition(served=s, cache_hits=0, readings=DeviceReadings()) for s in sets],
            card=None,
            may_hit=False,
        )
        total_s = sum(s.seconds for s in sets)
        assert float(result.figures.requests_per_second) == pytest.approx(900 / total_s, rel=1e-6)
        waits = [o.scheduled_s for s in sets for o in s.outcomes]
        assert len(set(waits)) == 6  # 256 slots: two waves in each repetition

    async def test_takes_as_long_as_the_engines_arithmetic_says(self) -> None:
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, requests=SLOTS + 1, repetitions=1, outputTokens=20)
        pace = pace_of(engine, engine.recorded[-1])
        one_s = pace * (16 * PREFILL_S + 20 * DECODE_S)
        assert result.figures is not None
        assert float(result.figures.seconds) == pytest.approx(2 * one_s, rel=1e-4)
        assert float(result.figures.latency_seconds.p50) == pytest.approx(one_s, rel=1e-4)
        assert float(result.figures.latency_seconds.p99) == pytest.approx(one_s, rel=1e-4)
        gaps = result.figures.inter_token_seconds
        assert gaps is not None
        assert gaps.n == 257 * 19
        assert float(gaps.p99) == pytest.approx(pace * DECODE_S, rel=1e-3)

    async def test_warms_up_first_and_never_measures_a_warm_up(self) -> None:
        told: list[str] = []
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, told=told, requests=4, repetitions=2, warmupRequests=3)
        assert [len(s.outcomes) for s in engine.recorded] == [3, 4, 4]
        assert told == ["warm-up", "repetition 1 of 2", "repetition 2 of 2"]
        assert result.figures is not None
        assert result.figures.latency_seconds.n == 8

    async def test_goes_without_a_warm_up_when_none_is_asked(self) -> None:
        engine = a_simulated_engine(FakeClock())
        await measured(engine, requests=4, repetitions=1, warmupRequests=0)
        assert len(engine.recorded) == 1

    async def test_gives_the_same_figures_when_asked_again(self) -> None:
        first = await measured(a_simulated_engine(FakeClock()), repetitions=3)
        assert first == await measured(a_simulated_engine(FakeClock()), repetitions=3)

    async def test_knows_no_noise_of_one_repetition(self) -> None:
        result = await measured(a_simulated_engine(FakeClock()), repetitions=1)
        assert result.is_noisy is None

    async def test_calls_repetitions_noisy_only_beyond_the_limit(self) -> None:
        steady = await measured(a_simulated_engine(FakeClock()), repetitions=3)
        assert steady.is_noisy is False
        unsteady = await measured(Unsteady(FakeClock()), repetitions=3)
        assert unsteady.is_noisy is True
        assert unsteady.figures is not None

    async def test_of_spread_lengths_says_that_they_differ(self) -> None:
        result = await measured(a_simulated_engine(FakeClock()), lengthSpreadPercent=50)
        assert (result.input_tokens, result.output_tokens) == (None, None)
        assert result.figures is not None

    async def test_sends_nothing_that_does_not_fit_the_context(self) -> None:
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, inputTokens=8000, outputTokens=200)
        assert engine.recorded == []
        assert result.failure is not None
        assert "8000 + outputTokens 200 = 8200" in result.failure.message
        assert "8192" in result.failure.message


class TestEveryGateIsTripped:
    """By an engine, a client or a card that misbehaves in just that way."""

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ("lost-request", "requests finished: the engine gave up"),
            ("wrong-tokens", "output tokens"),
            ("early-end", "ended early"),
            ("cache-hit", "prefix cache"),
            ("slow-client", "waited for its client"),
        ],
    )
    @pytest.mark.parametrize("kind", ["batch", "concurrency", "rate"])
    async def test_by_the_fault(self, kind: str, fault: str, words: str) -> None:
        engine = a_simulated_engine(FakeClock(), fault=fault)
        result = await measured(engine, kind)
        assert result.figures is None
        assert all(point.figures is None for point in result.points)
        assert result.failure is not None
        assert (result.failure.reason, result.failure.may_pass) == ("MeasurementInvalid", False)
        assert words in result.failure.message

    async def test_by_a_warm_up_that_is_measured_again(self) -> None:
        engine = a_simulated_engine(FakeClock())
        engine.tokenizer = TwoWords()
        row = {"source": "builtin://support-intents/test", "text": "text"}
        result = await measured(
            engine, inputTokens=None, prompts=row, warmupRequests=1, requests=60
        )
        assert result.failure is not None
        assert "sent as warm-up before" in result.failure.message

    async def test_by_a_card_that_is_throttled(self) -> None:
        event = ClockEvent(reason="HwThermalSlowdown", samples=9, share=0.9)
        hot = FixedMonitor(DeviceReadings(clock_events=(event,)))
        result = await measured(a_simulated_engine(FakeClock()), monitor=hot)
        assert result.failure is not None
        assert result.failure.may_pass
        assert "throttled" in result.failure.message

    async def test_by_a_burst_that_is_taken_for_a_rate(self) -> None:
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, "rate", requestsPerSecond=["1000"], outputTokens=1000)
        assert result.failure is not None
        assert "burst" in result.failure.message

    async def test_the_monitor_is_ended_when_the_engine_fails(self) -> None:
        class Broken(SimulatedEngine):
            async def serve(self, requests: Any, pacing: Any = None) -> Served:
                raise RuntimeError("gone")

        monitor = FixedMonitor(DeviceReadings())
        with pytest.raises(RuntimeError, match="gone"):
            await measured(Broken("small"), monitor=monitor, warmupRequests=0)
        assert monitor.calls == ["begin", "end"]


class TestConcurrency:
    async def test_keeps_as_many_in_flight_as_asked(self) -> None:
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, "concurrency", levels=[1, 4], requestsPerSlot=5)
        assert [(p.concurrency, p.figures and p.figures.requests) for p in result.points] == [
            (1, 15),
            (4, 60),
        ]
        for point in result.points:
            assert point.figures is not None
            assert point.concurrency is not None
            assert float(point.figures.mean_concurrency) == pytest.approx(
                point.concurrency, rel=1e-6
            )
        assert result.figures is None
        assert result.best_figures == result.points[1].figures

    async def test_measures_every_level_though_one_is_invalid(self) -> None:
        class Leaky(SimulatedEngine):
            async def serve(self, requests: Any, pacing: Pacing = Pacing()) -> Served:  # noqa: B008
                self.fault = "wrong-tokens" if pacing.in_flight == 2 else None
                return await super().serve(requests, pacing)

        clock = FakeClock()
        engine = Leaky("small", sleep=clock.sleep_async, monotonic=clock.monotonic)
        result = await measured(engine, "concurrency", levels=[1, 2, 3])
        assert [point.figures is not None for point in result.points] == [True, False, True]
        assert result.failure is not None
        assert "concurrency 2" in result.failure.message


class TestRate:
    async def test_sends_at_the_times_that_were_drawn(self) -> None:
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, "rate", requestsPerSecond=["10", "20"], requests=400)
        for point, made, rate in zip(result.points, engine.recorded[1::2], (10, 20), strict=True):
            assert point.offered_requests_per_second == str(rate)
            arrivals = [o.arrival_s - made.submitted_s for o in made.outcomes if o.arrival_s]
            assert 399 / arrivals[-1] == pytest.approx(rate, rel=0.15)
            assert point.figures is not None
            assert float(point.figures.requests_per_second) == pytest.approx(rate, rel=0.15)

    async def test_judges_each_rate_by_the_objectives(self) -> None:
        engine = a_simulated_engine(FakeClock())
        result = await measured(
            engine, "rate", requestsPerSecond=["5"], objectives={"latencySeconds": "0.000001"}
        )
        goodput = result.points[0].goodput
        assert goodput is not None
        assert (goodput.requests_per_second, goodput.is_met) == ("0", False)
        assert result.highest_requests_per_second is None

    async def test_finds_the_highest_rate_that_meets_them(self) -> None:
        """The engine has room for 256 requests of 1 to 2 s each; beyond 256/s ÷ its pace it queues.

        What the search finds must lie between rates that are known to do and to fail.
        """
        engine = a_simulated_engine(FakeClock())
        result = await measured(
            engine,
            "rate",
            requestsPerSecond=None,
            search={"lowest": "20", "resolutionPercent": 5},
            objectives={"timeToFirstTokenSeconds": "0.1", "attainmentPercent": 90},
            requests=3000,
            outputTokens=1000,
            warmupRequests=0,
        )
        assert result.failure is None
        pace = pace_of(engine, engine.recorded[0])
        capacity = SLOTS / (pace * 1000 * DECODE_S)
        found = float(result.highest_requests_per_second or "nan")
        assert 0.75 * capacity < found < 1.05 * capacity


class TestTheSearch:
    @staticmethod
    def tried(limit: float, **asked: Any) -> tuple[list[float], float | None]:
        """Return the rates tried, and the highest that met, when rates to `limit` meet."""
        search = Search(RateSearch(**asked))
        rates = list[float]()
        best: float | None = None
        rate: float | None = search.first
        while rate is not None:
            rates.append(rate)
            best = max(best or 0.0, rate) if rate <= limit else best
            rate = search.after(rate <= limit)
        return rates, best

    def test_doubles_and_then_halves_the_gap(self) -> None:
        rates, best = self.tried(10.0, lowest="1", resolution_percent=10)
        assert rates[:5] == [1, 2, 4, 8, 16]
        assert best is not None
        assert 10 / 1.1 <= best <= 10

    def test_stops_at_the_highest_that_may_be_tried(self) -> None:
        assert self.tried(1e9, lowest="1", highest="5") == ([1, 2, 4, 5], 5)

    def test_gives_up_when_the_lowest_misses(self) -> None:
        assert self.tried(0.5, lowest="1") == ([1], None)


class Unsteady(SimulatedEngine):
    """Each set takes twice the time of the one before, the requests with it."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__("small", sleep=clock.sleep_async, monotonic=clock.monotonic)

    def _served(self, requests: Sequence[Request], pacing: Pacing) -> Served:
        self._factor *= 2
        return super()._served(requests, pacing)


class TwoWords(SimulatedTokenizer):
    """Knows two words, both of which are prompts: any warm-up is measured again."""

    vocabulary = range(7, 9)

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        return [7 + len(text) % 2]


class FixedMonitor:
    """A fake of NVML's monitor: always the same readings."""

    def __init__(self, readings: DeviceReadings) -> None:
        self._readings = readings
        self.calls: list[str] = []

    def begin(self) -> None:
        self.calls.append("begin")

    def end(self) -> DeviceReadings:
        self.calls.append("end")
        return self._readings

    def close(self) -> None:
        """Do nothing."""
