"""The article's experiment on a node that claims to have the GPUs: the plan, and who waits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .installation import Installation
from .kube import apply, condition, get, items, kubectl, wait_for, wait_reason

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PRODUCTS = {"a6000": "NVIDIA-RTX-A6000", "a10": "NVIDIA-A10"}


@pytest.fixture
def gpu_node(installed: Installation) -> Iterator[str]:
    """The first node with eight GPUs patched into its capacity, labelled as an A6000 node."""
    node = json.loads(kubectl("get", "nodes", "-o", "json"))["items"][0]["metadata"]["name"]
    add = [{"op": "add", "path": "/status/capacity/nvidia.com~1gpu", "value": "8"}]
    kubectl("patch", "node", node, "--subresource=status", "--type=json", "-p", json.dumps(add))
    kubectl("label", "node", node, "--overwrite", f"nvidia.com/gpu.product={PRODUCTS['a6000']}")
    yield node
    remove = [{"op": "remove", "path": "/status/capacity/nvidia.com~1gpu"}]
    kubectl("patch", "node", node, "--subresource=status", "--type=json", "-p", json.dumps(remove))
    kubectl("label", "node", node, "nvidia.com/gpu.product-")


class TestFindingTheRightSlm:
    def test_every_model_meets_every_pool_and_workers_ask_for_the_pools_gpus(
        self, operator: Installation, namespace: str, gpu_node: str
    ) -> None:
        for name in PRODUCTS:
            kubectl("apply", "-f", str(EXAMPLES / f"pools/{name}.yaml"))
        documents = yaml.safe_load_all((EXAMPLES / "finding-the-right-slm.yaml").read_text())
        question = next(d for d in documents if d and d["kind"] == "SLMEvaluation")
        question["metadata"]["namespace"] = namespace
        apply(question)
        name = question["metadata"]["name"]
        models, pools = question["spec"]["models"], question["spec"]["pools"]
        wait_for(
            "all trials", lambda: len(items("slmtrials", namespace)) == len(models) * len(pools)
        )
        jobs = wait_for(
            "a RayJob a pool",
            lambda: found if len(found := items("rayjobs", namespace)) == len(pools) else None,
        )
        for job in jobs:
            self._asks_for_its_pools_gpus(job)
        body = wait_reason("slmeval", name, namespace, "WaitingForNodes")
        assert "SLMPool" in condition(body, "Ready")["message"]
        kubectl("delete", "slmeval", name, "-n", namespace)

    def _asks_for_its_pools_gpus(self, job: dict[str, object]) -> None:
        spec = job["spec"]["rayClusterSpec"]  # type: ignore[index]
        pool = get("slmpool", job["metadata"]["labels"]["slmeval.dev/pool"], "default")["spec"]  # type: ignore[index]
        head = spec["headGroupSpec"]["template"]["spec"]
        worker = spec["workerGroupSpecs"][0]["template"]["spec"]
        assert "nvidia.com/gpu" not in json.dumps(head)
        limits = worker["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == str(pool["gpus"]["perWorker"])
        assert worker["nodeSelector"] == pool["nodeSelector"]
