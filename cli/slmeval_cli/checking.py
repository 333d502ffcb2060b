"""What is wrong with a document, field by field, without a cluster. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from slmeval_api import API_VERSION, GROUP, evaluation, pool
from slmeval_api.base import Rule
from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import StoredObject
from slmeval_api.pool import Pool
from slmeval_api.run import Run
from slmeval_api.schedule import Clock, Schedule
from slmeval_api.trial import Trial

from .answer import Body
from .documents import Document
from .exits import ExitCode, UserError

KINDS: dict[str, type[StoredObject[Any, Any]]] = {
    kind.info.kind: kind for kind in (Evaluation, Run, Trial, Pool)
}
NAME_RULES: dict[str, Rule] = {
    Evaluation.info.kind: evaluation.NAME_RULE,
    Pool.info.kind: pool.NAME_RULE,
}
MOST_SHOWN = 80
"""Characters of what was found; the rest would push the advice off the screen."""
_ADVICE = {
    "missing": "add it",
    "extra_forbidden": "there is no such field here: correct its name or remove it",
}


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


class FaultyError(UserError):
    """A file has faults."""

    code = ExitCode.FAILED


def is_ours(body: Body) -> bool:
    """Return whether `body` claims to be of our API group, known kind or not."""
    return str(body.get("apiVersion", "")).partition("/")[0] == GROUP


def faults_of(body: Body) -> list[Fault]:
    """Return all faults of an object of our API group; none: the cluster would take it."""
    kind = KINDS.get(str(body.get("kind")))
    if body.get("apiVersion") != API_VERSION:
        return [
            Fault(
                field="apiVersion",
                found=_shown(body.get("apiVersion")),
                advice=f"this slmeval knows {API_VERSION}",
            )
        ]
    if kind is None:
        known = ", ".join(KINDS)
        return [
            Fault(field="kind", found=_shown(body.get("kind")), advice=f"the kinds are {known}")
        ]
    return [
        *_of_keys(body),
        *_of_name(kind.info.kind, body.get("metadata")),
        *_of_part("spec", kind.spec_type, body.get("spec")),
        *_of_part("status", kind.status_type, body.get("status")),
        *_of_schedule(kind.info.kind, body.get("spec")),
    ]


def refuse_faulty(documents: Iterable[Document]) -> None:
    """Return if none of our objects among `documents` has a fault.

    Raises:
        UserError: one has; the text holds all of them.

    """
    faults = [
        f"{document}: {fault}"
        for document in documents
        if is_ours(document.body)
        for fault in faults_of(document.body)
    ]
    if faults:
        raise FaultyError(
            "; ".join(faults) + ".", "Nothing was done. `slmeval validate` says more."
        )


def _of_keys(body: Body) -> Iterator[Fault]:
    for key in sorted(body.keys() - {"apiVersion", "kind", "metadata", "spec", "status"}, key=str):
        yield Fault(field=str(key), found="", advice=_ADVICE["extra_forbidden"])


def _of_name(kind: str, metadata: object) -> Iterator[Fault]:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        yield Fault(field="metadata.name", found="", advice="a text is needed: name the object")
        return
    rule = NAME_RULES.get(kind)
    if rule and not rule.holds(metadata["name"]):
        advice = rule.message.removeprefix("metadata.name ")
        yield Fault(field="metadata.name", found=_shown(metadata["name"]), advice=advice)


def _of_part(part: str, form: Any, data: object) -> Iterator[Fault]:  # noqa: ANN401 - a model
    if part == "status" and data is None:
        return
    try:
        form.from_json_data({} if data is None else data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            yield _fault(part, one)


def _of_schedule(kind: str, spec: object) -> Iterator[Fault]:
    """Yield what arithmetic finds: the API server takes it, and the evaluation stalls."""
    if kind != Evaluation.info.kind or not isinstance(spec, dict) or not spec.get("schedule"):
        return
    try:
        schedule = Schedule.from_json_data(spec["schedule"])
    except ValidationError:
        return  # told already
    try:
        Clock(schedule)
    except ValueError as error:
        field, _, advice = str(error).partition(": ")
        yield Fault(field=field, found="", advice=advice.rstrip("."))


def _fault(part: str, error: Any) -> Fault:  # noqa: ANN401 - pydantic's ErrorDetails
    field = part
    for step in error["loc"]:
        field += f"[{step}]" if isinstance(step, int) else f".{step}"
    kind, message = error["type"], error["msg"].removeprefix("Value error, ")
    # A rule about several fields was broken by none of them alone: its message names them.
    is_rule = kind == "value_error" and isinstance(error["input"], dict)
    found = "" if kind in _ADVICE or is_rule else _shown(error["input"])
    return Fault(field=field, found=found, advice=_ADVICE.get(kind, message))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
