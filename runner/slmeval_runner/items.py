"""A task's items: finding the file that a source names, and reading its JSON lines."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slmeval_api.task import Fields

from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders

SIZE_LIMIT_MIB = 256
MIB = 1024 * 1024
SHOWN = 12


class Item(NamedTuple):
    """A text and its right label."""

    text: str
    label: str


class Loaded(NamedTuple):
    """The items of one file, and the bytes they were read from."""

    items: list[Item]
    content: bytes


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


def load(source: str, fields: Fields, labels: Sequence[str], folders: Folders) -> Loaded:
    """Return the items of `source`, every one with a text and a label of `labels`.

    Raises:
        TaskUnusable: the file or one of its lines is not as declared.

    """
    content = _content(source, folders)
    known = frozenset(labels)
    items = [_item(row, where, fields, known) for where, row in _rows(source, content)]
    return Loaded(items, content)


def rows(source: str, folders: Folders) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each JSON object of `source`, with its place for messages. Raises TaskUnusable."""
    yield from _rows(source, _content(source, folders))


def _rows(source: str, content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
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


def _content(source: str, folders: Folders) -> bytes:
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


def _item(row: dict[str, Any], where: str, fields: Fields, labels: frozenset[str]) -> Item:
    text = _column(row, fields.text, "text", where)
    label = _column(row, fields.label, "label", where)
    if label not in labels:
        shown = ", ".join(sorted(labels)[:SHOWN]) + (", ..." if len(labels) > SHOWN else "")
        raise TaskUnusable(
            f"{where}: column {fields.label!r} has the label {label[:128]!r}, which is not among "
            f"the task's {len(labels)} labels ({shown}): add it there or correct the line"
        )
    return Item(text, label)


def _column(row: dict[str, Any], name: str, role: str, where: str) -> str:
    if name not in row:
        there = ", ".join(map(repr, list(row)[:SHOWN]))
        raise TaskUnusable(
            f"{where} has no column {name!r}, only {there or 'none'}: name the {role} column in "
            f"data.fields.{role}"
        )
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise TaskUnusable(
            f"{where}: column {name!r} must be a text that is not empty, not "
            f"{json.dumps(value)[:64]}: write it as a JSON string"
        )
    return value
