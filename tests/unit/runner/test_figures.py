"""Every figure of a load against hand-made sets: known send times, known tokens."""

from dataclasses import replace
from typing import Any

import pytest
from runner_builders import an_outcome, served, steps_of
from slmeval_api.result import WorkloadFigures
from slmeval_api.workload import Objectives
from slmeval_runner.devices.readings import ClockEvent, DeviceReadings
from slmeval_runner.engines.base import CeilingFacts, ModelShape, Served
from slmeval_runner.engines.work import count
from slmeval_runner.workloads.figures import Card, Repetition, figures_of, goodput


def figures(
    *sets: Served,
    readings: DeviceReadings | None = None,
    card: Card | None = None,
    **options: Any,
) -> WorkloadFigures:
    found = readings or DeviceReadings()
    repetitions = [Repetition(served=s, cache_hits=8, readings=found) for s in sets]
    return figures_of(repetitions, card=card, may_hit=options.pop("may_hit", False), **options)


class TestFiguresByHand:
    """Two repetitions of two requests, 16 in and 4 out, in 5 s and 3 s."""

    first = served([an_outcome(), an_outcome(arrival_s=1.0)], 5.0)
    second = served([an_outcome(scheduled_s=0.5, last_token_s=3.0), an_outcome()], 3.0)
    figures = figures(first, second)

    def test_seconds_are_the_mean_of_the_repetitions(self) -> None:
        assert self.figures.seconds == "4"
        assert self.figures.repetition_seconds == ["5", "3"]

    def test_variation_is_the_sample_deviation_over_the_mean(self) -> None:
        assert self.figures.variation_percent == "35.355"  # √2 ÷ 4

    def test_variation_of_an_open_loop_is_that_of_its_median_latencies(self) -> None:
        assert figures(self.first, self.second, is_open_loop=True).variation_percent == (
            "8.319"  # medians 4.5 and 4
        )

    def test_rates_are_sums_over_sums(self) -> None:
        assert self.figures.requests == 4
        assert self.figures.requests_per_second == "0.5"  # 4 requests in 8 s
        assert self.figures.input_tokens_per_second == "8"
        assert self.figures.output_tokens_per_second == "2"
        assert self.figures.total_tokens_per_second == "10"
        assert (self.figures.input_tokens, self.figures.output_tokens) == (64, 16)

    def test_concurrency_is_littles(self) -> None:
        assert self.figures.mean_concurrency == "2.125"  # latencies 5, 4, 3, 5 in 8 s

    def test_latencies_run_from_arrival_to_the_last_token(self) -> None:
        found = self.figures.latency_seconds  # 5, 4, 3, 5
        assert (found.n, found.p50, found.p90) == (4, "4", "5")

    def test_the_first_token_counts_from_arrival_too(self) -> None:
        found = self.figures.time_to_first_token_seconds  # 2, 1, 2, 2
        assert found is not None
        assert found.p50 == "2"

    def test_time_per_output_token_leaves_out_the_first(self) -> None:
        found = self.figures.time_per_output_token_seconds  # 3/3, 3/3, 1/3, 3/3
        assert found is not None
        assert found.p50 == "1"

    def test_queueing_ends_with_the_first_scheduling(self) -> None:
        found = self.figures.queue_seconds  # 1, 0, 0.5, 1
        assert found is not None
        assert (found.p50, found.p99) == ("0.5", "1")

    def test_time_per_output_token_is_absent_for_one_token(self) -> None:
        one = served([an_outcome(output_tokens=1, last_token_s=2.0)] * 2)
        assert figures(one).time_per_output_token_seconds is None

    def test_what_the_engine_does_not_tell_is_absent(self) -> None:
        silent = figures(served([an_outcome(scheduled_s=None)] * 2))
        assert silent.queue_seconds is None
        assert silent.engine is None
        assert silent.inter_token_seconds is None
        assert silent.device is None
        assert silent.roofline is None

    def test_cached_tokens_are_told_only_where_they_are_allowed(self) -> None:
        assert self.figures.cached_input_tokens is None
        assert figures(self.first, self.second, may_hit=True).cached_input_tokens == 16


class TestTheEnginesSteps:
    steps = steps_of(
        count=7, inter_token_s=[0.1, 0.2, 0.3], peak_running=2, peak_waiting=1,
        peak_kv_cache=0.25, preemptions=1,
    )  # fmt: skip
    more = steps_of(count=3, inter_token_s=[0.4], peak_running=3, peak_kv_cache=0.125)
    found = figures(served([an_outcome()], steps=steps), served([an_outcome()], steps=more))

    def test_add_up_or_show_their_peaks(self) -> None:
        load = self.found.engine
        assert load is not None
        assert (load.steps, load.preemptions) == (10, 1)
        assert (load.peak_running, load.peak_waiting, load.peak_kv_cache_percent) == (3, 1, "25")

    def test_give_the_gaps_between_tokens(self) -> None:
        gaps = self.found.inter_token_seconds
        assert gaps is not None
        assert (gaps.n, gaps.p50, gaps.p99) == (4, "0.2", "0.4")


