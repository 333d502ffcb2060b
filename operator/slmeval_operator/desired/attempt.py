"""Everything that one attempt needs, in the order it is made: access, plan, RayJob."""

from collections.abc import Sequence
from typing import Any

from slmeval_api import GROUP
from slmeval_api.objects import owner_reference
from slmeval_api.plan import PLAN_FILE
from slmeval_api.run import Run, RunPool
from slmeval_decisions import names
from slmeval_decisions.decide import NewAttempt
from slmeval_decisions.objects import run_labels
from slmeval_decisions.plans import desired_plan

from slmeval_operator.settings import Settings

from .rayjob import desired_rayjob

RBAC = "rbac.authorization.k8s.io"


def desired_attempt(attempt: NewAttempt, settings: Settings) -> list[dict[str, Any]]:
    """Return the objects of `attempt`; its run owns them all."""
    run, pool, number = attempt.run, attempt.pool, attempt.number
    labels = run_labels(run, attempt.evaluation_uid) | {names.POOL: pool.name}
    image = pool.spec.image or settings.runner_image
    plan = desired_plan(run, pool, attempt.unfinished, number=number, image=image)
    job = attempt.rayjob
    labels |= {names.ATTEMPT: str(number), names.RAYJOB: job}
    access = _access(run, pool, attempt.all_trials)
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
