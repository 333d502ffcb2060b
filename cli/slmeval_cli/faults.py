"""What is wrong with a part of an object: the field, what was found, what to do. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError
from slmeval_api.base import (
    DECIMAL_ABOVE_ZERO,
    DNS_LABEL,
    OBJECT_NAME,
    POSITIVE_DECIMAL,
    ApiModel,
)
from slmeval_api.pool import LABEL_KEY, LABEL_VALUE

from .shapes import KEY_OF_DATA

Schema = dict[str, Any]
MOST_SHOWN = 80
"""Characters of what was found; the rest would push the advice off the screen."""
UNKNOWN_FIELD = "there is no such field here: correct its name or remove it"
FORMS = {
    DNS_LABEL: "Small letters, digits and '-', no '-' at the ends.",
    OBJECT_NAME: "Small letters, digits, '-' and '.', none of the last two at the ends.",
    POSITIVE_DECIMAL: "A decimal number that is not negative, as '0.5'.",
    DECIMAL_ABOVE_ZERO: "A decimal number above 0, as '0.5'.",
    LABEL_KEY: "A label's key, as app.kubernetes.io/name.",
    LABEL_VALUE: "Letters, digits, '-', '_' and '.', the last three not at the ends.",
    KEY_OF_DATA: "A file's name of letters, digits, '-', '_' and '.'.",
}
"""What a pattern that many fields share asks for. A pattern of one field is in its description."""
_ADVICE = {"missing": "add it", "extra_forbidden": UNKNOWN_FIELD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong."""

    field: str
    """Where, as spec.models[0].name; docs/reference describes it."""
    found: str
    """What stands there; empty: nothing does."""
    advice: str
    """What should."""

    def __str__(self) -> str:
        """Return it in one line."""
        found = f"found {self.found}: " if self.found else ""
        return f"{self.field}: {found}{self.advice}"


def faults_in(part: str, form: type[ApiModel], data: object) -> Iterator[Fault]:
    """Yield the faults of `data`, which stands at `part` and should be of `form`."""
    try:
        form.from_json_data({} if data is None else data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            yield _fault(part, form, one)


def shown(value: object) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _fault(part: str, form: type[ApiModel], error: Any) -> Fault:  # noqa: ANN401 - ErrorDetails
    path = [step for step in error["loc"] if step != "[key]"]  # a key's fault is its entry's
    field = part
    for step in path:
        field += f"[{step}]" if isinstance(step, int) else f".{step}"
    kind = error["type"]
    # A rule about several fields was broken by none of them alone: its message names them.
    is_rule = kind == "value_error" and isinstance(error["input"], dict)
    found = "" if kind in _ADVICE or is_rule else shown(error["input"])
    return Fault(
        field=field.removeprefix("."), found=found, advice=_advice(error, _schema_at(form, path))
    )


def _advice(error: Any, schema: Schema) -> str:  # noqa: ANN401 - ErrorDetails
    kind, found = error["type"], error["input"]
    message = str(error["msg"]).removeprefix("Value error, ")
    match kind:
        case "string_type":
            return _as_text(found)
        case "string_pattern_mismatch" | "string_too_short":
            form = FORMS.get(schema.get("pattern", ""), "")
            return " ".join(filter(None, (form, schema.get("description")))) or message
        case "model_type" | "dict_type" | "model_attributes_type":
            return _as_mapping(found, schema)
        case "list_type":
            return f"a list is needed, as [{found}]" if _is_scalar(found) else "a list is needed"
        case "int_type" | "bool_type":
            needed = "true or false" if kind == "bool_type" else "a whole number"
            return f"{needed} is needed{', without quotes' if isinstance(found, str) else ''}"
    return _ADVICE.get(kind, message)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _as_text(found: object) -> str:
    if isinstance(found, bool):
        return (
            "a text is needed: quote it, as 'yes'. Without quotes YAML reads yes, no, on, off, "
            "true and false as truth values"
        )
    return f"a text is needed: quote it, as '{found}'" if _is_scalar(found) else "a text is needed"


def _as_mapping(found: object, schema: Schema) -> str:
    """Return which mapping is needed, with what was found as the first of its values that fits."""
    fields: Schema = schema.get("properties", {})
    for name, field in fields.items():
        if _fits(found, field):
            return f"a mapping is needed, such as {{{name}: {found}}}"
    return f"a mapping is needed, of {', '.join(fields)}" if fields else "a mapping is needed"


def _fits(value: object, schema: Schema) -> bool:
    schema = _not_null(schema)
    if isinstance(value, str):
        is_of_type = schema.get("type") == "string" and "const" not in schema
        is_known = value in schema.get("enum", [value])
        return is_of_type and is_known and bool(re.match(schema.get("pattern", ""), value))
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number and schema.get("type") == "integer"


@cache
def _schema_of(form: type[ApiModel]) -> Schema:
    return form.model_json_schema()


def _schema_at(form: type[ApiModel], path: list[str | int]) -> Schema:
    """Return what `form` says of the field at `path`; empty: it has no such field."""
    whole = found = _schema_of(form)
    for step in path:
        if isinstance(step, int):
            found = found.get("items", {})
        else:
            found = found.get("properties", {}).get(step) or _of_any_key(found)
        found = _resolved(whole, found)
    return found


def _of_any_key(schema: Schema) -> Schema:
    found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def _resolved(whole: Schema, schema: Schema) -> Schema:
    """Return `schema` with what it refers to; its own description counts."""
    schema = _not_null(schema)
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]] | schema
    return schema


def _not_null(schema: Schema) -> Schema:
    """Return what stands in `schema` beside null, which is the same as a field left out."""
    options: list[Schema] = schema.get("anyOf", [])
    for option in options:
        if option.get("type") != "null":
            return option | {key: value for key, value in schema.items() if key != "anyOf"}
    return schema
