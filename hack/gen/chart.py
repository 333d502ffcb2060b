"""The generated parts of the chart: the schema's word on pools, the README's table of values."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from slmeval_api.pool import Pool

from .crd import crd

MARK_BEGIN = "<!-- values: written by `make gen` from values.yaml -->"
MARK_END = "<!-- end of values -->"


class Value(NamedTuple):
    """One key of values.yaml."""

    path: str
    default: Any
    meaning: str


def values_schema(current: str) -> str:
    """Return the chart's schema with the pool's spec as the CRD has it; the rest is hand-kept."""
    schema = json.loads(current)
    spec = crd(Pool)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    schema["$defs"]["poolSpec"] = json_schema(spec)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def json_schema(node: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a structural one: unknown keys refused, what Helm ignores gone."""
    out = {k: v for k, v in node.items() if not k.startswith("x-kubernetes-")}
    if node.get("x-kubernetes-list-type") == "set":
        out["uniqueItems"] = True
    if "items" in node:
        out["items"] = json_schema(node["items"])
    if "properties" in node:
        out["properties"] = {k: json_schema(v) for k, v in node["properties"].items()}
        out["additionalProperties"] = False
    elif "additionalProperties" in node:
        out["additionalProperties"] = json_schema(node["additionalProperties"])
    return out


def chart_readme(current: str, values: str) -> str:
    """Return the README with the table of `values` between its two marks."""
    head, _, rest = current.partition(MARK_BEGIN)
    _, _, tail = rest.partition(MARK_END)
    rows = ["| key | default | meaning |", "| --- | --- | --- |"]
    rows += [
        f"| `{v.path}` | `{json.dumps(v.default)}` | {v.meaning} |" for v in documented(values)
    ]
    return "\n".join([f"{head}{MARK_BEGIN}", "", *rows, "", f"{MARK_END}{tail}"])


def documented(values: str) -> list[Value]:
    """Return every key that has a `# --` comment, in order, with its default and the comment.

    Raises:
        ValueError: a key that holds no further keys of the file has no such comment.

    """
    found, stack, comment = list[Value](), list[tuple[int, str]](), list[str]()
    tree = yaml.safe_load(values)
    deepest = 0  # indentation that still belongs to a documented key's default
    for line in values.splitlines():
        text = line.strip()
        if text.startswith("#"):
            comment = [text[5:]] if text.startswith("# --") else comment and [*comment, text[2:]]
            continue
        indent = len(line) - len(line.lstrip())
        if not text or text.startswith("- ") or (deepest and indent >= deepest):
            comment = []
            continue
        key = text.partition(":")[0]
        stack = [(i, k) for i, k in stack if i < indent] + [(indent, key)]
        path = ".".join(k for _, k in stack)
        deepest = indent + 1 if comment else 0
        if comment:
            found.append(Value(path, _at(tree, path), " ".join(comment).replace("|", "\\|")))
        elif not text.endswith(":"):
            raise ValueError(f"values.yaml: {path} has no `# --` comment")
        comment = []
    return found


def _at(tree: Any, path: str) -> Any:  # noqa: ANN401 - any YAML value
    for key in path.split("."):
        tree = tree[key]
    return tree


def chart_files(root: Path) -> dict[Path, str]:
    """Return path -> content of the chart's files that are generated in part."""
    chart = root / "charts/slmeval"
    schema, readme = chart / "values.schema.json", chart / "README.md"
    values = (chart / "values.yaml").read_text()
    return {
        schema: values_schema(schema.read_text()),
        readme: chart_readme(readme.read_text(), values),
    }
