"""What a file asks of this machine: one evaluation, on one pool. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slmeval_api import API_VERSION
from slmeval_api.base import ApiModel
from slmeval_api.evaluation import Evaluation, EvaluationSpec
from slmeval_api.pool import Pool
from slmeval_decisions.question import problem_of

from slmeval_cli.answer import Body
from slmeval_cli.exits import UserError

from .here import Machine

NAMESPACE = "local"
"""Of objects whose file names none."""
OF_CLUSTERS = ("schedule", "on_change", "start_deadline_seconds")
"""Fields of an evaluation's spec that mean nothing where it is asked once, on one machine."""


class NoPoolError(UserError):
    """Nothing describes the pool `name`."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An evaluation that names one pool, that pool, and the ConfigMaps beside them."""

    evaluation: Body
    spec: EvaluationSpec
    pool: Pool
    pool_body: Body
    configmaps: Mapping[str, Body]
    unused: tuple[str, ...]
    """Those of OF_CLUSTERS that the file sets, as it writes them."""

    @property
    def name(self) -> str:
        """The evaluation's name."""
        return str(self.evaluation["metadata"]["name"])

    @property
    def gpus_per_worker(self) -> int:
        """GPUs that a worker takes: 0 on CPUs, and for the simulated engine."""
        gpus = self.pool.spec.gpus
        return gpus.per_worker if gpus and self.pool.spec.engine == "vllm" else 0


def asked_of(
    file: str, bodies: Iterable[Body], *, evaluation: str | None, pool: str | None
) -> Asked:
    """Return what the objects of `file` and of the files of pools ask.

    Args:
        file: its name, for messages.
        bodies: objects without faults, as `validate` sees them.
        evaluation: which one is meant; None: there is one only.
        pool: the pool to measure on in place of those that the evaluation names; None: its own.

    Raises:
        NoPoolError: nothing describes the pool.
        UserError: it is not one evaluation on one pool that can be asked.

    """
    bodies = list(bodies)
    body = _meant(file, _by_name(file, Evaluation.info.kind, bodies), evaluation)
    spec = Evaluation.from_body(body).spec
    if spec.suspend:
        raise UserError(
            f"spec.suspend of {body['metadata']['name']} is true, so nothing would run.",
            "Remove it, or set it to false.",
        )
    name = pool or _only_pool(body["metadata"]["name"], spec.pools)
    pools = _by_name(file, Pool.info.kind, bodies)
    if name not in pools:
        raise NoPoolError(
            name,
            f"Nothing describes the pool {name}: there is no SLMPool of that name in {file} or "
            f"--pool-file (there are: {', '.join(sorted(pools)) or 'none'}).",
        )
    narrowed = spec.model_copy(update={"pools": [name], "schedule": None})
    found = Pool.from_body(pools[name])
    problem = problem_of(narrowed.question, {name: found})
    if problem is not None:
        raise UserError(problem.message)
    metadata = {"namespace": NAMESPACE, **body["metadata"]}
    return Asked(
        evaluation={**body, "metadata": metadata, "spec": narrowed.to_json_data()},
        spec=narrowed,
        pool=found,
        pool_body=pools[name],
        configmaps=_by_name(file, "ConfigMap", _beside(body, bodies)),
        unused=fields_set(spec, OF_CLUSTERS),
    )


def fields_set(spec: ApiModel, fields: Iterable[str]) -> tuple[str, ...]:
    """Return those of `fields` that `spec` sets, by the names that files write."""
    known = type(spec).model_fields
    return tuple(known[f].alias or f for f in fields if f in spec.model_fields_set)


def _by_name(file: str, kind: str, bodies: Iterable[Body]) -> dict[str, Body]:
    """Return the objects of a kind. Raises UserError where several namespaces have one name."""
    found = dict[str, Body]()
    for body in bodies:
        if body["kind"] == kind:
            name = str((body.get("metadata") or {}).get("name"))
            if found.setdefault(name, body) != body:
                raise UserError(
                    f"{file} holds the {kind} {name} in several namespaces; there are none here.",
                    "Name a file that holds it once.",
                )
    return found


def _beside(evaluation: Body, bodies: Iterable[Body]) -> Iterator[Body]:
    """Yield the objects that may be of the namespace of `evaluation`."""
    own = evaluation["metadata"].get("namespace")
    for body in bodies:
        metadata = body.get("metadata") or {}
        if own is None or metadata.get("namespace", own) == own:
            yield body


def _meant(file: str, evaluations: Mapping[str, Body], name: str | None) -> Body:
    if not evaluations:
        raise UserError(f"{file} holds no SLMEvaluation.", "Name a file that does.")
    there = ", ".join(evaluations)
    if name is None and len(evaluations) > 1:
        raise UserError(
            f"{file} holds {len(evaluations)} SLMEvaluations: {there}.",
            f"Choose one: --evaluation {next(iter(evaluations))}.",
        )
    name = name or there
    if name not in evaluations:
        raise UserError(f"{file} holds no SLMEvaluation {name}; it holds: {there}.")
    return evaluations[name]


def _only_pool(evaluation: str, pools: list[str]) -> str:
    if len(pools) > 1:
        raise UserError(
            f"spec.pools of {evaluation} names {len(pools)} pools, {', '.join(pools)}, and this "
            "machine is one.",
            f"Choose it: --pool {pools[0]}.",
        )
    return pools[0]


def pool_of(name: str, machine: Machine) -> Body:
    """Return an SLMPool that describes `machine`."""
    spec: dict[str, Any] = {
        "workerResources": {"cpu": machine.cpus, "memory": f"{max(1, machine.memory_gib)}Gi"}
    }
    if machine.gpus and machine.gpu_gib:
        spec["gpus"] = {"perWorker": machine.gpus, "memoryGiB": machine.gpu_gib}
    kind = Pool.info.kind
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
