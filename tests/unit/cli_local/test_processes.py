"""The processes of an attempt, by a Python that is a shell script: what they find, how they end."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cli_builders import A_MACHINE
from runner_builders import a_plan
from slmeval_api.plan import Plan
from slmeval_cli.local.here import Launch, Site
from slmeval_cli.local.processes import LocalAttempt, ThisMachine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the runner needs Linux")
LIMIT_S = 10.0
A = "demo-1-a"
PROGRESS = '{"progress":{}}'


def until(reached: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + LIMIT_S
    while not reached():
        assert time.monotonic() < give_up_s, "not reached in time"
        time.sleep(0.02)


class Bench:
    """A folder in which attempts are started whose driver is the shell's `driver`."""

    def __init__(self, folder: Path, driver: str) -> None:
        self.folder = folder
        self.python = folder / "python"
        self.python.write_text(
            f"""#!/bin/sh
            case "$2" in
            *.reporter) exec cat ;;  # until its input ends
            esac
            echo $SLMEVAL_ROOT > {folder}/root
            {driver}
            """
        )
        self.python.chmod(0o755)
        (folder / "data").mkdir()
        self.attempt = LocalAttempt(self.launch(), python=str(self.python))
        until(lambda: (folder / "root").exists() and bool(self.root.name))

    def launch(self) -> Launch:
        plan: Plan = a_plan("a")
        site = Site(machine=A_MACHINE, claims={"team": self.folder / "data"}, image=self.folder)
        return Launch(
            plan=plan,
            cpus=3,
            site=site,
            statuses={A: {}},
            configmaps={"tickets": {"test.jsonl": b"{}\n"}},
            artifacts=self.folder / "data",
            env={"FROM_POOL": "1"},
            log=self.folder / "run.log",
        )

    @property
    def root(self) -> Path:
        return Path((self.folder / "root").read_text().strip())


def bench(folder: Path, driver: str) -> Bench:
    return Bench(folder, driver)


class TestTheFolder:
    def test_is_laid_out_as_a_pods_root(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        made = bench(tmp_path, "exec cat")
        root = made.root
        plan = Plan.model_validate_json((root / "etc/slmeval/plan.json").read_bytes())
        assert plan == made.launch().plan
        assert (root / "claims/team").resolve() == tmp_path / "data"
        assert (root / "artifacts").resolve() == tmp_path / "data"
        assert (root / "image").resolve() == tmp_path
        assert (root / "cache/huggingface").resolve() == tmp_path / "hub"
        assert (root / "configmaps/tickets/test.jsonl").read_bytes() == b"{}\n"
        assert (root / f"statuses/{A}.json").read_text() == "{}"
        assert (root / "report").is_dir()
        assert (root / "finished").is_dir()
        assert root.stat().st_mode & 0o077 == 0, "nobody else may read it"
        made.attempt.end()
        assert not root.exists()
        assert (tmp_path / "data").is_dir(), "a link was followed"

    def test_leaves_the_longest_trial_a_socket(self) -> None:
        """The path of a Unix socket has at most 107 bytes."""
        root = "/tmp/slmeval-12345678"
        assert len(f"{root}/tmp/slmeval-live/{'x' * 63}.sock") <= 107
        session = "session_2026-11-27_14-00-00_000000_4194304"
        assert len(f"{root}/ray/{session}/sockets/plasma_store") <= 103


class TestTheEnvironment:
    def test_is_this_ones_with_the_pools_on_top_and_no_other_ray(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
        monkeypatch.setenv("OF_MINE", "2")
        made = bench(tmp_path, f"env > {tmp_path}/env; echo $* > {tmp_path}/args; exec cat")
        until((tmp_path / "args").exists)
        env = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
        assert (env["FROM_POOL"], env["OF_MINE"], env["SLMEVAL_MACHINE"]) == ("1", "2", "laptop")
        assert "RAY_ADDRESS" not in env
        until(lambda: bool((tmp_path / "args").read_text()))
        args = (tmp_path / "args").read_text().split()
        assert args == ["-m", "slmeval_runner.driver", "--own-ray", "3"]
        made.attempt.end()


class TestStatuses:
    def test_are_those_that_changed(self, tmp_path: Path) -> None:
        made = bench(tmp_path, "exec cat")
        assert made.attempt.statuses() == {}
        new = made.root / "new"
        new.write_text(PROGRESS)
        new.rename(made.root / f"statuses/{A}.json")
        assert made.attempt.statuses() == {A: {"progress": {}}}
        assert made.attempt.statuses() == {}
        made.attempt.end()

    def test_that_come_while_it_ends_are_not_lost(self, tmp_path: Path) -> None:
        write = f"echo '{PROGRESS}' > $SLMEVAL_ROOT/statuses/{A}.json; exit 0"
        trap = f'trap "{write}" TERM'.replace('{"progress":{}}', '{\\"progress\\":{}}')
        made = bench(tmp_path, f"{trap}; touch {tmp_path}/ready; while :; do sleep 0.05; done")
        until((tmp_path / "ready").exists)
        assert made.attempt.end() == {A: {"progress": {}}}


class TestTheEnd:
    def test_by_itself_is_good_with_exit_code_0(self, tmp_path: Path) -> None:
        made = bench(tmp_path, "exit 0")
        made.attempt.wait(LIMIT_S)
        outcome = made.attempt.outcome()
        assert outcome is not None
        assert outcome.is_good
        made.attempt.end()

    def test_with_another_code_quotes_the_last_words(self, tmp_path: Path) -> None:
        (tmp_path / "run.log").write_text("of an attempt before\n")
        made = bench(tmp_path, "echo no module named ray >&2; exit 1")
        made.attempt.wait(LIMIT_S)
        outcome = made.attempt.outcome()
        assert outcome is not None
        assert outcome.message == (
            f"its driver ended with exit code 1; see {tmp_path}/run.log: no module named ray"
        )
        made.attempt.end()

    def test_is_asked_for_first_and_then_enforced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("slmeval_cli.local.processes.DRIVER_LIMIT_S", 0.2)
        driver = f"trap '' TERM; touch {tmp_path}/ready; while :; do sleep 0.05; done"
        made = bench(tmp_path, driver)
        until((tmp_path / "ready").exists)
        made.attempt.end()
        outcome = made.attempt.outcome()
        assert outcome is not None
        assert f"exit code {-signal.SIGKILL}" in outcome.message

    def test_comes_with_that_of_whoever_started_it(self, tmp_path: Path) -> None:
        """The pipes are closed then: each process reads the end of its input."""
        reader = f"cat; touch {tmp_path}/over"
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                bench(tmp_path, reader)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        until((tmp_path / "over").exists)
        shutil.rmtree((tmp_path / "root").read_text().strip())  # the real driver's work


class TestThisMachine:
    def test_has_what_this_process_may_use(self) -> None:
        found = ThisMachine().machine(with_gpus=False)
        assert 1 <= found.cpus <= (os.cpu_count() or 1)
        assert found.memory_gib >= 1
        assert found.gpus == 0

    def test_asks_the_runner_for_gpus(self) -> None:
        found = ThisMachine().machine(with_gpus=True)
        assert (found.gpus == 0) == (found.gpu_gib is None)

    def test_knows_what_is_installed_without_importing_it(self) -> None:
        assert ThisMachine().has("pydantic")
        assert not ThisMachine().has("no_such_library")
