"""What the tests put on a cluster, and the two operators that they stop and start."""

import json
import subprocess
from typing import Any

from .kube import SYSTEM, Body, items, kubectl, wait_for


def simulated_pool(name: str, **spec: object) -> Body:
    """Return a pool that fits on a node of two CPUs beside everything else."""
    return {
        "apiVersion": "slmeval.dev/v1alpha1",
        "kind": "SLMPool",
        "metadata": {"name": name},
        "spec": {
            "engine": "simulated",
            "workerResources": {"cpu": "200m", "memory": "1Gi"},
            "headResources": {"cpu": "200m", "memory": "1500Mi"},
            "sharedMemory": "256Mi",
        }
        | spec,
    }


def evaluation(
    namespace: str, *models: str, name: str = "demo", seconds: float = 0, **spec: Any
) -> Body:
    """Return an evaluation of simulated models, each measured for one to two times `seconds`."""
    repetitions = 3 if seconds <= 20 else 20
    batch = {
        "requests": 8,
        "inputTokens": 32,
        "outputTokens": max(16, int(seconds * 1000 / repetitions)),  # 1 to 2 ms each
        "repetitions": repetitions,
        "warmupRequests": 0,
    }
    return {
        "apiVersion": "slmeval.dev/v1alpha1",
        "kind": "SLMEvaluation",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "pools": ["sim"],
            "models": [{"name": m, "source": f"file:///models/{m}"} for m in models or ("a",)],
            "workloads": [{"name": "short", "batch": batch}],
        }
        | spec,
    }


class Installation:
    """The operator's Deployment and KubeRay's, to be killed and started."""

    def kill(self) -> None:
        """Kill the operator's process without any warning (SIGKILL)."""
        pods = items("pods", SYSTEM, "app.kubernetes.io/name=slmeval")
        for pod in pods:
            name = pod["metadata"]["name"]
            subprocess.run(
                [
                    "kubectl",
                    "delete",
                    "pod",
                    name,
                    "-n",
                    SYSTEM,
                    "--grace-period=0",
                    "--force",
                    "--wait=false",
                ],
                capture_output=True,
                check=False,
            )

    def scale(self, replicas: int) -> None:
        """Stop (0) or start (1) the operator and wait until it is so."""
        self._scale("slmeval", SYSTEM, "app.kubernetes.io/name=slmeval", replicas)

    def scale_kuberay(self, replicas: int) -> None:
        """Stop (0) or start (1) KubeRay and wait until it is so."""
        found = json.loads(kubectl("get", "deploy", "-A", "-o", "json"))["items"]
        kuberay = next(d for d in found if "kuberay" in d["metadata"]["name"])
        labels = kuberay["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{k}={v}" for k, v in labels.items())
        meta = kuberay["metadata"]
        self._scale(meta["name"], meta["namespace"], selector, replicas)

    def _scale(self, name: str, namespace: str, selector: str, replicas: int) -> None:
        kubectl("scale", "deploy", name, "-n", namespace, f"--replicas={replicas}")
        if replicas:
            kubectl("rollout", "status", "deploy", name, "-n", namespace, "--timeout=120s")
        else:
            wait_for(f"{name} to be gone", lambda: not items("pods", namespace, selector))

    def metrics(self) -> str:
        """Return what the operator's /metrics says."""
        path = f"/api/v1/namespaces/{SYSTEM}/services/slmeval:8080/proxy/metrics"
        return kubectl("get", "--raw", path)

    def logs(self) -> str:
        """Return the operator's log."""
        return kubectl("logs", "deploy/slmeval", "-n", SYSTEM, "--tail=-1")
