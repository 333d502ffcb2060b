"""An evaluation's answer, from a cluster or from files; errors say what to do."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError
from slmeval_api.evaluation import Evaluation
from slmeval_decisions.names import EVALUATION

from .answer import Answer, Body, Name, NoAnswer, answer_of
from .calls import EVALUATIONS, RUNS, TRIALS, Cluster
from .documents import documents_of
from .exits import UserError


class Read(NamedTuple):
    """An answer, and the objects that it was made of."""

    answer: Answer
    bodies: list[Body]


class UnknownFormError(UserError):
    """An object is of a form that this version does not know."""


def read_cluster(cluster: Cluster, name: str, *, run: str | None = None) -> Read:
    """Return the answer to the evaluation `name` of the cluster's namespace.

    Raises:
        UserError: there is no such evaluation or run, or the cluster refuses.

    """
    bodies = cluster.listed(EVALUATIONS, cluster.namespace).bodies
    selector = selector_of(name)
    for plural in (RUNS, TRIALS):
        bodies += cluster.listed(plural, cluster.namespace, selector).bodies
    return read_bodies(Name(cluster.namespace, name), bodies, run=run)


def selector_of(name: str) -> str:
    """Return the label selector of what belongs to an evaluation."""
    return f"{EVALUATION}={name}"


def read_files(
    files: Sequence[str], name: str, *, namespace: str | None, run: str | None = None
) -> Read:
    """Return the answer to the evaluation `name` of saved objects.

    Args:
        files: YAML or JSON, as `slmeval results -o yaml` writes it.
        name: the evaluation's.
        namespace: its namespace; None: whichever the files have.
        run: an SLMRun's name; None: the newest.

    Raises:
        UserError: a file cannot be read, or does not hold it.

    """
    bodies = [document.body for file in files for document in documents_of(file)]
    for body in bodies:
        if not isinstance(body.get("metadata"), dict) or "name" not in body["metadata"]:
            raise UserError("An object of the files has no metadata.name.", "Save them again.")
    found = {_place(body) for body in bodies if _is_evaluation(body)}
    places = {p.namespace for p in found if p.name == name and namespace in (None, p.namespace)}
    if len(places) > 1:
        raise UserError(
            f"{name} is in several namespaces: {', '.join(sorted(places))}.", "Name one by -n."
        )
    place = next(iter(places), namespace or "")
    return read_bodies(Name(place, name), bodies, run=run)


def read_bodies(name: Name, bodies: Sequence[Body], *, run: str | None = None) -> Read:
    """Return the answer that `bodies` hold.

    Raises:
        UserError: they do not hold it, or one is of a form that this version does not know.

    """
    # Others' evaluations are only names for an error: one of a newer form must not be in the way.
    is_there = any(_is_evaluation(b) and _place(b) == name for b in bodies)
    wanted = [b for b in bodies if not (is_there and _is_evaluation(b)) or _place(b) == name]
    try:
        answer = answer_of(name, wanted, run=run)
    except NoAnswer as error:
        raise UserError(str(error)) from None
    except ValidationError as error:
        raise UnknownFormError(
            f"An object of {name} is of a form that this slmeval does not know: "
            f"{_first_of(error)}.",
            "Use the slmeval of the operator's version.",
        ) from None
    used = {answer.evaluation.meta.uid, *(t.meta.uid for t in answer.trials)}
    used |= {answer.run.meta.uid} if answer.run else set()
    return Read(answer, [b for b in wanted if b["metadata"].get("uid") in used])


def _first_of(error: Any) -> str:  # noqa: ANN401 - pydantic's
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _is_evaluation(body: Body) -> bool:
    return body.get("kind") == Evaluation.info.kind


def _place(body: Body) -> Name:
    return Name(body["metadata"].get("namespace") or "", body["metadata"]["name"])
