"""Figures of models that nobody has measured, by formula: all of them are made up.

Time grows with the parameters, scores with their logarithm, and latency with the load, so that
pictures look like those of a real run.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

Json = dict[str, Any]

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
RATES = ("2", "4", "8", "12", "16")


class Card(NamedTuple):
    """What a pool's nodes have."""

    speed: float
    memory_gib: int


POOLS = {"a6000": Card(1.0, 48), "a10": Card(0.61, 24)}
"""Pools of the answer."""


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
METRICS = {
    "classification": {"macroF1": 0.96, "expectedCalibrationError": 0.09},
    "entityMatching": {"f1": 0.97},
    "questionAnswering": {"exactMatch": 0.81},
}
"""Further figures of types of task, as shares of the score."""


def a_result(
    model: str,
    size: float,
    pool: str,
    *,
    times: tuple[str, str],
    is_simulated: bool = False,
    is_noisy: bool = False,
    pace: float = 1.0,
    lift: float = 0.0,
) -> Json:
    """Return what a trial measured.

    Args:
        model: its name.
        size: its parameters, in 10^9.
        pool: of POOLS.
        times: when the trial began and ended.
        is_simulated: whether the simulated engine made the figures.
        is_noisy: whether the repetitions differ too much.
        pace: speed against that of other runs.
        lift: score (in logits) above that of other runs.

    """
    card = POOLS[pool]
    per_s = pace * speed_of(model, size, pool)
    tasks = [_task(shape, model, size, lift) for shape in TASKS]
    held_out = [t for t in tasks if t["heldOut"]]
    return {
        "attempt": 1,
        "startedAt": times[0],
        "completedAt": times[1],
        "startSeconds": _start(model, size, per_s),
        "engine": {
            "parameters": round(size * 1e9), "weightsBytes": round(size * 2e9),
            "kvCacheTokens": round((card.memory_gib * 0.93 - size * 2) / (size * 3e-5)),
        },
        "workloads": _workloads(size, per_s, card, is_noisy=is_noisy),
        "tasks": tasks,
        "suite": {
            "score": _mean([t["score"] for t in tasks]),
            "heldOut": _mean([t["score"] for t in held_out]),
            "seconds": decimal(1900 / per_s),
        },
        "provenance": _provenance(model, pool, is_simulated=is_simulated),
    }  # fmt: skip


def speed_of(model: str, size: float, pool: str) -> float:
    """Return the requests a second that the engine serves."""
    return POOLS[pool].speed * 62 / (size + 0.35) * (1 + 0.15 * wave(model))


