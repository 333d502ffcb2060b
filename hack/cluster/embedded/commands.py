# SPDX-License-Identifier: Apache-2.0
"""Runs other programs and turns their failures into errors that name the program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import ClusterError

_MINUTE_S = 60.0


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    remedy: str = "Put right what it says and run the same command again.",
    on_wait: Callable[[], None] | None = None,
) -> str:
    """Run `argv` to its end and return its standard output.

    Args:
        argv: program and arguments; no shell is involved.
        stdin: text for its standard input; None: empty.
        env: variables on top of this process's own.
        cwd: its working folder; None: this process's.
        remedy: what the reader should do if it fails.
        on_wait: called each minute that it goes on.

    Raises:
        ClusterError: it is missing or its exit status is not 0.

    """
    command = [str(part) for part in argv]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            text=True,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is not installed.", remedy) from error
    with process:
        out, err = _output(process, stdin or "", on_wait)
    if process.returncode != 0:
        said = (err or out).strip()[-2000:]
        shown = " ".join(command[:6])
        raise ClusterError(f"`{shown}` ended with {process.returncode}: {said}", remedy)
    return out


def _output(
    process: subprocess.Popen[str], stdin: str, on_wait: Callable[[], None] | None
) -> tuple[str, str]:
    """Wait for the end and return both outputs; on an interruption the program is ended too."""
    try:
        while True:
            try:
                return process.communicate(stdin, timeout=_MINUTE_S)
            except subprocess.TimeoutExpired:
                if on_wait:
                    on_wait()
    except BaseException:
        process.kill()
        raise


def succeeds(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> bool:
    """Tell whether `argv` runs and exits with 0; its output is dropped."""
    try:
        run(argv, env=env)
    except ClusterError:
        return False
    return True
