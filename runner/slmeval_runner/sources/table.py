"""What every source becomes: rows with their places, and a digest."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SIZE_LIMIT_MIB = 256
MIB = 1024 * 1024
SHOWN = 12

Rows = Iterator[tuple[str, dict[str, Any]]]
"""Each row with its place; reading on raises TaskUnusable where the data is not as declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a source holds."""

    rows: Rows
    digest: bytes
    """SHA-256: of a file's bytes; of a dataset's rows, each a line of canonical JSON."""


class Cell(str):
    """A cell of a CSV file: a text, and what it says as JSON where no text is asked for."""

    __slots__ = ()

    def parsed(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the JSON value that is written in it; the text itself if it is no JSON."""
        try:
            return json.loads(self)
        except (ValueError, RecursionError):
            return str(self)


class ClassName(str):
    """The name of a class that the data holds as a number."""

    __slots__ = ("number",)

    number: int

    @classmethod
    def of(cls, number: int, names: list[str]) -> "ClassName | None":
        """Return the name of `number`; None: it has none, as -1, which stands for no label."""
        if not 0 <= number < len(names):
            return None
        made = cls(names[number])
        made.number = number
        return made


def shown(names: list[str]) -> str:
    """Return the first of `names`, for a message."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "") or "none"
