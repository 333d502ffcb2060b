"""What samples say: shares of clock events, throttling, energy."""

import pytest
from slmeval_runner.devices import nvml
from slmeval_runner.devices.readings import (
    CLOCK_EVENTS,
    THROTTLES,
    ClockEvent,
    DeviceReadings,
    clock_events,
    energy_j,
)

IDLE, POWER_CAP, HW, SW_HEAT, HW_HEAT, BRAKE = 0x1, 0x4, 0x8, 0x20, 0x40, 0x80


def readings(*samples: tuple[int, ...]) -> DeviceReadings:
    return DeviceReadings(samples=len(samples), clock_events=clock_events(samples))


class TestAClockEvent:
    def test_counts_the_samples_in_which_any_gpu_had_it(self) -> None:
        found = clock_events(
            [(POWER_CAP, 0), (0, POWER_CAP | IDLE), (POWER_CAP, POWER_CAP), (0, 0)]
        )
        assert found == (
            ClockEvent(reason="GpuIdle", samples=1, share=0.25),
            ClockEvent(reason="SwPowerCap", samples=3, share=0.75),
        )

    def test_that_is_new_is_told_by_its_bit(self) -> None:
        assert clock_events([(0x800,)]) == (ClockEvent(reason="0x800", samples=1, share=1.0),)

    def test_that_never_was_differs_from_unknown(self) -> None:
        assert clock_events([(0,)]) == ()
        assert clock_events([]) is None


class TestThrottling:
    @pytest.mark.parametrize("bit", [HW, SW_HEAT, HW_HEAT, BRAKE])
    def test_is_what_slows_a_card_from_outside(self, bit: int) -> None:
        found = readings((0,), (bit | POWER_CAP,))
        assert found.is_throttled is True
        assert (found.throttled_by or "").startswith(f"{CLOCK_EVENTS[bit]} in 1 samples, 50.0% (")

    @pytest.mark.parametrize(
        "bit", [b for b, name in CLOCK_EVENTS.items() if name not in THROTTLES]
    )
    def test_is_not_what_full_load_or_a_setting_does(self, bit: int) -> None:
        found = readings((bit,))
        assert (found.is_throttled, found.throttled_by) == (False, None)

    def test_names_every_cause(self) -> None:
        text = readings((HW | HW_HEAT,)).throttled_by or ""
        assert [name for name in THROTTLES if name in text] == ["HwSlowdown", "HwThermalSlowdown"]

    def test_is_unknown_without_clock_events(self) -> None:
        assert (DeviceReadings().is_throttled, DeviceReadings().throttled_by) == (None, None)


class TestEnergy:
    def test_is_the_sum_of_the_counters_differences(self) -> None:
        assert energy_j((1_000, 5_000), (3_500, 5_750)) == 3.25

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param((9_000, 1), (10, 2), id="a counter went back"),
            pytest.param((9_000, 1), (9_000, 2), id="a counter stood still"),
            pytest.param(None, (10,), id="none at begin"),
            pytest.param((10,), None, id="none at end"),
        ],
    )
    def test_is_absent_when(
        self, before: tuple[int, ...] | None, after: tuple[int, ...] | None
    ) -> None:
        assert energy_j(before, after) is None


class TestNumbersOfNvml:
    """Against NVIDIA's own module: the one place where no fake stands in."""

    def test_of_clock_events_are_those_of_nvidias_module(self) -> None:
        pynvml = pytest.importorskip("pynvml")
        for bit, name in CLOCK_EVENTS.items():
            names = (f"nvmlClocksEventReason{name}", f"nvmlClocksThrottleReason{name}")
            assert {getattr(pynvml, one) for one in names if hasattr(pynvml, one)} == {bit}

    def test_of_calls_are_those_of_nvidias_module(self) -> None:
        pynvml = pytest.importorskip("pynvml")
        assert (nvml.CLOCK_SM, nvml.TEMPERATURE_GPU, nvml.FIELD_POWER_INSTANT) == (
            pynvml.NVML_CLOCK_SM,
            pynvml.NVML_TEMPERATURE_GPU,
            pynvml.NVML_FI_DEV_POWER_INSTANT,
        )
        assert (nvml.MIG_ENABLED, nvml.NOT_SUPPORTED, nvml.NOT_FOUND, nvml.FUNCTION_NOT_FOUND) == (
            pynvml.NVML_DEVICE_MIG_ENABLE,
            pynvml.NVML_ERROR_NOT_SUPPORTED,
            pynvml.NVML_ERROR_NOT_FOUND,
            pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        )

    def test_the_fake_has_no_function_that_nvidias_module_lacks(self) -> None:
        pynvml = pytest.importorskip("pynvml")
        from fake_nvml import FakeNvml

        names = [name for name in vars(FakeNvml) if name.startswith("nvml")]
        assert [name for name in names if not hasattr(pynvml, name)] == []
