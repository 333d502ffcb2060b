"""Answers as a cluster would give them, for report and commands. All figures are made up."""

from collections.abc import Sequence
from typing import Any

from builders import pool_spec
from formula import POOLS, RATES, SIZES, TASKS, a_result, comparisons
from slmeval_api import API_VERSION
from slmeval_cli.answer import Answer, Name, answer_of
from slmeval_decisions.names import EVALUATION, EVALUATION_UID

Json = dict[str, Any]

NAME = Name("team", "support-desk-example")
RUN = "support-desk-example-1"
CREATED, STARTED, ENDED = "2026-11-02T06:00:00Z", "2026-11-02T06:04:00Z", "2026-11-02T08:41:30Z"
TYPES: dict[str, Json] = {
    "classification": {"labels": ["refund", "delivery", "login"]},
    "entityMatching": {},
    "extraction": {"keys": [{"name": "order"}, {"name": "date"}]},
    "questionAnswering": {},
    "numeric": {},
}


def an_answer(
    *,
    sizes: dict[str, float] | None = None,
    pools: Sequence[str] = tuple(POOLS),
    simulated_pools: Sequence[str] = (),
    failed: Sequence[tuple[str, str]] = (("gemma-2-9b", "a10"),),
    noisy: Sequence[tuple[str, str]] = (("qwen2-5-1-5b", "a10"),),
) -> Answer:
    """Return an answer to two workloads and five tasks, with every part a report can show.

    Args:
        sizes: parameters of the models, in 10^9. None: SIZES.
        pools: of POOLS.
        simulated_pools: those of them whose engine is the simulated one.
        failed: trials that ended without a result, as model and pool.
        noisy: trials whose repetitions differ too much.

    """
    return answer_of(NAME, bodies(sizes=sizes, pools=pools, simulated_pools=simulated_pools,
                                  failed=failed, noisy=noisy))  # fmt: skip


def bodies(
    *,
    sizes: dict[str, float] | None = None,
    pools: Sequence[str] = tuple(POOLS),
    simulated_pools: Sequence[str] = (),
    failed: Sequence[tuple[str, str]] = (("gemma-2-9b", "a10"),),
    noisy: Sequence[tuple[str, str]] = (("qwen2-5-1-5b", "a10"),),
) -> list[Json]:
    """Return the same as objects, as `kubectl get -o yaml` shows them."""
    models = SIZES if sizes is None else sizes
    question = question_of(models, pools)
    trials = [
        trial_body(
            model,
            size,
            pool,
            is_simulated=pool in simulated_pools,
            is_failed=(model, pool) in failed,
            is_noisy=(model, pool) in noisy,
        )
        for model, size in models.items()
        for pool in pools
    ]
    lost = sum(model in models and pool in pools for model, pool in failed)
    ended = len(trials) - lost
    reason = "TrialsFailed" if lost else "Simulated" if simulated_pools else "Measured"
    run_status = {
        "observedGeneration": 1,
        "conditions": [
            a_condition(
                "Ready", "False" if lost else "True", reason,
                f"{ended} of {len(trials)} measured. An example: every figure here is made up.",
            )
        ],
        "trials": {
            "total": len(trials), "succeeded": ended, "failed": lost, "unfinished": 0,
            "summary": f"{len(trials)}/{len(trials)}",
        },
        "comparisons": [c for pool in pools for c in comparisons(models, pool, failed)],
        "completionTime": ENDED,
    }  # fmt: skip
    run_spec = {
        "evaluation": NAME.name,
        "evaluationGeneration": 1,
        "number": 1,
        "trigger": {"reason": "Changed"},
        "question": question,
        "pools": [{"name": p, "spec": _pool(p, is_simulated=p in simulated_pools)} for p in pools],
    }
    return [
        a_body("SLMEvaluation", NAME.name, "uid-e", spec=question, owner=None,
               status={"currentRun": {"name": RUN}}),
        a_body("SLMRun", RUN, "uid-r", spec=run_spec, status=run_status,
               owner=("SLMEvaluation", NAME.name, "uid-e")),
        *trials,
    ]  # fmt: skip


