"""One evaluation with its newest run and that run's trials: what is shown, and where it is from.

The objects come from a cluster or from a file (`kubectl get slmeval,slmrun,slmtrial -o yaml`); what
is made of them is the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import StoredObject
from slmeval_api.run import Run
from slmeval_api.trial import Trial

Body = dict[str, Any]
"""An object as the API server sends it."""
Kind = TypeVar("Kind", bound=StoredObject[Any, Any])


class NoAnswer(Exception):
    """The objects do not hold what was asked for. Its text says what to do."""


class Name(NamedTuple):
    """An evaluation's name. Prints as namespace/name, or as the name where a file has no more."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Return namespace/name, or the name alone."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An evaluation, its newest run, and that run's trials in the order of models, then pools."""

    evaluation: Evaluation
    run: Run | None
    """None: there is none yet."""
    trials: list[Trial]

    @property
    def name(self) -> Name:
        """The evaluation's."""
        return Name(self.evaluation.meta.namespace or "", self.evaluation.meta.name)


def names_of(bodies: Iterable[Body]) -> list[Name]:
    """Return the evaluations among `bodies`, sorted."""
    found = _of_kind(Evaluation, bodies)
    return sorted(Name(one.meta.namespace or "", one.meta.name) for one in found)


def answer_of(name: Name, bodies: Sequence[Body], *, run: str | None = None) -> Answer:
    """Return the answer to the evaluation `name`, of the run `run` or its newest one.

    Args:
        name: the evaluation.
        bodies: of our kinds; others are passed over.
        run: an SLMRun's name; None: the newest.

    Raises:
        NoAnswer: there is no such evaluation or run among them.
        pydantic.ValidationError: an object is not of its kind's form.

    """
    for evaluation in _of_kind(Evaluation, bodies):
        if (evaluation.meta.namespace or "", evaluation.meta.name) == name:
            break
    else:
        there = ", ".join(map(str, names_of(bodies))) or "none"
        raise NoAnswer(f"There is no SLMEvaluation {name}; there are: {there}.")
    found = _run(evaluation, _of_kind(Run, bodies), run)
    owner = found.meta.uid if found else None
    trials = [t for t in _of_kind(Trial, bodies) if t.meta.owner and t.meta.owner.uid == owner]
    places = {model.name: place for place, model in enumerate(evaluation.spec.models)}
    trials.sort(
        key=lambda t: (places.get(t.spec.model.name, len(places)), t.spec.model.name, t.spec.pool)
    )
    return Answer(evaluation=evaluation, run=found, trials=trials)


def _run(evaluation: Evaluation, runs: Iterable[Run], name: str | None) -> Run | None:
    own = [r for r in runs if r.meta.owner and r.meta.owner.uid == evaluation.meta.uid]
    own.sort(key=lambda run: run.spec.number)
    if name is None:
        current = evaluation.status.current_run
        named = [run for run in own if current and run.meta.name == current.name]
        return next(iter(named or own[::-1]), None)
    for run in own:
        if run.meta.name == name:
            return run
    there = ", ".join(run.meta.name for run in own) or "none"
    raise NoAnswer(f"{evaluation.meta.name} has no SLMRun {name}; it has: {there}.")


def _of_kind(kind: type[Kind], bodies: Iterable[Body]) -> list[Kind]:
    return [kind.from_body(body) for body in bodies if body.get("kind") == kind.info.kind]
