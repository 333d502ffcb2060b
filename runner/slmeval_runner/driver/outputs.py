"""What a trial's processes print: to a file, and line by line from there to the log.

A file, because whoever prints never waits for a reader: a slow collector of logs must not slow
down what is measured. What a process that was killed had printed is in it too.
"""

import logging
import os
import re
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from slmeval_api.result import LAST_LINES, LINE_LIMIT

from slmeval_runner.hiding import hidden
from slmeval_runner.logs import PRINTED

printed = logging.getLogger(PRINTED)

CHUNK_BYTES = 64 * 1024
LONGEST_BYTES = 12 * 1024
"""Of a line that is passed on whole; container runtimes cut at 16 KiB."""
LEVEL = re.compile(r"(?:\([^)]*\) *)?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
"""vLLM's lines begin with the process, in brackets, or with the level."""


class Output:
    """The output of one trial's processes."""

    def __init__(self, trial: str) -> None:
        """Make the file, in the folder for temporary ones."""
        self._trial = trial
        self._reader, name = tempfile.mkstemp(prefix=f"{trial}.", suffix=".log")
        self._path = Path(name)
        self._offset = 0
        self._rest = b""
        self._last = deque[str](maxlen=LAST_LINES)

    def become_ours(self) -> None:
        """Make the file this process's standard output and error, and its children's."""
        writer = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        for standard in (1, 2):
            os.dup2(writer, standard)
        os.close(writer)
        os.close(self._reader)

    def pass_on(self, *, is_over: bool = False) -> None:
        """Log the lines that are new; when it is over, also one that has no end."""
        while chunk := os.pread(self._reader, CHUNK_BYTES, self._offset):
            self._offset += len(chunk)
            *lines, rest = (self._rest + chunk).split(b"\n")
            self._rest = _newest(rest)
            if len(self._rest) > LONGEST_BYTES:
                lines, self._rest = [*lines, self._rest], b""
            for line in lines:
                self._log(line)
        if is_over:
            self._log(self._rest)
            self._rest = b""

    def close(self) -> Sequence[str]:
        """Pass on what is left, remove the file, and return the last lines."""
        self.pass_on(is_over=True)
        os.close(self._reader)
        with suppress(FileNotFoundError):
            self._path.unlink()
        return tuple(self._last)

    def _log(self, line: bytes) -> None:
        text = _newest(line).rstrip().decode(errors="replace")
        if not text.strip():
            return
        self._last.append(hidden(text)[:LINE_LIMIT])
        level = LEVEL.match(text)
        number = logging.getLevelNamesMapping()[level[1] if level else "INFO"]
        printed.log(number, "%s", text, extra={"trial": self._trial})


def _newest(line: bytes) -> bytes:
    """Return what a terminal would show in the end of a line that was written over: a bar's."""
    whole = line.rstrip(b"\r")
    return whole.rpartition(b"\r")[2] + line[len(whole) :]
