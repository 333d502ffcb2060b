# SPDX-License-Identifier: Apache-2.0
"""Brings the cluster up, step by step; each step looks first and then does only what is missing."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from . import addons, images, network, pki, preflight, services
from .down import check_is_ours
from .golang import ensure_built
from .kubectl import Kubectl
from .layout import NODE_IP, Layout
from .node import node_is_ready
from .packages import ensure_packages, programs_of
from .processes import boot_id, ensure_started
from .progress import say, step, wait_until
from .templates import values_of, write_rendered


def up(layout: Layout) -> None:
    """Return once the node is Ready, DNS answers and KubeRay is available.

    Raises:
        ClusterError: a step failed; running it again resumes there.

    """
    preflight.check(layout)
    check_is_ours(layout.state)
    ensure_packages(programs_of(layout))
    built = {name: ensure_built(name, cache=layout.cache) for name in ("kubernetes", "kuberay")}
    ensure_built("helm", cache=layout.cache)
    names = {
        image.module: images.ensure_system_image(layout, image) for image in images.SYSTEM_IMAGES
    }
    kubectl = Kubectl(binary=built["kubernetes"] / "kubectl", kubeconfig=layout.kubeconfig)
    _forget_former_boot(layout)
    with step("certificates and configuration"):
        _write_files(layout, pause_image=names["pause"])
    network.ensure_sysctls(layout)
    network.ensure_bridge()
    with step("etcd and the API server"):
        _start_control_plane(layout, built["kubernetes"], kubectl)
    with step("containerd and the system's images"):
        _start_containerd(layout, list(names.values()))
    with step("the node"):
        _start_node(layout, built["kubernetes"], kubectl)
    with step("CoreDNS and KubeRay"):
        addons.apply_dns(layout, kubectl, image=names["coredns"])
        addons.apply_kuberay(layout, kubectl, image=names["kuberay"], built=built["kuberay"])
        _wait_for_dns()
        addons.wait_for_kuberay(kubectl)
    say(f"the cluster is up: export KUBECONFIG={layout.kubeconfig}")
    say(f"  kubectl and helm are in {layout.bin}")


def _forget_former_boot(layout: Layout) -> None:
    """Drop what described processes and mounts of a boot that is over.

    /run is not emptied by every machine; a stale shim socket or bundle would be taken for real.
    """
    noted = layout.state / "boot_id"
    layout.state.mkdir(parents=True, exist_ok=True, mode=0o711)
    if noted.exists() and noted.read_text() != boot_id():
        say("the machine was restarted since: forgetting its former processes")
        for folder in (layout.run, layout.pids):
            shutil.rmtree(folder, ignore_errors=True)
    noted.write_text(boot_id())
    for folder in (layout.run, layout.conf, layout.logs, layout.pids):
        folder.mkdir(exist_ok=True, mode=0o711)


def _write_files(layout: Layout, *, pause_image: str) -> None:
    """Write certificates, kubeconfigs and the components' configuration."""
    plane = services.control_plane_of(layout)
    pki.ensure_certificates(
        layout.pki,
        (*services.server_certificates(plane.address), *services.component_certificates()),
    )
    pki.ensure_signing_key(layout.pki)
    components = ("kubelet", "controller-manager", "scheduler", "kube-proxy")
    pki.write_kubeconfigs(
        layout.pki,
        server=f"https://{NODE_IP}:{layout.ports.api}",
        into=[
            ("admin", layout.kubeconfig),
            *((name, layout.conf / f"{name}.conf") for name in components),
        ],
    )
    values = {
        **values_of(layout),
        "pause_image": pause_image,
        "masquerade_all": "false" if network.filters_bridges() else "true",
    }
    write_rendered("cni.json", layout.conf / "cni" / "10-slmeval.conflist", values)
    for name in ("containerd.toml", "kubelet.yaml", "kube-proxy.yaml"):
        write_rendered(name, layout.conf / name, values)
    servers = network.outside_nameservers(Path("/etc/resolv.conf").read_text())
    (layout.conf / "resolv.conf").write_text("".join(f"nameserver {ip}\n" for ip in servers))


def _start(layout: Layout, name: str, argv: Sequence[str], *, config: str | None = None) -> None:
    """Start a component, or start it anew if its command or configuration changed."""
    fingerprint = ""
    if config:
        fingerprint = hashlib.sha256((layout.conf / config).read_bytes()).hexdigest()[:16]
    if ensure_started(name, argv, pids=layout.pids, logs=layout.logs, fingerprint=fingerprint):
        say(f"  started {name}")


def _start_control_plane(layout: Layout, kubernetes: Path, kubectl: Kubectl) -> None:
    """Start etcd, kube-apiserver, kube-controller-manager and kube-scheduler."""
    plane = services.control_plane_of(layout)
    _start(layout, "etcd", services.etcd(plane))
    _start(layout, "kube-apiserver", services.apiserver(kubernetes / "kube-apiserver", plane))
    wait_until(
        kubectl.is_ready,
        what="The API server",
        timeout_s=90,
        hint=f"Read {layout.logs}/kube-apiserver.log and etcd.log.",
    )
    manager = services.controller_manager(kubernetes / "kube-controller-manager", layout)
    _start(layout, "kube-controller-manager", manager)
    _start(layout, "kube-scheduler", services.scheduler(kubernetes / "kube-scheduler", layout))


def _start_containerd(layout: Layout, system_images: Sequence[str]) -> None:
    """Start containerd and give it the images that no registry holds."""
    _start(layout, "containerd", services.containerd(layout), config="containerd.toml")
    wait_until(
        lambda: _answers(layout),
        what="containerd",
        timeout_s=60,
        hint=f"Read {layout.logs}/containerd.log.",
    )
    for name in system_images:
        images.load_system_image(layout, name)


def _answers(layout: Layout) -> bool:
    """Tell whether containerd's socket answers."""
    return layout.containerd_socket.exists() and images.is_answering(layout)


def _start_node(layout: Layout, kubernetes: Path, kubectl: Kubectl) -> None:
    """Start the kubelet and kube-proxy and wait for the node to be Ready."""
    kubelet = services.kubelet(kubernetes / "kubelet", layout)
    _start(layout, "kubelet", kubelet, config="kubelet.yaml")
    proxy = services.kube_proxy(kubernetes / "kube-proxy", layout)
    _start(layout, "kube-proxy", proxy, config="kube-proxy.yaml")
    wait_until(
        lambda: node_is_ready(layout, kubectl),
        what="The node",
        timeout_s=120,
        hint=f"Read {layout.logs}/kubelet.log.",
    )


def _wait_for_dns() -> None:
    """Return once the cluster's DNS answers."""
    wait_until(
        addons.dns_answers,
        what="The cluster's DNS",
        timeout_s=120,
        hint="Run `kubectl -n kube-system describe pods`.",
    )
