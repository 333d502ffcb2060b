"""The vocabulary that every kind is written in: base model, bounded strings, decimal strings."""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class ApiModel(BaseModel):
    """A part of an object as the API server stores it.

    Keys are camelCase. Unknown keys are errors: an ignored key would be a question that was
    asked and silently not answered. Strict: "5" is not 5, as for the API server.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _as_the_api_server_reads(cls, data: object) -> object:
        """Drop nulls and read 4.0 as 4, as the API server does before it validates."""
        return _pruned(data)

    @classmethod
    def from_json_data(cls, data: Any) -> Self:  # noqa: ANN401 - any JSON value may arrive
        """Return the model that parsed JSON or YAML describes.

        Raises:
            pydantic.ValidationError: `data` is not of this form.

        """
        return cls.model_validate(data, by_alias=True, by_name=False)

    def to_json_data(self) -> dict[str, Any]:
        """Return plain JSON data with camelCase keys; what is None is absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _pruned(value: object) -> object:
    if isinstance(value, dict):
        return {key: _pruned(child) for key, child in value.items() if child is not None}
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Rule:
    """One cross-field rule, said twice: in CEL for the API server, in Python for everyone else.

    A table test feeds every good and bad manifest to both and demands one verdict.
    """

    def __init__(self, cel: str, message: str, holds: Callable[[Any], bool]) -> None:
        self.cel = cel
        self.message = message
        self.holds = holds


def rules(*all_rules: Rule) -> dict[str, Any]:
    """Return the JSON-schema extension that carries `all_rules` to the API server."""
    return {"x-kubernetes-validations": [{"rule": r.cel, "message": r.message} for r in all_rules]}


def demand(value: T, *all_rules: Rule) -> T:
    """Return `value`, or raise ValueError with the message of the first rule that it breaks."""
    for rule in all_rules:
        if not rule.holds(value):
            raise ValueError(rule.message)
    return value


MAX_NAME = 40  # room for the parts that names of trials and RayJobs are put together from
DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

Name = Annotated[str, StringConstraints(pattern=DNS_LABEL, min_length=1, max_length=MAX_NAME)]
"""A DNS-1123 label of at most 40 characters."""

OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ObjectName = Annotated[str, StringConstraints(pattern=OBJECT_NAME, min_length=1, max_length=253)]
"""The name of any Kubernetes object."""

DECIMAL = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$"
DecimalString = Annotated[str, StringConstraints(pattern=DECIMAL, max_length=26)]
"""A decimal number as a string, for the Kubernetes API conventions know no floats."""

POSITIVE_DECIMAL = r"^[0-9]{1,9}(\.[0-9]{1,9})?$"
PositiveDecimal = Annotated[str, StringConstraints(pattern=POSITIVE_DECIMAL, max_length=19)]

DECIMAL_ABOVE_ZERO = r"^([1-9][0-9]{0,8}(\.[0-9]{1,9})?|0\.[0-9]{0,8}[1-9][0-9]{0,8})$"
DecimalAboveZero = Annotated[str, StringConstraints(pattern=DECIMAL_ABOVE_ZERO, max_length=19)]


def _text_of_number(value: object) -> object:
    """Return the text of a whole number: people write `cpu: 4` without quotes."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


_ABOVE_ZERO = r"([1-9][0-9]{0,5}(\.[0-9]{1,3})?|0\.[0-9]{0,2}[1-9][0-9]{0,2})"

_CPU = rf"^({_ABOVE_ZERO}|[1-9][0-9]{{0,8}}m)$"
Cpu = Annotated[
    str,
    StringConstraints(pattern=_CPU, max_length=12),
    BeforeValidator(_text_of_number),
    Field(json_schema_extra={"x-kubernetes-int-or-string": True, "minimum": 1, "maximum": 999_999}),
]
"""CPUs in Kubernetes' notation: 500m, 1.5, or the number 4."""

Memory = Annotated[
    str,
    StringConstraints(pattern=rf"^{_ABOVE_ZERO}(k|Ki|M|Mi|G|Gi|T|Ti)$", max_length=16),
]
"""Bytes in Kubernetes' notation, the unit included: 16Gi. A bare 16 would be 16 bytes."""

Timestamp = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$",
        max_length=27,
    ),
]
"""An RFC 3339 time in UTC."""

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
Text128 = Annotated[str, StringConstraints(max_length=128)]
Text256 = Annotated[str, StringConstraints(max_length=256)]
Text1024 = Annotated[str, StringConstraints(max_length=1024)]
Message = Annotated[str, StringConstraints(max_length=4096)]
Generation = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Bytes = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]
Seconds = Annotated[int, Field(ge=0, le=604_800)]


def unique_by(key: str) -> Callable[[list[Any]], list[Any]]:
    """Return a check that no two elements share `key`, as a list-map demands of the API server."""

    def check(items: list[Any]) -> list[Any]:
        seen = set[str]()
        for item in items:
            value = getattr(item, key)
            if value in seen:
                raise ValueError(f"Duplicate value: {key}={value!r}")
            seen.add(value)
        return items

    return check


def unique(items: list[str]) -> list[str]:
    """Return `items`, or raise ValueError when one occurs twice (a list-set)."""
    if len(set(items)) != len(items):
        twice = next(x for x in items if items.count(x) > 1)
        raise ValueError(f"Duplicate value: {twice!r}")
    return items


UniqueNames = AfterValidator(unique_by("name"))
Unique = AfterValidator(unique)
LIST_MAP: dict[str, Any] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}
LIST_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}


_TOO_LARGE = Decimal(10) ** 15


def decimal_string(value: float | Decimal, *, digits: int = 6) -> str:
    """Return `value` rounded to `digits` places after the point, without trailing zeros.

    Raises:
        ValueError: `value` is NaN, infinite, or too large to be a DecimalString.

    """
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    if abs(number) < _TOO_LARGE:  # quantize raises an ArithmeticError for what is far larger
        number = number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    if abs(number) >= _TOO_LARGE:
        raise ValueError(f"{value!r} has more than 15 digits before the point")
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


Scope = Literal["Namespaced", "Cluster"]


class Column(BaseModel):
    """A column of `kubectl get`."""

    name: str
    type: Literal["string", "integer", "date"]
    path: str
    description: str
    wide: bool = False


class KindInfo(BaseModel):
    """How the API server names and shows a kind."""

    kind: str
    plural: str
    short: str
    scope: Scope
    columns: tuple[Column, ...]
    description: str
