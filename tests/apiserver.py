"""A real etcd and kube-apiserver for one test session; no controller, scheduler or node."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import ROOT, tool

STARTS_WITHIN_S = 60
BUILDS_WITHIN_S = 1500


class NoApiServerError(Exception):
    """The API server could not be started; the text says why."""


@contextmanager
def api_server(folder: Path, *, may_build: bool) -> Iterator[Path]:
    """Serve until the block ends; yields the administrator's kubeconfig.

    Args:
        folder: an empty folder for state and log.
        may_build: build the binaries where they are missing, which takes minutes.

    Raises:
        NoApiServerError: there are no binaries, or they do not start.

    """
    if not may_build and not tool("kube-apiserver"):
        raise NoApiServerError(
            "kube-apiserver is not built: `python3 hack/cluster apiserver --state FOLDER` builds it"
        )
    log = folder / "log"
    hack = str(ROOT / "hack/cluster")
    command = [sys.executable, hack, "apiserver", "--state", str(folder / "state")]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            kubeconfig = folder / "state/admin.conf"
            deadline = time.monotonic() + (BUILDS_WITHIN_S if may_build else STARTS_WITHIN_S)
            while not kubeconfig.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise NoApiServerError(f"it did not start: {log.read_text()[-800:].strip()}")
                time.sleep(0.1)
            yield kubeconfig
        finally:
            process.terminate()
            process.wait(timeout=30)
