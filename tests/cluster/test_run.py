"""One apply, one answer: the main job with the simulated engine."""

import re

from .installation import Installation, evaluation
from .kube import (
    apply,
    condition,
    get,
    items,
    kubectl,
    pods_of_runs,
    results,
    wait_ended,
    wait_for,
)

TASK = {
    "name": "intents",
    "classification": {"labels": ["refund", "delivery", "login", "cancel", "upgrade", "invoice"]},
    "data": {"test": "builtin://support-intents/test", "train": "builtin://support-intents/train"},
    "fewShot": {"count": 3},
}
SWEEP = {
    "name": "sweep",
    "concurrency": {"levels": [1, 4], "inputTokens": 32, "outputTokens": 16},
}
PROMISE = {
    "name": "promise",
    "rate": {
        "search": {"lowest": "10", "highest": "40"},
        "objectives": {"timeToFirstTokenSeconds": "0.1"},
        "requests": 50,
        "inputTokens": 32,
        "outputTokens": 16,
    },
}


class TestOneApplyGivesAnAnswer:
    def test_from_apply_to_figures_metrics_and_nothing_left_running(
        self, installed: Installation, namespace: str
    ) -> None:
        question = evaluation(namespace, "a", "b", tasks=[TASK])
        question["spec"]["workloads"] += [SWEEP, PROMISE]
        apply(question)
        body = wait_ended("demo", namespace)
        assert condition(body, "Ready") == condition(body, "Ready") | {
            "status": "True",
            "reason": "Simulated",
        }
        assert body["status"]["trials"]["summary"] == "2/2"
        found = results(namespace)
        assert sorted(found) == ["a", "b"]
        for result in found.values():
            assert float(result["summary"]["requestsPerSecond"]) > 0
            assert 0 <= float(result["summary"]["score"]) <= 1
            batch, sweep, promise = result["workloads"]
            assert batch["repetitions"] == 3
            assert [(p["concurrency"], p["figures"]["requests"]) for p in sweep["points"]] == [
                (1, 12),
                (4, 48),
            ]
            assert float(promise["highestRequestsPerSecond"]) > 0
        assert len(items("rayjobs", namespace)) == 1
        (run,) = items("slmruns", namespace)
        assert condition(run, "Comparable")["status"] == "True"
        (compared,) = run["status"]["comparisons"]
        assert {compared["model"], compared["against"]} == {"a", "b"}
        assert compared["items"] == 60
        assert float(compared["low"]) <= float(compared["difference"]) <= float(compared["high"])
        wait_for("all pods to be gone", lambda: not pods_of_runs(namespace), seconds=60)
        self._kubectl_shows_the_figures(namespace)
        self._metrics_show_the_figures(installed, namespace)
        self._a_restart_writes_nothing(installed, namespace)
        self._the_operator_leaves_no_trace_on_the_question(namespace)
        self._deleting_takes_the_series_away(installed, namespace)

    def _kubectl_shows_the_figures(self, namespace: str) -> None:
        table = kubectl("get", "slmtrial", "-n", namespace)
        assert re.search(r"MODEL +POOL +REQ/S +P50 S +SCORE +REASON", table)
        assert re.search(r"a +sim +[0-9.]+ +[0-9.]+ +[0-9.]+ +Simulated", table)

    def _metrics_show_the_figures(self, installed: Installation, namespace: str) -> None:
        text = installed.metrics()
        labels = (
            f'engine="simulated",evaluation="demo",model="a",namespace="{namespace}",pool="sim"'
        )
        value = results(namespace)["a"]["workloads"][0]["figures"]["requestsPerSecond"]
        line = next(
            x
            for x in text.splitlines()
            if x.startswith("slmeval_requests_per_second{") and namespace in x and 'model="a"' in x
        )
        assert f'namespace="{namespace}"' in line, labels
        assert float(line.split()[-1]) == float(value)

    def _a_restart_writes_nothing(self, installed: Installation, namespace: str) -> None:
        kinds = ("slmeval", "slmrun", "slmtrial", "rayjob")
        before = {k: [b["metadata"]["resourceVersion"] for b in items(k, namespace)] for k in kinds}
        installed.scale(0)
        installed.scale(1)
        wait_for(
            "a pass", lambda: 'slmeval_operator_passes_total{outcome="done"}' in installed.metrics()
        )
        text = installed.metrics()
        assert not re.search(r'api_requests_total\{.*verb="(PATCH|POST|DELETE)"', text), text
        after = {k: [b["metadata"]["resourceVersion"] for b in items(k, namespace)] for k in kinds}
        assert after == before

    def _the_operator_leaves_no_trace_on_the_question(self, namespace: str) -> None:
        meta = get("slmeval", "demo", namespace)["metadata"]
        assert "finalizers" not in meta
        assert set(meta["annotations"]) == {"kubectl.kubernetes.io/last-applied-configuration"}

    def _deleting_takes_the_series_away(self, installed: Installation, namespace: str) -> None:
        kubectl("delete", "slmeval", "demo", "-n", namespace)
        wait_for("the series to be gone", lambda: namespace not in installed.metrics(), seconds=30)
