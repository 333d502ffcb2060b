# SPDX-License-Identifier: Apache-2.0
"""Container specifications that lend the machine's Python, and its GPUs, to pods."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hack.cluster.embedded.commands import run
from hack.cluster.embedded.layout import Runtime

from .host import Device, Host, Mount

PLAIN, CUDA = "host", "host-cuda"
"""Handlers: for pods that name no RuntimeClass, and for the pool's workers."""

Spec = dict[str, Any]


def with_mounts(spec: Spec, mounts: Iterable[Mount]) -> Spec:
    """Return `spec` with folders of the machine, read-only."""
    changed = copy.deepcopy(spec)
    changed["mounts"] += [
        {
            "destination": str(mount.target),
            "source": str(mount.source),
            "type": "bind",
            # rbind: a driver's folder is often a mount of its own below /usr.
            "options": ["rbind", "rprivate", "ro"],
        }
        for mount in mounts
    ]
    return changed


def with_devices(spec: Spec, devices: Iterable[Device]) -> Spec:
    """Return `spec` with device nodes and the control group's leave to use them."""
    changed = copy.deepcopy(spec)
    linux = changed["linux"]
    nodes, rules = linux.setdefault("devices", []), linux["resources"].setdefault("devices", [])
    for device in devices:
        number = {"type": "c", "major": device.major, "minor": device.minor}
        nodes.append({"path": device.path, **number, "fileMode": 0o666, "uid": 0, "gid": 0})
        rules.append({"allow": True, **number, "access": "rwm"})
    return changed


def runtimes(host: Host, *, folder: Path) -> tuple[Runtime, ...]:
    """Write the two specifications to `folder`; return the runtimes that start from them.

    A file's name holds its digest: containerd reads it only when it starts, and is started anew
    when its configuration names another.
    """
    plain = with_mounts(json.loads(run(["ctr", "oci", "spec"])), host.mounts)
    specs = {PLAIN: plain, CUDA: with_devices(plain, host.devices)}
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, spec in specs.items():
        text = json.dumps(spec, indent=1)
        path = folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
        path.write_text(text)
        found.append(Runtime(name=name, spec=path))
    return tuple(found)
