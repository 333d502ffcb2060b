"""Real vLLM and a real model, once: the quickstart as it ships."""

from pathlib import Path

import yaml

from .installation import Installation
from .kube import apply, condition, items, kubectl, results, wait_ended, wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class TestQuickstart:
    def test_measures_smollm2_on_the_cpu(self, operator: Installation, namespace: str) -> None:
        kubectl("apply", "-f", str(EXAMPLES / "pools/cpu.yaml"))
        question = yaml.safe_load((EXAMPLES / "quickstart.yaml").read_text())
        question["metadata"]["namespace"] = namespace
        apply(question)
        body = wait_ended(question["metadata"]["name"], namespace, seconds=900)
        assert condition(body, "Ready")["reason"] == "Measured", condition(body, "Ready")
        found = results(namespace)
        assert sorted(found) == sorted(m["name"] for m in question["spec"]["models"])
        asked = question["spec"]["tasks"]
        for result in found.values():
            workload, held = result["workloads"][0], result["tasks"][0]["items"]
            assert float(workload["figures"]["requestsPerSecond"]) > 0
            assert held["answered"] == held["asked"] == 60  # it can write nothing but labels
            assert [t["name"] for t in result["tasks"]] == [t["name"] for t in asked]
            for task in result["tasks"]:
                assert 0 <= float(task["score"]["low"]) <= float(task["score"]["value"]) <= 1
                assert task["items"]["skippedTooLong"] == 0
            suite = result["suite"]
            assert suite["score"]["n"] == sum(task["limit"] for task in asked)
            assert suite["heldOut"] == result["tasks"][-2]["score"]
            assert result["provenance"]["engine"] == "vllm"
            versions = {v["name"]: v["value"] for v in result["provenance"]["versions"]}
            assert {"vllm", "ray", "torch"} <= set(versions)
        assert len(items("rayjobs", namespace)) == 1
        wait_for("its series", lambda: f'namespace="{namespace}"' in operator.metrics(), seconds=30)


class TestOverHttp:
    """Ray Serve and GuideLLM in a worker's pod: nobody's root, on a root that nobody can write."""

    def test_measures_what_ray_serve_costs(self, operator: Installation, namespace: str) -> None:
        pool = yaml.safe_load((EXAMPLES / "pools/cpu.yaml").read_text())
        pool["metadata"]["name"] = "cpu-large"
        pool["spec"]["workerResources"]["memory"] = "11Gi"
        apply(pool)
        load = {"requests": 8, "concurrency": 4, "inputTokens": 64, "outputTokens": 16}
        question = yaml.safe_load((EXAMPLES / "quickstart.yaml").read_text())
        question["metadata"]["namespace"] = namespace
        question["spec"] |= {
            "pools": ["cpu-large"],
            "models": [m for m in question["spec"]["models"] if m["name"] == "smollm2-fp32"],
            "workloads": [{"name": "chat", "http": load | {"repetitions": 1}}],
            "tasks": [],
        }
        apply(question)
        body = wait_ended(question["metadata"]["name"], namespace, seconds=900)
        assert condition(body, "Ready")["reason"] == "Measured", condition(body, "Ready")
        (result,) = results(namespace).values()
        (workload,) = result["workloads"]
        http = workload["http"]
        assert http["generator"].startswith("GuideLLM ")
        for figures in (workload["figures"], http["engine"]):
            assert (figures["requests"], figures["outputTokens"]) == (8, 128)
        assert float(http["requestsPerSecondRatio"]) > 0
