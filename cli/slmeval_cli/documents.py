"""YAML files as users write them: each object with the place that it stands at."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .answer import Body
from .exits import FaultyError, UserError

STDIN = "-"
TEMPLATE = (
    "It looks like a template that was not rendered: give what `helm template` or `envsubst` makes "
    "of it."
)


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


_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """YAML as kubectl reads it. What JSON has no form for is refused with its place.

    1:30 and 2024-01-01 are texts, for PyYAML 90 and a date; yes, no, on and off are booleans.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's
        first: [one for one in resolvers if one[0] not in (_INT, _FLOAT, _TIMESTAMP)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_document(self, node: yaml.Node) -> Any:  # noqa: ANN401 - any JSON value
        """Return the document."""
        self.deep_construct = True  # else PyYAML makes an object that holds itself
        return super().construct_document(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401
        """Return what a node stands for, or raise YAMLError where that would hold itself."""
        if node in self.recursive_objects:
            raise _refused("an anchor holds itself", node)
        return super().construct_object(node, deep=deep)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping, or raise YAMLError where a key stands twice or is no scalar."""
        seen = set[str]()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a key is a mapping or a list", key)
            if key.value in seen:
                raise _refused(f"the key {key.value!r} stands twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    _INT,
    re.compile(r"[-+]?(0b[01_]+|0[0-7_]*|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(
        r"([-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


def _refused(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def documents_of(file: str) -> Iterator[Document]:
    """Yield the objects of a file, or of standard input for `-`; Lists are taken apart.

    Raises:
        UserError: it cannot be read.
        FaultyError: it is no YAML, or a document is no object; what stands before that is yielded
            first.

    """
    name = "standard input" if file == STDIN else file
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise FaultyError(f"{name} cannot be read: it is not UTF-8 text.") from None
    try:
        for number, body in enumerate(yaml.load_all(text, Loader=_Loader), 1):
            if body is not None:  # None: an empty document, as between two `---`
                yield from _of_document(name, number, body)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        snippets = [m.get_snippet() or "" for m in (error.context_mark, mark) if m]
        remedy = TEMPLATE if any("{{" in snippet for snippet in snippets) else ""
        raise FaultyError(f"{name}{place} is not YAML: {error.problem}.", remedy) from None
    except yaml.YAMLError as error:
        raise FaultyError(f"{name} is not YAML: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise FaultyError(f"{name} cannot be understood: it is nested too deeply.") from None
    except ValueError as error:  # of a number or a date that is none
        raise FaultyError(f"{name} cannot be understood: {error}.") from None


def _of_document(name: str, number: int, body: object) -> Iterator[Document]:
    items = [body]
    if isinstance(body, dict) and str(body.get("kind", "")).endswith("List"):
        listed = body.get("items")
        items = listed if isinstance(listed, list) else items
    for one in items:
        if not isinstance(one, dict):
            raise FaultyError(
                f"{name} document {number} is no object but {type(one).__name__}.",
                "One begins with apiVersion and kind.",
            )
        yield Document(file=name, number=number, body=one)
