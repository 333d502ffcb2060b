"""Builders of what a pass sees: runs, trials, RayJobs, pods, as bodies and as facts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from builders import Json, a_model, pool_spec, run_body, trial_body
from slmeval_api.conditions import Condition, ConditionType
from slmeval_api.result import Progress, TrialResult
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_decisions import names
from slmeval_decisions.attempts import PoolSituation
from slmeval_decisions.decide import NewAttempt
from slmeval_decisions.observed import Pod, RayJob, pod_of, rayjob_of
from slmeval_decisions.verdict import Standing, State, standing_conditions
from slmeval_operator.settings import Settings

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
SETTINGS = Settings(runner_image="runner:1")
RUN = "demo-1"


def ago(seconds: float) -> str:
    """Return the timestamp `seconds` before NOW."""
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_failure(reason: str = "WorkerLost", *, may_pass: bool = True) -> Json:
    """Return a failure; by default one that another attempt may mend."""
    return {"reason": reason, "message": "it died", "mayPass": may_pass}


def result_json(
    attempt: int = 1, *, completed: str | None = None, failure: Json | None = None, **more: object
) -> Json:
    """Return a trial's result without figures; complete unless a failure is given."""
    done = completed or ago(10)
    body: Json = {"attempt": attempt, "startedAt": ago(60), "completedAt": done, **more}
    return body | ({"failure": failure} if failure else {})


def workload_json(name: str = "chat", **overrides: object) -> Json:
    """Return a workload's result with figures, of two repetitions that agree."""
    quantiles = {"n": 8, "p50": "0.1", "p90": "0.2", "p95": "0.3", "p99": "0.4"}
    figures = {
        "seconds": "2",
        "repetitionSeconds": ["2", "2"],
        "variationPercent": "5",
        "requests": 8,
        "requestsPerSecond": "4",
        "inputTokensPerSecond": "64",
        "outputTokensPerSecond": "16",
        "inputTokens": 128,
        "outputTokens": 32,
        "meanConcurrency": "4",
        "totalTokensPerSecond": "80",
        "latencySeconds": quantiles,
        "timeToFirstTokenSeconds": quantiles,
    }
    made = {"name": name, "kind": "batch", "inputTokens": 16, "outputTokens": 4}
    return {**made, "repetitions": 2, "figures": figures, "isNoisy": False, **overrides}


VERSIONS = {"python": "3.12.3", "ray": "2.49.0", "torch": "2.8.0", "transformers": "4.56.0"}
VERSIONS |= {"vllm": "0.11.0", "cuda": "12.8", "driver": "570.86"}


def provenance_json(versions: Mapping[str, str | None] | None = None, **overrides: object) -> Json:
    """Return what a trial on a GPU was measured with; None takes a version or a field away."""
    known = {n: v for n, v in {**VERSIONS, **(versions or {})}.items() if v is not None}
    made: Json = {
        "engine": "vllm",
        "runnerVersion": "0.1.0",
        "versions": [{"name": name, "value": value} for name, value in known.items()],
        "device": "NVIDIA A10",
        "image": "runner:1",
        "seed": 1,
    }
    return {name: value for name, value in (made | overrides).items() if value is not None}


def progress_json(attempt: int = 1, stage: str = "Measuring") -> Json:
    """Return a trial's progress."""
    return {"stage": stage, "attempt": attempt, "updatedAt": ago(5)}


def conditions_of(
    state: State, reason: str, message: str = "so it is", *, old: list[Condition] | None = None
) -> list[Condition]:
    """Return the conditions that say a state, as written an hour ago."""
    standing = Standing(state=state, reason=reason, message=message)
    hour_ago = NOW - timedelta(hours=1)
    return standing_conditions(old or [], standing, generation=1, now=hour_ago)


def a_run(
    name: str = RUN,
    *,
    conditions: list[Condition] | None = None,
    attempts: list[Json] | None = None,
    pools: list[Json] | None = None,
    **question: Any,
) -> Run:
    """Return a run of the smallest question with a status."""
    body = run_body(name, pools=pools, **question)
    body["status"] = {
        "conditions": [c.to_json_data() for c in conditions or []],
        "attempts": attempts or [],
    }
    return Run.from_body(body)


