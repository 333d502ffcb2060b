"""What is wrong with a document, field by field, without a cluster. Pure."""

from collections.abc import Iterable, Iterator
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
from .exits import FaultyError
from .faults import UNKNOWN_FIELD, Fault, faults_in, shown
from .shapes import ConfigMapFiles, Metadata

KINDS: dict[str, type[StoredObject[Any, Any]]] = {
    kind.info.kind: kind for kind in (Evaluation, Run, Trial, Pool)
}
NAME_RULES: dict[str, Rule] = {
    Evaluation.info.kind: evaluation.NAME_RULE,
    Pool.info.kind: pool.NAME_RULE,
}
CONFIG_MAP = ("v1", "ConfigMap")
_UNKNOWN_OF_GATES = (evaluation.GATES_KNOW_MODELS.message, evaluation.GATES_KNOW_MEASURES.message)
_COMMON = frozenset({"apiVersion", "kind", "metadata"})


def is_ours(body: Body) -> bool:
    """Return whether `body` claims to be of our API group, or to be of a kind that only we have."""
    is_of_group = str(body.get("apiVersion", "")).partition("/")[0] == GROUP
    return is_of_group or str(body.get("kind")) in KINDS


def is_checked(body: Body) -> bool:
    """Return whether all of `body` is checked: it is ours, or a ConfigMap, which may hold data."""
    return is_ours(body) or (body.get("apiVersion"), body.get("kind")) == CONFIG_MAP


def faults_of(body: Body) -> list[Fault]:
    """Return all faults of an object; none: the cluster would take it.

    Of an object that is not checked, only those that objects of every kind may have.
    """
    if absent := [key for key in ("apiVersion", "kind") if not body.get(key)]:
        return [Fault(field=key, found="", advice="add it") for key in absent]
    faults = list(faults_in("metadata", Metadata, body.get("metadata")))
    if is_ours(body):
        return [*faults, *_of_own(body)]
    if is_checked(body):
        held = {key: value for key, value in body.items() if key not in _COMMON}
        faults += faults_in("", ConfigMapFiles, held)
    return faults


def _of_own(body: Body) -> list[Fault]:
    version, kind = body["apiVersion"], KINDS.get(str(body["kind"]))
    if version != API_VERSION:
        advice = f"this slmeval knows {API_VERSION}"
        return [Fault(field="apiVersion", found=shown(version), advice=advice)]
    if kind is None:
        advice = f"the kinds are {', '.join(KINDS)}"
        return [Fault(field="kind", found=shown(body["kind"]), advice=advice)]
    return [
        *_of_keys(body),
        *_of_name(kind.info.kind, body.get("metadata")),
        *_of_spec(kind, body.get("spec")),
        *faults_in("status", kind.status_type, body.get("status")),
        *_of_schedule(kind.info.kind, body.get("spec")),
    ]


class Doubles:
    """Finds objects that stand twice, and differ, in what it is shown: only one would count."""

    def __init__(self) -> None:
        self._first = dict[tuple[str, ...], Document]()

    def faults_of(self, document: Document) -> list[Fault]:
        """Return the fault of an object that an earlier one with its identity contradicts."""
        metadata = document.body.get("metadata")
        if not isinstance(metadata, dict) or not metadata.get("name"):
            return []
        name = metadata["name"]
        group = str(document.body.get("apiVersion")).rpartition("/")[0]
        parts = (group, document.body.get("kind"), metadata.get("namespace") or "", name)
        first = self._first.setdefault(tuple(map(str, parts)), document)
        if first.body == document.body:
            return []
        advice = f"{first} is the same object with other content: rename or remove one of them"
        return [Fault(field="metadata.name", found=shown(name), advice=advice)]


def refuse_faulty(documents: Iterable[Document]) -> None:
    """Return if none of `documents` has a fault, and none stands there twice.

    Raises:
        FaultyError: one has; the text holds all of them.

    """
    doubles = Doubles()
    faults = [
        f"{document}: {fault}"
        for document in documents
        for fault in (*faults_of(document.body), *doubles.faults_of(document))
    ]
    if faults:
        raise FaultyError(
            "; ".join(faults) + ".", "Nothing was done. `slmeval validate` says more."
        )


def _of_keys(body: Body) -> Iterator[Fault]:
    for key in sorted(body.keys() - _COMMON - {"spec", "status"}, key=str):
        yield Fault(field=str(key), found="", advice=UNKNOWN_FIELD)


def _of_name(kind: str, metadata: object) -> Iterator[Fault]:
    """Yield what is wrong with the name, unless it is of the wrong type, which is told already."""
    name = metadata.get("name") if isinstance(metadata, dict) else None
    rule = NAME_RULES.get(kind)
    if name is None:
        yield Fault(field="metadata.name", found="", advice="a text is needed: name the object")
    elif rule and isinstance(name, str) and not rule.holds(name):
        advice = rule.message.removeprefix("metadata.name ")
        yield Fault(field="metadata.name", found=shown(name), advice=advice)


def _of_spec(kind: type[StoredObject[Any, Any]], spec: object) -> Iterator[Fault]:
    for fault in faults_in("spec", kind.spec_type, spec):
        if isinstance(spec, dict) and fault.advice in _UNKNOWN_OF_GATES:
            yield from _of_gates(spec)  # the API server can only say that there is one
        else:
            yield fault


def _of_gates(spec: dict[str, Any]) -> Iterator[Fault]:
    """Yield each name in a gate that nothing in `spec` has, whose form is right."""
    there = {key: _names(spec.get(key)) for key in ("models", "pools", "workloads", "tasks")}
    for place, gate in enumerate(spec["gates"]):
        named = [
            ("workloads", "speed.workload", (gate.get("speed") or {}).get("workload")),
            ("tasks", "score.task", (gate.get("score") or {}).get("task")),
        ]
        for key in ("models", "pools"):
            named += [(key, f"{key}[{n}]", name) for n, name in enumerate(gate.get(key) or [])]
        for key, field, name in named:
            if name is not None and name not in there[key]:
                known = ", ".join(there[key]) or "none"
                yield Fault(
                    field=f"spec.gates[{place}].{field}",
                    found=shown(name),
                    advice=f"gate {gate['name']} names it, and spec.{key} has: {known}",
                )


def _names(entries: list[Any] | None) -> list[str]:
    return [one["name"] if isinstance(one, dict) else one for one in entries or []]


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
