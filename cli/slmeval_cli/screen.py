"""What is written to the terminal, and how: safe text, tables, the two streams.

Names, messages and logs come from other people and from models. A control character among them
could move the cursor, change the title or hide a line, so none is ever written. Colours are left
out with all of their sequence; of any other sequence only the control character is replaced.
"""

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .exits import UnreadError, UserError

COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
REPLACED = "\N{REPLACEMENT CHARACTER}"
AS_WIDE_AS_NEEDED = 10_000
"""Columns of tables. A row is one line, which a narrow terminal breaks by itself, as for kubectl:
a number that is folded within its column could be read as two."""


def plain(text: object) -> str:
    """Return `text` in one line, without control characters, marks of direction or surrogates."""
    return "".join(_safe(character) for character in COLOURS.sub("", str(text)))


def _safe(character: str) -> str:
    if character in "\n\r\t":
        return " "
    category = unicodedata.category(character)
    if category in ("Zl", "Zp"):
        return " "
    return REPLACED if category in ("Cc", "Cf", "Cs") else character


def _width() -> int | None:
    """Return the columns to write, where rich does not find them out itself: None.

    0 is what a terminal of unknown size says; rich would write nothing at all.
    """
    return shutil.get_terminal_size().columns if os.environ.get("COLUMNS") == "0" else None


class _Console(Console):
    """Rich's, but for the end of the process that it brings about when nobody reads."""

    def on_broken_pipe(self) -> None:
        """Raise what rich has caught; exits says how a command ends then."""
        raise BrokenPipeError


@contextmanager
def _written() -> Iterator[None]:
    """Turn what a write to standard output may raise into a UserError."""
    try:
        yield
    except OSError as error:
        with suppress(OSError):  # what is left in the buffer would fail again when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise UnreadError("Nobody reads the output.") from None
        raise UserError(f"The output cannot be written: {error.strerror}.") from None


class Screen:
    """Standard output and standard error. NO_COLOR and pipes are respected by rich."""

    def __init__(self) -> None:
        self.out = _Console(width=_width(), highlight=False, markup=False, emoji=False)
        self._wide = _Console(width=AS_WIDE_AS_NEEDED, highlight=False, markup=False, emoji=False)
        self.err = _Console(stderr=True, width=_width(), highlight=False, markup=False, emoji=False)

    def text(self, text: str) -> None:
        """Write a whole text to standard output, as it is: for programs."""
        with _written():
            sys.stdout.write(text)
            sys.stdout.flush()

    def line(self, text: str = "", *, style: str = "") -> None:
        """Write one line to standard output."""
        with _written():
            self.out.print(Text(plain(text), style=style), soft_wrap=True)

    def note(self, text: str, *, style: str = "") -> None:
        """Write one line to standard error: what is no part of the answer."""
        with suppress(OSError):  # there is nowhere left to say it
            self.err.print(Text(plain(text), style=style), soft_wrap=True)

    def table(self, table: Table) -> None:
        """Write a table to standard output."""
        with _written():
            self._wide.print(table)


def table_of(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()
) -> Table:
    """Return a table as kubectl prints them.

    Args:
        headers: one a column.
        rows: cells; an empty one is something that was not measured.
        right: columns of numbers, by place.

    """
    numbers = set(right)
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for place, header in enumerate(headers):
        table.add_column(
            Text(header),
            justify="right" if place in numbers else "left",
            overflow="fold",
            no_wrap=place in numbers,
        )
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table
