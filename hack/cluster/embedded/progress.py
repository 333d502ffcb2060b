# SPDX-License-Identifier: Apache-2.0
"""Lines that tell a waiting person what is going on and for how long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import ClusterError

_started = time.monotonic()


def say(text: str) -> None:
    """Write one line with the seconds since the tool started."""
    sys.stdout.write(f"[{time.monotonic() - _started:6.1f}s] {text}\n")
    sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Name a step before it starts, so that a slow one is known by name while it runs."""
    say(title)
    begun = time.monotonic()
    yield
    took_s = time.monotonic() - begun
    if took_s >= 1.0:
        say(f"  done in {took_s:.1f} s")


def wait_until(
    is_ready: Callable[[], bool], *, what: str, timeout_s: float, hint: str, pause_s: float = 0.25
) -> None:
    """Return once `is_ready` does.

    Raises:
        ClusterError: it did not within `timeout_s`; `hint` says where to look.

    """
    deadline = time.monotonic() + timeout_s
    while not is_ready():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} was not ready within {timeout_s:.0f} s.", hint)
        time.sleep(pause_s)
