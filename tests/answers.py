"""Answers as a cluster would give them, for the report and the commands. All figures are made up.

They follow a formula, so that pictures look like those of a real run: time grows with the
parameters, scores with their logarithm, and latency with the load.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from builders import pool_spec
from slmeval_api import API_VERSION
from slmeval_cli.answer import Answer, Name, answer_of

Json = dict[str, Any]

NAME = Name("team", "support-desk-example")
RUN = "support-desk-example-1"
CREATED, STARTED, ENDED = "2026-11-02T06:00:00Z", "2026-11-02T06:04:00Z", "2026-11-02T08:41:30Z"
SIZES = {
    "llama-3-2-1b": 1.24,
    "qwen2-5-1-5b": 1.54,
    "gemma-2-2b": 2.61,
    "llama-3-2-3b": 3.21,
    "qwen2-5-7b": 7.62,
    "gemma-2-9b": 9.24,
}
"""Models of the answer, with their parameters in 10^9."""
TWELVE = SIZES | {
    "phi-3-mini": 3.82,
    "qwen2-5-3b": 3.09,
    "llama-3-1-8b": 8.03,
    "smollm2-1-7b": 1.71,
    "granite-3-1-2b": 2.53,
    "a-model-with-the-longest-name-there-is-1": 4.4,
}
POOLS = {"a6000": 1.0, "a10": 0.61}
"""Pools of the answer, with their speed."""
RATES = ("2", "4", "8", "12", "16")


class TaskShape(NamedTuple):
    """A task of the answer."""

    name: str
    kind: str
    items: int
    ease: float
    majority: str | None
    random: str | None
    held_out: bool


TASKS = (
    TaskShape("support-intents", "classification", 240, 0.12, "0.183333", "0.166667", False),
    TaskShape("same-product", "entityMatching", 200, 0.18, "0.605", "0.5", False),
    TaskShape("order-fields", "extraction", 180, 0.02, None, None, False),
    TaskShape("policy-questions", "questionAnswering", 220, -0.04, None, None, True),
    TaskShape("invoice-sums", "numeric", 150, -0.20, "0.02", None, True),
)
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
        result = a_result(model, size, pool, is_simulated=is_simulated, is_noisy=is_noisy)
    spec = {
        "evaluation": NAME.name, "run": RUN, "pool": pool,
        "model": {"name": model, "source": f"hf://example/{model}@main"},
    }  # fmt: skip
    status = {"observedGeneration": 1, "conditions": conditions, "result": result}
    return a_body("SLMTrial", f"{RUN}-{model}-{pool}", f"uid-{model}-{pool}", spec=spec,
                  status=status, owner=("SLMRun", RUN, "uid-r"))  # fmt: skip


def a_result(model: str, size: float, pool: str, *, is_simulated: bool, is_noisy: bool) -> Json:
    """Return what the trial measured, by formula."""
    per_s = POOLS[pool] * 62 / (size + 0.35) * (1 + 0.15 * _wave(model))
    tasks = [_task(shape, model, size) for shape in TASKS]
    held_out = [t for t in tasks if t["heldOut"]]
    return {
        "attempt": 1,
        "startedAt": STARTED,
        "completedAt": ENDED,
        "workloads": [
            {
                "name": "article", "kind": "batch", "inputTokens": 2000, "outputTokens": 100,
                "repetitions": 3, "isNoisy": is_noisy,
                "figures": figures(per_s, requests=1500, tokens=(2000, 100), latency=250 / per_s,
                                   repetitions=3, spread=0.14 if is_noisy else 0.006),
            },
            {
                "name": "chat", "kind": "rate", "inputTokens": 800, "outputTokens": 150,
                "repetitions": 1, "points": [_point(rate, per_s * 1.3, size) for rate in RATES],
                **_highest(per_s * 1.3, size),
            },
        ],
        "tasks": tasks,
        "suite": {
            "score": _mean([t["score"] for t in tasks]),
            "heldOut": _mean([t["score"] for t in held_out]),
            "seconds": decimal(1900 / per_s),
        },
        "provenance": {
            "engine": "simulated" if is_simulated else "vllm",
            "runnerVersion": "0.1.0",
            "versions": [
                {"name": "vllm", "value": "0.12.0"}, {"name": "torch", "value": "2.9.0+cu128"},
                {"name": "ray", "value": "2.52.0"}, {"name": "driver", "value": "580.95.05"},
            ],
            "device": "Example card 48 GiB" if pool == "a6000" else "Example card 24 GiB",
            "deviceIds": [f"GPU-00000000-0000-0000-0000-{len(pool):012d}"],
            "node": f"node-{pool}-1",
            "image": "registry.example/slmeval/runner@sha256:" + "3f" * 32,
            "modelRevision": f"{sum(map(ord, model)):04x}" * 10,
            "modelDigest": "sha256:" + f"{sum(map(ord, model)):04x}" * 16,
            "engineArguments": [
                {"name": "dtype", "value": "bfloat16"}, {"name": "max_model_len", "value": "4096"},
                {"name": "max_num_seqs", "value": "256" if pool == "a10" else "1024"},
            ],
            "seed": 1,
        },
    }  # fmt: skip


def figures(
    per_s: float,
    *,
    requests: int,
    tokens: tuple[int, int],
    latency: float,
    repetitions: int,
    spread: float,
) -> Json:
    """Return the figures of a load with `per_s` requests a second and a median `latency`."""
    seconds = requests / repetitions / per_s
    each = [seconds * (1 + spread * offset) for offset in (-1, 0.2, 0.8)][:repetitions]
    ttft = latency * 0.45
    tpot = latency * 0.55 / max(tokens[1] - 1, 1)
    return {
        "requests": requests,
        "seconds": decimal(seconds),
        "repetitionSeconds": [decimal(s) for s in each],
        **({"variationPercent": decimal(spread * 92)} if repetitions > 1 else {}),
        "requestsPerSecond": decimal(per_s),
        "inputTokensPerSecond": decimal(per_s * tokens[0]),
        "outputTokensPerSecond": decimal(per_s * tokens[1]),
        "totalTokensPerSecond": decimal(per_s * sum(tokens)),
        "inputTokens": requests * tokens[0],
        "outputTokens": requests * tokens[1],
        "meanConcurrency": decimal(per_s * latency),
        "latencySeconds": _quantiles(latency, requests),
        "timeToFirstTokenSeconds": _quantiles(ttft, requests),
        "timePerOutputTokenSeconds": _quantiles(tpot, requests),
        "device": {
            "energyJoules": decimal(290 * seconds * repetitions),
            "joulesPerRequest": decimal(290 / per_s),
            "meanWatts": "289.7",
            "peakMemoryBytes": 44_830_000_000,
        },
        "roofline": {
            "flops": "1234.5", "bytesMoved": "987.6", "computePercent": "41.2",
            "bandwidthPercent": "22.9", "percent": "41.2",
        },
    }  # fmt: skip


def comparisons(
    models: dict[str, float], pool: str, failed: Sequence[tuple[str, str]]
) -> list[Json]:
    """Return all pairs on a pool, over all tasks and on the first one."""
    there = [m for m in models if (m, pool) not in failed]
    whole = {m: sum(_value(t, m, models[m]) for t in TASKS) / len(TASKS) for m in there}
    first = {m: _value(TASKS[0], m, models[m]) for m in there}
    return [
        _pair(pool, a, b, scores, task)
        for scores, task in ((whole, None), (first, TASKS[0].name))
        for i, a in enumerate(there)
        for b in there[i + 1 :]
    ]


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
    return {
        "apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec, "status": status
    }  # fmt: skip


def decimal(value: float) -> str:
    """Return a decimal string with the six decimals that the runner writes."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text if text not in ("-0", "") else "0"


