"""`slmeval run` for real: processes, a Ray of its own, the simulated engine; nothing is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import a_model, evaluation_body, pool_body
from runner_builders import a_classification
from tools import ROOT

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not in this Python")
Json = dict[str, Any]
LIMIT_S = 180.0
CLI = "from slmeval_cli.main import main; main()"


class Bench:
    """A folder with a question about two models for the simulated engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.saved = folder / "demo-results.yaml"
        models = [a_model("a"), a_model("b")]
        bodies = [
            evaluation_body(models=models, tasks=[a_classification()], backoffLimit=0),
            pool_body(engine="simulated"),
        ]
        (folder / "question.yaml").write_text(yaml.safe_dump_all(bodies))

    def start(self, fault: str = "") -> "subprocess.Popen[str]":
        """Start the command; `fault` is the simulated engine's."""
        paths = [str(ROOT / name) for name in ("api", "cli", "operator", "runner")]
        # What else the environment has on its path, such as libraries, it keeps.
        path = ":".join([*paths, os.environ.get("PYTHONPATH", "")])
        env = os.environ | {"PYTHONPATH": path, "SIMULATED_FAULT": fault}
        return subprocess.Popen(
            [sys.executable, "-c", CLI, "run", "question.yaml"],
            cwd=self.folder,
            env=env | {"RAY_ADDRESS": "203.0.113.1:6379"},  # nobody's
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def trials(self) -> list[Json]:
        items = yaml.safe_load(self.saved.read_text())["items"]
        return [body for body in items if body["kind"] == "SLMTrial"]

    def measured(self) -> list[bool]:
        return ["result" in trial["status"] for trial in self.trials()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    before = roots()
    yield Bench(tmp_path)
    assert roots() <= before, "a folder was left behind"


def roots() -> set[Path]:
    return set(Path("/tmp").glob("slmeval-????????"))


def processes_of(root: Path) -> list[str]:
    """Return the commands of all processes that have `root` in their environment."""
    found = list[str]()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"SLMEVAL_ROOT={root}".encode() in path.read_bytes().split(b"\0"):
                found.append((path.parent / "cmdline").read_text().replace("\0", " "))
    return found


def until_the_first_is_measured(bench: Bench) -> Path:
    """Return the folder of the attempt once a trial has its result and the other hangs."""
    give_up_s = time.monotonic() + LIMIT_S
    known = roots()
    while time.monotonic() < give_up_s:
        new = [root for root in roots() if processes_of(root)]
        if bench.saved.exists() and any(bench.measured()) and new:
            return new[0]
        time.sleep(0.2)
    raise AssertionError(f"nothing was measured in time; folders: {known}")


def until_gone(root: Path) -> None:
    give_up_s = time.monotonic() + 60.0
    while left := processes_of(root):
        assert time.monotonic() < give_up_s, left
        time.sleep(0.1)


class TestARunOnThisMachine:
    def test_measures_every_trial_and_leaves_nothing_behind(self, bench: Bench) -> None:
        out, err = bench.start().communicate(timeout=LIMIT_S)
        assert "Simulated" in out, out + err
        assert bench.measured() == [True, True]
        provenance = bench.trials()[0]["status"]["result"]["provenance"]
        assert provenance["machine"] == os.uname().nodename
        assert not {"image", "node"} & provenance.keys()

    def test_that_is_interrupted_ends_all_and_goes_on_later(self, bench: Bench) -> None:
        command = bench.start("hang:b")
        root = until_the_first_is_measured(bench)
        os.killpg(command.pid, signal.SIGINT)  # as a terminal does
        _, err = command.communicate(timeout=LIMIT_S)
        assert command.returncode == 130, err
        assert processes_of(root) == []
        assert bench.measured() == [True, False]
        again = bench.start()
        out, err = again.communicate(timeout=LIMIT_S)
        assert again.returncode == 0, out + err
        assert bench.measured() == [True, True]

    def test_that_is_killed_leaves_no_process_and_no_folder(self, bench: Bench) -> None:
        command = bench.start("hang:b")
        root = until_the_first_is_measured(bench)
        command.kill()
        command.communicate()
        until_gone(root)
        give_up_s = time.monotonic() + 10.0
        while root.exists() and time.monotonic() < give_up_s:
            time.sleep(0.1)
        assert bench.measured() == [True, False]

    def test_whose_driver_is_killed_ends_with_exit_code_1(self, bench: Bench) -> None:
        command = bench.start("hang:b")
        root = until_the_first_is_measured(bench)
        driver = next(
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if is_driver_of(path, root)
        )
        os.kill(driver, signal.SIGKILL)
        out, err = command.communicate(timeout=LIMIT_S)
        assert command.returncode == 1, out + err
        assert "its driver ended with exit code -9" in out
        until_gone(root)


def is_driver_of(cmdline: Path, root: Path) -> bool:
    with suppress(OSError):
        words = cmdline.read_bytes().split(b"\0")
        environment = (cmdline.parent / "environ").read_bytes().split(b"\0")
        is_driver = b"slmeval_runner.driver" in words and b"--own-ray" in words
        return is_driver and f"SLMEVAL_ROOT={root}".encode() in environment
    return False
