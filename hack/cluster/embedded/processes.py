# SPDX-License-Identifier: Apache-2.0
"""Starts and ends long-running programs; a process is only touched if it is provably ours.

A pid alone proves nothing, for the kernel gives it out again: a record holds the start time and
the boot as well, and signals go through a pidfd that was opened before the check.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import ClusterError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was started, and what tells it apart from a later process with the same pid."""

    pid: int
    start_ticks: int
    boot_id: str
    started_at_s: float  # Unix time
    argv: tuple[str, ...]


def boot_id() -> str:
    """Return the identity of the kernel's current run."""
    return BOOT_ID.read_text().strip()


def start_ticks(stat: str) -> int:
    """Return field 22 of a /proc/PID/stat line: clock ticks from boot to the process's start.

    The second field is the program's name in brackets and may itself hold blanks and brackets.
    """
    return int(stat.rpartition(")")[2].split()[19])


def start_ticks_of(pid: int) -> int | None:
    """Return when `pid` was started, or None if there is no such process or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if stat.rpartition(")")[2].split()[0] == "Z" else start_ticks(stat)


def is_alive(record: Record) -> bool:
    """Tell whether exactly the recorded process still runs."""
    return record.boot_id == boot_id() and start_ticks_of(record.pid) == record.start_ticks


def read_record(path: Path) -> Record | None:
    """Return the record in `path`, or None if there is none that can be read."""
    try:
        raw = json.loads(path.read_text())
        return Record(
            pid=raw["pid"],
            start_ticks=raw["start_ticks"],
            boot_id=raw["boot_id"],
            started_at_s=raw["started_at_s"],
            argv=tuple(raw["argv"]),
        )
    except (FileNotFoundError, ValueError, KeyError):
        return None


def ensure_started(
    name: str,
    argv: Sequence[str | Path],
    *,
    pids: Path,
    logs: Path,
    env: Mapping[str, str] | None = None,
    fingerprint: str = "",
) -> bool:
    """Make `argv` run in the background; return whether it had to be started.

    A running process stays if its command line and `fingerprint` (of its configuration files)
    are what was asked for; otherwise it is replaced.
    """
    command = tuple(str(part) for part in argv)
    path = pids / f"{name}.json"
    record = read_record(path)
    wanted = (*command, fingerprint)
    if record and is_alive(record):
        if record.argv == wanted:
            return False
        stop_record(record)
    pids.mkdir(parents=True, exist_ok=True)
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env={**os.environ, **(env or {})},
        )
    child.returncode = 0  # it outlives this process, so Popen must not warn that nobody waited
    ticks = start_ticks_of(child.pid)
    if ticks is None:
        raise ClusterError(f"{name} ended at once.", f"Read {logs / f'{name}.log'}.")
    new = Record(
        pid=child.pid,
        start_ticks=ticks,
        boot_id=boot_id(),
        started_at_s=time.time(),
        argv=wanted,
    )
    path.write_text(json.dumps(asdict(new)))
    return True


def is_running(name: str, *, pids: Path) -> bool:
    """Tell whether the process recorded under `name` runs."""
    record = read_record(pids / f"{name}.json")
    return record is not None and is_alive(record)


def stop(name: str, *, pids: Path, grace_s: float = 10.0) -> bool:
    """End the process recorded under `name` and drop the record; return whether one ran."""
    path = pids / f"{name}.json"
    record = read_record(path)
    ran = record is not None and is_alive(record)
    if record is not None and ran:
        stop_record(record, grace_s=grace_s)
    path.unlink(missing_ok=True)
    return ran


def stop_record(record: Record, *, grace_s: float = 10.0) -> None:
    """Ask the recorded process to end, wait `grace_s` seconds, then force it."""
    end(record.pid, is_ours=lambda: is_alive(record), grace_s=grace_s)


def end(pid: int, *, is_ours: Callable[[], bool], grace_s: float = 0.0) -> bool:
    """End `pid` if `is_ours` holds, and wait for its exit; return whether it was signalled.

    The pidfd is opened first and the question asked second, so a pid that is given out again
    in between cannot be hit. With `grace_s` 0 it is killed without being asked.
    """
    try:
        fd = os.pidfd_open(pid)
    except (ProcessLookupError, OSError):
        return False
    try:
        if not is_ours():
            return False
        for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
            if wait_s <= 0:
                continue
            try:
                signal.pidfd_send_signal(fd, number)
            except ProcessLookupError:
                break
            if _has_ended(fd, pid, wait_s):
                break
        return True
    finally:
        os.close(fd)


def _has_ended(fd: int, pid: int, wait_s: float) -> bool:
    """Wait for the process behind `fd`, reaping it when it is this process's own child."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        if poll.poll(100):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            return True
    return False
