"""Watches the GPUs of this process while something is measured."""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Protocol

from . import readings
from .nvml import Card, Library, Nvml, Reading, Unreadable
from .processes import other_processes
from .readings import DeviceReadings

log = logging.getLogger(__name__)

INTERVAL_S = 0.1
JOIN_LIMIT_S = 5.0
"""Seconds that `end` waits for a sample under way: NVML's calls take milliseconds, unless the GPU
has fallen off the bus."""

SAMPLED = (
    Reading.POWER_MW,
    Reading.MEMORY_USED_BYTES,
    Reading.SM_CLOCK_MHZ,
    Reading.TEMPERATURE_C,
    Reading.CLOCK_EVENTS,
)


class Monitor(Protocol):
    """Watches one measurement after the other: begin, end, begin, end, close."""

    def begin(self) -> None:
        """Start to watch; a measurement that was begun and not ended is forgotten."""

    def end(self) -> DeviceReadings:
        """Stop, and return what was seen since `begin`."""

    def close(self) -> None:
        """Let go of everything, also amid a measurement; may be called again."""


class NoDevice:
    """The monitor where there is nothing to watch: every reading is None."""

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> DeviceReadings:
        """Return readings that are all None."""
        return DeviceReadings()

    def close(self) -> None:
        """Do nothing."""


def open_monitor(
    is_gpu: bool,
    *,
    library: Library | None = None,
    environment: Mapping[str, str] = os.environ,
    interval_s: float = INTERVAL_S,
) -> Monitor:
    """Return the monitor of this process's GPUs; `close` is due, see `contextlib.closing`.

    Args:
        is_gpu: whether the engine computes on GPUs.
        library: pynvml; None: import it.
        environment: see `Nvml.cards`.
        interval_s: seconds between two samples, > 0.

    Returns:
        `NoDevice` without GPUs, or where NVML does not tell which they are (one line in the log).

    """
    if not is_gpu:
        return NoDevice()
    try:
        nvml = Nvml.open(library)
    except Unreadable as error:
        log.warning("No readings of the GPUs", extra={"error": error})
        return NoDevice()
    try:
        cards = nvml.cards(environment)
        if not cards:
            raise Unreadable("CUDA_VISIBLE_DEVICES leaves no GPU to this process")
    except Unreadable as error:
        log.warning("No readings of the GPUs", extra={"error": error})
        nvml.close()
        return NoDevice()
    return DeviceMonitor(nvml, cards, interval_s=interval_s)


class DeviceMonitor:
    """Samples GPUs from a thread of its own.

    The thread sleeps nearly always, holds the interpreter for microseconds a sample (NVML's calls
    release it) and never touches CUDA. What it cannot read is absent; it never breaks what is
    measured.
    """

    def __init__(
        self, nvml: Nvml, cards: Sequence[Card], *, interval_s: float = INTERVAL_S
    ) -> None:
        self._nvml: Nvml | None = nvml
        self._gauges = Gauges(cards)
        self._interval_s = interval_s
        self._watch: Watch | None = None

    def begin(self) -> None:
        """Start to watch; a measurement that was begun and not ended is forgotten."""
        self._forget()
        self._watch = Watch(self._gauges, self._interval_s)

    def end(self) -> DeviceReadings:
        """Stop, and return what was seen since `begin`; takes milliseconds.

        Raises:
            RuntimeError: nothing was begun.

        """
        watch, self._watch = self._watch, None
        if watch is None:
            raise RuntimeError("a measurement is ended that was not begun")
        return watch.end()

    def close(self) -> None:
        """End the thread and let go of NVML; may be called again."""
        self._forget()
        nvml, self._nvml = self._nvml, None
        if nvml:
            nvml.close()

    def _forget(self) -> None:
        watch, self._watch = self._watch, None
        if watch:
            watch.stop()


