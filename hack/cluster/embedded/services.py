# SPDX-License-Identifier: Apache-2.0
"""Command lines of the programs that run on the host; no process is started here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .layout import (
    API_SERVICE_IP,
    NODE_IP,
    NODE_LABELS,
    NODE_NAME,
    POD_CIDR,
    SERVICE_CIDR,
    Layout,
)
from .pki import Certificate

API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """What a control plane needs to know about where it listens."""

    pki: Path
    data: Path
    address: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int


def control_plane_of(layout: Layout) -> ControlPlane:
    """Return the full cluster's control plane."""
    return ControlPlane(
        pki=layout.pki,
        data=layout.state / "etcd",
        address=NODE_IP,
        api_port=layout.ports.api,
        etcd_port=layout.ports.etcd,
        etcd_peer_port=layout.ports.etcd_peer,
    )


def server_certificates(address: str) -> tuple[Certificate, ...]:
    """Return the certificates of etcd, the API server and its administrator."""
    names = (*API_NAMES, f"{API_NAMES[-1]}.cluster.local", "localhost")
    sans = tuple(f"DNS:{name}" for name in names)
    addresses = tuple(f"IP:{ip}" for ip in dict.fromkeys((address, "127.0.0.1", API_SERVICE_IP)))
    return (
        Certificate(name="etcd", common_name="etcd", sans=("IP:127.0.0.1",)),
        Certificate(name="apiserver", common_name="kube-apiserver", sans=sans + addresses),
        Certificate(name="admin", common_name="admin", organization="system:masters"),
    )


def component_certificates() -> tuple[Certificate, ...]:
    """Return the certificates of everything that talks to the API server."""
    return (
        Certificate(
            name="kubelet",
            common_name=f"system:node:{NODE_NAME}",
            organization="system:nodes",
            sans=(f"DNS:{NODE_NAME}", f"IP:{NODE_IP}"),
        ),
        Certificate(name="controller-manager", common_name="system:kube-controller-manager"),
        Certificate(name="scheduler", common_name="system:kube-scheduler"),
        Certificate(name="kube-proxy", common_name="system:kube-proxy"),
    )


def etcd(plane: ControlPlane) -> list[str]:
    """Return etcd's command line: loopback only, and only for holders of our certificates."""
    pki, client = plane.pki, f"https://127.0.0.1:{plane.etcd_port}"
    peer = f"http://127.0.0.1:{plane.etcd_peer_port}"
    return [
        "etcd",
        f"--data-dir={plane.data}",
        "--name=slmeval",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=slmeval={peer}",
        f"--cert-file={pki}/etcd.crt",
        f"--key-file={pki}/etcd.key",
        f"--trusted-ca-file={pki}/ca.crt",
        "--client-cert-auth",
        # The data dies with the cluster: waiting for the disk at each write buys nothing.
        "--unsafe-no-fsync",
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=5m",
        "--quota-backend-bytes=2147483648",
    ]


def apiserver(binary: Path, plane: ControlPlane) -> list[str]:
    """Return kube-apiserver's command line."""
    pki = plane.pki
    return [
        str(binary),
        f"--bind-address={plane.address}",
        f"--advertise-address={plane.address}",
        f"--secure-port={plane.api_port}",
        f"--etcd-servers=https://127.0.0.1:{plane.etcd_port}",
        f"--etcd-cafile={pki}/ca.crt",
        f"--etcd-certfile={pki}/admin.crt",
        f"--etcd-keyfile={pki}/admin.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        # exec, logs and port-forward: the node's name need not resolve on the host.
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={pki}/admin.crt",
        f"--kubelet-client-key={pki}/admin.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def controller_manager(binary: Path, layout: Layout) -> list[str]:
    """Return kube-controller-manager's command line."""
    kubeconfig = layout.conf / "controller-manager.conf"
    return [
        str(binary),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--root-ca-file={layout.pki}/ca.crt",
        f"--service-account-private-key-file={layout.pki}/sa.key",
        f"--cluster-signing-cert-file={layout.pki}/ca.crt",
        f"--cluster-signing-key-file={layout.pki}/ca.key",
        "--use-service-account-credentials=true",
        f"--flex-volume-plugin-dir={layout.kubelet_root}/volume-plugins",
        # One of each: electing a leader would only delay a restart by its lease.
        "--leader-elect=false",
        "--profiling=false",
    ]


def scheduler(binary: Path, layout: Layout) -> list[str]:
    """Return kube-scheduler's command line."""
    kubeconfig = layout.conf / "scheduler.conf"
    return [
        str(binary),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--profiling=false",
    ]


def containerd(layout: Layout) -> list[str]:
    """Return containerd's command line."""
    return ["containerd", "--config", str(layout.conf / "containerd.toml")]


def kubelet(binary: Path, layout: Layout) -> list[str]:
    """Return the kubelet's command line."""
    return [
        str(binary),
        f"--config={layout.conf}/kubelet.yaml",
        f"--kubeconfig={layout.conf}/kubelet.conf",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_IP}",
        f"--node-labels={NODE_LABELS}",
        f"--root-dir={layout.kubelet_root}",
        f"--cert-dir={layout.kubelet_root}/pki",
    ]


def kube_proxy(binary: Path, layout: Layout) -> list[str]:
    """Return kube-proxy's command line."""
    return [str(binary), f"--config={layout.conf}/kube-proxy.yaml"]


__all__ = [
    "POD_CIDR",
    "ControlPlane",
    "apiserver",
    "component_certificates",
    "containerd",
    "control_plane_of",
    "controller_manager",
    "etcd",
    "kube_proxy",
    "kubelet",
    "scheduler",
    "server_certificates",
]
