"""What a monitor reads during a measurement, and what becomes of its thread. NVML is a fake."""

import json
import logging
import sys
import threading
from contextlib import closing

import pytest
from fake_nvml import (
    GPU_IS_LOST,
    NOT_SUPPORTED,
    UNKNOWN,
    FakeGpu,
    FakeNvml,
    FakeNVMLError,
)
from slmeval_runner.devices import __main__ as command
from slmeval_runner.devices.monitor import DeviceMonitor, Gauges, NoDevice, Samples, open_monitor
from slmeval_runner.devices.nvml import Nvml
from slmeval_runner.devices.readings import ClockEvent, DeviceReadings

SHORT_S = 0.001
LOGGER = "slmeval_runner.devices.monitor"


def gauges(*gpus: FakeGpu, missing: tuple[str, ...] = ()) -> Gauges:
    return Gauges(Nvml.open(FakeNvml(*gpus, missing=missing)).cards({}))


def sampled(known: Gauges, times: int = 3) -> DeviceReadings:
    """Return the readings of some samples, taken without a thread."""
    samples = Samples(known)
    for _ in range(times):
        samples.take()
    return samples.summary(energy_j=None, other_processes=None)


def monitor(library: FakeNvml) -> DeviceMonitor:
    found = open_monitor(True, library=library, environment={}, interval_s=SHORT_S)
    assert isinstance(found, DeviceMonitor)
    return found


def is_sampling() -> bool:
    return any(thread.name == "device-monitor" for thread in threading.enumerate())


class TestSamples:
    def test_of_two_gpus_are_summed_averaged_or_the_extreme(self) -> None:
        found = sampled(
            gauges(
                FakeGpu(
                    power_mw=[100_000, 300_000, 200_000],
                    used=[10, 70, 20],
                    clock_mhz=[1_000, 2_000, 1_500],
                    temperature_c=[40, 41, 42],
                    reasons=[0, 0x4, 0],
                ),
                FakeGpu(
                    power_mw=[50_000, 50_000, 350_000],
                    used=[10, 20, 60],
                    clock_mhz=[900, 1_600, 2_000],
                    temperature_c=[60, 50, 40],
                    reasons=[0, 0, 0x40],
                ),
            )
        )
        assert found == DeviceReadings(
            samples=3,
            power_mean_w=350.0,  # of 150, 350 and 550
            power_peak_w=550.0,
            memory_peak_bytes=90,  # of 20, 90 and 80
            sm_clock_mean_mhz=1_500.0,
            sm_clock_min_mhz=900,
            temperature_peak_c=60,
            clock_events=(
                ClockEvent(reason="SwPowerCap", samples=1, share=1 / 3),
                ClockEvent(reason="HwThermalSlowdown", samples=1, share=1 / 3),
            ),
        )

    def test_that_were_none_give_no_reading(self) -> None:
        assert sampled(gauges(FakeGpu()), times=0) == DeviceReadings(samples=0)

    def test_of_old_drivers_have_other_names(self) -> None:
        old = ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetCurrentClocksEventReasons")
        found = sampled(gauges(FakeGpu(temperature_c=55, reasons=0x4), missing=old))
        assert found.temperature_peak_c == 55
        assert found.clock_events == (ClockEvent(reason="SwPowerCap", samples=3, share=1.0),)


class TestAReadingThatFails:
    def test_is_absent_and_leaves_the_others(self, caplog: pytest.LogCaptureFixture) -> None:
        error = FakeNVMLError(UNKNOWN)
        found = sampled(gauges(FakeGpu(power_mw=[100_000, error, 100_000], used=5)))
        assert (found.power_mean_w, found.power_peak_w, found.memory_peak_bytes) == (None, None, 5)
        told = [(r.getMessage(), str(r.__dict__["error"])) for r in caplog.records]
        assert told == [("No readings of power", "NVML: code 999")]

    def test_on_one_gpu_is_absent_for_all(self) -> None:
        broken = FakeGpu(used=FakeNVMLError(GPU_IS_LOST))
        assert sampled(gauges(FakeGpu(used=5), broken)).memory_peak_bytes is None

    def test_is_tried_again_in_the_next_measurement(self) -> None:
        known = gauges(FakeGpu(used=[FakeNVMLError(UNKNOWN), 7]))
        assert sampled(known).memory_peak_bytes is None
        assert sampled(known).memory_peak_bytes == 7

    def test_for_good_is_told_once(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, LOGGER)
        known = gauges(FakeGpu(power_mw=FakeNVMLError(NOT_SUPPORTED)))
        assert [sampled(known).power_mean_w for _ in range(2)] == [None, None]
        assert len(caplog.records) == 1

    def test_is_absent_also_if_pynvml_has_no_such_function(self) -> None:
        class Older(FakeNvml):
            nvmlDeviceGetClockInfo = property()  # reading it raises AttributeError

        found = sampled(Gauges(Nvml.open(Older(FakeGpu())).cards({})))
        assert (found.sm_clock_mean_mhz, found.temperature_peak_c) == (None, 40)

    def test_makes_throttling_unknown_if_it_is_the_clock_events(self) -> None:
        found = sampled(gauges(FakeGpu(reasons=[0, FakeNVMLError(UNKNOWN)])))
        assert (found.clock_events, found.is_throttled) == (None, None)


