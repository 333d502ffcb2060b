"""The batch workload: every figure against a hand-made set, and every check that refuses one."""

from typing import Any

import pytest
from runner_builders import FakeClock, a_simulated_engine, an_outcome, served, workload_of
from slmeval_api.result import WorkloadResult
from slmeval_runner.engines.base import Outcome, Served
from slmeval_runner.engines.simulated import SimulatedEngine
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.workloads import batch


def checked(outcomes: list[Outcome], *, cache_hits: int = 0, seconds: float = 5.0) -> None:
    workload = workload_of(requests=2)
    batch.check(workload.batch, served(outcomes, seconds), cache_hits=cache_hits, repetition=1)


class TestFiguresByHand:
    """Two repetitions of two requests, 16 in and 4 out, in 5 s and 3 s."""

    workload = workload_of(requests=2, repetitions=2)
    first = served([an_outcome(), an_outcome(arrival_s=1.0)], 5.0)
    second = served([an_outcome(scheduled_s=0.5, last_token_s=3.0), an_outcome()], 3.0)
    figures = batch.figures_of(workload.batch, [first, second])

    def test_seconds_are_the_mean_of_the_repetitions(self) -> None:
        assert self.figures.seconds == "4"
        assert self.figures.repetition_seconds == ["5", "3"]

    def test_variation_is_the_sample_deviation_over_the_mean(self) -> None:
        assert self.figures.variation_percent == "35.355"  # √2 ÷ 4

    def test_rates_are_sums_over_sums(self) -> None:
        assert self.figures.requests_per_second == "0.5"  # 4 requests in 8 s
        assert self.figures.input_tokens_per_second == "8"
        assert self.figures.output_tokens_per_second == "2"
        assert self.figures.total_tokens_per_second == "10"

    def test_latencies_run_from_arrival_to_the_last_token(self) -> None:
        found = self.figures.latency_seconds  # 5, 4, 3, 5
        assert (found.n, found.p50, found.p90) == (4, "4", "5")

    def test_the_first_token_counts_from_arrival_too(self) -> None:
        assert self.figures.time_to_first_token_seconds.p50 == "2"  # 2, 1, 2, 2

    def test_time_per_output_token_leaves_out_the_first(self) -> None:
        found = self.figures.time_per_output_token_seconds  # 3/3, 3/3, 1/3, 3/3
        assert found is not None
        assert found.p50 == "1"

    def test_queueing_ends_with_the_first_scheduling(self) -> None:
        found = self.figures.queue_seconds  # 1, 0, 0.5, 1
        assert found is not None
        assert (found.p50, found.p99) == ("0.5", "1")

    def test_time_per_output_token_is_absent_for_one_token(self) -> None:
        one = [an_outcome(output_tokens=1, last_token_s=2.0)] * 2
        figures = batch.figures_of(workload_of(requests=2, outputTokens=1).batch, [served(one)])
        assert figures.time_per_output_token_seconds is None

    def test_queueing_is_absent_when_the_engine_does_not_tell(self) -> None:
        silent = [an_outcome(scheduled_s=None)] * 2
        figures = batch.figures_of(workload_of(requests=2).batch, [served(silent)])
        assert figures.queue_seconds is None


class TestChecks:
    def test_let_a_sound_set_pass(self) -> None:
        checked([an_outcome(), an_outcome()])

    @pytest.mark.parametrize(
        ("outcomes", "words"),
        [
            ([an_outcome()], r"1 of 2 requests finished"),
            ([an_outcome(), an_outcome(is_finished=False)], r"1 of 2 requests finished"),
            ([an_outcome(), an_outcome(prompt_tokens=17)], r"1 of 2 .* prompt tokens .* 16 .* 17"),
            ([an_outcome(), an_outcome(output_tokens=3)], r"1 of 2 .* output tokens .* 4 .* 3"),
            ([an_outcome(), an_outcome(cached_tokens=16)], r"16 prompt tokens came .* 0 are"),
            ([an_outcome(), an_outcome(first_token_s=None)], r"1 of 2 requests lack times"),
            ([an_outcome(), an_outcome(last_token_s=1.5)], r"1 of 2 .* out of order"),
            ([an_outcome(), an_outcome(scheduled_s=-1.0)], r"1 of 2 .* out of order"),
        ],
        ids=["lost", "cut", "prompt", "output", "cached", "no clock", "order", "scheduled"],
    )
    def test_refuse(self, outcomes: list[Outcome], words: str) -> None:
        with pytest.raises(MeasurementInvalid, match=words):
            checked(outcomes)

    def test_refuse_a_cache_counter_that_moved_though_no_request_says_so(self) -> None:
        with pytest.raises(MeasurementInvalid, match="16 prompt tokens"):
            checked([an_outcome(), an_outcome()], cache_hits=16)

    def test_refuse_a_clock_that_stood_still(self) -> None:
        with pytest.raises(MeasurementInvalid, match="clock"):
            checked([an_outcome(), an_outcome()], seconds=0.0)


