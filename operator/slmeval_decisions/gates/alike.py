"""What must be the same in two runs that are held against each other, and what else differs.

What must be the same and is not raises Untold. The rest is told: it may be what the gate is there
to find. What is not known of one of them is no difference.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from slmeval_api.gate import SpeedGate
from slmeval_api.result import TaskResult, WorkloadFigures
from slmeval_api.run import Run, RunPool
from slmeval_api.task import Task
from slmeval_api.trial import Trial
from slmeval_api.workload import Workload

from slmeval_decisions.comparison import Facts, differences, facts_of
from slmeval_decisions.question import changes

from .figures import result_of
from .judged import Untold

OF_NO_MATTER = ("heldOut", "data.test", "data.train")
"""Fields of a task that do not change what is asked: digests tell whether data are the same."""
DIGEST_SHOWN = len("sha256:") + 12
Named = TypeVar("Named", Task, Workload)


def remark(before: Run, old: Trial, after: Run, new: Trial, *, fatal: set[str]) -> str:
    """Return what a difference may be due to, as a remark. Raises Untold for one that is fatal."""
    facts = _facts(before, old), _facts(after, new)
    keys = differences(*facts)
    told = [f"{key.field} was {facts[0][key]}, is {facts[1][key]}" for key in keys]
    if fatal & {key.field for key in keys}:
        raise Untold(f"not comparable with run {before.meta.name}: {', '.join(told)}")
    if old.spec.model != new.spec.model:
        told.append(f"the entry of model {new.spec.model.name} was changed")
    told += [*_of_provenance(old, new), *_of_resources(_pool(before, old), _pool(after, new))]
    return f" (since then: {', '.join(told)})" if told else ""


def refuse_other_task(before: Run, old: TaskResult, after: Run, new: TaskResult) -> None:
    """Raise Untold where a task put other questions, or in another way, in two runs."""
    tasks = [_named(run.spec.question.tasks, new.name) for run in (before, after)]
    was, now = _digests(old), _digests(new)
    told = [*_fields(*tasks), *(what for what in was if now.get(what, was[what]) != was[what])]
    if told:
        raise _another(f"task {new.name}", before, told)


def refuse_other_load(gate: SpeedGate, before: Run, after: Run) -> None:
    """Raise Untold where a workload was another one, but for its repetitions."""
    loads = [_load(gate.workload, run) for run in (before, after)]
    told = _fields(*loads)
    if told:
        raise _another(f"workload {gate.workload}", before, told)


def refuse_other_prompts(
    gate: SpeedGate, before: Run, old: WorkloadFigures, new: WorkloadFigures
) -> None:
    """Raise Untold where prompts of the user's own have other tokens: their file may change."""
    workload = _named(before.spec.question.workloads, gate.workload)
    if workload is None or workload.load.prompts is None:
        return
    sets = [len(figures.repetition_seconds) for figures in (old, new)]
    for what, tokens in (
        ("prompts", (old.input_tokens, new.input_tokens)),
        ("answers", (old.output_tokens, new.output_tokens)),
    ):
        was, now = (count / n for count, n in zip(tokens, sets, strict=True))
        if was != now:
            told = f"{what} of {was:,.6g} tokens a repetition, now {now:,.6g}"
            if sets[0] != sets[1]:
                told += "; requests has to be a multiple of the prompts for repetitions to be alike"
            raise _another(f"workload {gate.workload}", before, [told])


def _digests(task: TaskResult) -> dict[str, str]:
    """Return the digests of what was put to the model, as far as they are known."""
    found = {"data": task.data_digest}
    if task.outcomes:
        found["items"] = task.outcomes.items_digest
    if task.embedding_model:
        found["embedding model"] = task.embedding_model.digest
    if task.lm_eval:
        found["lm-eval's prompts"] = task.lm_eval.task_digest
    return {what: digest for what, digest in found.items() if digest is not None}


def _another(what: str, before: Run, told: Sequence[str]) -> Untold:
    return Untold(
        f"{what} was another one in run {before.meta.name} ({', '.join(told)}): only a run since "
        "then can be its baseline"
    )


def _fields(before: Task | Workload | None, after: Task | Workload | None) -> list[str]:
    if before is None or after is None:
        return ["not declared"]
    return [f for f in changes(before, after) if f.partition(" ")[0] not in OF_NO_MATTER]


def _named(those: Sequence[Named], name: str) -> Named | None:
    return next((one for one in those if one.name == name), None)


def _load(name: str, run: Run) -> Workload | None:
    """Return a workload as a run asked it, however often it was to be repeated."""
    workload = _named(run.spec.question.workloads, name)
    if workload is None:
        return None
    load = workload.load.model_copy(update={"repetitions": 1})
    return workload.model_copy(update={workload.kind: load})


def _facts(run: Run, trial: Trial) -> Facts:
    pool, provenance = _pool(run, trial), result_of(trial).provenance
    return facts_of(provenance, pool) if provenance and pool else {}


def _pool(run: Run, trial: Trial) -> RunPool | None:
    return next((pool for pool in run.spec.pools if pool.name == trial.spec.pool), None)


def _of_provenance(old: Trial, new: Trial) -> Iterator[str]:
    was, now = result_of(old).provenance, result_of(new).provenance
    if was is None or now is None:
        return
    if was.model_revision and now.model_revision and was.model_revision != now.model_revision:
        yield f"the model's revision was {was.model_revision}, is {now.model_revision}"
    elif was.model_digest and now.model_digest and was.model_digest != now.model_digest:
        digests = was.model_digest[:DIGEST_SHOWN], now.model_digest[:DIGEST_SHOWN]
        yield "the model's digest was {}, is {}".format(*digests)
    if was.seed != now.seed:
        yield f"seed was {was.seed}, is {now.seed}"


def _of_resources(before: RunPool | None, after: RunPool | None) -> Iterator[str]:
    if before is None or after is None:
        return
    was, now = before.spec.worker_resources, after.spec.worker_resources
    for field in changes(was, now):
        yield f"workerResources.{field} was {getattr(was, field)}, is {getattr(now, field)}"