class TestASlice:
    def test_has_its_memory_and_nothing_of_the_whole_card(self) -> None:
        part = FakeGpu(uuid="MIG-1", used=5, energy_mj=[1, 9], reasons=0x40)
        library = FakeNvml(FakeGpu(mig_mode=1, slices=(part,)))
        with closing(open_monitor(True, library=library, environment={})) as found:
            found.begin()
            seen = found.end()
        assert (seen.energy_j, seen.is_throttled) == (None, None)
        assert sampled(Gauges(Nvml.open(library).cards({}))) == DeviceReadings(
            samples=3, memory_peak_bytes=5
        )


class TestAMeasurement:
    def test_has_the_energy_from_begin_to_end_and_samples_between(self) -> None:
        library = FakeNvml(FakeGpu(energy_mj=[1_000, 4_000, 4_000, 9_000], used=3))
        with closing(monitor(library)) as found:
            found.begin()
            library.await_samples(3)
            first = found.end()
            found.begin()
            second = found.end()
        assert (first.energy_j, second.energy_j) == (3.0, 5.0)
        assert (first.samples or 0) >= 2
        assert first.memory_peak_bytes == 3

    def test_without_a_counter_has_no_energy(self) -> None:
        library = FakeNvml(FakeGpu(energy_mj=FakeNVMLError(NOT_SUPPORTED)))
        with closing(monitor(library)) as found:
            found.begin()
            library.await_samples(2)
            seen = found.end()
        assert (seen.energy_j, seen.power_mean_w) == (None, 100.0)

    def test_that_was_not_begun_cannot_end(self) -> None:
        with (
            closing(monitor(FakeNvml(FakeGpu()))) as found,
            pytest.raises(RuntimeError, match="not begun"),
        ):
            found.end()


class TestTheThread:
    def test_ends_with_the_measurement(self) -> None:
        with closing(monitor(FakeNvml(FakeGpu()))) as found:
            found.begin()
            assert is_sampling()
            found.end()
            assert not is_sampling()

    def test_ends_when_what_is_measured_raises(self) -> None:
        library = FakeNvml(FakeGpu())

        def measure() -> None:
            with closing(monitor(library)) as found:
                found.begin()
                raise ValueError("engine")

        with pytest.raises(ValueError, match="engine"):
            measure()
        assert not is_sampling()
        assert library.opened == 0

    def test_of_a_measurement_that_never_ended_ends_with_the_next(self) -> None:
        with closing(monitor(FakeNvml(FakeGpu(energy_mj=[0, 1_000, 3_000])))) as found:
            found.begin()
            found.begin()
            assert sum(t.name == "device-monitor" for t in threading.enumerate()) == 1
            assert found.end().energy_j == 2.0

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_that_breaks_leaves_no_reading_and_breaks_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        library = FakeNvml(FakeGpu(reasons=[0, ZeroDivisionError()]))
        with closing(monitor(library)) as found:
            found.begin()
            library.await_samples(2, since=0)
            assert found.end() == DeviceReadings()
        assert "hangs or broke" in caplog.text

    def test_is_stopped_once_more_by_a_second_close(self) -> None:
        library = FakeNvml(FakeGpu())
        found = monitor(library)
        found.close()
        found.close()
        assert library.opened == 0


class TestNothingToWatch:
    @pytest.mark.parametrize(
        ("library", "visible"),
        [
            pytest.param(FakeNvml(FakeGpu(), missing=("nvmlInit",)), "0", id="no driver"),
            pytest.param(FakeNvml(FakeGpu()), "", id="no GPU is left to the process"),
            pytest.param(FakeNvml(FakeGpu()), "GPU-unknown", id="it cannot be told which"),
        ],
    )
    def test_is_told_once_and_gives_no_reading(
        self, library: FakeNvml, visible: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        found = open_monitor(True, library=library, environment={"CUDA_VISIBLE_DEVICES": visible})
        found.begin()
        assert found.end() == DeviceReadings()
        found.close()
        assert isinstance(found, NoDevice)
        assert len(caplog.records) == 1
        assert library.opened == 0

    def test_on_a_cpu_is_not_worth_a_line(self, caplog: pytest.LogCaptureFixture) -> None:
        library = FakeNvml(FakeGpu())
        with closing(open_monitor(False, library=library)) as found:
            found.begin()
            assert found.end() == DeviceReadings()
        assert (library.calls, caplog.records) == ([], [])


class TestTheCommand:
    def test_prints_json_and_fails_where_there_is_nothing_to_watch(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", None)
        assert command.main(["--seconds", "0"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert found["readings"]["energy_j"] is None
        assert found["is_throttled"] is None
