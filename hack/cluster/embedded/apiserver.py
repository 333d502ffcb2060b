# SPDX-License-Identifier: Apache-2.0
"""Only etcd and kube-apiserver, for tests of the API: admission, schemas, status, watches."""

from __future__ import annotations

import shutil
import signal
import socket
import threading
from pathlib import Path

from . import pki, services
from .errors import ClusterError
from .golang import ensure_built
from .kubectl import Kubectl
from .layout import Layout
from .packages import ensure_packages
from .processes import ensure_started, is_running, stop
from .progress import say, wait_until

_LOOPBACK = "127.0.0.1"
# The kernel ends both when this process goes, even if it is killed.
_DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_FLAGS = (
    # Nothing here makes the default service account that this plugin waits for.
    "--disable-admission-plugins=ServiceAccount",
    # The `kubernetes` Service cannot point at a loopback address.
    "--endpoint-reconciler-type=none",
)


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on; all are held until the last is found."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for one in sockets:
            one.bind((_LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def serve(layout: Layout) -> None:
    """Serve an empty API until SIGTERM or SIGINT, then leave the state folder as it was.

    Raises:
        ClusterError: it could not start, or one of the two ended by itself.

    """
    ensure_packages(("etcd", "openssl"))
    built = ensure_built("kubernetes", cache=layout.cache)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    made_folder = not layout.state.exists()
    before = set() if made_folder else {path.name for path in layout.state.iterdir()}
    layout.state.mkdir(parents=True, exist_ok=True)
    try:
        _start(layout, built)
        say(f"the API server is ready: export KUBECONFIG={layout.kubeconfig}")
        while not ended.wait(0.5):
            for name in ("etcd", "kube-apiserver"):
                if not is_running(name, pids=layout.pids):
                    raise ClusterError(f"{name} ended: {_last_words(layout, name)}", "Try again.")
    finally:
        stop("kube-apiserver", pids=layout.pids, grace_s=1.0)
        stop("etcd", pids=layout.pids, grace_s=1.0)
        _leave(layout.state, before, is_all_ours=made_folder)


def _start(layout: Layout, built: Path) -> None:
    """Start both and wait until the API server is ready."""
    api_port, etcd_port, peer_port = free_ports(3)
    plane = services.ControlPlane(
        pki=layout.pki,
        data=layout.state / "etcd",
        address=_LOOPBACK,
        api_port=api_port,
        etcd_port=etcd_port,
        etcd_peer_port=peer_port,
    )
    pki.ensure_certificates(layout.pki, services.server_certificates(_LOOPBACK))
    pki.ensure_signing_key(layout.pki)
    server = f"https://{_LOOPBACK}:{api_port}"
    partial = layout.kubeconfig.with_suffix(".new")
    pki.write_kubeconfigs(layout.pki, server=server, into=[("admin", partial)])
    commands = {
        "etcd": services.etcd(plane),
        "kube-apiserver": [*services.apiserver(built / "kube-apiserver", plane), *_FLAGS],
    }
    for name, argv in commands.items():
        ensure_started(name, [*_DIE_WITH_US, *argv], pids=layout.pids, logs=layout.logs)
    kubectl = Kubectl(binary=built / "kubectl", kubeconfig=partial)

    def is_ready() -> bool:
        for name in commands:
            if not is_running(name, pids=layout.pids):
                raise ClusterError(f"{name} ended: {_last_words(layout, name)}", "Try again.")
        return kubectl.is_ready()

    wait_until(
        is_ready, what="The API server", timeout_s=60, hint=_last_words(layout, "kube-apiserver")
    )
    partial.rename(layout.kubeconfig)  # it appears only when it can be used


def _last_words(layout: Layout, name: str) -> str:
    """Return the end of a component's log, which is deleted with the folder."""
    path = layout.logs / f"{name}.log"
    return path.read_text(errors="replace")[-1500:].strip() if path.exists() else "no log"


def _leave(state: Path, before: set[str], *, is_all_ours: bool) -> None:
    """Delete what was made in `state`, and the folder itself if it was made here."""
    if is_all_ours:
        shutil.rmtree(state, ignore_errors=True)
        return
    for path in list(state.iterdir()):
        if path.name not in before:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
