"""Rows of data: finding the file that a source names, and reading its JSON lines."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders

SIZE_LIMIT_MIB = 256
MIB = 1024 * 1024
SHOWN = 12


class Row:
    """One row, whose columns are asked for by what they hold.

    What is not as asked raises TaskUnusable, with the place and what to do.
    """

    def __init__(self, values: dict[str, Any], where: str, fields: Mapping[str, str]) -> None:
        self.where = where
        self._values = values
        self._fields = fields

    def value(self, role: str) -> Any:  # noqa: ANN401 - any JSON
        """Return what the column of `role` holds."""
        column = self._fields.get(role, role)
        found = self._find(column)
        if found is MISSING:
            there = ", ".join(map(repr, list(self._values)[:SHOWN]))
            raise TaskUnusable(
                f"{self.where} has no column {column!r}, only {there or 'none'}: name the column "
                f"of {role} in data.fields.{role}"
            )
        return found

    def has(self, role: str) -> bool:
        """Return whether an optional column is there, with something in it.

        One that data.fields names must be there.
        """
        is_named = role in self._fields
        found = self.value(role) if is_named else self._find(role)
        return found is not MISSING and found is not None

    def text(self, role: str) -> str:
        """Return a text that is not empty."""
        value = self.value(role)
        if not isinstance(value, str) or not value.strip():
            raise self.unfit(role, "a text that is not empty", value)
        return value

    def texts(self, role: str) -> list[str]:
        """Return a list of texts, none of them empty; the list may be."""
        value = self.value(role)
        is_list = isinstance(value, list)
        if not is_list or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.unfit(role, "a list of texts that are not empty", value)
        return list(value)

    def whole(self, role: str) -> int:
        """Return a whole number of at least 0."""
        value = self.value(role)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.unfit(role, "a whole number from 0", value)
        return value

    def unfit(self, role: str, needed: str, value: object) -> TaskUnusable:
        """Return the error that the column of `role` must be `needed`, and holds `value`."""
        column = self._fields.get(role, role)
        return TaskUnusable(
            f"{self.where}: column {column!r} must be {needed}, not {json.dumps(value)[:64]}: "
            f"correct the line, or name another column in data.fields.{role}"
        )

    def _find(self, column: str) -> Any:  # noqa: ANN401
        if column in self._values:
            return self._values[column]
        found: Any = self._values
        for part in column.split("."):
            found = found.get(part, MISSING) if isinstance(found, dict) else MISSING
        return found


MISSING = object()


def file_of(source: str, folders: Folders) -> Path:
    """Return the file that `source` (valid after the API's pattern) names."""
    scheme, _, rest = source.partition("://")
    if scheme == "builtin":
        return folders.samples / f"{rest}.jsonl"
    if scheme == "configmap":
        return folders.configmaps / rest
    if scheme == "pvc":
        return folders.claims / rest
    return Path(rest)


def rows(source: str, content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each JSON object of a source's bytes, with its place. Raises TaskUnusable."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise TaskUnusable(
            f"{source}: line {number} is not UTF-8: save the file as UTF-8"
        ) from error
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise TaskUnusable(f"{source}: has no items: put one JSON object on each line")
    for number, line in lines:
        where = f"{source}: line {number}"
        yield where, _object(line, where)


def content_of(source: str, folders: Folders) -> bytes:
    """Return the bytes of the file that `source` names. Raises TaskUnusable."""
    path = file_of(source, folders)
    try:
        size = path.stat().st_size
        if size > SIZE_LIMIT_MIB * MIB:
            raise TaskUnusable(
                f"{source}: has {size // MIB} MiB, the limit is {SIZE_LIMIT_MIB} MiB: take a part"
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TaskUnusable(_missing(source, path, folders)) from error
    except IsADirectoryError as error:
        raise TaskUnusable(f"{source}: is a folder: name a file in it") from error
    except OSError as error:
        raise TaskUnusable(f"{source}: cannot be read: {error}", may_pass=True) from error


def _missing(source: str, path: Path, folders: Folders) -> str:
    """Return what is there instead, and what to do about it."""
    if source.startswith("builtin://"):
        names = sorted(p.parent.name for p in folders.samples.glob("*/test.jsonl"))
        return f"{source}: no such sample in this runner; it has: {', '.join(names)}"
    found = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
    found = [name for name in found if not name.startswith("..")]  # kubelet's own links
    if source.startswith("configmap://") and not found:
        name = source.removeprefix("configmap://").partition("/")[0]
        return (
            f"{source}: ConfigMap {name} did not exist in the evaluation's namespace when the pod "
            "started: create it, then edit the evaluation, which starts a new run"
        )
    there = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    return f"{source}: no file {path.name}; beside it: {there or 'nothing'}: correct the source"


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
