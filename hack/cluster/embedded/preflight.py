# SPDX-License-Identifier: Apache-2.0
"""Says, before anything is changed, why this machine cannot run the cluster."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from pathlib import Path

from .commands import run
from .errors import ELSEWHERE, ClusterError
from .golang import go_of
from .layout import NODE_IP, POD_CIDR, Layout
from .network import filters_bridges, overlapping_routes
from .processes import is_running

FREE_GIB = 15
_KERNEL = {
    "overlayfs": ("overlay", Path("/proc/filesystems")),
    "network namespaces": (None, Path("/proc/self/ns/net")),
    "seccomp": (None, Path("/proc/sys/kernel/seccomp")),
    "control groups": (None, Path("/sys/fs/cgroup")),
}
_MODULES = ("overlay", "bridge", "br_netfilter", "veth", "nf_tables")


def check(layout: Layout) -> None:
    """Return if the cluster can run here.

    Raises:
        ClusterError: it cannot, and what to do about it.

    """
    check_root()
    _check_kernel()
    _check_disk(layout)
    go_of(layout.cache)
    _check_ports(layout)
    _check_routes()


def check_root() -> None:
    """Raise unless this is Linux and root."""
    if sys.platform != "linux":
        raise ClusterError(f"This needs Linux; here is {sys.platform}.", ELSEWHERE)
    if os.geteuid() != 0:
        raise ClusterError(
            "This needs root: the cluster is made of mounts and namespaces.", "Use sudo."
        )


def missing_features() -> list[str]:
    """Return the kernel features that this machine lacks."""
    missing = []
    for name, (word, path) in _KERNEL.items():
        if not path.exists() or (word and word not in path.read_text().split()):
            missing.append(name)
    return missing


def _check_kernel() -> None:
    """Try to load what may be a module, then raise if a feature is still missing."""
    if (missing_features() or not filters_bridges()) and shutil.which("modprobe"):
        for module in _MODULES:
            try:
                run(["modprobe", module])
            except ClusterError:
                continue
    missing = missing_features()
    if missing:
        raise ClusterError(
            f"The kernel lacks {', '.join(missing)}.",
            f"Load the modules {' '.join(_MODULES)} (modprobe). {ELSEWHERE}",
        )


def _check_disk(layout: Layout) -> None:
    """Raise unless both folders' disks have room."""
    for folder in (layout.state, layout.cache):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free_gib = shutil.disk_usage(there).free / 2**30
        if free_gib < FREE_GIB:
            raise ClusterError(
                f"{folder} has {free_gib:.1f} GiB free; {FREE_GIB} are needed.",
                "Free some, or set SLMEVAL_CLUSTER_STATE and SLMEVAL_CACHE to another disk.",
            )


def is_port_free(address: str, port: int) -> bool:
    """Tell whether a server could listen there.

    An address that does not exist yet (the bridge's) has no listener of its own, but one on
    every address would be in the way: so that is what is tried.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and address != "0.0.0.0":
                return is_port_free("0.0.0.0", port)
            return False
    return True


def _check_ports(layout: Layout) -> None:
    """Raise if another program listens where one of ours, not yet running, will."""
    ports = layout.ports
    users = (
        ("kube-apiserver", NODE_IP, ports.api),
        ("kubelet", NODE_IP, ports.kubelet),
        ("kubelet", "127.0.0.1", ports.kubelet_health),
        ("etcd", "127.0.0.1", ports.etcd),
        ("etcd", "127.0.0.1", ports.etcd_peer),
        ("kube-proxy", "127.0.0.1", ports.proxy_metrics),
        ("kube-proxy", "127.0.0.1", ports.proxy_health),
        ("kube-controller-manager", "127.0.0.1", ports.controller_manager),
        ("kube-scheduler", "127.0.0.1", ports.scheduler),
    )
    for name, address, port in users:
        if not is_running(name, pids=layout.pids) and not is_port_free(address, port):
            remedy = f"See who with `ss -ltnp 'sport = :{port}'` and end it."
            if port == ports.api:
                remedy += " Or set SLMEVAL_CLUSTER_API_PORT."
            raise ClusterError(f"Port {port}, which {name} needs, is in use.", remedy)


def _check_routes() -> None:
    """Raise if the machine already reaches another network at the pods' addresses."""
    if not shutil.which("ip"):
        return  # installed in the next step; a machine without it has no container networks
    overlapping = overlapping_routes(run(["ip", "-4", "route"]))
    if overlapping:
        raise ClusterError(
            f"{POD_CIDR}, the pods' network, is in use: {overlapping[0].strip()}.",
            f"Take that network down. {ELSEWHERE}",
        )