def figures(
    per_s: float,
    *,
    requests: int,
    tokens: tuple[int, int],
    latency: float,
    card: Card,
    repetitions: int,
    spread: float,
) -> Json:
    """Return the figures of a load with `per_s` requests a second and a median `latency`."""
    seconds = requests / repetitions / per_s
    each = [seconds * (1 + spread * offset) for offset in (-1, 0.2, 0.8)][:repetitions]
    share = decimal(30 + 4 * math.log1p(seconds))
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
        "interTokenSeconds": _quantiles(tpot * 0.8, requests * (tokens[1] - 1)),
        "queueSeconds": _quantiles(latency * 0.2, requests),
        "engine": {
            "steps": requests, "peakRunning": round(per_s * latency * 1.5),
            "peakWaiting": round(per_s * latency * 0.2),
            "peakKvCachePercent": decimal(100 * (1 - math.exp(-per_s * latency / 90))),
            "preemptions": round(per_s * latency / 45) if card.memory_gib < 48 else 0,
        },
        "device": {
            "energyJoules": decimal(290 * seconds * repetitions),
            "joulesPerRequest": decimal(290 / per_s),
            "meanWatts": "289.7",
            "peakMemoryBytes": round(card.memory_gib * 0.93 * 2**30),
        },
        "roofline": {
            "flops": "1234.5", "bytesMoved": "987.6", "computePercent": share,
            "bandwidthPercent": "22.9", "percent": share,
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


def decimal(value: float) -> str:
    """Return a decimal string with the six decimals that the runner writes."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text if text not in ("-0", "") else "0"


def wave(text: str) -> float:
    """Return a number between -1 and 1 that is the same for the same text."""
    return math.sin(sum((i + 1) * ord(c) for i, c in enumerate(text)))


def _quantiles(median: float, n: int) -> Json:
    return {
        "n": n, "p50": decimal(median), "p90": decimal(median * 1.62),
        "p95": decimal(median * 1.81), "p99": decimal(median * 2.2),
    }  # fmt: skip


def _workloads(size: float, per_s: float, card: Card, *, is_noisy: bool) -> list[Json]:
    return [
        {
            "name": "article", "kind": "batch", "inputTokens": 2000, "outputTokens": 100,
            "repetitions": 3, "isNoisy": is_noisy,
            "figures": figures(per_s, requests=1500, tokens=(2000, 100), latency=250 / per_s,
                               card=card, repetitions=3, spread=0.14 if is_noisy else 0.006),
        },
        {
            "name": "chat", "kind": "rate", "inputTokens": 800, "outputTokens": 150,
            "repetitions": 1,
            "points": [_point(rate, per_s * 1.3, size, card) for rate in RATES],
            **_highest(per_s * 1.3, size),
        },
    ]  # fmt: skip


def _provenance(model: str, pool: str, *, is_simulated: bool) -> Json:
    return {
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
    }  # fmt: skip


def _start(model: str, size: float, per_s: float) -> Json:
    """Return the parts of an engine's start; only a worker's first trial waits for libraries."""
    parts = {
        "libraries": 24.0 if size < 1.5 else 0.2,
        "model": 3 + size,
        "process": 2.0,
        "device": 1.0,
        "weights": 0.4 + size * 0.5,
        "compile": 20 + 3 * wave(model),
        "kvCache": 0.2,
        "graphs": 5 + size * 0.3,
    }
    engine = sum(parts[part] for part in list(parts)[2:])
    parts["warmup"] = 8 / per_s
    return {
        "total": decimal(sum(parts.values()) + 1.5),
        "engine": decimal(engine),
        **{part: decimal(seconds) for part, seconds in parts.items()},
    }


def over_http(model: str, size: float, pool: str) -> Json:
    """Return a workload that loses more on the way over HTTP the faster the engine is."""
    per_s, card = speed_of(model, size, pool), POOLS[pool]

    def of(served: float, latency: float) -> Json:
        return figures(served, requests=600, tokens=(800, 150), latency=latency, card=card,
                       repetitions=3, spread=0.01)  # fmt: skip

    engine_s, kept = 20 / per_s, 1 / (1 + per_s / 120)
    seen = of(per_s * kept, engine_s / kept)
    for hidden in ("interTokenSeconds", "queueSeconds", "engine", "device", "roofline"):
        del seen[hidden]
    added = engine_s / kept - engine_s
    return {
        "name": "chat-served", "kind": "http", "inputTokens": 800, "outputTokens": 150,
        "repetitions": 3, "isNoisy": False, "figures": seen,
        "http": {
            "generator": "GuideLLM 0.8.1", "generatorCpuPercent": "16", "report": "{}",
            "startSeconds": "62.5", "engine": of(per_s, engine_s),
            "requestsPerSecondRatio": decimal(kept), "addedLatencySeconds": decimal(added),
            "addedTimeToFirstTokenSeconds": decimal(added * 0.6),
        },
    }  # fmt: skip


def _point(rate: str, most_per_s: float, size: float, card: Card) -> Json:
    offered = float(rate)
    latency = _latency_at(offered, most_per_s, size)
    served = min(offered * 0.985, most_per_s)
    is_met = latency * 1.81 < 10
    return {
        "offeredRequestsPerSecond": rate,
        "figures": figures(served, requests=200, tokens=(800, 150), latency=latency,
                           card=card, repetitions=1, spread=0),
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


def _value(shape: TaskShape, model: str, size: float, lift: float = 0.0) -> float:
    logit = 0.35 + 5 * shape.ease + 0.75 * math.log(size) + 0.25 * wave(model + shape.name) + lift
    return round(1 / (1 + math.exp(-logit)) * shape.items) / shape.items


def _task(shape: TaskShape, model: str, size: float, lift: float) -> Json:
    value = _value(shape, model, size, lift)
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
        "metrics": [
            {"name": name, "value": decimal(value * factor)}
            for name, factor in METRICS.get(shape.kind, {}).items()
        ],
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
