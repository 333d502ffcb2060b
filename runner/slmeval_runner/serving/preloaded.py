"""`python -m slmeval_runner.serving.preloaded`: GuideLLM imported once, each run of it a fork.

The generator's folder comes first on its path, so this is Python's own library and nothing else
until GuideLLM is imported. A run is what `python -m guidellm …` would be, without the import.

Standard input: what to run (Run), a line of JSON each. Standard output, for each: the number of its
process, then, once that has ended, its exit code. All of it ends with its standard input.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

PACKAGE = "guidellm"
IMPORTED = (f"{PACKAGE}.cli", f"{PACKAGE}.benchmark")
"""What a run imports. One that another version does not have is left out: runs are slower then."""
WORDS = "words.txt"
"""What a run prints, in its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be run."""

    arguments: list[str]
    folder: str
    """Where it runs."""


def main() -> None:
    """Return when standard input has ended, and in each run's process once it has run."""
    replies, log = os.dup(1), os.dup(2)
    _print_to(log)
    for name in IMPORTED:
        with suppress(ImportError):  # that a run needs as well will say so
            importlib.import_module(name)
    gc.freeze()  # what is imported stays in pages that all runs share
    while line := sys.stdin.readline():
        run = Run(**json.loads(line))
        # Here as well: what a run logs is written by a thread that stays in this process.
        words = os.open(Path(run.folder, WORDS), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        _print_to(words)
        # Never written to: its end of writing is held by the run's process alone.
        ended, held = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(replies)
            os.register_at_fork(after_in_child=partial(os.close, held))
            _become(run)
            return
        os.close(held)
        os.write(replies, f"{pid}\n".encode())
        code = _code(pid, ended)
        _print_to(log)
        os.close(words)
        os.close(ended)
        os.write(replies, f"{code}\n".encode())


def _print_to(file: int) -> None:
    os.dup2(file, 1)
    os.dup2(file, 2)


def _code(pid: int, ended: int) -> int:
    """Return the exit code of a run, which is killed if standard input ends first."""
    if ended not in select.select([ended, sys.stdin], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _become(run: Run) -> None:
    os.chdir(run.folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = [PACKAGE, *run.arguments]
    runpy.run_module(PACKAGE, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
