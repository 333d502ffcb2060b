# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the image python:3.11-slim-bookworm, made of Debian's packages.

Where no registry can be reached, the Dockerfile is built on this instead: Debian 12 with its
own Python 3.11, at the paths of the official image. Nothing of this machine is in it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from .console import ImagesError, output_of, run, say, step

OFFICIAL = "docker.io/library/python:3.11-slim-bookworm"
NAME = "localhost/slmeval-base"
REVISION = 1  # raise it when what is done to Debian's files below changes
SUITE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
MEMORY_OF_APT = ("var/cache/apt", "var/lib/apt/lists", "var/log")
NOT_READ_IN_A_CONTAINER = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
MIB_NEEDED = 2_000


def mirror_of(sources: str) -> str:
    """Return the mirror that debootstrap wrote into `sources`, a sources.list.

    Raises:
        ImagesError: there is none.
    """
    for line in sources.splitlines():
        words = line.split()
        if words[:1] == ["deb"]:
            return words[1]
    raise ImagesError("debootstrap left no mirror in its sources.list.", "Name one: --mirror URL.")


def sources_list(mirror: str) -> str:
    """Return /etc/apt/sources.list with Debian's updates, as the official image has them."""
    return (
        f"deb {mirror} {SUITE} main\n"
        f"deb {mirror} {SUITE}-updates main\n"
        f"deb {mirror}-security {SUITE}-security main\n"
    )


def reference(mirror: str | None) -> str:
    """Return the image's name, with a tag that changes whenever what is in it does."""
    definition = f"{REVISION} {SUITE} {PACKAGES} {mirror or 'the default'}"
    return f"{NAME}:{hashlib.sha256(definition.encode()).hexdigest()[:12]}"


def ensure_base(mirror: str | None) -> str:
    """Return the name of the base image, made first if this machine has none.

    Args:
        mirror: Debian's; None: debootstrap's own default.

    Raises:
        ImagesError: no root, no room, or debootstrap failed.
    """
    name = reference(mirror)
    if output_of(["buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}", name]):
        say(f"base image {name} is there")
        return name
    if os.geteuid() != 0:
        raise ImagesError(
            "Making the base image needs root, for debootstrap runs programs in a new root.",
            "Run this with sudo, or install Docker and use --engine docker.",
        )
    with tempfile.TemporaryDirectory(prefix="slmeval-base-", dir="/var/tmp") as scratch:
        free_mib = shutil.disk_usage(scratch).free // 2**20
        if free_mib < MIB_NEEDED:
            raise ImagesError(
                f"/var/tmp has {free_mib} MiB free; the base image needs {MIB_NEEDED}.",
                "Free some space: `buildah rmi --prune` removes unused images.",
            )
        root = Path(scratch) / "root"
        with step(f"debootstrap {SUITE} (one to two minutes)"):
            _debootstrap(root, mirror)
        _dress(root)
        with step(f"commit {name}"):
            _commit(root, name)
    return name


def _debootstrap(root: Path, mirror: str | None) -> None:
    """Install Debian with PACKAGES into `root`; the log is shown only by its place."""
    command: list[str | Path] = [
        "debootstrap",
        "--variant=minbase",
        f"--include={PACKAGES}",
        SUITE,
        root,
        *([mirror] if mirror else []),
    ]
    log = Path(tempfile.gettempdir()) / "slmeval-debootstrap.log"
    run(
        ["sh", "-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", log, *command],
        remedy=f"See {log}. Is the mirror reachable? --mirror names another.",
    )


def _dress(root: Path) -> None:
    """Make `root` look like the official image: python in /usr/local/bin, small, no apt lists."""
    sources = root / "etc/apt/sources.list"
    sources.write_text(sources_list(mirror_of(sources.read_text())))
    for name in ("python", "python3", "python3.11"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3.11")
    # debootstrap copies both from the machine that it runs on.
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)
    for folder in MEMORY_OF_APT + NOT_READ_IN_A_CONTAINER:
        for entry in (root / folder).rglob("*"):
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()


def _commit(root: Path, name: str) -> None:
    """Turn the folder `root` into the image `name`."""
    remedy = "`buildah info` says whether buildah works here at all."
    container = output_of(["buildah", "from", "scratch"])
    if container is None:
        raise ImagesError("buildah could not start an empty container.", remedy)
    try:
        run(["buildah", "add", "--quiet", container, root, "/"], remedy=remedy)
        path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        settings = ["--env", path, "--env", "LANG=C.UTF-8", "--cmd", "python3"]
        run(["buildah", "config", *settings, container], remedy=remedy)
        run(["buildah", "commit", "--quiet", container, name], remedy=remedy)
    finally:
        output_of(["buildah", "rm", container])