def a_new_attempt(
    run: Run, *trials: Trial, number: int = 1, all_trials: tuple[str, ...] | None = None
) -> NewAttempt:
    """Return the decision to make an attempt on the run's first pool."""
    return NewAttempt(
        run=run,
        pool=run.spec.pools[0],
        number=number,
        unfinished=trials,
        all_trials=all_trials or tuple(t.meta.name for t in trials),
        evaluation_uid="uid-demo",
    )


def an_attempt(number: int = 1, outcome: str = "Running", **more: object) -> Json:
    """Return the record of an attempt in a run's status."""
    name = names.rayjob_name(RUN, "gpu", number)
    return {"pool": "gpu", "number": number, "name": name, "outcome": outcome, **more}


def a_trial(
    model: str = "small",
    pool: str = "gpu",
    *,
    result: Json | None = None,
    progress: Json | None = None,
    conditions: list[Condition] | None = None,
    tensor_parallel: int = 1,
) -> Trial:
    """Return a trial of RUN, with what the runner and the operator wrote about it."""
    name = names.trial_name(RUN, model, pool)
    entry = a_model(model, engine={"tensorParallelSize": tensor_parallel})
    body = trial_body(name, uid=f"uid-{name}", model=entry, pool=pool)
    status: Json = {"conditions": [c.to_json_data() for c in conditions or []]}
    if result is not None:
        status["result"] = TrialResult.from_json_data(result).to_json_data()
    if progress is not None:
        status["progress"] = Progress.from_json_data(progress).to_json_data()
    return Trial.from_body(body | {"status": status})


def rayjob_body(
    number: int = 1,
    stage: str = "Running",
    *,
    pool: str = "gpu",
    reason: str = "",
    message: str = "",
    age_s: float = 60,
    is_suspended: bool = False,
    is_being_deleted: bool = False,
) -> Json:
    """Return an attempt of RUN as KubeRay has it."""
    name = names.rayjob_name(RUN, pool, number)
    labels = {names.RUN: RUN, names.POOL: pool, names.ATTEMPT: str(number), names.RAYJOB: name}
    meta: Json = {"name": name, "namespace": "team", "uid": f"uid-{name}", "labels": labels}
    meta["creationTimestamp"] = ago(age_s)
    if is_being_deleted:
        meta["deletionTimestamp"] = ago(1)
    status = {"jobDeploymentStatus": stage, "reason": reason, "message": message}
    return {"metadata": meta, "spec": {"suspend": is_suspended}, "status": status}


def a_rayjob(number: int = 1, stage: str = "Running", **more: Any) -> RayJob:
    """Return the facts of the same."""
    return rayjob_of(rayjob_body(number, stage, **more))


def pod_body(
    rayjob: str, name: str = "head", *, pool: str = "gpu", age_s: float = 60, **status: object
) -> Json:
    """Return a pod of a RayJob."""
    labels = {names.RAYJOB: rayjob, names.POOL: pool}
    meta = {"name": f"{rayjob}-{name}", "labels": labels, "creationTimestamp": ago(age_s)}
    return {"metadata": meta, "status": {"phase": "Running", **status}}


def a_pod(job: RayJob | str, name: str = "head", **more: Any) -> Pod:
    """Return the facts of a living pod of a RayJob."""
    pod = pod_of(pod_body(job if isinstance(job, str) else job.name, name, **more))
    if pod is None:
        raise ValueError("that pod has ended")
    return pod


UNSCHEDULABLE: Json = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        }
    ],
}


def a_situation(run: Run | None = None, **overrides: Any) -> PoolSituation:
    """Return the situation of one pool: nothing made yet, one trial, nothing in the way."""
    of_run = run or a_run()
    given: dict[str, Any] = {
        "run": of_run,
        "pool": next(p for p in of_run.spec.pools if p.name == "gpu"),
        "trials": (a_trial(),),
        "jobs": (),
        "pods": (),
        "is_suspended": False,
        "is_superseded": False,
        "holder": None,
        "refusals": {},
        "now": NOW,
    }
    return PoolSituation(**(given | overrides))


def a_run_pool(name: str = "gpu", **spec: object) -> Json:
    """Return a pool as a run keeps it."""
    return {"name": name, "spec": pool_spec(**spec)}


def spelling(conditions: list[Condition]) -> dict[str, str]:
    """Return the status of each condition by type."""
    return {c.type: c.status for c in conditions}


KSTATUS = (
    ConditionType.READY,
    ConditionType.RECONCILING,
    ConditionType.STALLED,
    ConditionType.SUCCEEDED,
    ConditionType.FAILED,
)
