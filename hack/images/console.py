# SPDX-License-Identifier: Apache-2.0
"""What a person sees of a build: steps with their times, and errors that say what to do."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_started = time.monotonic()


class ImagesError(Exception):
    """Something a person can put right; shown without a traceback."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Join what is wrong and what to do about it."""
        super().__init__(f"{problem}\n  {remedy}")


def say(text: str) -> None:
    """Print one line with the seconds since the tool started."""
    sys.stdout.write(f"[{time.monotonic() - _started:6.1f}s] {text}\n")
    sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Name a step before it starts, and afterwards say how long it took."""
    say(title)
    begun = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - begun:.1f} s")


def run(
    command: Sequence[str | Path],
    *,
    remedy: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run `command` with its output shown.

    Raises:
        ImagesError: it failed or does not exist; `remedy` says what to try.
    """
    words = [str(word) for word in command]
    try:
        code = subprocess.run(words, cwd=cwd, env=env, check=False).returncode
    except FileNotFoundError:
        raise ImagesError(f"There is no program {words[0]} on this machine.", remedy) from None
    if code != 0:
        raise ImagesError(f"Exit status {code} from: {shlex.join(words)}", remedy)


def output_of(command: Sequence[str | Path]) -> str | None:
    """Return what `command` printed, stripped; None when it failed or does not exist."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
