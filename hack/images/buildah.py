# SPDX-License-Identifier: Apache-2.0
"""Build without a container engine: buildah in a chroot, on a base made of Debian's packages.

The images go into OCI image layouts, from which `python3 hack/cluster load-images` takes them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .base import ensure_base
from .console import ImagesError, run, say, step
from .layout import write_layout
from .plan import ROOT, Plan
from .store import BuildahStore

PROGRAMS: Final = ("buildah", "containers-storage", "debootstrap", "zstd")  # Debian's packages too
STORE: Final = Path("/var/lib/containers")
# What a first build takes: the packages' cache, the store and the layout.
GIB_NEEDED: Final = {"operator": 2, "runner": 20, "runner-demo": 20}
MACHINE_FILES: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf", "/etc/uv/uv.toml")


def ensure_programs() -> None:
    """Install the programs that are missing, where apt can.

    Raises:
        ImagesError: one is missing, and this is not root on a Debian.
    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not missing:
        return
    names = " ".join(missing)
    remedy = f"Install what is missing (apt-get install {names}), or a Docker engine."
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ImagesError(f"No Docker engine answers, and this machine lacks: {names}.", remedy)
    with step(f"apt-get install {names}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-qq"], env=environment, remedy=remedy)
        options = ["-qq", "--yes", "--no-install-recommends"]
        run(["apt-get", "install", *options, *missing], env=environment, remedy=remedy)


def check_room(plan: Plan, folder: Path) -> None:
    """Refuse to start what cannot end.

    Raises:
        ImagesError: buildah's store or `folder` has too little space for a first build.
    """
    first_builds = [name for name in plan.targets if not (folder / name / "index.json").exists()]
    needed_gib = max((GIB_NEEDED[name] for name in first_builds), default=0)
    for place in (STORE, folder):
        existing = next(path for path in (place, *place.parents) if path.exists())
        free_gib = shutil.disk_usage(existing).free / 2**30
        if free_gib < needed_gib:
            raise ImagesError(
                f"{place} has {free_gib:.0f} GiB free; a first build takes about {needed_gib}.",
                "Free some space, or set SLMEVAL_CACHE. `buildah rmi --prune` removes old layers.",
            )


def machine_options() -> list[str]:
    """Return what lets pip and uv work in a build here and must not stay in an image.

    The machine's certificates and package index are mounted while a step runs; environment
    variables would be written into the image.
    """
    return [f"--volume={path}:{path}:ro" for path in map(Path, MACHINE_FILES) if path.is_file()]


def build(plan: Plan, *, folder: Path, mirror: str | None) -> None:
    """Build every target of `plan` and write each into a layout below `folder`.

    Raises:
        ImagesError: a program or room is missing, or a step of the Dockerfile failed.
    """
    ensure_programs()
    folder.mkdir(parents=True, exist_ok=True)
    check_room(plan, folder)
    with _alone_in(folder):
        base = ensure_base(mirror)
        for target in plan.targets:
            image = plan.image(target)
            with step(f"build {image}"):
                _build(plan, target=target, base=base)
            with step(f"write {folder / target}"):
                write_layout(BuildahStore(), image, folder / target)
    layouts = " ".join(str(folder / target) for target in plan.targets)
    say(f"load them:  python3 hack/cluster load-images {layouts}")


def prune() -> None:
    """Remove the layers of earlier builds that no image of today stands on.

    They are what makes the next build quick: it starts from the first stage of our own code.
    """
    ensure_programs()
    with step("buildah rmi --prune"):
        run(["buildah", "rmi", "--prune"], remedy="`buildah containers` shows what holds a layer.")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other build writes below `folder`, for each removes what it does not need."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is running: waiting for its end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(plan: Plan, *, target: str, base: str) -> None:
    """Run the Dockerfile up to `target`; every finished layer is kept for the next time."""
    options = ["--isolation", "chroot", "--network", "host", "--layers", "--pull=false"]
    options += ["--build-arg", f"PYTHON_IMAGE={base}", *plan.build_args, *machine_options()]
    run(
        ["buildah", "bud", *options, "--target", target, "--tag", plan.image(target), ROOT],
        remedy="The last step above failed; finished steps are kept, so a new try goes on there.",
    )
