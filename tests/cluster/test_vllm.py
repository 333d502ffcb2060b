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
        for result in found.values():
            workload, task = result["workloads"][0], result["tasks"][0]
            assert float(workload["figures"]["requestsPerSecond"]) > 0
            assert task["answered"] == task["items"]
            assert float(task["score"]["low"]) <= float(task["score"]["value"])
            assert result["provenance"]["engine"] == "vllm"
            versions = {v["name"]: v["value"] for v in result["provenance"]["versions"]}
            assert {"vllm", "ray", "torch"} <= set(versions)
        assert len(items("rayjobs", namespace)) == 1
        wait_for("its series", lambda: f'namespace="{namespace}"' in operator.metrics(), seconds=30)
