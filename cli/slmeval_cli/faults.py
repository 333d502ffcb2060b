"""What is wrong with a part of an object: the field, what was found, what to do. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError
from slmeval_api.base import ApiModel

Schema = dict[str, Any]
MOST_SHOWN = 80
"""Characters of what was found; the rest would push the advice off the screen."""
UNKNOWN_FIELD = "there is no such field here: correct its name or remove it"
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
    message = str(error["msg"]).removeprefix("Value error, ")
    return _ADVICE.get(error["type"], message)


@cache
def _schema_of(form: type[ApiModel]) -> Schema:
    return form.model_json_schema()


def _schema_at(form: type[ApiModel], path: list[str | int]) -> Schema:
    """Return what `form` says of the field at `path`; empty: it has no such field."""
    whole = _schema_of(form)
    found = whole
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
    for option in schema.get("anyOf", ()):
        if option.get("type") != "null":
            schema = option | {k: v for k, v in schema.items() if k != "anyOf"}
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]] | schema
    return schema