async def measured(
    engine: SimulatedEngine, told: list[str] | None = None, **workload: Any
) -> WorkloadResult:
    lines: list[str] = [] if told is None else told
    return await batch.measure(
        workload_of(**workload), engine, max_model_len=8192, seed=1, tell=lines.append
    )


class TestMeasuring:
    async def test_reports_what_the_engine_recorded(self) -> None:
        """Golden: the engine's own clock is arithmetic, and keeps what it did."""
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, requests=300, repetitions=3, outputTokens=20)
        repetitions = engine.recorded[1:]
        assert result.figures == batch.figures_of(
            workload_of(requests=300, repetitions=3, outputTokens=20).batch, repetitions
        )
        total_s = sum(s.seconds for s in repetitions)
        assert float(result.figures.requests_per_second) == pytest.approx(900 / total_s, rel=1e-6)
        waits = [o.scheduled_s for s in repetitions for o in s.outcomes]
        assert len(set(waits)) == 6  # 256 slots: two waves in each repetition

    async def test_warms_up_first_and_never_measures_a_warm_up(self) -> None:
        told: list[str] = []
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, told, requests=4, repetitions=2, warmupRequests=3)
        assert [len(s.outcomes) for s in engine.recorded] == [3, 4, 4]
        assert told == ["warm-up", "repetition 1 of 2", "repetition 2 of 2"]
        assert result.figures is not None
        assert result.figures.latency_seconds.n == 8

    async def test_goes_without_a_warm_up_when_none_is_asked(self) -> None:
        engine = a_simulated_engine(FakeClock())
        await measured(engine, requests=4, warmupRequests=0)
        assert len(engine.recorded) == 1

    async def test_gives_the_same_figures_when_asked_again(self) -> None:
        first = await measured(a_simulated_engine(FakeClock()), repetitions=3)
        assert first == await measured(a_simulated_engine(FakeClock()), repetitions=3)

    async def test_knows_no_noise_of_one_repetition(self) -> None:
        result = await measured(a_simulated_engine(FakeClock()), repetitions=1)
        assert result.is_noisy is None
        assert result.figures is not None
        assert result.figures.variation_percent is None

    async def test_calls_repetitions_noisy_only_beyond_the_limit(self) -> None:
        steady = await measured(a_simulated_engine(FakeClock()), repetitions=3)
        assert steady.is_noisy is False
        unsteady = await measured(UnsteadyEngine(FakeClock()), repetitions=3)
        assert unsteady.is_noisy is True
        assert unsteady.figures is not None

    @pytest.mark.parametrize(
        ("fault", "words"),
        [("wrong-tokens", "output tokens"), ("cache-hit", "prefix cache")],
    )
    async def test_has_no_figures_when_a_check_refuses(self, fault: str, words: str) -> None:
        result = await measured(a_simulated_engine(FakeClock(), fault=fault), repetitions=3)
        assert result.figures is None
        assert result.repetitions == 0
        assert result.failure is not None
        assert (result.failure.reason, result.failure.may_pass) == ("MeasurementInvalid", False)
        assert words in result.failure.message

    async def test_sends_nothing_that_does_not_fit_the_context(self) -> None:
        engine = a_simulated_engine(FakeClock())
        result = await measured(engine, inputTokens=8000, outputTokens=200)
        assert engine.recorded == []
        assert result.failure is not None
        assert "8000 + outputTokens 200 = 8200" in result.failure.message
        assert "8192" in result.failure.message


class UnsteadyEngine(SimulatedEngine):
    """Each set takes twice the time of the one before."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__("small", sleep=clock.sleep_async, monotonic=clock.monotonic)

    def _served(self, requests: Any) -> Served:
        made = super()._served(requests)
        end_s = made.submitted_s + made.seconds * 2 ** len(self.recorded)
        return Served(outcomes=made.outcomes, submitted_s=made.submitted_s, finished_s=end_s)
