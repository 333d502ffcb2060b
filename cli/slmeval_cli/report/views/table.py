"""A table as plain values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column's heading."""

    text: str
    unit: str = ""
    """Empty: it has none."""
    group: str = ""
    """The heading above it and its neighbours of the same group. Empty: there is none."""
    is_number: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: what it is about, and a cell for each column."""

    head: tuple[str, ...]
    cells: tuple[str | None, ...]
    """None: not measured."""
    marks: tuple[str, ...] = ()
    """What a reader must know before comparing it, for example Simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A caption, headings and rows; as many cells in a row as there are headings."""

    caption: str
    heads: tuple[str, ...]
    """Headings of what the rows are about."""
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())
    """Sentences below it."""

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Group headings with how many columns each spans; empty: no column has one."""
        spans = [(name, len(list(of))) for name, of in groupby(h.group for h in self.headings)]
        return spans if any(name for name, _ in spans) else []

    @property
    def has_marks(self) -> bool:
        """Whether any row has one."""
        return any(row.marks for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[T]):
    """A heading, and how its cells follow from what the rows are of."""

    heading: Heading
    cell: Callable[[T], str | None]


def columns_with_figures(
    columns: Sequence[Column[T]], items: Sequence[T]
) -> tuple[tuple[Heading, ...], list[tuple[str | None, ...]]]:
    """Return the headings of the columns in which any item has a figure, and the items' cells.

    A column without any was not measured in this run: an empty one would only be in the way.
    """
    cells = [[column.cell(item) for item in items] for column in columns]
    kept = [i for i, column in enumerate(cells) if any(cell is not None for cell in column)]
    headings = tuple(columns[i].heading for i in kept)
    return headings, [tuple(cells[i][n] for i in kept) for n in range(len(items))]
