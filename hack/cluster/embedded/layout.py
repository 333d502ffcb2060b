# SPDX-License-Identifier: Apache-2.0
"""Where everything lies and which addresses and ports are used: the one place that says so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TOOL = Path(__file__).resolve().parent.parent
CONFIG = TOOL / "config"
GO_MODULES = TOOL / "go"

NODE_NAME = "slmeval-node"
NODE_LABELS = "slmeval.dev/pool=cpu"
# The node's address is the bridge's own: it exists on this machine only, so nothing that the
# cluster serves is reachable from the network, and it stays the same when the network changes.
BRIDGE = "slmeval0"
CNI_NETWORK = "slmeval"
NODE_IP = "10.244.0.1"
POD_CIDR = "10.244.0.0/16"
FIRST_POD_IP = "10.244.0.10"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_IP = "10.96.0.10"
CNI_BIN = Path("/usr/lib/cni")
NFT_TABLE = "slmeval-cluster"
CARRIED_LINK = Path("/run/slmeval-carried")
"""Leads to programs that were brought along, see Layout.carried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """TCP ports on the node address (api, kubelet) and on loopback (the rest)."""

    api: int = 6443
    kubelet: int = 10250
    etcd: int = 22379
    etcd_peer: int = 22380
    kubelet_health: int = 10248
    proxy_metrics: int = 10249
    proxy_health: int = 10256
    controller_manager: int = 10257
    scheduler: int = 10259


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """runc with a container specification of our own; a RuntimeClass names it as its handler."""

    name: str
    spec: Path  # complete, as `ctr oci spec` prints it; read when containerd starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Paths of one cluster: `state` dies with it, `cache` outlives it."""

    state: Path
    cache: Path
    ports: Ports = Ports()
    runtimes: tuple[Runtime, ...] = ()
    """Beside plain runc; the first is for pods that name no RuntimeClass."""

    @property
    def kubeconfig(self) -> Path:
        """Credentials of the cluster's administrator."""
        return self.state / "admin.conf"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.state / "pki"

    @property
    def conf(self) -> Path:
        """Rendered configuration files and the components' kubeconfigs."""
        return self.state / "conf"

    @property
    def logs(self) -> Path:
        """One file a component."""
        return self.state / "logs"

    @property
    def pids(self) -> Path:
        """One record a component that this tool started."""
        return self.state / "pids"

    @property
    def run(self) -> Path:
        """What means nothing after a reboot: sockets, containerd's bundles, runc's records."""
        return self.state / "run"

    @property
    def containerd_root(self) -> Path:
        """Image contents and snapshots."""
        return self.state / "containerd"

    @property
    def containerd_socket(self) -> Path:
        """The socket of this cluster's own containerd."""
        return self.run / "containerd.sock"

    @property
    def kubelet_root(self) -> Path:
        """The kubelet's folder, pods' volumes included."""
        return self.state / "kubelet"

    @property
    def carried(self) -> Path:
        """Debian's programs for a machine that cannot install them; absent elsewhere."""
        return self.cache / "debian"

    @property
    def cni_bin(self) -> Path:
        """The folder of CNI's plugins."""
        carried = self.carried / "cni"
        return carried if carried.is_dir() else CNI_BIN

    @property
    def bin(self) -> Path:
        """Stable links to the newest built programs, kubectl and helm among them."""
        return self.cache / "bin"


def layout_of(environ: Mapping[str, str], *, state: Path | None = None) -> Layout:
    """Return the layout that the environment asks for; `state` wins over its variable."""
    chosen = state or Path(environ.get("SLMEVAL_CLUSTER_STATE", "/var/lib/slmeval-cluster"))
    home = Path(environ.get("HOME", "/root"))
    cache = Path(environ.get("SLMEVAL_CACHE", str(home / ".cache" / "slmeval")))
    api = int(environ.get("SLMEVAL_CLUSTER_API_PORT", "6443"))
    return Layout(state=chosen.absolute(), cache=cache.absolute(), ports=Ports(api=api))


def here() -> Layout:
    """Return the layout of this process's environment."""
    return layout_of(os.environ)
