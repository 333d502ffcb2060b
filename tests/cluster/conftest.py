"""The cluster tier: the chart installed on a real cluster, a fresh restricted namespace a test."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from .installation import Installation, simulated_pool
from .kube import SYSTEM, items, kubectl, run, wait_for

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = os.environ.get("REGISTRY", "localhost/slmeval")
TAG = os.environ.get("TAG", "dev")


@pytest.fixture(scope="session")
def installed() -> Installation:
    """Install the chart as a user would; skip where there is no cluster."""
    probe = subprocess.run(["kubectl", "get", "nodes"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no cluster answers: {probe.stderr.strip()[:300]}")
    run(
        "helm",
        "upgrade",
        "--install",
        "slmeval",
        str(ROOT / "charts/slmeval"),
        "--namespace",
        SYSTEM,
        "--create-namespace",
        "--wait",
        "--timeout",
        "3m",
        "--set",
        f"image.registry={REGISTRY}",
        "--set",
        f"image.tag={TAG}",
        "--set",
        f"runner.image={REGISTRY}/runner-demo:{TAG}",
    )
    # The image's tag stays while its content changes: only a new pod takes the new one.
    kubectl("rollout", "restart", "deploy/slmeval", "-n", SYSTEM)
    kubectl("rollout", "status", "deploy/slmeval", "-n", SYSTEM, "--timeout=120s")
    kubectl("apply", "-f", "-", stdin=json.dumps(simulated_pool("sim")))
    return Installation()


@pytest.fixture
def operator(installed: Installation) -> Iterator[Installation]:
    """The operator and KubeRay, up again after the test."""
    yield installed
    installed.scale_kuberay(1)
    installed.scale(1)


@pytest.fixture
def namespace(installed: Installation) -> Iterator[str]:
    """A fresh namespace that admits restricted pods only."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    kubectl("apply", "-f", "-", stdin=json.dumps(body))
    yield name
    kubectl("delete", "namespace", name, "--wait=false")
    wait_for("the test's pods to be gone", lambda: not items("pods", name), seconds=120)
