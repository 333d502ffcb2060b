"""What NVML says of the GPUs of this process. The only module that imports pynvml.

NVML reads the driver, never CUDA: no context, no memory on the GPU. Its numbers come back in the
units that the project uses; what it does not give is `Unreadable`, never a number.
"""

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Self

Library = Any
"""The module `pynvml` of the distribution nvidia-ml-py, or a test's fake of it."""

# Numbers of nvml.h: fixed for ever, and there also where a pynvml of another version has no name.
NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND = 3, 6, 13
CLOCK_SM = 1
TEMPERATURE_GPU = 0
FIELD_POWER_INSTANT = 186
MIG_ENABLED = 1

LASTING_ERRORS = frozenset({NOT_SUPPORTED, FUNCTION_NOT_FOUND})
"""No second call would help."""


class Unreadable(Exception):
    """NVML does not give what was asked for; the text says why."""

    def __init__(self, message: str, *, code: int | None = None, is_lasting: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.is_lasting = is_lasting or code in LASTING_ERRORS
        """Whether asking again is of no use: the card or its driver cannot tell."""


class Reading(StrEnum):
    """A number that each GPU gives, by its unit."""

    ENERGY_MJ = "energy"
    POWER_MW = "power"
    MEMORY_USED_BYTES = "memory_used"
    SM_CLOCK_MHZ = "sm_clock"
    TEMPERATURE_C = "temperature"
    CLOCK_EVENTS = "clock_events"


class Card:
    """One GPU, or one MIG slice of one."""

    def __init__(self, library: Library, handle: object, *, is_slice: bool = False) -> None:
        self._library = library
        self._handle = handle
        self._is_slice = is_slice

    def read(self, reading: Reading) -> int:
        """Return the present value, in the unit that the reading's name ends with.

        Raises:
            Unreadable: NVML does not give it. Of a MIG slice only the memory is its own:
                energy, power, clocks and heat are the whole card's, which others use too.

        """
        if self._is_slice and reading is not Reading.MEMORY_USED_BYTES:
            raise Unreadable("it is of the whole card, and this is a MIG slice", is_lasting=True)
        match reading:
            case Reading.ENERGY_MJ:
                return self._number("nvmlDeviceGetTotalEnergyConsumption")
            case Reading.POWER_MW:
                return self._power_mw()
            case Reading.MEMORY_USED_BYTES:
                return int(self._ask("nvmlDeviceGetMemoryInfo").used)
            case Reading.SM_CLOCK_MHZ:
                return self._number("nvmlDeviceGetClockInfo", CLOCK_SM)
            case Reading.TEMPERATURE_C:
                return self._either(  # the second: drivers before R570
                    "nvmlDeviceGetTemperatureV",
                    "nvmlDeviceGetTemperature",
                    TEMPERATURE_GPU,
                )
            case Reading.CLOCK_EVENTS:
                return self._either(  # the second: the name of drivers before R535
                    "nvmlDeviceGetCurrentClocksEventReasons",
                    "nvmlDeviceGetCurrentClocksThrottleReasons",
                )

    def name(self) -> str:
        """Return the product."""
        return _text(self._ask("nvmlDeviceGetName"))

    def uuid(self) -> str:
        """Return the UUID, `GPU-` or `MIG-` and the rest."""
        return _text(self._ask("nvmlDeviceGetUUID"))

    def memory_bytes(self) -> int:
        """Return the memory of the card, or of the slice."""
        return int(self._ask("nvmlDeviceGetMemoryInfo").total)

    def power_limit_mw(self) -> int:
        """Return the limit in force: the lowest of all that are set."""
        if self._is_slice:
            raise Unreadable("it is of the whole card, and this is a MIG slice", is_lasting=True)
        return self._number("nvmlDeviceGetEnforcedPowerLimit")

    def process_ids(self) -> tuple[int, ...]:
        """Return the processes that compute on it. In which pid namespace depends on the driver."""
        found = self._ask("nvmlDeviceGetComputeRunningProcesses")
        return tuple(int(process.pid) for process in found)

    def slices(self) -> "list[Card] | None":
        """Return the MIG slices that this process may see; None: the card is not divided."""
        try:
            current, _pending = self._ask("nvmlDeviceGetMigMode")
        except Unreadable as error:
            if error.is_lasting:  # most cards cannot be divided
                return None
            raise
        if current != MIG_ENABLED:
            return None
        found = []
        for number in range(self._number("nvmlDeviceGetMaxMigDeviceCount")):
            try:
                handle = self._ask("nvmlDeviceGetMigDeviceHandleByIndex", number)
            except Unreadable as error:
                if error.code != NOT_FOUND:
                    raise
                continue
            found.append(Card(self._library, handle, is_slice=True))
        return found

    def _power_mw(self) -> int:
        """Return the draw of this moment.

        nvmlDeviceGetPowerUsage is on most cards the mean of the last second: a measurement of a
        few seconds would begin with the draw of what was before it.
        """
        (field,) = self._ask("nvmlDeviceGetFieldValues", [FIELD_POWER_INSTANT])
        if field.nvmlReturn:
            raise _unreadable(self._library, self._library.NVMLError(field.nvmlReturn))
        return int(field.value.uiVal)

    def _ask(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - pynvml has no types
        return call(self._library, function, self._handle, *arguments)

    def _number(self, function: str, *arguments: object) -> int:
        return int(self._ask(function, *arguments))

    def _either(self, function: str, before: str, *arguments: object) -> int:
        try:
            return self._number(function, *arguments)
        except Unreadable as error:
            if not error.is_lasting:
                raise
            return self._number(before, *arguments)


class Nvml:
    """NVML, initialised; `close` is due once."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @classmethod
    def open(cls, library: Library | None = None) -> Self:
        """Return NVML ready for calls.

        Raises:
            Unreadable: nvidia-ml-py or the driver's library is missing, or no driver runs.

        """
        used = _imported() if library is None else library
        call(used, "nvmlInit")
        return cls(used)

    def close(self) -> None:
        """Let go of NVML; NVML itself counts its users, so vLLM's own use goes on."""
        try:
            call(self._library, "nvmlShutdown")
        except Unreadable:
            return  # nothing is left to let go of

    def driver_version(self) -> str:
        """Return the driver's version, such as `580.95.05`."""
        return _text(call(self._library, "nvmlSystemGetDriverVersion"))

    def cuda_driver_version(self) -> str:
        """Return the newest CUDA that the libcuda of this process can do, such as `13.0`.

        It may be newer than the one that torch was built with, and, with NVIDIA's compatibility
        package in the image, newer than the one the driver came with.
        """
        number = int(call(self._library, "nvmlSystemGetCudaDriverVersion_v2"))
        return f"{number // 1000}.{number % 1000 // 10}"

    def cards(self, environment: Mapping[str, str] = os.environ) -> tuple[Card, ...]:
        """Return the GPUs and MIG slices that CUDA_VISIBLE_DEVICES leaves to this process.

        Args:
            environment: CUDA_VISIBLE_DEVICES: indices or UUIDs, absent for all GPUs; and
                CUDA_DEVICE_ORDER.

        Returns:
            In the order of CUDA_VISIBLE_DEVICES; empty when it leaves none.

        Raises:
            Unreadable: one of them cannot be told for sure. Figures of half the GPUs, or of
                another's, would be worse than none.

        """
        count = int(call(self._library, "nvmlDeviceGetCount"))
        asked = environment.get("CUDA_VISIBLE_DEVICES")
        parts = list(map(str, range(count))) if asked is None else _parts(asked)
        is_by_bus = environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
        if not is_by_bus and _is_choice(parts, count):
            self._demand_equal_products(count)
        return tuple(self._card(part, count) for part in parts)

    def _card(self, part: str, count: int) -> Card:
        if not part.isdecimal():
            handle = call(self._library, "nvmlDeviceGetHandleByUUID", part)
            return Card(self._library, handle, is_slice=part.startswith("MIG-"))
        if int(part) >= count:
            raise Unreadable(f"CUDA_VISIBLE_DEVICES names GPU {part}, and NVML sees {count}")
        return _undivided(self._by_index(int(part)), part)

    def _by_index(self, index: int) -> Card:
        handle = call(self._library, "nvmlDeviceGetHandleByIndex", index)
        return Card(self._library, handle)

    def _demand_equal_products(self, count: int) -> None:
        """CUDA numbers the fastest GPU 0, NVML the first on the bus: no matter if all are equal."""
        if len({self._by_index(index).name() for index in range(count)}) > 1:
            raise Unreadable(
                "CUDA_VISIBLE_DEVICES holds an index on a node with unlike GPUs: "
                "set CUDA_DEVICE_ORDER=PCI_BUS_ID, or give UUIDs"
            )


def _imported() -> Library:
    try:
        import pynvml
    except ImportError as error:
        raise Unreadable(f"nvidia-ml-py cannot be imported: {error}") from error
    return pynvml


def call(library: Library, function: str, *arguments: object) -> Any:  # noqa: ANN401
    """Return what `function` of pynvml returns.

    Raises:
        Unreadable: for whatever NVML says no to, and for a function that pynvml does not have.

    """
    try:
        return getattr(library, function)(*arguments)
    except library.NVMLError as error:
        raise _unreadable(library, error) from error
    except AttributeError as error:
        raise Unreadable(f"pynvml: {error}", is_lasting=True) from error


def _unreadable(library: Library, error: Any) -> Unreadable:  # noqa: ANN401
    code = getattr(error, "value", None)
    return Unreadable(f"NVML: {error}", code=code)


def _parts(visible: str) -> list[str]:
    """Return the entries of CUDA_VISIBLE_DEVICES that count: CUDA stops at the first -1."""
    parts = []
    for part in (text.strip() for text in visible.split(",")):
        if not part.isdecimal() and not part.startswith(("GPU-", "MIG-")):
            break
        parts.append(part)
    return parts


def _is_choice(parts: Sequence[str], count: int) -> bool:
    """Return whether an index among `parts` stands for one GPU rather than another."""
    indices = {int(part) for part in parts if part.isdecimal()}
    return bool(indices) and indices != set(range(count))


def _undivided(card: Card, index: str) -> Card:
    """Return the card, or its one visible MIG slice: that is what CUDA counts then."""
    slices = card.slices()
    if slices is None:
        return card
    if len(slices) != 1:
        raise Unreadable(
            f"GPU {index} is divided (MIG) into {len(slices)} visible slices: "
            "give the slice's UUID in CUDA_VISIBLE_DEVICES"
        )
    return slices[0]


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
