# SPDX-License-Identifier: Apache-2.0
"""Finds and releases what is mounted under a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .commands import run
from .errors import ClusterError

_MOUNTINFO = Path("/proc/self/mountinfo")


def mount_points(mountinfo: str, under: Path) -> list[str]:
    """Return the mount points at or under `under`, the deepest and newest first.

    A point that is mounted over twice is listed twice.
    """
    found = []
    for line in mountinfo.splitlines():
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.split()[4])
        if Path(point) == under or Path(point).is_relative_to(under):
            found.append(point)
    return sorted(reversed(found), key=lambda point: point.count("/"), reverse=True)


def release(under: Path) -> int:
    """Unmount everything at or under `under`; return how many mounts that were.

    Raises:
        ClusterError: something stayed, so that nothing under it may be deleted.

    """
    points = mount_points(_MOUNTINFO.read_text(), under)
    for start in range(0, len(points), 100):
        _unmount(points[start : start + 100])
    left = mount_points(_MOUNTINFO.read_text(), under)
    if left:
        raise ClusterError(
            f"{left[0]} is still mounted; nothing under {under} was deleted.",
            f"Run `umount -l {left[0]}` and then down again.",
        )
    return len(points)


def _unmount(points: Sequence[str]) -> None:
    """Detach mounts now, even those that a dying process still uses."""
    if points:
        run(["umount", "--lazy", "--no-canonicalize", *points])
