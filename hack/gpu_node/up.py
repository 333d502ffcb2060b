# SPDX-License-Identifier: Apache-2.0
"""Brings the node up on the GPU machine, with the product installed as users install it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
from pathlib import Path

from hack import release
from hack.cluster.embedded import images
from hack.cluster.embedded.commands import run
from hack.cluster.embedded.errors import ClusterError
from hack.cluster.embedded.kubectl import Kubectl
from hack.cluster.embedded.layout import NODE_NAME, Layout
from hack.cluster.embedded.progress import say, step, wait_until
from hack.cluster.embedded.up import up as cluster_up

from . import specs, stand_in
from .host import Host, gpu_count

RUNNER = "runner-host"
GPUS = "nvidia.com/gpu"
LABEL = "slmeval.dev/gpu-node"
STANDS = """\
What stands for what here: pods get this machine's own Python, CUDA, torch, vLLM and Ray, lent by
the container runtime, in place of the published runner image; the RuntimeClass host-cuda adds the
GPU's device nodes, in place of NVIDIA's container runtime; and nvidia.com/gpu is written into the
node's status, in place of NVIDIA's device plugin. Kubernetes, KubeRay, the operator, its chart and
the runner's code are the real ones."""
_CHECK = """
import torch
print(torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU")
"""
_PAUSE_S = 1.0


def up(layout: Layout, host: Host, *, root: Path, gpus: int | None) -> None:
    """Return once the node takes evaluations.

    Args:
        layout: of the cluster.
        host: what pods borrow.
        root: the unpacked pack.
        gpus: how many GPUs the node claims to have; None: as many as it has.

    Raises:
        ClusterError: there is no GPU, or a step failed; running it again resumes there.
    """
    count = gpu_count(host.devices) if gpus is None else gpus
    if not count:
        raise ClusterError(
            "This machine has no /dev/nvidia0.", "Say --gpus 1 to try all but the GPU itself."
        )
    ray = host.ray
    say(f"{host.python}: {', '.join(f'{k} {v}' for k, v in host.versions.items() if v)}")
    _write_models(host.models)
    if not Path(
        "/dev/kmsg"
    ).exists():  # the kubelet wants to read of processes that ran out of memory
        Path("/dev/kmsg").symlink_to("/dev/null")
    runtimes = specs.runtimes(host, folder=layout.cache / "runtimes")
    layout = dataclasses.replace(layout, runtimes=runtimes)
    cluster_up(layout)
    kubectl = Kubectl(binary=layout.bin / "kubectl", kubeconfig=layout.kubeconfig)
    with step("images: operator, and the runner's stand-in"):
        operator, name = (
            f"{release.REGISTRY}/{which}:{release.TAG}" for which in ("operator", RUNNER)
        )
        images.load(layout, layout.cache / "images" / "operator", name=operator)
        code, packages = root / "lib", root / "packages"
        folder = layout.cache / "images"
        images.load(layout, stand_in.write(folder, host, name=name, code=code, packages=packages))
    with step("the node's GPUs and its RuntimeClass"):
        _offer(kubectl, count=count, product=_product())
        kubectl.apply(json.dumps(_runtime_class()))
    with step("what a worker sees"):
        say(f"  {_seen_by_a_worker(kubectl, image=name, count=count if host.devices else 0)}")
    with step("the chart"):
        _install(ray)
    say(f"the node is up: {count} × {_product()}")
    print(f"\n{STANDS}\n", flush=True)


def _write_models(folder: Path) -> None:
    """Write the shapes that are missing: configuration and a made-up tokenizer, no weights."""
    from benchmarks.shapes import SHAPES, write_model

    folder.mkdir(parents=True, exist_ok=True)
    for shape in SHAPES:
        if not (folder / shape).exists():
            write_model(shape, folder / shape)
    run(["chmod", "-R", "go+rX", folder])


def _product() -> str:
    """Return the GPU's name as NVIDIA's feature discovery writes it into a node's label."""
    asked = subprocess.run(
        ["sh", "-c", "nvidia-smi --query-gpu=name --format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    names = asked.stdout.splitlines() if asked.returncode == 0 else []
    return re.sub(r"[^A-Za-z0-9]+", "-", names[0].strip()) if names else "NO-GPU-AT-ALL"


def _offer(kubectl: Kubectl, *, count: int, product: str) -> None:
    """Make the node offer its GPUs, as a device plugin would."""
    change = [
        {"op": "add", "path": f"/status/capacity/{GPUS.replace('/', '~1')}", "value": str(count)}
    ]
    node = f"node/{NODE_NAME}"
    kubectl("patch", node, "--subresource=status", "--type=json", "-p", json.dumps(change))
    labels = (f"{LABEL}=true", f"{GPUS}.product={product}")
    kubectl("label", node, "--overwrite", *labels)
    wait_until(
        lambda: kubectl.get(node)["status"]["allocatable"].get(GPUS) == str(count),
        what=f"The node's {GPUS}",
        timeout_s=60,
        hint=f"Run `kubectl describe node {NODE_NAME}`.",
        pause_s=_PAUSE_S,
    )


def _runtime_class() -> dict[str, object]:
    """Return the RuntimeClass that a pool names."""
    return {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": specs.CUDA},
        "handler": specs.CUDA,
    }


def check_pod(image: str) -> dict[str, object]:
    """Return a pod that is as restricted as a worker and says what GPU torch sees."""
    container = {
        "name": "check",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python", "-c", _CHECK],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    user = {"runAsNonRoot": True, "runAsUser": stand_in.USER, "runAsGroup": stand_in.USER}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "gpu-check", "namespace": "default"},
        "spec": {
            "runtimeClassName": specs.CUDA,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {**user, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def _seen_by_a_worker(kubectl: Kubectl, *, image: str, count: int) -> str:
    """Run a pod as a worker runs; return torch's version and the GPU that it sees.

    Raises:
        ClusterError: it failed, or sees none although there are `count`.
    """
    pod = "pod/gpu-check"
    kubectl("delete", pod, "--ignore-not-found", "--now")
    kubectl.apply(json.dumps(check_pod(image)))
    wait_until(
        lambda: kubectl.get(pod)["status"]["phase"] in ("Succeeded", "Failed"),
        what="A pod with the machine's Python",
        timeout_s=180,
        hint="Run `kubectl describe pod gpu-check`.",
        pause_s=_PAUSE_S,
    )
    said = kubectl("logs", pod).strip()
    ended_well = kubectl.get(pod)["status"]["phase"] == "Succeeded"
    if not ended_well or (count and "no GPU" in said):
        raise ClusterError(
            f"A pod with the machine's Python says: {said[-1500:]}",
            "Run `kubectl describe pod gpu-check`; see also the specification of host-cuda.",
        )
    kubectl("delete", pod, "--now")
    return said.splitlines()[-1]


def _install(ray_version: str) -> None:
    """Install the chart, and start the operator anew: its image's name stays when it changes."""
    release.drop_half_done()
    run(release.install_command(runner=RUNNER, ray_version=ray_version))
    run(release.RESTART)
    run(release.WAIT_READY)


def use(layout: Layout) -> None:
    """Make kubectl and helm of the pack, with this cluster's credentials, the ones that are run."""
    os.environ["PATH"] = f"{layout.bin}{os.pathsep}{os.environ['PATH']}"
    os.environ["KUBECONFIG"] = str(layout.kubeconfig)
