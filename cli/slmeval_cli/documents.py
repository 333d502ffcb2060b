"""YAML files as users write them: each object with the place that it stands at."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .answer import Body
from .exits import UserError

STDIN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One object of a file."""

    file: str
    number: int
    """1 for the first document of the file. The objects of a List share theirs."""
    body: Body

    def __str__(self) -> str:
        """Return where it stands and what it calls itself."""
        metadata = self.body.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, dict) else ""
        return f"{self.file} document {self.number} {self.body.get('kind', '')} {name}".rstrip()


class _Loader(yaml.SafeLoader):
    """YAML without the trap that the last of two equal keys counts; the API server refuses both."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping, or raise YAMLError where a key stands twice."""
        seen = set[str]()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def documents_of(file: str) -> Iterator[Document]:
    """Yield the objects of a file, or of standard input for `-`; Lists are taken apart.

    Raises:
        UserError: it cannot be read, is no YAML, or a document is no object; what stands before
            that is yielded first.

    """
    name = "standard input" if file == STDIN else file
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"{name} cannot be read: {why}.") from None
    try:
        for number, body in enumerate(yaml.load_all(text, Loader=_Loader), 1):
            if body is not None:  # None: an empty document, as between two `---`
                yield from _of_document(name, number, body)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{name}{place} is not YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{name} is not YAML: {' '.join(str(error).split())}.") from None
    except (RecursionError, ValueError) as error:  # nested without end; a date that is none
        raise UserError(f"{name} cannot be understood: {error}.") from None


def _of_document(name: str, number: int, body: object) -> Iterator[Document]:
    items = [body]
    if isinstance(body, dict) and str(body.get("kind", "")).endswith("List"):
        listed = body.get("items")
        items = listed if isinstance(listed, list) else items
    for one in items:
        if not isinstance(one, dict):
            raise UserError(
                f"{name} document {number} is no object but {type(one).__name__}.",
                "One begins with apiVersion and kind.",
            )
        yield Document(file=name, number=number, body=one)
