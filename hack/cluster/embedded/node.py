# SPDX-License-Identifier: Apache-2.0
"""Whether the node is Ready by what its kubelet says now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from .errors import ClusterError
from .kubectl import Kubectl
from .layout import NODE_NAME, Layout
from .processes import read_record


def node_is_ready(layout: Layout, kubectl: Kubectl) -> bool:
    """Tell whether the node is Ready and its kubelet, the one that runs now, has said so."""
    record = read_record(layout.pids / "kubelet.json")
    if record is None:
        return False
    try:
        node = kubectl.get(f"node/{NODE_NAME}")
    except ClusterError:
        return False
    return is_ready_since(node["status"].get("conditions", []), record.started_at_s)


def is_ready_since(conditions: Sequence[dict[str, Any]], since_s: float) -> bool:
    """Tell whether the condition Ready is True and was confirmed later than a Unix time.

    The status alone may be left from before a restart: nobody was there to change it. (The
    node's lease would say the same, but a new node's is first written after 10 s.)
    """
    for condition in conditions:
        if condition["type"] == "Ready" and condition["status"] == "True":
            heard = datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp()
            return heard >= int(since_s)  # the API keeps whole seconds
    return False
