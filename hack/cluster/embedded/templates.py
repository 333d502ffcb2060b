# SPDX-License-Identifier: Apache-2.0
"""Fills in the files under config/."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .layout import (
    BRIDGE,
    CNI_NETWORK,
    CONFIG,
    DNS_IP,
    FIRST_POD_IP,
    NODE_IP,
    NODE_NAME,
    POD_CIDR,
    Layout,
    Runtime,
)

_PLACE = re.compile(r"\{([a-z_]+)\}")


def filled(template: str, values: Mapping[str, str]) -> str:
    """Replace each {name} by its value; other braces, as in JSON and YAML, stay.

    Raises:
        KeyError: a name has no value, so that no half-filled file is ever used.

    """
    return _PLACE.sub(lambda found: values[found[1]], template)


def runtime_table(runtime: Runtime, layout: Layout) -> str:
    """Return the tables of containerd's configuration that add `runtime`."""
    table = f'[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{runtime.name}'
    return (
        f'\n{table}]\nruntime_type = "io.containerd.runc.v2"\n'
        f'base_runtime_spec = "{runtime.spec}"\n'
        f'{table}.options]\nSystemdCgroup = false\nRoot = "{layout.run}/runc"\n'
    )


def values_of(layout: Layout) -> dict[str, str]:
    """Return what the templates may name, except images."""
    return {
        "bridge": BRIDGE,
        "cni_bin": str(layout.cni_bin),
        "cni_conf": str(layout.conf / "cni"),
        "cni_network": CNI_NETWORK,
        "conf": str(layout.conf),
        "default_runtime": layout.runtimes[0].name if layout.runtimes else "runc",
        "dns_ip": DNS_IP,
        "first_pod_ip": FIRST_POD_IP,
        "ipam": str(layout.run / "ipam"),
        "kubelet_health_port": str(layout.ports.kubelet_health),
        "kubelet_port": str(layout.ports.kubelet),
        "more_runtimes": "".join(runtime_table(runtime, layout) for runtime in layout.runtimes),
        "node_ip": NODE_IP,
        "node_name": NODE_NAME,
        "pki": str(layout.pki),
        "pod_cidr": POD_CIDR,
        "proxy_health_port": str(layout.ports.proxy_health),
        "proxy_metrics_port": str(layout.ports.proxy_metrics),
        "root": str(layout.containerd_root),
        "run": str(layout.run),
        "socket": str(layout.containerd_socket),
        "state": str(layout.state),
    }


def rendered(name: str, values: Mapping[str, str]) -> str:
    """Return the file `name` under config/, filled in."""
    return filled((CONFIG / name).read_text(), values)


def write_rendered(name: str, target: Path, values: Mapping[str, str]) -> str:
    """Write config/`name` to `target` if it differs; return its text."""
    text = rendered(name, values)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.read_text() != text:
        target.write_text(text)
    return text
