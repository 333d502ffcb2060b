# SPDX-License-Identifier: Apache-2.0
"""Installs the Debian packages that carry what is not built here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .commands import run
from .errors import ELSEWHERE, ClusterError
from .layout import CNI_BIN
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


def missing_packages() -> list[str]:
    """Return the packages whose programs this machine lacks, each once."""
    return sorted({pkg for program, pkg in PACKAGE_OF.items() if not shutil.which(program)})


def ensure_packages() -> None:
    """Install what is missing, without upgrading or starting anything.

    Raises:
        ClusterError: there is no apt-get, or it failed.
    """
    missing = missing_packages()
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        raise ClusterError(
            f"This machine lacks {names} and has no apt-get.",
            f"Install them with its own package manager. {ELSEWHERE}",
        )
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing Debian packages: {names}"), _services_stay_down():
        run(["apt-get", "update", "-q", *_WAIT], env=env, remedy="Check this machine's apt sources.")
        run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", *_WAIT, *missing],
            env=env,
            remedy=f"Run `apt-get install {names}` and read what it says.",
        )


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
