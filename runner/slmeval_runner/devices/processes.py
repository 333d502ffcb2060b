"""Whose processes compute on a GPU, where that can be told.

NVML's pids are the node's on some drivers. On others they are translated into the asker's pid
namespace, and processes outside of it are left out. A pod that sees no stranger can therefore not
conclude that there is none, and one that sees strangers may be looking at itself. So the answer
is None in every pid namespace but the node's own, which a pod has with `hostPID: true` only.
"""

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
NODES_NAMESPACE = "pid:[4026531836]"
"""The first pid namespace's inode, a constant of Linux (PROC_PID_INIT_INO)."""


def other_processes(
    listed: Iterable[int], *, proc: Path = PROC, own: int | None = None
) -> int | None:
    """Return how many of the pids `listed` are neither this process nor descend from it.

    Args:
        listed: pids as NVML gives them, in any order, each any number of times.
        proc: a proc file system.
        own: this process; None: ask the kernel.

    Returns:
        At least 0; None: pids cannot be told apart here, as when one is of no process here: it
        ended meanwhile, or a sandbox only looks like the node.

    """
    try:
        if os.readlink(proc / "self/ns/pid") != NODES_NAMESPACE:
            return None
    except OSError:
        return None
    root = os.getpid() if own is None else own
    found = [_descends(pid, root, proc) for pid in set(listed)]
    return None if None in found else found.count(False)


def _descends(pid: int, root: int, proc: Path) -> bool | None:
    """Return whether `pid` is `root` or comes from it; None: there is no such process here."""
    while pid not in (0, 1, root):
        parent = _parent(pid, proc)
        if parent is None:
            return None
        pid = parent
    return pid == root


def _parent(pid: int, proc: Path) -> int | None:
    try:
        lines = (proc / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("PPid:")), None)
