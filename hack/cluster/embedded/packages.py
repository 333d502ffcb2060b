# SPDX-License-Identifier: Apache-2.0
"""Installs the Debian packages that carry what is not built here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .commands import run
from .errors import ELSEWHERE, ClusterError
from .layout import CARRIED_LINK, CNI_BIN, Layout
from .preflight import check_root
from .progress import step

PACKAGE_OF = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "mount": "mount",
    "openssl": "openssl",
    str(CNI_BIN / "bridge"): "containernetworking-plugins",
}
POLICY = Path("/usr/sbin/policy-rc.d")
_WAIT = ("-o", "DPkg::Lock::Timeout=300")  # another installation may be under way


def use_carried(layout: Layout) -> None:
    """Put programs that were brought along before this machine's own.

    Their libraries are found through a link, for an absolute path is built into them: runc runs
    itself again without its environment, from a copy that lies nowhere.
    """
    if not layout.carried.is_dir():
        return
    os.environ["PATH"] = f"{layout.carried / 'bin'}{os.pathsep}{os.environ['PATH']}"
    if not CARRIED_LINK.is_symlink() or CARRIED_LINK.readlink() != layout.carried:
        CARRIED_LINK.unlink(missing_ok=True)
        CARRIED_LINK.symlink_to(layout.carried)


def programs_of(layout: Layout) -> list[str]:
    """Return the programs that the cluster needs here; CNI's may have been brought along."""
    has_cni = layout.cni_bin != CNI_BIN
    return [name for name in PACKAGE_OF if not (has_cni and Path(name).parent == CNI_BIN)]


def missing_packages(programs: Iterable[str]) -> list[str]:
    """Return the packages of those of `programs` that this machine lacks, each once."""
    return sorted({PACKAGE_OF[program] for program in programs if not shutil.which(program)})


def ensure_packages(programs: Iterable[str] = tuple(PACKAGE_OF)) -> None:
    """Install the packages of `programs` that are missing, without upgrading or starting anything.

    Raises:
        ClusterError: there is no apt-get, or it failed.

    """
    missing = missing_packages(programs)
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        raise ClusterError(
            f"This machine lacks {names} and has no apt-get.",
            f"Install them with its own package manager. {ELSEWHERE}",
        )
    check_root()
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing Debian packages: {names}"), _services_stay_down():
        apt = ["apt-get", "-q", "-y", *_WAIT]
        run([*apt, "update"], env=env, remedy="Check this machine's apt sources.")
        remedy = f"Run `apt-get install {names}` and read what it says."
        run([*apt, "install", "--no-install-recommends", *missing], env=env, remedy=remedy)


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """Forbid packages to start their services meanwhile; a policy that was there comes back."""
    kept = POLICY.with_name(f"policy-rc.d.{os.getpid()}")
    had_one = POLICY.exists()
    if had_one:
        POLICY.rename(kept)
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
        if had_one:
            kept.rename(POLICY)
