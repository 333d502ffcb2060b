# SPDX-License-Identifier: Apache-2.0
"""The bridge, the kernel's network settings and the packet rules: made by up, undone by down."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
from pathlib import Path

from .commands import run, succeeds
from .layout import BRIDGE, NFT_TABLE, NODE_IP, POD_CIDR, SERVICE_CIDR, Layout

# Settings that the cluster or its kubelet changes; their former values come back with `down`.
SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    # The kubelet sets these itself; they are listed so that they are put back.
    "vm.overcommit_memory": "1",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
}
_MASQUERADE = f"""
table ip {NFT_TABLE}
delete table ip {NFT_TABLE}
table ip {NFT_TABLE} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {POD_CIDR} ip daddr != {POD_CIDR} oifname != "{BRIDGE}" masquerade
  }}
}}
"""


def _sysctl_path(name: str) -> Path:
    """Return the file of a kernel setting."""
    return Path("/proc/sys") / name.replace(".", "/")


def filters_bridges() -> bool:
    """Tell whether the kernel shows packets between pods on one bridge to the packet rules."""
    return _sysctl_path("net.bridge.bridge-nf-call-iptables").exists()


def ensure_sysctls(layout: Layout) -> None:
    """Set the kernel's settings, those that it has, after noting, once, what they were."""
    noted = layout.state / "sysctls.json"
    wanted = {name: value for name, value in SYSCTLS.items() if _sysctl_path(name).exists()}
    if not noted.exists():
        before = {name: _sysctl_path(name).read_text().strip() for name in wanted}
        noted.write_text(json.dumps(before))
    for name, value in wanted.items():
        path = _sysctl_path(name)
        if path.read_text().strip() != value:
            path.write_text(value)


def restore_sysctls(layout: Layout) -> None:
    """Put the noted settings back."""
    noted = layout.state / "sysctls.json"
    if not noted.exists():
        return
    for name, value in json.loads(noted.read_text()).items():
        path = _sysctl_path(name)
        if path.exists() and path.read_text().strip() != value:
            path.write_text(value)


def ensure_bridge() -> None:
    """Make the bridge with the node's address, and let pods reach the outside through the host."""
    if not succeeds(["ip", "link", "show", BRIDGE]):
        run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    prefix = ipaddress.ip_network(POD_CIDR).prefixlen
    addresses = run(["ip", "-o", "-4", "address", "show", "dev", BRIDGE])
    if f" {NODE_IP}/" not in addresses:
        run(["ip", "address", "add", f"{NODE_IP}/{prefix}", "dev", BRIDGE])
    run(["ip", "link", "set", BRIDGE, "up"])
    # A machine without a network has no default route, by which Services are found elsewhere.
    run(["ip", "route", "replace", SERVICE_CIDR, "dev", BRIDGE])
    if not succeeds(["nft", "list", "table", "ip", NFT_TABLE]):
        run(["nft", "-f", "-"], stdin=_MASQUERADE)


def remove_links() -> list[str]:
    """Delete the bridge and the pods' ends that hang on it; return the names deleted."""
    if not succeeds(["ip", "link", "show", BRIDGE]):
        return []
    ports = run(["ip", "-o", "link", "show", "master", BRIDGE]).splitlines()
    names = [match[1] for line in ports if (match := re.match(r"\d+: ([^:@]+)", line))]
    for name in [*names, BRIDGE]:
        succeeds(["ip", "link", "delete", name])  # a pod's end may vanish with its namespace
    return [*names, BRIDGE]


def remove_rules() -> None:
    """Delete the packet tables that this tool and kube-proxy made."""
    if not shutil.which("nft"):
        return
    for family, table in (("ip", NFT_TABLE), ("ip", "kube-proxy"), ("ip6", "kube-proxy")):
        succeeds(["nft", "delete", "table", family, table])


def overlapping_routes(routes: str) -> list[str]:
    """Return the lines of `ip -4 route` that overlap the pods' network and are not ours."""
    pods = ipaddress.ip_network(POD_CIDR)
    found = []
    for line in routes.splitlines():
        target = line.split()[0]
        if target == "default" or f"dev {BRIDGE}" in line:
            continue
        try:
            network = ipaddress.ip_network(target, strict=False)
        except ValueError:
            continue
        if network.overlaps(pods):
            found.append(line)
    return found


def outside_nameservers(resolv_conf: str) -> list[str]:
    """Return the name servers that a pod could ask: a loopback one would be the pod itself."""
    found = []
    for line in resolv_conf.splitlines():
        fields = line.split()
        if len(fields) > 1 and fields[0] == "nameserver":
            address = ipaddress.ip_address(fields[1].partition("%")[0])
            if not address.is_loopback:
                found.append(fields[1])
    return found
