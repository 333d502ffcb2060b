"""What a measurement saw of its GPUs, and whether that makes it invalid. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

CLOCK_EVENTS = {
    0x001: "GpuIdle",
    0x002: "ApplicationsClocksSetting",
    0x004: "SwPowerCap",
    0x008: "HwSlowdown",
    0x010: "SyncBoost",
    0x020: "SwThermalSlowdown",
    0x040: "HwThermalSlowdown",
    0x080: "HwPowerBrakeSlowdown",
    0x100: "DisplayClockSetting",
    0x200: "BoardLimit",
    0x400: "Reliability",
}
"""NVML's bits, in nvml.h nvmlClocksEventReason…, before R535 nvmlClocksThrottleReason…."""

THROTTLES = {
    "HwSlowdown": "the hardware halved its clocks or worse, for heat, the power supply or a surge",
    "HwThermalSlowdown": "the hardware halved its clocks or worse, for heat: see to the cooling",
    "SwThermalSlowdown": "the driver lowered the clocks, for heat: see to the cooling",
    "HwPowerBrakeSlowdown": "the server's power supply asked for less power",
}
"""The card ran below what it can do, for a cause outside the workload.

SwPowerCap is not one: at full load a card stands at its power limit, and its neighbours do too.
HwSlowdown is NVML's word for the hardware's brakes together; NVML says that it may also show for a
moment while the performance state changes, so that its share tells more than its presence.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEvent:
    """Why clocks were not higher, or that the GPU was idle."""

    reason: str
    """NVML's name, of `CLOCK_EVENTS`; for a bit that is not there, the bit, such as `0x800`."""
    samples: int
    """In how many samples one of the GPUs or more said so, >= 1."""
    share: float
    """The same as a share of all samples, in (0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReadings:
    """One measurement's GPUs, all of the trial together. None: NVML did not give it, or not always.

    A reading that failed once is None for the whole measurement: the mean or the peak of the rest
    could miss what mattered.
    """

    samples: int | None = None
    """How often the GPUs were looked at. 0: the measurement was shorter than the interval."""
    energy_j: float | None = None
    """Joules, > 0, from the cards' own counters, read at begin and end. The counters move some ten
    times a second: below a few seconds the figure is coarse."""
    power_mean_w: float | None = None
    """Watts, mean over the samples of the sum over the GPUs. Each is the draw of its moment; for
    joules take `energy_j`, not this times the seconds."""
    power_peak_w: float | None = None
    """Watts, the largest such sum."""
    memory_peak_bytes: int | None = None
    """Bytes in use, the largest over the samples of the sum over the GPUs: by all processes, and
    with what the driver keeps for itself."""
    sm_clock_mean_mhz: float | None = None
    """MHz, over samples and GPUs."""
    sm_clock_min_mhz: int | None = None
    """MHz, the lowest of any GPU in any sample; an idle GPU lowers it too."""
    temperature_peak_c: int | None = None
    """°C, the hottest GPU in any sample."""
    clock_events: tuple[ClockEvent, ...] | None = None
    """In NVML's order of bits; empty: there was none."""
    other_processes: int | None = None
    """Processes of others that computed on the GPUs at begin or at end, the larger number.
    None wherever the process has a pid namespace of its own, as in a pod: see `processes`."""

    @property
    def is_throttled(self) -> bool | None:
        """Whether a cause outside the workload slowed a GPU; None: unknown."""
        return None if self.clock_events is None else bool(self._throttles())

    @property
    def throttled_by(self) -> str | None:
        """The same in words, for a person who looks after the node; None: not, or unknown."""
        parts = [
            f"{event.reason} in {event.samples} samples, {event.share:.1%} "
            f"({THROTTLES[event.reason]})"
            for event in self._throttles()
        ]
        return "; ".join(parts) or None

    def _throttles(self) -> list[ClockEvent]:
        return [event for event in self.clock_events or () if event.reason in THROTTLES]


def clock_events(samples: Sequence[Sequence[int]]) -> tuple[ClockEvent, ...] | None:
    """Return the share of each reason.

    Args:
        samples: of each sample the bits of each GPU.

    Returns:
        What was seen at least once, by bit; None for no samples.

    """
    if not samples:
        return None
    seen = dict[int, int]()
    for bits_of_gpus in samples:
        for bit in _bits(bits_of_gpus):
            seen[bit] = seen.get(bit, 0) + 1
    return tuple(
        ClockEvent(
            reason=CLOCK_EVENTS.get(bit, hex(bit)), samples=count, share=count / len(samples)
        )
        for bit, count in sorted(seen.items())
    )


def _bits(bits_of_gpus: Sequence[int]) -> list[int]:
    together = 0
    for bits in bits_of_gpus:
        together |= bits
    return [1 << place for place in range(together.bit_length()) if together >> place & 1]


def energy_j(before_mj: Sequence[int] | None, after_mj: Sequence[int] | None) -> float | None:
    """Return the joules between two readings of the GPUs' counters, in mJ.

    None: one is missing, or a counter went back (the driver was loaded anew) or stood still (no
    GPU draws nothing, so it is a counter that does not count).
    """
    if not before_mj or not after_mj:
        return None
    used_mj = [after - before for before, after in zip(before_mj, after_mj, strict=True)]
    return sum(used_mj) / 1_000 if min(used_mj) > 0 else None


def summed(samples: Sequence[Sequence[int]]) -> list[int]:
    """Return of each sample the sum over the GPUs."""
    return [sum(values) for values in samples]
