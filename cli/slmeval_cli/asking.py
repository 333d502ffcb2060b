"""What an evaluation would ask for: trials, workloads, tasks. Pure; nothing is estimated."""

from collections.abc import Mapping
from typing import NamedTuple

from slmeval_api.evaluation import Evaluation, Question
from slmeval_api.pool import PoolSpec
from slmeval_api.task import Task
from slmeval_api.workload import Workload

UNKNOWN = "?"


class TrialAsked(NamedTuple):
    """A model on a pool."""

    model: str
    source: str
    pool: str
    engine: str
    gpus: str
    note: str
    """What keeps it from being run as asked; empty: nothing that is known."""


class WorkloadAsked(NamedTuple):
    """A measure of speed."""

    name: str
    kind: str
    paces: str
    requests: str
    """Sent at each pace, in one repetition."""
    repetitions: str
    input_tokens: str
    output_tokens: str


class TaskAsked(NamedTuple):
    """A measure of accuracy."""

    name: str
    type: str
    items: str
    examples: str
    held_out: str


def trials_asked(question: Question, pools: Mapping[str, PoolSpec]) -> list[TrialAsked]:
    """Return models x pools; of a pool that is not among `pools`, engine and GPUs are unknown."""
    return [
        TrialAsked(
            model=model.name,
            source=model.source,
            pool=pool,
            engine=pools[pool].engine if pool in pools else UNKNOWN,
            gpus=_gpus(model.engine.tensor_parallel_size, pools.get(pool)),
            note=_note(model.engine.tensor_parallel_size, pools.get(pool)),
        )
        for model in question.models
        for pool in question.pools
    ]


def _gpus(asked: int, pool: PoolSpec | None) -> str:
    if pool is None:
        return UNKNOWN
    return str(asked) if pool.gpus else "0"


def _note(asked: int, pool: PoolSpec | None) -> str:
    if pool is None:
        return "pool unknown"
    have = pool.gpus.per_worker if pool.gpus else 1
    if asked <= have:
        return ""
    held = f"has {have}" if pool.gpus else "has none"
    return f"cannot run: tensorParallelSize is {asked}, and a worker {held}"


def workload_asked(workload: Workload) -> WorkloadAsked:
    """Return what a workload sends."""
    load = workload.load
    paces, requests, repetitions = _pace(workload)
    tokens = load.input_tokens
    spread = f" ±{load.length_spread_percent}%" if load.length_spread_percent else ""
    return WorkloadAsked(
        name=workload.name,
        kind=workload.kind,
        paces=paces,
        requests=requests,
        repetitions=str(repetitions),
        input_tokens=f"{tokens}{spread}" if tokens is not None else "as the prompts are",
        output_tokens=f"{load.output_tokens}{spread}",
    )


def _pace(workload: Workload) -> tuple[str, str, int]:
    """Return paces, requests a pace and repetitions, as text, text and number."""
    if workload.batch:
        return "all at once", str(workload.batch.requests), workload.batch.repetitions
    if workload.concurrency:
        one = workload.concurrency
        levels = ", ".join(map(str, one.levels))
        return f"{levels} in flight", f"{one.requests_per_slot} x level", one.repetitions
    if workload.rate:
        rate = workload.rate
        rates = ", ".join(rate.requests_per_second or [])
        paces = f"{rates} requests/s" if rates else "searched"
        return paces, str(rate.requests), rate.repetitions
    if workload.http is None:
        raise ValueError(f"workload {workload.name} has no kind")
    http = workload.http
    pace = f"{http.requests_per_second} requests/s"
    if http.concurrency:
        pace = f"{http.concurrency} in flight"
    return pace, str(http.requests), http.repetitions


def task_asked(task: Task) -> TaskAsked:
    """Return what a task asks."""
    shots = task.lm_eval.num_few_shot if task.lm_eval else task.few_shot.count
    return TaskAsked(
        name=task.name,
        type=task.kind,
        items=f"at most {task.limit}" if task.limit else "all",
        examples="as the task says" if shots is None else str(shots),
        held_out="yes" if task.held_out else "",
    )


def deadlines_of(evaluation: Evaluation) -> list[tuple[str, int]]:
    """Return what each deadline is about, with its seconds."""
    spec = evaluation.spec
    return [
        ("a trial", spec.trial_deadline_seconds),
        ("the start of an attempt", spec.start_deadline_seconds),
        ("an attempt on a pool", spec.deadline_seconds),
    ]
