"""What the GPUs of this process are, for provenance."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from .nvml import Card, Library, Nvml, Unreadable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What the engine ran on. None or empty: unknown, or it has none."""

    name: str | None = None
    """The product, with its number in front if there are several; or the CPU's model."""
    ids: tuple[str, ...] = ()
    """UUIDs, in the order of CUDA_VISIBLE_DEVICES."""
    driver_version: str | None = None
    """The kernel driver's."""
    cuda_driver_version: str | None = None
    """The newest CUDA that this process's libcuda can do; torch may be built with an older one."""
    memory_bytes: int | None = None
    """All the GPUs' together, of a MIG slice the slice's."""
    power_limit_w: float | None = None
    """Watts in force, all the GPUs' together; None of a MIG slice: it has none of its own."""

    @property
    def versions(self) -> dict[str, str]:
        """The versions that are known, by the names that results use."""
        found = {"driver": self.driver_version, "cudaDriver": self.cuda_driver_version}
        return {name: version for name, version in found.items() if version is not None}


def gpus(library: Library | None = None, environment: Mapping[str, str] = os.environ) -> Device:
    """Return what NVML says of the GPUs that CUDA_VISIBLE_DEVICES leaves to this process.

    Args:
        library: pynvml; None: import it.
        environment: see `Nvml.cards`.

    Returns:
        What NVML gives; it never raises for what NVML does not.

    """
    try:
        nvml = Nvml.open(library)
    except Unreadable:
        return Device()
    try:
        cards = _known(lambda: nvml.cards(environment)) or ()
        power_mw = _of_each(cards, Card.power_limit_mw)
        return Device(
            name=_name(_of_each(cards, Card.name)),
            ids=_of_each(cards, Card.uuid),
            driver_version=_known(nvml.driver_version),
            cuda_driver_version=_known(nvml.cuda_driver_version),
            memory_bytes=sum(_of_each(cards, Card.memory_bytes)) or None,
            power_limit_w=sum(power_mw) / 1_000 or None,
        )
    finally:
        nvml.close()


def _known(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except Unreadable:
        return None


def _of_each(cards: Iterable[Card], read: Callable[[Card], T]) -> tuple[T, ...]:
    """Return the value of each card; empty if one has none: part of a sum is not the sum."""
    return _known(lambda: tuple(read(card) for card in cards)) or ()


def _name(names: Iterable[str]) -> str | None:
    counted = Counter(names)
    parts = [f"{number} × {name}" if number > 1 else name for name, number in counted.items()]
    return ", ".join(parts) or None
