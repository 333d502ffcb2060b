"""The cluster tier: the chart installed on a real cluster, a fresh restricted namespace a test."""

import json
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from hack import release

from .installation import Installation, simulated_pool
from .kube import items, kubectl, run, wait_for


@pytest.fixture(scope="session")
def installed() -> Installation:
    """Install the chart as a user would; skip where there is no cluster."""
    probe = subprocess.run(["kubectl", "get", "nodes"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no cluster answers: {probe.stderr.strip()[:300]}")
    release.drop_half_done()
    run(*release.install_command())
    run(*release.RESTART)
    run(*release.WAIT_READY)
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
