"""The smallest valid objects of our kinds, as bodies and as typed objects, for every test tier."""

from typing import Any

from slmeval_api import API_VERSION
from slmeval_api.evaluation import Evaluation
from slmeval_api.pool import Pool
from slmeval_api.run import Run
from slmeval_api.trial import Trial

CREATED = "2026-11-01T00:00:00Z"

Json = dict[str, Any]


def a_model(name: str = "small", **overrides: object) -> Json:
    """Return one candidate, whose files are in the image."""
    return {"name": name, "source": f"file:///models/{name}", **overrides}


def a_workload(name: str = "chat", **batch: object) -> Json:
    """Return one batch workload."""
    return {"name": name, "batch": {"requests": 4, "inputTokens": 16, "outputTokens": 4, **batch}}


KINDS: dict[str, Json] = {
    "batch": {"requests": 4},
    "concurrency": {"levels": [2]},
    "rate": {"requests": 50, "requestsPerSecond": ["10"]},
    "http": {"requests": 4, "concurrency": 2},
}


def a_load(kind: str, name: str = "chat", **load: object) -> Json:
    """Return one workload of any kind, of 16 tokens in and 4 out."""
    return {"name": name, kind: {"inputTokens": 16, "outputTokens": 4, **KINDS[kind], **load}}


def a_task(name: str = "intents", **overrides: object) -> Json:
    """Return one classification task on the built-in sample, without few-shot examples."""
    task = {
        "name": name,
        "classification": {"labels": ["refund", "delivery"]},
        "data": {"test": "builtin://support-intents/test"},
    }
    return {**task, **overrides}


def question_spec(**overrides: object) -> Json:
    """Return the smallest question: one model, one pool, one workload."""
    return {"models": [a_model()], "pools": ["gpu"], "workloads": [a_workload()], **overrides}


def pool_spec(**overrides: object) -> Json:
    """Return the smallest spec of a pool: CPU workers."""
    return {"workerResources": {"cpu": "1", "memory": "4Gi"}, **overrides}


def evaluation_body(
    name: str = "demo",
    namespace: str = "team",
    uid: str = "uid-demo",
    generation: int = 1,
    **spec_overrides: object,
) -> Json:
    """Return an SLMEvaluation as the API server sends it; `spec_overrides` are camelCase keys."""
    meta = _meta(name, uid, generation) | {"namespace": namespace}
    return _body(Evaluation.info.kind, meta, question_spec(**spec_overrides))


def an_evaluation(
    name: str = "demo",
    namespace: str = "team",
    uid: str = "uid-demo",
    generation: int = 1,
    **spec_overrides: object,
) -> Evaluation:
    """Return the same as a typed object."""
    return Evaluation.from_body(evaluation_body(name, namespace, uid, generation, **spec_overrides))


def pool_body(
    name: str = "gpu", uid: str = "uid-pool", generation: int = 1, **spec_overrides: object
) -> Json:
    """Return an SLMPool as the API server sends it."""
    return _body(Pool.info.kind, _meta(name, uid, generation), pool_spec(**spec_overrides))


def a_pool(
    name: str = "gpu", uid: str = "uid-pool", generation: int = 1, **spec_overrides: object
) -> Pool:
    """Return the same as a typed object."""
    return Pool.from_body(pool_body(name, uid, generation, **spec_overrides))


def run_body(
    name: str = "demo-1",
    namespace: str = "team",
    uid: str = "uid-run",
    *,
    pools: list[Json] | None = None,
    **question_overrides: object,
) -> Json:
    """Return the SLMRun that asks the smallest question, owned by nobody."""
    spec = {
        "evaluation": "demo",
        "evaluationGeneration": 1,
        "number": 1,
        "trigger": {"reason": "Changed"},
        "question": question_spec(**question_overrides),
        "pools": pools or [{"name": "gpu", "spec": pool_spec()}],
    }
    return _body(Run.info.kind, _meta(name, uid, 1) | {"namespace": namespace}, spec)


def a_run(
    name: str = "demo-1",
    namespace: str = "team",
    uid: str = "uid-run",
    *,
    pools: list[Json] | None = None,
    **question_overrides: object,
) -> Run:
    """Return the same as a typed object."""
    return Run.from_body(run_body(name, namespace, uid, pools=pools, **question_overrides))


def trial_body(
    name: str = "demo-1-small-gpu",
    namespace: str = "team",
    uid: str = "uid-trial",
    **spec_overrides: object,
) -> Json:
    """Return an SLMTrial as the API server sends it, owned by nobody."""
    spec = {"evaluation": "demo", "run": "demo-1", "model": a_model(), "pool": "gpu"}
    meta = _meta(name, uid, 1) | {"namespace": namespace}
    return _body(Trial.info.kind, meta, {**spec, **spec_overrides})


def a_trial(
    name: str = "demo-1-small-gpu",
    namespace: str = "team",
    uid: str = "uid-trial",
    **spec_overrides: object,
) -> Trial:
    """Return the same as a typed object."""
    return Trial.from_body(trial_body(name, namespace, uid, **spec_overrides))


def to_create(body: Json) -> Json:
    """Return `body` with only what its author writes: the server owns the rest of metadata."""
    kept = {k: v for k, v in body["metadata"].items() if k in ("name", "namespace", "labels")}
    return {**body, "metadata": kept}


def _meta(name: str, uid: str, generation: int) -> Json:
    return {
        "name": name,
        "uid": uid,
        "generation": generation,
        "resourceVersion": "1",
        "creationTimestamp": CREATED,
    }


def _body(kind: str, metadata: Json, spec: Json) -> Json:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
