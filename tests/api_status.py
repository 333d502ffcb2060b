"""Parts of a status, as the operator and the reporter write them."""

from typing import Any

from builders import CREATED

Json = dict[str, Any]
OPERATOR, REPORTER = "slmeval-operator", "slmeval-reporter"


def condition(type_: str, status: str, reason: str) -> Json:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": "In words.",
        "observedGeneration": 1,
        "lastTransitionTime": CREATED,
    }


def progress(stage: str) -> Json:
    return {"stage": stage, "attempt": 1, "updatedAt": CREATED}


def quantiles(n: int, value: str) -> Json:
    return {"n": n} | {key: value for key in ("p50", "p90", "p95", "p99")}


def result(**overrides: object) -> Json:
    figures = {
        "seconds": "2.5",
        "repetitionSeconds": ["2.4", "2.6", "2.5"],
        "requests": 48,
        "requestsPerSecond": "6.4",
        "inputTokensPerSecond": "819.2",
        "outputTokensPerSecond": "102.4",
        "inputTokens": 6144,
        "outputTokens": 768,
        "meanConcurrency": "8",
        "totalTokensPerSecond": "921.6",
        "latencySeconds": quantiles(48, "1.25"),
        "timeToFirstTokenSeconds": quantiles(48, "0.5"),
    }
    workload = {
        "name": "chat",
        "kind": "batch",
        "inputTokens": 128,
        "outputTokens": 16,
        "repetitions": 3,
        "figures": figures,
    }
    return {
        "attempt": 1,
        "startedAt": CREATED,
        "completedAt": CREATED,
        "summary": {"requestsPerSecond": "6.4", "latencyP50Seconds": "1.25", "score": "0.85"},
        "workloads": [workload],
        "provenance": {"engine": "vllm", "runnerVersion": "0.1.0", "device": "A10", "seed": 1},
        **overrides,
    }