class TestTheDevices:
    readings = DeviceReadings(
        energy_j=100.0, power_mean_w=250.0, memory_peak_bytes=5, sm_clock_mean_mhz=1500.4,
        temperature_peak_c=61,
        clock_events=(ClockEvent(reason="SwPowerCap", samples=1, share=0.5),),
    )  # fmt: skip

    def test_energy_is_over_all_repetitions(self) -> None:
        one = served([an_outcome(), an_outcome()])
        found = figures(one, one, readings=self.readings).device
        assert found is not None
        assert (found.energy_joules, found.joules_per_request) == ("200", "50")
        assert found.joules_per_output_token == "12.5"
        assert (found.mean_watts, found.peak_memory_bytes) == ("250", 5)
        assert (found.mean_sm_clock_mhz, found.peak_temperature_celsius) == ("1500", "61")
        assert found.power_capped_percent == "50"

    def test_what_one_repetition_lacks_is_absent(self) -> None:
        parts = [
            Repetition(served=served([an_outcome()]), cache_hits=0, readings=readings)
            for readings in (self.readings, DeviceReadings(power_mean_w=250.0))
        ]
        found = figures_of(parts, card=None, may_hit=False).device
        assert found is not None
        assert found.energy_joules is None
        assert found.mean_watts == "250"


SHAPE = ModelShape(
    layers=2, attention_heads=4, key_value_heads=2, head_size=8, embedding_parameters=1000,
    parameters=5000, has_own_output_layer=True, weight_bytes=10_000, kv_bytes_each=2,
)  # fmt: skip


class TestCountedWork:
    """One request of 3 in and 2 out: positions 1, 2, 3 and 4 are put in, the last token is not."""

    outcome = an_outcome(prompt_tokens=3, output_tokens=2)

    def test_flops_are_those_of_layers_output_and_attention(self) -> None:
        body = 2 * 3000 * 4  # 5,000 weights without embedding and output layer
        output = 2 * 1000 * 2
        attention = 4 * 2 * (4 * 8) * (1 + 2 + 3 + 4)
        assert count(SHAPE, [self.outcome], steps=2).flops == body + output + attention

    def test_bytes_are_those_of_weights_and_cache(self) -> None:
        weights = 2 * 4000 * 2  # two steps read the layers and the output layer, 2 bytes each
        each = 2 * 2 * 2 * 8 * 2
        written, read = 4, 3 + 1  # the second token reads 3 prompt tokens and the first answer's
        assert count(SHAPE, [self.outcome], steps=2).moved_bytes == weights + each * (
            written + read
        )

    def test_shared_embeddings_are_in_the_output_layer_only(self) -> None:
        shared = replace(SHAPE, has_own_output_layer=False)
        more = count(shared, [self.outcome], 2).flops - count(SHAPE, [self.outcome], 2).flops
        assert more == 2 * 1000 * 4  # one table less to take from 5,000

    def test_cached_tokens_cost_nothing(self) -> None:
        cached = an_outcome(prompt_tokens=3, output_tokens=2, cached_tokens=2)
        less = count(SHAPE, [self.outcome], 2).flops - count(SHAPE, [cached], 2).flops
        assert less == 2 * 3000 * 2 + 4 * 2 * 32 * (1 + 2)

    def test_is_held_against_what_the_card_was_measured_to_do(self) -> None:
        work = count(SHAPE, [self.outcome], 2)
        ceilings = CeilingFacts(flops_per_s=work.flops / 2, bytes_per_s=work.moved_bytes)
        made = served([self.outcome], 4.0, steps=steps_of(count=2))
        found = figures(made, card=Card(SHAPE, ceilings, gpus=1)).roofline
        assert found is not None
        assert (found.compute_percent, found.bandwidth_percent, found.percent) == ("50", "25", "50")

    def test_is_spread_over_the_gpus(self) -> None:
        work = count(SHAPE, [self.outcome], 2)
        ceilings = CeilingFacts(flops_per_s=work.flops, bytes_per_s=work.moved_bytes)
        made = served([self.outcome], 1.0, steps=steps_of(count=2))
        found = figures(made, card=Card(SHAPE, ceilings, gpus=2)).roofline
        assert found is not None
        assert found.percent == "50"


class TestGoodput:
    made = served([an_outcome(), an_outcome(first_token_s=3.0), an_outcome(last_token_s=6.0)], 6.0)

    @pytest.mark.parametrize(
        ("limits", "rate", "attained"),
        [
            ({"time_to_first_token_seconds": "2"}, "0.333333", "66.667"),
            ({"time_per_output_token_seconds": "1"}, "0.333333", "66.667"),  # 1, 2/3, 4/3
            ({"latency_seconds": "6"}, "0.5", "100"),
            ({"time_to_first_token_seconds": "2", "latency_seconds": "5"}, "0.166667", "33.333"),
        ],
    )
    def test_counts_what_kept_every_limit(
        self, limits: dict[str, Any], rate: str, attained: str
    ) -> None:
        found = goodput([self.made], Objectives(**limits))
        assert (found.requests_per_second, found.attained_percent) == (rate, attained)

    def test_is_met_from_the_share_that_was_asked(self) -> None:
        for share, is_met in ((66, True), (67, False)):
            asked = Objectives(time_to_first_token_seconds="2", attainment_percent=share)
            assert goodput([self.made], asked).is_met is is_met

    def test_an_answer_of_one_token_has_no_time_per_token_to_miss(self) -> None:
        one = served([an_outcome(output_tokens=1, last_token_s=2.0)])
        assert goodput([one], Objectives(time_per_output_token_seconds="0.001")).is_met
