# SPDX-License-Identifier: Apache-2.0
"""Takes this machine's container programs along, with the libraries that another may lack."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from hack.cluster.embedded.commands import run
from hack.cluster.embedded.errors import ClusterError
from hack.cluster.embedded.layout import CARRIED_LINK, CNI_BIN

PROGRAMS = ("etcd", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "nft", "ip")
PLUGINS = ("bridge", "host-local", "loopback")  # what config/cni.json and containerd call
LIBC = re.compile(r"^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util)\.so\.\d+)$")
RPATH = str(CARRIED_LINK / "lib")


def libraries(ldd: str) -> list[Path]:
    """Return the shared libraries that `ldd` found, without those of libc itself.

    Raises:
        ClusterError: it did not find one.
    """
    found = []
    for line in ldd.splitlines():
        match = re.match(r"\s*(\S+) => (.+?)( \(0x[0-9a-f]+\))?$", line)
        if match and not LIBC.match(match[1]):
            if "not found" in match[2]:
                raise ClusterError(f"{match[1]} is missing here.", "Install its Debian package.")
            found.append(Path(match[2]))
    return found


def take_along(folder: Path) -> None:
    """Write bin/, lib/ and cni/ to `folder`; to be used where CARRIED_LINK leads to it.

    Raises:
        ClusterError: a program is not installed.
    """
    for name in ("bin", "lib", "cni"):
        (folder / name).mkdir(parents=True)
    for name in PROGRAMS:
        found = shutil.which(name)
        if not found:
            raise ClusterError(f"{name} is not installed.", "Run `python3 hack/cluster up` once.")
        needed = libraries(run(["ldd", found]))
        shutil.copy(found, folder / "bin")
        for library in needed:
            shutil.copy(library, folder / "lib")
        if needed:
            _point(folder / "bin" / name)
    for library in (folder / "lib").iterdir():
        _point(library)
    for name in PLUGINS:
        shutil.copy(CNI_BIN / name, folder / "cni")


def _point(file: Path) -> None:
    """Make a program or library look for its libraries in RPATH first."""
    remedy = "Install it: apt-get install patchelf."
    run(["patchelf", "--set-rpath", RPATH, file], remedy=remedy)
