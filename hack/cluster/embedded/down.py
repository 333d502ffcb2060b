# SPDX-License-Identifier: Apache-2.0
"""Takes the cluster down without a trace, from whatever half of it is up.

Nothing here asks the cluster for help: what is running is found through the kernel, so it works
as well after a crash. Nothing is ended by name: a process is ours by its record, by the control
group of a container that our containerd made, or by its working folder inside our state.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from functools import partial
from pathlib import Path

from . import mounts, network
from .errors import ClusterError
from .layout import CNI_NETWORK, Layout
from .processes import end, stop
from .progress import say, step

_CGROUPS = Path("/sys/fs/cgroup")
_SHIM_SOCKETS = Path("/run/containerd/s")
_CNI_RESULTS = Path("/var/lib/cni/results")
_LOG_LINKS = Path("/var/log/containers")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")


def down(layout: Layout) -> None:
    """Return when no process, mount, link, rule, control group or file of the cluster is left.

    The cache stays.

    Raises:
        ClusterError: the state folder is not this tool's, or something could not be released.

    """
    if not layout.state.exists():
        say(f"nothing to take down: {layout.state} does not exist")
        return
    check_is_ours(layout.state)
    with step("ending the node, its containers and the control plane"):
        for name in ("kubelet", "kube-proxy"):
            stop(name, pids=layout.pids)
        # Noted now: containerd deletes the bundle of a container whose end it sees.
        found = containers(layout)
        end_containers(layout, found)
        for name in ("containerd", "kube-scheduler", "kube-controller-manager"):
            stop(name, pids=layout.pids)
        end_containers(layout, found | containers(layout))
        # Waits for its watches to end by themselves, which need not be waited for.
        stop("kube-apiserver", pids=layout.pids, grace_s=2.0)
        stop("etcd", pids=layout.pids)
    with step("releasing mounts, network and control groups"):
        mounts.release(layout.state)
        network.remove_links()
        network.remove_rules()
        network.restore_sysctls(layout)
        remove_cgroups()
        remove_outside_files(layout, found)
    shutil.rmtree(layout.state)
    say(f"the cluster is down; the cache stays in {layout.cache}")


def check_is_ours(state: Path) -> None:
    """Raise unless a folder is absent, empty, or a cluster's state that this tool made."""
    if state.exists() and any(state.iterdir()) and not (state / "boot_id").is_file():
        raise ClusterError(
            f"{state} was not made by this tool.",
            "Set SLMEVAL_CLUSTER_STATE to the cluster's own folder.",
        )


def containers(layout: Layout) -> set[str]:
    """Return the id of each container that containerd has started and not yet cleaned up."""
    tasks = layout.run / "containerd" / "io.containerd.runtime.v2.task" / "k8s.io"
    return {bundle.name for bundle in tasks.iterdir()} if tasks.is_dir() else set()


def end_containers(layout: Layout, own: set[str]) -> None:
    """End the processes of the containers `own`, then the shims that watched over them."""
    for _ in range(50):  # a process may fork while it is being ended
        pids = [pid for pid in _pids() if _is_in_container(pid, own)]
        for pid in pids:
            end(pid, is_ours=partial(_is_in_container, pid, own))
        if not pids:
            break
        time.sleep(0.1)
    for pid in _pids():
        end(pid, is_ours=partial(_works_in, pid, layout.run))


def _pids() -> list[int]:
    """Return every process's pid."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _is_in_container(pid: int, own: set[str]) -> bool:
    """Tell whether a control group of `pid` is named by one of our containers' ids."""
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False
    return any(not own.isdisjoint(line.split("/")) for line in groups.splitlines())


def _works_in(pid: int, folder: Path) -> bool:
    """Tell whether the working folder of `pid` lies in `folder`, as a shim's does."""
    try:
        where = os.readlink(f"/proc/{pid}/cwd").removesuffix(" (deleted)")
    except OSError:
        return False
    return Path(where).is_relative_to(folder)


def remove_cgroups() -> None:
    """Remove the kubelet's control groups; one that holds a foreign process stays."""
    tops = [_CGROUPS / "kubepods", *sorted(_CGROUPS.glob("*/kubepods"))]
    for top in (path for path in tops if path.is_dir()):
        folders = [Path(found) for found, _, _ in os.walk(top, topdown=False)]
        for folder in folders:
            _remove_folder(folder)


def _remove_folder(folder: Path) -> None:
    """Remove an empty folder; one that is not empty, or gone, stays as it is."""
    try:
        folder.rmdir()
    except OSError:
        return


def remove_outside_files(layout: Layout, found: set[str]) -> None:
    """Remove the few files whose places containerd, CNI and the kubelet do not let us choose.

    Args:
        layout: the cluster, whose processes have ended.
        found: the ids of its containers.

    """
    for path in _files_in(_SHIM_SOCKETS):
        if is_dead_socket(path):
            path.unlink()
    _remove_cni_results(found)
    for link in _files_in(_LOG_LINKS):
        if link.is_symlink() and link.readlink().is_relative_to(layout.state):
            link.unlink()
    for name in ("kubelet.sock", "kubelet_internal_checkpoint"):
        (_DEVICE_PLUGINS / name).unlink(missing_ok=True)
    for folder in (_SHIM_SOCKETS, _CNI_RESULTS, _LOG_LINKS, _DEVICE_PLUGINS):
        _remove_folder(folder)
    for folder in (_SHIM_SOCKETS, _CNI_RESULTS, _DEVICE_PLUGINS):
        _remove_folder(folder.parent)


def _files_in(folder: Path) -> list[Path]:
    """Return what lies in a folder that need not exist."""
    return list(folder.iterdir()) if folder.is_dir() else []


def is_dead_socket(path: Path) -> bool:
    """Tell whether nobody listens on a socket any more, as on a shim's that was killed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trying:
        try:
            trying.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _remove_cni_results(ids: set[str]) -> None:
    """Remove what libcni noted of our network, and of the loopback of our containers.

    A pod that ended while nobody watched is known by its note of our network alone.
    """
    results = _files_in(_CNI_RESULTS)
    ours = [note for note in results if note.name.startswith(f"{CNI_NETWORK}-")]
    ids = ids | {note.name.split("-")[1] for note in ours}
    loopbacks = [note for note in results if any(container in note.name for container in ids)]
    for note in {*ours, *loopbacks}:
        note.unlink()
