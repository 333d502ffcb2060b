# SPDX-License-Identifier: Apache-2.0
"""Runs other programs and turns their failures into errors that name the program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import ClusterError


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    remedy: str = "Put right what it says and run the same command again.",
) -> str:
    """Run `argv` to its end and return its standard output.

    Args:
        argv: program and arguments; no shell is involved.
        stdin: text for its standard input; None: empty.
        env: variables on top of this process's own.
        cwd: its working folder; None: this process's.
        remedy: what the reader should do if it fails.

    Raises:
        ClusterError: it is missing or its exit status is not 0.

    """
    command = [str(part) for part in argv]
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else "",
            env={**os.environ, **(env or {})},
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is not installed.", remedy) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise ClusterError(
            f"`{' '.join(command[:6])}` ended with {done.returncode}: {said}", remedy
        )
    return done.stdout


def succeeds(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> bool:
    """Tell whether `argv` runs and exits with 0; its output is dropped."""
    try:
        run(argv, env=env)
    except ClusterError:
        return False
    return True
