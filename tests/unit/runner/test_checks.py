"""The validity gates, each against hand-made sets."""

from typing import Any

import pytest
from runner_builders import an_outcome, served
from slmeval_runner.devices.readings import ClockEvent, DeviceReadings
from slmeval_runner.engines.base import Outcome, Request
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.workloads.checks import (
    check_client,
    check_device,
    check_long_enough,
    check_prompts,
    check_served,
    client_share,
)


def requests(count: int = 2, first: int = 0) -> list[Request]:
    return [
        Request(prompt_token_ids=[first + n] * 16, max_tokens=4, is_exact=True)
        for n in range(count)
    ]


def checked(outcomes: list[Outcome], *, seconds: float = 5.0, **options: Any) -> None:
    facts: dict[str, Any] = {"cache_hits": 0, "may_hit": False, "where": "repetition 1", **options}
    check_served(requests(), served(outcomes, seconds), **facts)


class TestWhatWasServed:
    def test_passes_when_it_is_what_was_asked(self) -> None:
        checked([an_outcome(), an_outcome()])

    @pytest.mark.parametrize(
        ("outcomes", "words"),
        [
            ([an_outcome()], r"1 of 2 requests finished"),
            ([an_outcome(), an_outcome(is_finished=False)], r"1 of 2 requests finished"),
            ([an_outcome(), an_outcome(finish_reason="stop")], r"1 of 2 .* early.*'stop' after 4"),
            ([an_outcome(), an_outcome(prompt_tokens=17)], r"1 of 2 .* prompt .* 17 instead of 16"),
            ([an_outcome(), an_outcome(output_tokens=3)], r"1 of 2 .* output .* 3 instead of 4"),
            ([an_outcome(), an_outcome(cached_tokens=16)], r"16 prompt tokens came .* 0 are"),
            ([an_outcome(), an_outcome(first_token_s=None)], r"1 of 2 requests lack times"),
            ([an_outcome(), an_outcome(last_token_s=1.5)], r"1 of 2 .* out of order"),
            ([an_outcome(), an_outcome(scheduled_s=-1.0)], r"1 of 2 .* out of order"),
        ],
        ids=["lost", "cut", "early", "prompt", "output", "cached", "no clock", "order", "before"],
    )
    def test_is_refused(self, outcomes: list[Outcome], words: str) -> None:
        with pytest.raises(MeasurementInvalid, match=words):
            checked(outcomes)

    def test_is_refused_when_the_cache_counter_moved_though_no_request_says_so(self) -> None:
        with pytest.raises(MeasurementInvalid, match="16 prompt tokens"):
            checked([an_outcome(), an_outcome()], cache_hits=16)

    def test_may_come_from_the_cache_where_the_workload_says_so(self) -> None:
        checked([an_outcome(), an_outcome(cached_tokens=16)], cache_hits=16, may_hit=True)

    def test_is_refused_when_the_clock_stood_still(self) -> None:
        with pytest.raises(MeasurementInvalid, match="clock"):
            checked([an_outcome(), an_outcome()], seconds=0.0)


class TestWarmUpPrompts:
    def test_pass_when_they_are_others(self) -> None:
        check_prompts(requests(3), requests(3, first=3), "repetition 1")

    def test_are_refused_when_one_is_measured(self) -> None:
        with pytest.raises(MeasurementInvalid, match="1 of 3 prompts were sent as warm-up"):
            check_prompts(requests(3), requests(3, first=2), "repetition 1")


class TestTheClientsShare:
    def test_of_all_at_once_is_what_is_lost_at_both_ends(self) -> None:
        made = served([an_outcome(arrival_s=0.1, last_token_s=5.0)] * 2, 5.3)
        assert client_share(made, None) == pytest.approx((0.1 + 0.3) / 5.3)

    def test_of_a_fixed_number_is_the_slots_wait_for_the_next_request(self) -> None:
        made = served(
            [
                an_outcome(arrival_s=0.0, last_token_s=4.0),
                an_outcome(arrival_s=0.0, last_token_s=5.0),
                an_outcome(arrival_s=4.4, scheduled_s=5.0, first_token_s=6.0, last_token_s=9.0),
                an_outcome(arrival_s=5.0, scheduled_s=5.0, first_token_s=6.0, last_token_s=10.0),
            ],
            10.0,
        )
        assert client_share(made, 2) == pytest.approx(0.4 / (2 * 10.0))

    def test_of_an_open_loop_is_its_lateness_against_a_latency(self) -> None:
        made = served([an_outcome(), an_outcome()], late_s=(0.0, 0.5))
        assert client_share(made, None) == pytest.approx(0.5 / 5.0)

    def test_is_refused_beyond_its_limit(self) -> None:
        check_client(served([an_outcome()], 5.2), None, "repetition 1")
        with pytest.raises(MeasurementInvalid, match=r"waited for its client 5\.7% of the time"):
            check_client(served([an_outcome()], 5.3), None, "repetition 1")


class TestTheDevice:
    @staticmethod
    def readings(reason: str, share: float) -> DeviceReadings:
        return DeviceReadings(clock_events=(ClockEvent(reason=reason, samples=1, share=share),))

    @pytest.mark.parametrize("reason", ["HwSlowdown", "SwThermalSlowdown", "HwPowerBrakeSlowdown"])
    def test_is_refused_when_it_was_throttled(self, reason: str) -> None:
        with pytest.raises(MeasurementInvalid, match=f"throttled: {reason}") as caught:
            check_device(self.readings(reason, 0.5), "repetition 1")
        assert caught.value.failure.may_pass

    @pytest.mark.parametrize(
        "readings", [readings("SwPowerCap", 1.0), readings("HwSlowdown", 0.02), DeviceReadings()]
    )
    def test_passes_at_its_power_limit_for_a_moment_or_unknown(
        self, readings: DeviceReadings
    ) -> None:
        check_device(readings, "repetition 1")


class TestBursts:
    def test_are_refused(self) -> None:
        with pytest.raises(MeasurementInvalid, match=r"3 requests arrived within 10 s.*takes 5 s"):
            check_long_enough(served([an_outcome()] * 3), (0.0, 5.0, 10.0), "rate 1/s")

    def test_are_none_from_three_latencies_on(self) -> None:
        check_long_enough(served([an_outcome()] * 3), (0.0, 5.0, 15.0), "rate 1/s")
