# SPDX-License-Identifier: Apache-2.0
"""Packs the product, its cluster and their programs for a machine that has none of them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import lzma
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from hack.cluster.embedded.errors import ClusterError
from hack.cluster.embedded.golang import BROUGHT, PROGRAMS, ensure_built, go_version
from hack.cluster.embedded.layout import Layout
from hack.cluster.embedded.progress import say, step

from . import debian
from .unpacked_images import copy_unpacked

TOP = "slmeval-gpu-node"
NAME = "pack.tar.xz"
MB = 10**6
FILES = ("hack/release.py", "hack/following.py", "benchmarks/shapes.py", "LICENSE")
FOLDERS = ("hack/cluster", "hack/gpu_node", "charts/slmeval", "examples")
CODE = ("api/slmeval_api", "runner/slmeval_runner")
# What the runner needs that a machine with vLLM and torch may lack: the reporter's client, NVML.
PACKAGES = (
    "kubernetes",
    "durationpy",
    "nvidia-ml-py",
    "oauthlib",
    "python-dateutil",
    "requests-oauthlib",
    "websocket-client",
)
DICTIONARY_MIB = 128  # as long as two of Kubernetes' programs: they share half of their code
_JUNK = shutil.ignore_patterns("__pycache__", "*.pyc")


def pack(layout: Layout, root: Path, out: Path, *, slice_mb: int, preset: int) -> None:
    """Write the pack and its slices to `out`.

    Raises:
        ClusterError: an image is not built, or a program or package is missing.
    """
    image = layout.cache / "images" / "operator"
    if not (image / "index.json").is_file():
        raise ClusterError(f"{image} is no image.", "Run `make images`.")
    with tempfile.TemporaryDirectory(prefix="slmeval-pack-", dir="/var/tmp") as scratch:
        top = Path(scratch) / TOP
        with step("gathering the product, Kubernetes, Debian's programs and images"):
            _gather_product(root, top)
            _gather_cache(layout, top / "cache")
            copy_unpacked(image, top / "cache/images/operator")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        packed = out / NAME
        with step(f"compressing {_size(top) / MB:.0f} MB, which takes minutes"):
            _compress(top, packed, preset=preset)
    slices = split(packed, slice_mb * MB) if slice_mb else [packed]
    say(f"{packed}: {packed.stat().st_size / MB:.1f} MB, {len(slices)} slices:")
    for path in slices:
        say(f"  {path}  {path.stat().st_size / MB:.1f} MB")


def _gather_product(root: Path, top: Path) -> None:
    """Copy what of this repository runs there, and the packages that it needs."""
    for name in FILES:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, top / name)
    for name in FOLDERS:
        shutil.copytree(root / name, top / name, ignore=_JUNK)
    lib = top / "lib"
    for name in CODE:
        shutil.copytree(root / name, lib / Path(name).name, ignore=_JUNK)
    copy_distribution("slmeval", lib, metadata_only=True)
    for name in PACKAGES:
        copy_distribution(name, top / "packages")


def copy_distribution(name: str, target: Path, *, metadata_only: bool = False) -> None:
    """Copy the files of an installed package, which must run on any Python.

    Args:
        name: of the package.
        target: a folder on a Python's path.
        metadata_only: copy what says its version, for a package whose code comes otherwise.

    Raises:
        ClusterError: it is not installed, or has machine code.
    """
    # A build in the checkout leaves an egg-info there, which has neither WHEEL nor METADATA.
    found, wheel = None, ""
    for candidate in importlib.metadata.distributions(name=name):
        if text := candidate.read_text("WHEEL"):
            found, wheel = candidate, text
            break
    if found is None:
        raise ClusterError(f"{name} is not installed here.", "Run `make venv`.")
    if "Root-Is-Purelib: true" not in wheel:
        raise ClusterError(f"{name} is not pure Python.", "Bring it with vLLM's packages.")
    for file in found.files or []:
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        if metadata_only and file.name != "METADATA":
            continue
        if file.parts[:2] == ("kubernetes", "aio"):  # half of it, and only the operator calls it
            continue
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(str(file.locate())), target / file)


def _gather_cache(layout: Layout, cache: Path) -> None:
    """Make `cache` what the cluster's tool would build and install, so that it need not."""
    for name in PROGRAMS:
        built = ensure_built(name, cache=layout.cache)
        target = cache / "go" / built.name
        target.mkdir(parents=True)
        for binary in PROGRAMS[name].binaries:
            shutil.copy(built / binary, target)
        for part in ("crd/bases", "rbac"):
            if (built / "config" / part).is_dir():
                shutil.copytree(built / "config" / part, target / "config" / part)
    (cache / BROUGHT).write_text(go_version() + "\n")
    debian.take_along(cache / "debian")


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _compress(top: Path, target: Path, *, preset: int) -> None:
    """Write `top` as a tar that Python and xz can read, at low priority."""
    os.nice(10)
    filters = [
        {"id": lzma.FILTER_X86},
        {"id": lzma.FILTER_LZMA2, "preset": preset, "dict_size": DICTIONARY_MIB * 2**20},
    ]
    with (
        lzma.open(target, "wb", format=lzma.FORMAT_XZ, filters=filters) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        archive.add(top, top.name, filter=_of_root)


def _of_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def split(path: Path, size: int) -> list[Path]:
    """Cut a file into slices of at most `size` bytes beside it, each with its digest."""
    found = list[Path]()
    with path.open("rb") as whole:
        while part := whole.read(size):
            piece = path.with_name(f"{path.name}.{len(found):02d}")
            piece.write_bytes(part)
            found.append(piece)
    sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in found]
    path.with_name("SHA256SUMS").write_text("".join(sums))
    return found
