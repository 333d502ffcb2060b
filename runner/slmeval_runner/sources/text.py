"""Rows written as text: JSON lines and CSV. Pure."""

import csv
import io
import json
from typing import Any

from slmeval_runner.failures import TaskUnusable

from .table import MIB, SIZE_LIMIT_MIB, Cell, Rows


def json_rows(source: str, content: bytes) -> Rows:
    """Yield each JSON object of a file of JSON lines, blank lines left out."""
    text = _decoded(source, content)
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise TaskUnusable(f"{source}: has no items: put one JSON object on each line")
    for number, line in lines:
        where = f"{source}: line {number}"
        yield where, _object(line, where)


def csv_rows(source: str, content: bytes) -> Rows:
    """Yield each row of a CSV file after its header, blank lines left out.

    A cell is a text; an empty one is null. Where the column is to hold a list, an object or a
    whole number, the text is read as JSON by whoever asks for one: see Cell.
    """
    # Texts may be longer than the module's 128 KiB; the file's size is bounded already.
    csv.field_size_limit(SIZE_LIMIT_MIB * MIB)
    reader = csv.reader(io.StringIO(_decoded(source, content), newline=""), strict=True)
    header: list[str] | None = None
    number = 0
    try:
        for cells in reader:
            if not cells:
                continue
            if header is None:
                header = _header(source, cells)
                continue
            number += 1
            where = f"{source}: row {number}"
            if len(cells) != len(header):
                raise TaskUnusable(
                    f"{where} (it ends on line {reader.line_num}) has {len(cells)} cells, the "
                    f"header has {len(header)}: put a cell that holds a comma between quotes"
                )
            yield where, {k: Cell(v) if v else None for k, v in zip(header, cells, strict=True)}
    except csv.Error as error:
        raise TaskUnusable(
            f"{source}: line {reader.line_num} is not CSV ({error}): separate cells by commas, "
            'and write a quote within quotes twice: ""'
        ) from error
    if not number:
        raise TaskUnusable(
            f"{source}: has no items: put the columns' names on the first line and a row on each "
            "line after it"
        )


def _header(source: str, cells: list[str]) -> list[str]:
    twice = [name for name in cells if cells.count(name) > 1]
    if twice:
        raise TaskUnusable(
            f"{source}: the header names {twice[0]!r} {cells.count(twice[0])} times: give each "
            "column a name of its own"
        )
    return cells


def _decoded(source: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise TaskUnusable(
            f"{source}: line {number} is not UTF-8: save the file as UTF-8"
        ) from error


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TaskUnusable(
            f"{where} is not JSON ({error}): put one JSON object on each line"
        ) from error
    if not isinstance(row, dict):
        raise TaskUnusable(f"{where} is a JSON {type(row).__name__}, not an object")
    return row
