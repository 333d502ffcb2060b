"""The article's experiment on a node that claims to have the GPUs: the plan, and who waits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .installation import Installation
from .kube import Body, condition, get, items, kubectl, wait_for, wait_reason

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
POOLS = ("a6000", "a10", "a10-pair")
PRODUCT = "NVIDIA-RTX-A6000"


@pytest.fixture
def gpu_node(installed: Installation) -> Iterator[str]:
    """The first node with eight GPUs patched into its capacity, labelled as an A6000 node."""
    node = json.loads(kubectl("get", "nodes", "-o", "json"))["items"][0]["metadata"]["name"]
    add = [{"op": "add", "path": "/status/capacity/nvidia.com~1gpu", "value": "8"}]
    kubectl("patch", "node", node, "--subresource=status", "--type=json", "-p", json.dumps(add))
    kubectl("label", "node", node, "--overwrite", f"nvidia.com/gpu.product={PRODUCT}")
    yield node
    remove = [{"op": "remove", "path": "/status/capacity/nvidia.com~1gpu"}]
    kubectl("patch", "node", node, "--subresource=status", "--type=json", "-p", json.dumps(remove))
    kubectl("label", "node", node, "nvidia.com/gpu.product-")


class TestFindingTheRightSlm:
    def test_every_model_meets_its_pools_and_workers_ask_for_the_pools_gpus(
        self, operator: Installation, namespace: str, gpu_node: str
    ) -> None:
        for name in POOLS:
            kubectl("apply", "-f", str(EXAMPLES / f"pools/{name}.yaml"))
        kubectl("apply", "-n", namespace, "-f", str(EXAMPLES / "finding-the-right-slm.yaml"))
        questions = items("slmevaluations", namespace)
        expected = {
            (q["metadata"]["name"], m["name"], p)
            for q in questions
            for m in q["spec"]["models"]
            for p in q["spec"]["pools"]
        }
        assert len(expected) == 9 + 6 + 3
        wait_for("all trials", lambda: _trials(namespace) == expected)
        jobs = wait_for(
            "a RayJob a pool",
            lambda: found if len(found := items("rayjobs", namespace)) == len(POOLS) else None,
        )
        for job in jobs:
            self._asks_for_its_pools_gpus(job)
        for question in questions:
            body = wait_reason(
                "slmeval", question["metadata"]["name"], namespace, "WaitingForNodes"
            )
            assert "SLMPool" in condition(body, "Ready")["message"]

    def _asks_for_its_pools_gpus(self, job: Body) -> None:
        spec = job["spec"]["rayClusterSpec"]
        pool = get("slmpool", job["metadata"]["labels"]["slmeval.dev/pool"], "default")["spec"]
        head = spec["headGroupSpec"]["template"]["spec"]
        worker = spec["workerGroupSpecs"][0]["template"]["spec"]
        assert "nvidia.com/gpu" not in json.dumps(head["containers"])
        limits = worker["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == str(pool["gpus"]["perWorker"])
        assert worker["nodeSelector"] == pool["nodeSelector"]


def _trials(namespace: str) -> set[tuple[str, str, str]]:
    return {
        (t["spec"]["evaluation"], t["spec"]["model"]["name"], t["spec"]["pool"])
        for t in items("slmtrials", namespace)
    }
