"""What a question reads and writes besides: prompts of a ConfigMap, artifacts on a claim."""

import json
from collections.abc import Iterator

import pytest

from .installation import Installation, evaluation
from .kube import SYSTEM, Body, apply, condition, get, kubectl, results, wait_ended, wait_for
from .test_run import TASK

SUMS = """
import gzip, hashlib, json, pathlib
for path in sorted(pathlib.Path("/kept").rglob("*.gz")):
    content = path.read_bytes()
    lines = gzip.decompress(content).splitlines()
    sum = "sha256:" + hashlib.sha256(content).hexdigest()
    print(json.dumps({"path": str(path), "digest": sum, "items": len(lines)}))
"""
NOBODY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def _pod(name: str, namespace: str, code: str, volume: Body, security: Body) -> Body:
    """Return a pod that runs `code` in the operator's image, with `volume` at /kept."""
    deployment = get("deployment", "slmeval", SYSTEM)
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    container = {
        "name": "it",
        "image": image,
        "command": ["python", "-c", code],
        "securityContext": security,
        "volumeMounts": [{"name": "kept", "mountPath": "/kept"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [{"name": "kept", **volume}],
        },
    }


def _output(pod: Body) -> str:
    """Run a pod and return what it printed."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    apply(pod)
    wait_for(
        f"pod {name} to end",
        lambda: get("pod", name, namespace)["status"].get("phase") in ("Succeeded", "Failed"),
        seconds=120,
    )
    return kubectl("logs", "-n", namespace, name)


@pytest.fixture
def claim(installed: Installation, namespace: str) -> Iterator[str]:
    """A claim on a folder of the node that anybody may write to."""
    name = f"kept-{namespace}"
    host = {"hostPath": {"path": f"/tmp/{name}", "type": "DirectoryOrCreate"}}
    opened = "import os; os.chmod('/kept', 0o777)"
    _output(_pod(f"{name}-open", SYSTEM, opened, host, {"runAsUser": 0, "runAsNonRoot": False}))
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    capacity = {"storage": "64Mi"}
    apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": common
            | host
            | {"capacity": capacity, "claimRef": {"namespace": namespace, "name": "kept"}},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "kept", "namespace": namespace},
            "spec": common | {"resources": {"requests": capacity}, "volumeName": name},
        },
    )
    yield "kept"
    emptied = "import pathlib, shutil; [shutil.rmtree(p) for p in pathlib.Path('/kept').iterdir()]"
    _output(_pod(f"{name}-shut", SYSTEM, emptied, host, {"runAsUser": 0, "runAsNonRoot": False}))
    kubectl("delete", "pod", "-n", SYSTEM, f"{name}-open", f"{name}-shut")
    kubectl("delete", "pv", name, "--wait=false")


class TestAQuestionWithFilesOfItsOwn:
    def test_reads_its_prompts_and_keeps_what_was_said(self, namespace: str, claim: str) -> None:
        lines = [json.dumps({"prompt": f"Say something about {n}."}) for n in range(12)]
        apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "prompts", "namespace": namespace},
                "data": {"own.jsonl": "\n".join(lines)},
            }
        )
        question = evaluation(
            namespace,
            "a",
            tasks=[TASK | {"limit": 20}],
            artifacts={"url": f"pvc://{claim}/slm"},
        )
        own = {
            "requests": 8,
            "prompts": {"source": "configmap://prompts/own.jsonl"},
            "outputTokens": 16,
            "repetitions": 1,
            "warmupRequests": 2,
        }
        question["spec"]["workloads"] = [{"name": "own", "batch": own}]
        apply(question)
        body = wait_ended("demo", namespace)
        assert condition(body, "Ready")["reason"] == "Simulated", condition(body, "Ready")
        result = results(namespace)["a"]
        assert result["workloads"][0]["figures"]["requests"] == 8
        kept = result["tasks"][0]["artifact"]
        volume = {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        (found,) = _output(_pod("sums", namespace, SUMS, volume, NOBODY)).splitlines()
        assert json.loads(found) == {
            "path": kept["url"].replace(f"pvc://{claim}", "/kept"),
            "digest": kept["digest"],
            "items": 20,
        }