def _pool(name: str, *, is_simulated: bool) -> Json:
    memory = {"a6000": 48, "a10": 24}[name]
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


def _wave(text: str) -> float:
    """Return a number between -1 and 1 that is the same for the same text."""
    return math.sin(sum((i + 1) * ord(c) for i, c in enumerate(text)))


def _quantiles(median: float, n: int) -> Json:
    return {
        "n": n, "p50": decimal(median), "p90": decimal(median * 1.62),
        "p95": decimal(median * 1.81), "p99": decimal(median * 2.2),
    }  # fmt: skip


def _point(rate: str, most_per_s: float, size: float) -> Json:
    offered = float(rate)
    latency = _latency_at(offered, most_per_s, size)
    served = min(offered * 0.985, most_per_s)
    is_met = latency * 1.81 < 10
    return {
        "offeredRequestsPerSecond": rate,
        "figures": figures(served, requests=200, tokens=(800, 150), latency=latency,
                           repetitions=1, spread=0),
        "goodput": {
            "requestsPerSecond": decimal(served if is_met else served * 0.4),
            "attainedPercent": "99.5" if is_met else "40", "isMet": is_met,
        },
    }  # fmt: skip


def _latency_at(offered: float, most_per_s: float, size: float) -> float:
    load = min(offered / most_per_s, 0.97)
    queued = max(offered / most_per_s - 1, 0) * 20
    return (0.5 + 0.33 * size) * (1 + 0.5 * load / (1 - load)) + queued


