# SPDX-License-Identifier: Apache-2.0
"""Takes this machine's container programs along, with the libraries that another may lack."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from hack.cluster.embedded.commands import run
from hack.cluster.embedded.errors import ClusterError
from hack.cluster.embedded.layout import CNI_BIN

PROGRAMS = ("etcd", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "nft", "ip")
PLUGINS = ("bridge", "host-local", "loopback")  # what config/cni.json and containerd call
LIBC = re.compile(r"^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util)\.so\.\d+)$")
_WRAPPER = """\
#!/bin/sh
# {name} was built for Debian 12; its libraries beyond libc are beside it.
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$here/../lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "$here/../libexec/{name}" "$@"
"""


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
    """Write bin/, libexec/, lib/ and cni/ to `folder`, which can then lie anywhere."""
    for name in ("bin", "libexec", "lib", "cni"):
        (folder / name).mkdir(parents=True)
    for name in PROGRAMS:
        found = shutil.which(name)
        if not found:
            raise ClusterError(f"{name} is not installed.", "Run `python3 hack/cluster up` once.")
        program = Path(found).resolve()
        needed = libraries(run(["ldd", program]))
        if not needed:
            shutil.copy(program, folder / "bin" / name)
            continue
        shutil.copy(program, folder / "libexec" / name)
        for library in needed:
            shutil.copy(library.resolve(), folder / "lib" / library.name)
        wrapper = folder / "bin" / name
        wrapper.write_text(_WRAPPER.format(name=name))
        wrapper.chmod(0o755)
    for name in PLUGINS:
        shutil.copy(CNI_BIN / name, folder / "cni" / name)
