"""Turn a pydantic model into a structural schema of the API server, or refuse to.

What a structural schema cannot say (unions, free-form values, floats) raises: a model that
generates is a model that the API server enforces in full.
"""

from typing import Any

from pydantic import BaseModel

KEPT = (
    "description",
    "type",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "default",
)
NEEDS_MAXIMUM = {"string": "maxLength", "array": "maxItems", "integer": "maximum"}


class NotStructuralError(Exception):
    """A field cannot be said in a structural schema."""

    def __init__(self, path: str, found: str, cure: str) -> None:
        super().__init__(f"{path}: {found}; {cure}")


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the structural schema of `model`, every reference resolved.

    Raises:
        NotStructuralError: a field has no structural equivalent, or no upper bound.

    """
    schema = model.model_json_schema(by_alias=True)
    return _node(schema, schema.get("$defs", {}), model.__name__)


def _resolved(node: dict[str, Any], defs: dict[str, Any], path: str) -> dict[str, Any]:
    """Return `node` with its reference and its `| None` taken in; its own keys win."""
    if "anyOf" in node:
        options = [o for o in node["anyOf"] if o.get("type") != "null"]
        if len(options) != 1:
            raise NotStructuralError(path, "a union", "give each alternative a field of its own")
        own = {k: v for k, v in node.items() if k not in ("anyOf", "default") or v is None}
        own.pop("default", None)
        return _resolved({**options[0], **own}, defs, path)
    if "$ref" in node:
        target = defs[node["$ref"].removeprefix("#/$defs/")]
        own = {k: v for k, v in node.items() if k != "$ref"}
        return _resolved({**target, **own}, defs, path)
    return node


def _node(raw: dict[str, Any], defs: dict[str, Any], path: str) -> dict[str, Any]:
    node = _resolved(raw, defs, path)
    if "const" in node:
        node = {**node, "enum": [node["const"]]}
        node.setdefault("type", "integer" if isinstance(node["const"], int) else "string")
    kind = node.get("type")
    if kind not in ("object", "array", "string", "integer", "boolean"):
        raise NotStructuralError(path, f"type {kind!r}", "use a decimal string or a fixed model")
    out = {k: node[k] for k in KEPT if k in node and node[k] is not None}
    out.update({k: v for k, v in node.items() if k.startswith("x-kubernetes-")})
    bound = NEEDS_MAXIMUM.get(kind)
    if bound and bound not in out and "enum" not in out:
        raise NotStructuralError(path, f"no {bound}", "give it one, or the CEL cost is unbounded")
    if out.get("x-kubernetes-int-or-string"):  # its form in a structural schema
        del out["type"]
        out["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if kind == "array":
        out["items"] = _node(node["items"], defs, f"{path}[]")
        out.setdefault("x-kubernetes-list-type", "atomic")
    if kind == "object":
        out.update(_object(node, defs, path))
    return out


def _object(node: dict[str, Any], defs: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the part of an object's schema that lies below it."""
    if "properties" in node or node.get("additionalProperties") is False:
        properties = {
            key: _node(child, defs, f"{path}.{key}")
            for key, child in node.get("properties", {}).items()
        }
        required = sorted(node.get("required", ()))
        return {"properties": properties} | ({"required": required} if required else {})
    if "maxProperties" not in node:
        raise NotStructuralError(path, "an open dict", "bound it, or name its keys in a model")
    values = node.get("additionalProperties")
    if values is None:  # pydantic says keys with a pattern this way
        (values,) = node["patternProperties"].values()
    return {"additionalProperties": _node(values, defs, f"{path}.*")}
