"""Everything that one attempt needs, in the order it is made: access, plan, RayJob."""

from collections.abc import Sequence
from typing import Any

from slmeval_api import GROUP
from slmeval_api.objects import owner_reference
from slmeval_api.plan import PLAN_FILE, Plan, PlannedTrial
from slmeval_api.run import Run, RunPool
from slmeval_api.trial import Trial

from slmeval_operator import names
from slmeval_operator.settings import Settings

from .objects import run_labels
from .rayjob import desired_rayjob

RBAC = "rbac.authorization.k8s.io"


def desired_attempt(
    run: Run,
    pool: RunPool,
    trials: Sequence[Trial],
    *,
    number: int,
    evaluation_uid: str,
    all_trials: Sequence[str],
    settings: Settings,
) -> list[dict[str, Any]]:
    """Return the objects of attempt `number` on `pool`, which has to finish `trials`.

    Args:
        run: the run; it owns them all.
        pool: where.
        trials: the unfinished ones, at least one.
        number: 1 for the first.
        evaluation_uid: for the labels.
        all_trials: names of all trials of the run on this pool: the Role serves every attempt.
        settings: the operator's.

    """
    labels = run_labels(run, evaluation_uid) | {names.POOL: pool.name}
    image = pool.spec.image or settings.runner_image
    plan = desired_plan(run, pool, trials, number=number, image=image)
    job = names.rayjob_name(run.meta.name, pool.name, number)
    labels |= {names.ATTEMPT: str(number), names.RAYJOB: job}
    access = _access(run, pool, all_trials)
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta(run, job, labels),
        "immutable": True,
        "data": {PLAN_FILE: plan.model_dump_json(by_alias=True, exclude_none=True, indent=1)},
    }
    rayjob = desired_rayjob(
        plan,
        pool.spec,
        run.spec.question,
        meta=_meta(run, job, labels),
        account=names.access_name(run.meta.name, pool.name),
        settings=settings,
    )
    return [*access, config, rayjob]


def desired_plan(
    run: Run, pool: RunPool, trials: Sequence[Trial], *, number: int, image: str
) -> Plan:
    """Return what the driver of the attempt is told."""
    question = run.spec.question
    gpus = pool.spec.gpus.per_worker if pool.spec.gpus else 0
    return Plan(
        namespace=run.meta.namespace or "",
        evaluation=run.spec.evaluation,
        run=run.meta.name,
        pool=pool.name,
        attempt=number,
        engine=pool.spec.engine,
        gpus_per_worker=gpus,
        workers=workers_needed(pool, [t.spec.model.engine.tensor_parallel_size for t in trials]),
        image=image,
        seed=question.seed,
        trial_deadline_seconds=question.trial_deadline_seconds,
        workloads=list(question.workloads),
        tasks=list(question.tasks),
        artifacts=question.artifacts,
        trials=[PlannedTrial(name=t.meta.name, model=t.spec.model) for t in trials],
    )


def workers_needed(pool: RunPool, gpus_asked: Sequence[int]) -> int:
    """Return how many workers can be busy at once: no more are asked for than have work.

    Args:
        pool: where.
        gpus_asked: GPUs of each unfinished trial, shape (n,), n >= 1.

    """
    per_worker = pool.spec.gpus.per_worker if pool.spec.gpus else 1
    free = list[int]()  # GPUs left on each worker, filled first-fit
    for gpus in sorted(gpus_asked, reverse=True):
        size = min(gpus, per_worker)
        index = next((i for i, left in enumerate(free) if left >= size), None)
        if index is None:
            free.append(per_worker - size)
        else:
            free[index] -= size
    return min(pool.spec.workers, len(free))


def _meta(run: Run, name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": run.meta.namespace,
        "labels": labels,
        "ownerReferences": [owner_reference(Run.info.kind, run.meta)],
    }


def _access(run: Run, pool: RunPool, trials: Sequence[str]) -> list[dict[str, Any]]:
    """Return the reporter's account, and a Role for just these trials."""
    name = names.access_name(run.meta.name, pool.name)
    meta = _meta(run, name, {names.MANAGED_BY: names.OURS, names.RUN: run.meta.name})
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": meta,
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "Role",
            "metadata": meta,
            "rules": [
                {
                    "apiGroups": [GROUP],
                    "resources": ["slmtrials"],
                    "resourceNames": list(trials),
                    "verbs": ["get"],
                },
                {
                    "apiGroups": [GROUP],
                    "resources": ["slmtrials/status"],
                    "resourceNames": list(trials),
                    "verbs": ["patch"],
                },
            ],
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": run.meta.namespace}],
        },
    ]