def question_of(models: dict[str, float], pools: Sequence[str]) -> Json:
    """Return the spec: a batch, a sweep of rates, five tasks."""
    return {
        "models": [{"name": m, "source": f"hf://example/{m}@main"} for m in models],
        "pools": list(pools),
        "workloads": [
            {"name": "article", "batch": {"requests": 500, "inputTokens": 2000,
                                          "outputTokens": 100}},
            {"name": "chat", "rate": {"requests": 200, "inputTokens": 800, "outputTokens": 150,
                                      "requestsPerSecond": list(RATES),
                                      "objectives": {"latencySeconds": "10"}}},
        ],
        "tasks": [
            {"name": t.name, t.kind: TYPES[t.kind], "heldOut": t.held_out,
             "data": {"test": f"builtin://{t.name}/test"}}
            for t in TASKS
        ],
    }  # fmt: skip


def trial_body(
    model: str,
    size: float,
    pool: str,
    *,
    is_simulated: bool = False,
    is_failed: bool = False,
    is_noisy: bool = False,
) -> Json:
    """Return the SLMTrial of a model on a pool."""
    if is_failed:
        message = (
            f"{model} needs 21.4 GiB of GPU memory for its weights and one request; pool {pool} "
            "offers 20.4 GiB. Set engine.quantization, or measure it on a larger pool."
        )
        conditions = [
            a_condition("Ready", "False", "EngineFailed", message),
            a_condition("Succeeded", "False", "EngineFailed", message),
            a_condition("Failed", "True", "EngineFailed", message),
        ]
        result: Json = {
            "attempt": 1, "startedAt": STARTED, "completedAt": ENDED,
            "failure": {"reason": "EngineFailed", "message": message},
        }  # fmt: skip
    else:
        reason = "Simulated" if is_simulated else "Measured"
        conditions = [
            a_condition("Ready", "True", reason, "Everything that was asked was measured."),
            a_condition("Succeeded", "True", reason, "Everything that was asked was measured."),
            a_condition("Failed", "False", reason, "Everything that was asked was measured."),
            a_condition("Noisy", str(is_noisy), "Measured", _noise(is_noisy)),
        ]
        result = a_result(
            model, size, pool,
            times=(STARTED, ENDED), is_simulated=is_simulated, is_noisy=is_noisy,
        )  # fmt: skip
    spec = {
        "evaluation": NAME.name, "run": RUN, "pool": pool,
        "model": {"name": model, "source": f"hf://example/{model}@main"},
    }  # fmt: skip
    status = {"observedGeneration": 1, "conditions": conditions, "result": result}
    return a_body("SLMTrial", f"{RUN}-{model}-{pool}", f"uid-{model}-{pool}", spec=spec,
                  status=status, owner=("SLMRun", RUN, "uid-r"))  # fmt: skip


def a_condition(type_: str, status: str, reason: str, message: str) -> Json:
    """Return a condition."""
    return {
        "type": type_, "status": status, "reason": reason, "message": message,
        "observedGeneration": 1, "lastTransitionTime": ENDED,
    }  # fmt: skip


def a_body(
    kind: str, name: str, uid: str, *, spec: Json, status: Json, owner: tuple[str, str, str] | None
) -> Json:
    """Return an object with its status and its controller."""
    meta: Json = {
        "name": name, "namespace": NAME.namespace, "uid": uid, "generation": 1,
        "creationTimestamp": CREATED,
    }  # fmt: skip
    if owner:
        keys = ("kind", "name", "uid")
        meta["ownerReferences"] = [dict(zip(keys, owner, strict=True)) | {"controller": True}]
        meta["labels"] = {EVALUATION: NAME.name, EVALUATION_UID: "uid-e"}
    return {
        "apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec, "status": status
    }  # fmt: skip


def _pool(name: str, *, is_simulated: bool) -> Json:
    memory = POOLS[name].memory_gib
    gpus: Json = {} if is_simulated else {"gpus": {"memoryGiB": memory}}
    engine = {"engine": "simulated"} if is_simulated else {}
    return pool_spec(description=f"Example card, {memory} GiB", **gpus, **engine)


def _noise(is_noisy: bool) -> str:
    if is_noisy:
        return (
            "Repetitions of article differ by more than maxVariationPercent: see "
            "repetitionSeconds; raise repetitions or keep other work off the node."
        )
    return "Repetitions agree within maxVariationPercent."
