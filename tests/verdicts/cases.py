"""What a verdict case is, and pydantic's verdict on it. The API server's is asked in tests/api."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from slmeval_api import evaluation, pool
from slmeval_api.base import demand
from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import StoredObject
from slmeval_api.pool import Pool
from slmeval_api.run import Run
from slmeval_api.trial import Trial

Json = dict[str, Any]

KINDS: dict[str, type[StoredObject[Any, Any]]] = {
    kind.info.kind: kind for kind in (Evaluation, Run, Trial, Pool)
}
NAME_RULES = {"SLMEvaluation": evaluation.NAME_RULE, "SLMPool": pool.NAME_RULE}


@dataclass(frozen=True, slots=True)
class Good:
    """A manifest at the edge of what is allowed."""

    name: str
    body: Json

    def __str__(self) -> str:
        return f"{self.body['kind']}: {self.name}"


@dataclass(frozen=True, slots=True)
class Bad:
    """A manifest that must be refused, and what the API server's words must hold."""

    name: str
    body: Json
    field: str
    says: str

    def __str__(self) -> str:
        return f"{self.body['kind']}: {self.name}"


def pydantic_refusal(body: Json) -> str | None:
    """Return why the models refuse `body`; None: they take it."""
    kind = body["kind"]
    try:
        KINDS[kind].from_body(body)
        if kind in NAME_RULES:
            demand(body["metadata"]["name"], NAME_RULES[kind])
    except ValidationError as error:
        return str(error)
    except ValueError as error:
        return str(error)
    return None


def changed(body: Json, path: str, value: object) -> Json:
    """Return `body` with one value set: `path` is dotted, positions in lists are numbers."""
    copy = deepcopy(body)
    holder, key = _place(copy, path)
    holder[key] = value
    return copy


def without(body: Json, path: str) -> Json:
    """Return `body` without one key."""
    copy = deepcopy(body)
    holder, key = _place(copy, path)
    del holder[key]
    return copy


def _place(body: Json, path: str) -> tuple[Any, Any]:
    *parents, last = path.split(".")
    holder: Any = body
    for step in parents:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    return holder, int(last) if isinstance(holder, list) else last
