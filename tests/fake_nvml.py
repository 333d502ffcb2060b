"""A fake of the module pynvml, for tests: no NVIDIA library, no GPU, scripted values."""

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND, GPU_IS_LOST, UNKNOWN = 3, 6, 13, 15, 999
WAIT_LIMIT_S = 10.0


class FakeNVMLError(Exception):
    """Carries NVML's code as pynvml's errors do."""

    def __init__(self, value: int) -> None:
        super().__init__(f"code {value}")
        self.value = value


@dataclass
class FakeGpu:
    """One GPU's answers: a value, a list (one a call, the last stays), or an error to raise."""

    uuid: str = "GPU-0"
    name: str = "NVIDIA Fake"
    energy_mj: Any = 0
    power_mw: Any = 100_000
    used: Any = 1
    total: Any = 80_000
    clock_mhz: Any = 1_980
    temperature_c: Any = 40
    reasons: Any = 0
    limit_mw: Any = 700_000
    pids: Any = ()
    mig_mode: Any = field(default_factory=lambda: FakeNVMLError(NOT_SUPPORTED))
    slices: tuple["FakeGpu", ...] = ()


def answer(script: Any) -> Any:
    """Return the next value of `script`, or raise it if it is an error."""
    value = script
    if isinstance(script, list):
        value = script.pop(0) if len(script) > 1 else script[0]
    if isinstance(value, Exception):
        raise value
    return value


class FakeNvml:
    """Stands in for the module: the functions, their names and their units are pynvml's."""

    NVMLError = FakeNVMLError

    def __init__(self, *gpus: FakeGpu, missing: tuple[str, ...] = ()) -> None:
        self.gpus = gpus
        self.opened = 0
        self.calls: list[str] = []
        self.driver: Any = "580.95.05"
        self.cuda: Any = 13_020
        self._missing = missing
        self._sampled = threading.Condition()

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("nvml"):
            if name in self._missing:
                raise FakeNVMLError(FUNCTION_NOT_FOUND)
            self.calls.append(name)
        return object.__getattribute__(self, name)

    def await_samples(self, number: int, *, since: int | None = None) -> None:
        """Return when clock events, a sample's last reading, were asked for `number` times more.

        `since`: a count of them to go on from; None: those until now. A thread that may have ended
        already is waited for since 0.
        """
        with self._sampled:
            goal = (self._count() if since is None else since) + number
            assert self._sampled.wait_for(lambda: self._count() >= goal, WAIT_LIMIT_S)

    def _count(self) -> int:
        return self.calls.count("nvmlDeviceGetCurrentClocksEventReasons")

    def nvmlInit(self) -> None:
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.opened -= 1

    def nvmlSystemGetDriverVersion(self) -> str:
        return str(answer(self.driver))

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        return int(answer(self.cuda))

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:
        return self.gpus[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeGpu:
        everything = [*self.gpus, *(part for gpu in self.gpus for part in gpu.slices)]
        found = [gpu for gpu in everything if gpu.uuid == uuid]
        if not found:
            raise FakeNVMLError(NOT_FOUND)
        return found[0]

    def nvmlDeviceGetName(self, gpu: FakeGpu) -> str:
        return str(answer(gpu.name))

    def nvmlDeviceGetUUID(self, gpu: FakeGpu) -> bytes:
        return gpu.uuid.encode()

    def nvmlDeviceGetMemoryInfo(self, gpu: FakeGpu) -> Any:
        return SimpleNamespace(used=answer(gpu.used), total=answer(gpu.total))

    def nvmlDeviceGetEnforcedPowerLimit(self, gpu: FakeGpu) -> int:
        return int(answer(gpu.limit_mw))

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: FakeGpu) -> int:
        return int(answer(gpu.energy_mj))

    def nvmlDeviceGetFieldValues(self, gpu: FakeGpu, fields: list[int]) -> list[Any]:
        assert fields == [186]  # NVML_FI_DEV_POWER_INSTANT
        try:
            value, code = answer(gpu.power_mw), 0
        except FakeNVMLError as error:  # as NVML does: the call succeeds, the field does not
            value, code = 0, error.value
        return [SimpleNamespace(nvmlReturn=code, value=SimpleNamespace(uiVal=value))]

    def nvmlDeviceGetClockInfo(self, gpu: FakeGpu, clock: int) -> int:
        assert clock == 1  # NVML_CLOCK_SM
        return int(answer(gpu.clock_mhz))

    def nvmlDeviceGetTemperatureV(self, gpu: FakeGpu, sensor: int) -> int:
        assert sensor == 0  # NVML_TEMPERATURE_GPU
        return int(answer(gpu.temperature_c))

    nvmlDeviceGetTemperature = nvmlDeviceGetTemperatureV

    def nvmlDeviceGetCurrentClocksEventReasons(self, gpu: FakeGpu) -> int:
        with self._sampled:
            self._sampled.notify_all()
        return int(answer(gpu.reasons))

    nvmlDeviceGetCurrentClocksThrottleReasons = nvmlDeviceGetCurrentClocksEventReasons

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: FakeGpu) -> list[Any]:
        return [SimpleNamespace(pid=pid) for pid in answer(gpu.pids)]

    def nvmlDeviceGetMigMode(self, gpu: FakeGpu) -> list[int]:
        return [int(answer(gpu.mig_mode)), 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: FakeGpu) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: FakeGpu, index: int) -> FakeGpu:
        if index >= len(gpu.slices):
            raise FakeNVMLError(NOT_FOUND)
        return gpu.slices[index]