def _highest(most_per_s: float, size: float) -> Json:
    met = [r for r in RATES if _latency_at(float(r), most_per_s, size) * 1.81 < 10]
    return {"highestRequestsPerSecond": met[-1]} if met else {}


def _value(shape: TaskShape, model: str, size: float) -> float:
    logit = 0.35 + 5 * shape.ease + 0.75 * math.log(size) + 0.25 * _wave(model + shape.name)
    return round(1 / (1 + math.exp(-logit)) * shape.items) / shape.items


def _task(shape: TaskShape, model: str, size: float) -> Json:
    value = _value(shape, model, size)
    answered = shape.items - (3 if size < 2 else 0)
    baselines = {"majorityScore": shape.majority, "randomScore": shape.random}
    return {
        "name": shape.name,
        "type": shape.kind,
        "metric": "f1" if shape.kind in ("extraction", "questionAnswering") else "accuracy",
        "heldOut": shape.held_out,
        "items": {
            "asked": shape.items, "answered": answered, "cutShort": 0,
            "skippedTooLong": 2 if shape.name == "policy-questions" else 0, "alsoInTrain": 0,
        },
        "score": _score(value, shape.items),
        "scoreOfAnswered": _score(value * shape.items / answered, answered),
        **{name: score for name, score in baselines.items() if score},
        "dataDigest": "sha256:" + f"{len(shape.name):02x}" * 32,
    }  # fmt: skip


def _score(value: float, n: int) -> Json:
    half = 1.96 * math.sqrt(max(value * (1 - value), 0.01) / n)
    return _interval(value, half, n)


def _mean(scores: list[Json]) -> Json:
    value = sum(float(s["value"]) for s in scores) / len(scores)
    half = math.hypot(*((float(s["high"]) - float(s["low"])) / 2 for s in scores)) / len(scores)
    return _interval(value, half, sum(s["n"] for s in scores))


def _interval(value: float, half: float, n: int) -> Json:
    return {
        "value": decimal(value), "n": n,
        "low": decimal(max(value - half, 0)), "high": decimal(min(value + half, 1)),
    }  # fmt: skip


def _pair(pool: str, a: str, b: str, scores: dict[str, float], task: str | None) -> Json:
    high, low = (a, b) if scores[a] >= scores[b] else (b, a)
    difference = scores[high] - scores[low]
    half = 0.024 if task is None else 0.06
    p = math.erfc(difference / (half / 1.96) / math.sqrt(2))
    adjusted = min(p * 15, 1)
    return {
        "pool": pool, "model": high, "against": low, "difference": decimal(difference),
        "low": decimal(difference - half), "high": decimal(difference + half),
        "items": 990 if task is None else 240, "pValue": decimal(p),
        "adjustedPValue": decimal(adjusted), "isTied": adjusted >= 0.05,
        **({"task": task} if task else {}),
    }  # fmt: skip