class Gauges:
    """The cards' readings, without those that they turned out not to have."""

    def __init__(self, cards: Sequence[Card]) -> None:
        self._cards = tuple(cards)
        self._missing = set[str]()

    def read(self, reading: Reading) -> tuple[int, ...] | None:
        """Return the value of each card; None, and one line in the log, if one gives none."""
        if reading in self._missing:
            return None
        try:
            return tuple(card.read(reading) for card in self._cards)
        except Unreadable as error:
            self._tell(reading, error)
            return None

    def others(self) -> int | None:
        """Return the number of other processes on the cards; None: unknown."""
        if "processes" in self._missing:
            return None
        try:
            return other_processes(pid for card in self._cards for pid in card.process_ids())
        except Unreadable as error:
            self._tell("processes", error)
            return None

    def _tell(self, reading: str, error: Unreadable) -> None:
        if error.is_lasting:
            self._missing.add(reading)
        level = logging.INFO if error.is_lasting else logging.WARNING
        log.log(level, "No readings of %s", reading, extra={"error": error})


class Samples:
    """What one measurement's samples hold so far."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._taken: dict[Reading, list[tuple[int, ...]]] = {reading: [] for reading in SAMPLED}
        self._number = 0

    def take(self) -> None:
        """Add one sample; a reading that fails is dropped with all that it gave before."""
        self._number += 1
        for reading in tuple(self._taken):
            values = self._gauges.read(reading)
            if values is None:
                del self._taken[reading]
            else:
                self._taken[reading].append(values)

    def summary(self, *, energy_j: float | None, other_processes: int | None) -> DeviceReadings:
        """Return the samples' readings together with what is read at begin and end only."""
        power_mw = readings.summed(self._of(Reading.POWER_MW))
        clocks_mhz = [mhz for clocks in self._of(Reading.SM_CLOCK_MHZ) for mhz in clocks]
        return DeviceReadings(
            samples=self._number,
            energy_j=energy_j,
            power_mean_w=fmean(power_mw) / 1_000 if power_mw else None,
            power_peak_w=max(power_mw) / 1_000 if power_mw else None,
            memory_peak_bytes=max(
                readings.summed(self._of(Reading.MEMORY_USED_BYTES)), default=None
            ),
            sm_clock_mean_mhz=fmean(clocks_mhz) if clocks_mhz else None,
            sm_clock_min_mhz=min(clocks_mhz, default=None),
            temperature_peak_c=max(map(max, self._of(Reading.TEMPERATURE_C)), default=None),
            clock_events=readings.clock_events(self._of(Reading.CLOCK_EVENTS)),
            other_processes=other_processes,
        )

    def _of(self, reading: Reading) -> list[tuple[int, ...]]:
        return self._taken.get(reading, [])


class Watch:
    """One measurement's thread, which runs from the making of this to `stop` or `end`."""

    def __init__(self, gauges: Gauges, interval_s: float) -> None:
        self._gauges = gauges
        self._interval_s = interval_s
        self._samples = Samples(gauges)
        self._stopped = threading.Event()
        self._is_whole = False
        # A daemon: a call that hangs in a lost GPU's driver must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="device-monitor", daemon=True)
        self._others = gauges.others()
        self._thread.start()
        self._before_mj = gauges.read(Reading.ENERGY_MJ)  # last: next to what is measured

    def end(self) -> DeviceReadings:
        """Stop the thread and return what it saw; all None if it did not live to the end."""
        after_mj = self._gauges.read(Reading.ENERGY_MJ)  # first: next to what is measured
        self.stop()
        if self._thread.is_alive() or not self._is_whole:
            log.warning("No readings of the GPUs: the sampling thread hangs or broke")
            return DeviceReadings()
        return self._samples.summary(
            energy_j=readings.energy_j(self._before_mj, after_mj),
            other_processes=_larger(self._others, self._gauges.others()),
        )

    def stop(self) -> None:
        """Stop the thread, and wait for it as long as makes sense."""
        self._stopped.set()
        self._thread.join(JOIN_LIMIT_S)

    def _run(self) -> None:
        # The wait comes first: at once, the GPU would be seen before it has anything to do.
        while not self._stopped.wait(self._interval_s):
            self._samples.take()
        self._is_whole = True


def _larger(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(before, after)
