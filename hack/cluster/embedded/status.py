# SPDX-License-Identifier: Apache-2.0
"""Says what of the cluster runs; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from . import addons
from .kubectl import Kubectl
from .layout import NODE_NAME, Layout
from .node import node_is_ready
from .processes import is_running

COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "containerd",
    "kubelet",
    "kube-proxy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a working cluster needs, and where to look when it is not there."""

    name: str
    is_good: bool
    hint: str


def checks(layout: Layout) -> list[Check]:
    """Return the state of every part; parts inside the cluster only if its API answers."""
    found = [
        Check(
            name=f"{name} runs",
            is_good=is_running(name, pids=layout.pids),
            hint=str(layout.logs / f"{name}.log"),
        )
        for name in COMPONENTS
    ]
    kubectl = Kubectl(binary=layout.bin / "kubectl", kubeconfig=layout.kubeconfig)
    is_answering = layout.kubeconfig.exists() and kubectl.is_ready()
    log = str(layout.logs / "kube-apiserver.log")
    found.append(Check(name="API server is ready", is_good=is_answering, hint=log))
    if not is_answering:
        return found
    ready = node_is_ready(layout, kubectl)
    return [
        *found,
        Check(name="node is Ready", is_good=ready, hint=f"kubectl describe node {NODE_NAME}"),
        Check(
            name="DNS answers",
            is_good=addons.dns_answers(),
            hint="kubectl -n kube-system describe pods",
        ),
        Check(
            name="KubeRay is available",
            is_good=addons.is_kuberay_available(kubectl),
            hint=f"kubectl -n {addons.KUBERAY_NAMESPACE} describe pods",
        ),
    ]


def report(found: list[Check]) -> str:
    """Return one line a check."""
    width = max(len(check.name) for check in found)
    lines = [
        f"{check.name:<{width}}  {'yes' if check.is_good else f'NO   see: {check.hint}'}"
        for check in found
    ]
    return "\n".join(lines) + "\n"
