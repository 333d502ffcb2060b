"""What a question reads and writes besides: prompts of a ConfigMap, a claim for the rest.

On the claim lie an embedding model, and the artifacts.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from static_models import static_model

from .installation import Installation, evaluation
from .kube import SYSTEM, Body, apply, condition, get, kubectl, results, wait_ended, wait_for
from .test_run import TASK

SUMS = """
import gzip, hashlib, json, pathlib
for path in sorted(pathlib.Path("/kept").rglob("*.gz")):
    content = path.read_bytes()
    items = [json.loads(line) for line in gzip.decompress(content).splitlines()]
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    shown = sum("left in the rain" in item["prompt"] for item in items)
    print(json.dumps({"path": str(path), "digest": digest, "items": len(items), "shown": shown}))
"""
OPEN = """
import base64, json, os, pathlib
for name, content in json.loads('FILES').items():
    path = pathlib.Path("/kept") / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(content))
os.chmod("/kept", 0o777)
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
def claim(installed: Installation, namespace: str, tmp_path: Path) -> Iterator[str]:
    """A claim on a folder of the node that anybody may write to, with an embedding model."""
    model = static_model(tmp_path / "embeddings", {"parcel": [1.0, 0.0], "refund": [0.0, 1.0]})
    files = {
        f"embeddings/{path.name}": base64.b64encode(path.read_bytes()).decode()
        for path in model.iterdir()
        if path.suffix in (".json", ".safetensors")
    }
    name = f"kept-{namespace}"
    host = {"hostPath": {"path": f"/tmp/{name}", "type": "DirectoryOrCreate"}}
    opened = OPEN.replace("FILES", json.dumps(files))
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
        similar = {
            "count": 3,
            "strategy": "Similar",
            "embeddingModel": f"pvc://{claim}/embeddings",
        }
        question = evaluation(
            namespace,
            "a",
            tasks=[TASK | {"fewShot": similar}],
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
        assert result["tasks"][0]["embeddingModel"]["digest"].startswith("sha256:")
        kept = result["tasks"][0]["artifact"]
        volume = {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        (found,) = _output(_pod("sums", namespace, SUMS, volume, NOBODY)).splitlines()
        assert json.loads(found) == {
            "path": kept["url"].replace(f"pvc://{claim}", "/kept"),
            "digest": kept["digest"],
            "items": 60,
            "shown": 1,  # to the only item that speaks of a parcel
        }
