"""The runner's processes on this machine, and the folder that is to them what a pod's root is."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from platform import node
from typing import IO

from slmeval_api.plan import (
    ARTIFACT_FOLDER,
    CACHE_FOLDER,
    CLAIM_FOLDER,
    CONFIGMAP_FOLDER,
    FINISHED_FOLDER,
    IMAGE_FOLDER,
    MACHINE_VARIABLE,
    PLAN_FILE,
    PLAN_FOLDER,
    REPORT_FOLDER,
    ROOT_VARIABLE,
    STATUS_FOLDER,
)
from slmeval_decisions.observed import quoted

from slmeval_cli.answer import Body
from slmeval_cli.exits import UserError

from .fitting import hub_home
from .here import Attempt, Launch, Machine, Outcome

GIB = 2**30
MADE = (PLAN_FOLDER, REPORT_FOLDER, FINISHED_FOLDER, STATUS_FOLDER, CLAIM_FOLDER, CONFIGMAP_FOLDER)
SHORT_FOLDER = "/tmp"
"""Not $TMPDIR, which may be long: Ray and the engines listen at sockets below, and the path of one
has at most 107 bytes."""
DRIVER_LIMIT_S = 60.0
"""Longest wait for the driver to end its trials and its Ray: large processes take seconds to go."""
REPORTER_LIMIT_S = 10.0
LAST_BYTES = 2_000
ENV = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONSAFEPATH": "1",  # a file of the current folder must not pass for a library
}
"""As in a worker's pod, where it matters here too."""


class ThisMachine:
    """The real one."""

    def machine(self, *, with_gpus: bool) -> Machine:
        """Return what this process may use of it. Raises UserError where that is nothing."""
        if sys.platform != "linux":
            raise UserError(
                f"This machine runs {sys.platform}, and the runner needs Linux.",
                "Run it in a virtual machine or container with Linux.",
            )
        gpus, gpu_bytes = _gpus() if with_gpus else (0, None)
        return Machine(
            name=node(),
            cpus=len(os.sched_getaffinity(0)),
            memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // GIB,
            gpus=gpus,
            gpu_gib=round(gpu_bytes / gpus / GIB) if gpus and gpu_bytes else None,
        )

    def has(self, module: str) -> bool:
        """Return whether it is installed; nothing is imported."""
        return find_spec(module) is not None

    def samples(self) -> list[str]:
        """Return the names of the data sets that the runner brings, sorted; nothing is imported."""
        runner = find_spec("slmeval_runner")
        places = (runner and runner.submodule_search_locations) or []
        return sorted(s.parent.name for p in places for s in Path(p).glob("samples/*/test.jsonl"))

    def start(self, launch: Launch) -> Attempt:
        """Start driver and reporter."""
        return LocalAttempt(launch)


