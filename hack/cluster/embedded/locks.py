# SPDX-License-Identifier: Apache-2.0
"""Lets one command at a time change the cluster or the cache."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .progress import say


@contextmanager
def only_one(cache: Path, what: str) -> Iterator[None]:
    """Hold the lock named `what`, after waiting for whoever holds it; the kernel frees it."""
    folder = cache / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(what.encode()).hexdigest()[:16]
    with (folder / name).open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another hack/cluster command ({what})")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