def _gpus() -> tuple[int, int | None]:
    """Return how many GPUs there are, and the memory of all of them in bytes."""
    command = [sys.executable, "-m", "slmeval_runner.devices", "--facts"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        return 0, None
    facts = json.loads(done.stdout)
    return len(facts["ids"]), facts["memory_bytes"]


class LocalAttempt:
    """Driver and reporter side by side, as in a head pod. Neither outlives this process.

    Each ends by itself when its standard input does. They are no part of the terminal's process
    group: Ctrl-C reaches this process alone, which ends them in order.
    """

    def __init__(self, launch: Launch, *, python: str = sys.executable) -> None:
        """Start both with that Python. Raises OSError."""
        self._root = Path(tempfile.mkdtemp(prefix="slmeval-", dir=SHORT_FOLDER))
        self._seen = dict[str, tuple[int, int]]()
        self._trials = list(launch.statuses)
        self._log = launch.log
        try:
            _furnish(self._root, launch)
            for trial in self._trials:
                self._seen[trial] = self._version(trial)
            with launch.log.open("ab") as log:
                self._log_begins = log.tell()
                env = _environment(self._root, launch)
                driver = ["driver", "--own-ray", str(launch.cpus)]
                self._driver = _started([python, *driver], env, log)
                # What is preloaded is for the engine only, as in the pod.
                reporter = ["reporter", "--no-cluster"]
                self._reporter = _started([python, *reporter], env | {"LD_PRELOAD": ""}, log)
        except OSError:
            shutil.rmtree(self._root, ignore_errors=True)
            raise

    def statuses(self) -> dict[str, Body]:
        """Return what the runner says of the trials, of those that changed since the last call."""
        found = dict[str, Body]()
        for trial in self._trials:
            version = self._version(trial)
            if version != self._seen[trial]:
                self._seen[trial] = version
                found[trial] = json.loads(self._path(trial).read_bytes())
        return found

    def outcome(self) -> Outcome | None:
        """Return how the driver ended; None: it runs."""
        code = self._driver.poll()
        if code is None:
            return None
        return Outcome(code == 0, "" if code == 0 else self._last_words(code))

    def wait(self, limit_s: float) -> None:
        """Return when the driver has ended, or after `limit_s`."""
        try:
            self._driver.wait(limit_s)
        except subprocess.TimeoutExpired:
            return

    def end(self) -> dict[str, Body]:
        """End both and remove the folder; return what changed since `statuses` was asked."""
        if self._driver.poll() is None:
            self._driver.terminate()
        _await(self._driver, DRIVER_LIMIT_S)
        self._reporter.terminate()
        _await(self._reporter, REPORTER_LIMIT_S)
        found = self.statuses()
        shutil.rmtree(self._root, ignore_errors=True)
        return found

    def _path(self, trial: str) -> Path:
        return Path(f"{self._root}{STATUS_FOLDER}", f"{trial}.json")

    def _version(self, trial: str) -> tuple[int, int]:
        facts = self._path(trial).stat()
        return facts.st_ino, facts.st_mtime_ns

    def _last_words(self, code: int) -> str:
        with self._log.open("rb") as log:
            log.seek(max(self._log_begins, self._log.stat().st_size - LAST_BYTES))
            words = log.read().decode(errors="replace")
        return quoted(f"its driver ended with exit code {code}; see {self._log}: {words}")


def _await(process: "subprocess.Popen[bytes]", limit_s: float) -> None:
    """Wait for the end of a process that was asked for it; kill it after `limit_s`, or on Ctrl-C.

    What it started ends with it: Ray's processes by the kernel, trials by the pipe that they watch.
    """
    try:
        process.wait(limit_s)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _started(
    command: list[str], env: Mapping[str, str], log: IO[bytes]
) -> "subprocess.Popen[bytes]":
    python, module, *options = command
    return subprocess.Popen(
        [python, "-m", f"slmeval_runner.{module}", *options],
        env=dict(env),
        stdin=subprocess.PIPE,  # nothing is written to it: its end is this process's
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _environment(root: Path, launch: Launch) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    own = {ROOT_VARIABLE: str(root), MACHINE_VARIABLE: launch.site.machine.name}
    return {**inherited, **ENV, **launch.env, **own}


def _furnish(root: Path, launch: Launch) -> None:
    """Lay out the folders of a pod's root below `root`."""
    for folder in MADE:
        Path(f"{root}{folder}").mkdir(parents=True)
    plan = launch.plan.model_dump_json(by_alias=True, exclude_none=True)
    Path(f"{root}{PLAN_FOLDER}", PLAN_FILE).write_text(plan)
    for trial, status in launch.statuses.items():
        Path(f"{root}{STATUS_FOLDER}", f"{trial}.json").write_text(json.dumps(status))
    for name, target in launch.site.claims.items():
        Path(f"{root}{CLAIM_FOLDER}", name).symlink_to(target.resolve())
    for name, files in launch.configmaps.items():
        mounted = Path(f"{root}{CONFIGMAP_FOLDER}", name)
        mounted.mkdir()
        for file, content in files.items():
            (mounted / file).write_bytes(content)
    if launch.artifacts is not None:
        Path(f"{root}{ARTIFACT_FOLDER}").symlink_to(launch.artifacts.resolve())
    Path(f"{root}{IMAGE_FOLDER}").symlink_to(launch.site.image.resolve())
    hub = hub_home()
    hub.mkdir(parents=True, exist_ok=True)
    Path(f"{root}{CACHE_FOLDER}").mkdir()
    Path(f"{root}{CACHE_FOLDER}", "huggingface").symlink_to(hub.resolve())
