"""A worker's host and its fork server: real processes, the simulated engine, no Ray."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from builders import a_workload
from runner_builders import a_plan
from slmeval_api.plan import Plan, TrialReport
from slmeval_runner.driver.events import Crashed, Died, Event, Word
from slmeval_runner.driver.forks import ended_with
from slmeval_runner.driver.host import ForkServerLost, Host
from tools import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process groups as Linux has them")

A, B = "demo-1-a", "demo-1-b"
LIMIT_S = 30.0


def text_of(plan: Plan) -> str:
    return plan.model_dump_json(by_alias=True, exclude_none=True)


def is_there(pid: int) -> bool:
    """Return whether the process runs: a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def until(reached: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + LIMIT_S
    while not reached():
        assert time.monotonic() < give_up_s, "not reached in time"
        time.sleep(0.02)


class Worker:
    """A host whose trials suffer from `fault`, and what it has said so far."""

    def __init__(self, fault: str, monkeypatch: pytest.MonkeyPatch, plan: Plan) -> None:
        monkeypatch.setenv("SIMULATED_FAULT", fault)
        monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'api'}:{ROOT / 'runner'}")
        self.host = Host(text_of(plan))
        self.events = self.host.events()
        self.fork_server = self.host._process

    def next_end(self) -> Event:
        """Return the next event that is no progress."""
        return next(
            event
            for event in self.events
            if not (isinstance(event.what, Word) and event.what.kind == "progress")
        )

    def next_stage(self, stage: str) -> Event:
        return next(e for e in self.events if isinstance(e.what, Word) and stage in e.what.report)

    def trials(self) -> list[int]:
        return children(self.fork_server.pid)

    def close(self) -> None:
        self.host._commands.close()
        self.fork_server.wait(LIMIT_S)
        self.host._events.close()


Hired = Callable[..., Worker]


@pytest.fixture
def hire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hired]:
    workers: list[Worker] = []

    def hired(fault: str = "", plan: Plan | None = None) -> Worker:
        workers.append(Worker(fault, monkeypatch, plan or a_plan("a", "b")))
        return workers[-1]

    yield hired
    for worker in workers:
        worker.close()


def start_seconds(event: Event) -> float:
    assert isinstance(event.what, Word)
    result = TrialReport.model_validate_json(event.what.report).result
    assert result is not None
    assert result.failure is None
    assert result.start_seconds is not None
    assert result.start_seconds.libraries is not None
    return float(result.start_seconds.libraries)


class TestTrials:
    def test_report_one_after_the_other_and_only_the_first_waits_for_imports(
        self, hire: Hired
    ) -> None:
        worker = hire()
        waits = []
        for name in (A, B):
            worker.host.start(name, ())
            event = worker.next_end()
            assert event.trial == name
            waits.append(start_seconds(event))
            worker.host.end(name)
            assert worker.trials() == []
        assert waits[1] < waits[0]
        assert waits[1] < 0.5

    def test_run_beside_each_other(self, hire: Hired) -> None:
        worker = hire("hang:a")
        worker.host.start(A, ())
        worker.next_stage("WarmingUp")
        worker.host.start(B, ())
        assert worker.next_end().trial == B

    def test_lead_a_process_group_of_their_own(self, hire: Hired) -> None:
        worker = hire("hang")
        worker.host.start(A, ())
        worker.next_stage("WarmingUp")
        (pid,) = worker.trials()
        assert os.getpgid(pid) == pid

    def test_that_crash_say_how_and_spare_the_next(self, hire: Hired) -> None:
        worker = hire()
        worker.host.start("unknown", ())
        assert worker.next_end() == Event(
            "unknown", Crashed("RuntimeError: coroutine raised StopIteration")
        )
        worker.host.start(A, ())
        assert isinstance(worker.next_end().what, Word)

    def test_that_are_killed_say_by_what(self, hire: Hired) -> None:
        worker = hire("crash:a")
        worker.host.start(A, ())
        what = worker.next_end().what
        assert isinstance(what, Died)
        assert "SIGKILL" in what.message
        assert "memory" in what.message
        assert worker.trials() == []
        worker.host.start(B, ())
        assert isinstance(worker.next_end().what, Word)


class TestWhatTrialsPrint:
    def ended(self, hire: Hired, name: str, fault: str = "") -> Sequence[str]:
        """Return the last lines of a trial that has ended."""
        worker = hire(fault)
        worker.host.start(name, ())
        worker.next_end()
        lines = worker.host.end(name)
        worker.close()
        return lines

    def test_is_logged_under_the_trials_name(
        self, hire: Hired, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.ended(hire, A)
        lines = [line for line in capfd.readouterr().err.splitlines() if "invented" in line]
        assert [line.split(" ", 1)[1] for line in lines] == [
            f"warning WARNING simulated engine: the figures of a are invented trial={A}"
        ]

    def test_stands_in_order_with_the_trials_own_lines(
        self, hire: Hired, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.ended(hire, A)
        own = [
            line.split()[2] for line in capfd.readouterr().err.splitlines() if f"trial={A}" in line
        ]
        assert [word for word in own if word != "WARNING"][:4] == [
            "Starting",
            "LoadingModel",
            "StartingEngine",
            "WarmingUp",
        ]

    def test_is_an_object_a_line_where_the_chart_asks_for_it(
        self, hire: Hired, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLMEVAL_LOG_FORMAT", "json")
        self.ended(hire, A)
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
        where = ("namespace", "evaluation", "run", "pool", "attempt")
        assert {tuple(line[key] for key in where) for line in lines} == {
            ("team", "demo", "demo-1", "cpu", 1)
        }
        assert {line["message"] for line in lines if line.get("trial") == A} >= {
            "Starting",
            "WARNING simulated engine: the figures of a are invented",
        }

    def test_to_the_last_word_of_one_that_is_killed(self, hire: Hired) -> None:
        assert self.ended(hire, A, "crash:a") == (
            "WARNING simulated engine: the figures of a are invented",
            "simulated engine: told to crash by SIMULATED_FAULT",
        )

    def test_leaves_no_file(
        self, hire: Hired, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        self.ended(hire, A)
        assert [path.name for path in tmp_path.glob("*.log")] == []


class TestEnding:
    def test_a_trial_that_hangs_leaves_nothing_of_it(self, hire: Hired) -> None:
        worker = hire("hang:a")
        worker.host.start(A, ())
        worker.next_stage("WarmingUp")
        (pid,) = worker.trials()
        worker.host.end(A)
        assert not is_there(pid)
        worker.host.start(B, ())
        assert worker.next_end().trial == B  # of A there is no word: whoever ends it knows

    def test_a_trial_that_was_never_started_is_no_error(self, hire: Hired) -> None:
        hire().host.end(A)

    def test_a_trial_right_after_its_start_is_ended_in_order(self, hire: Hired) -> None:
        worker = hire("hang:a")
        worker.host.start(A, ())
        worker.host.end(A)
        assert worker.trials() == []


class TestALostHost:
    def test_takes_its_trials_with_it_when_it_is_closed(self, hire: Hired) -> None:
        worker = hire("hang")
        worker.host.start(A, ())
        worker.next_stage("WarmingUp")
        (pid,) = worker.trials()
        worker.close()
        assert not is_there(pid)

    def test_is_known_by_how_its_fork_server_ended(self, hire: Hired) -> None:
        worker = hire("hang")
        worker.host.start(A, ())
        worker.next_stage("WarmingUp")
        (pid,) = worker.trials()
        worker.fork_server.kill()
        with pytest.raises(ForkServerLost, match="SIGKILL"):
            worker.next_end()
        until(lambda: not is_there(pid))

    def test_that_is_killed_leaves_no_process(self, tmp_path: Path) -> None:
        plan = a_plan("a", "b", workloads=[a_workload()])
        code = (
            "import sys, time\n"
            "from slmeval_runner.driver.host import Host\n"
            f"host = Host({text_of(plan)!r})\n"
            f"host.start({A!r}, ()); host.start({B!r}, ())\n"
            "for event in host.events():\n"
            "    if 'WarmingUp' in event.what.report: print(event.trial, flush=True)\n"
        )
        env = {
            "PYTHONPATH": f"{ROOT / 'api'}:{ROOT / 'runner'}",
            "SIMULATED_FAULT": "hang",
            "HOME": str(tmp_path),
        }
        with subprocess.Popen(
            [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True
        ) as host:
            assert host.stdout is not None
            assert {host.stdout.readline().strip(), host.stdout.readline().strip()} == {A, B}
            (fork_server,) = children(host.pid)
            trials = children(fork_server)
            assert len(trials) == 2
            host.send_signal(signal.SIGKILL)
        until(lambda: not any(map(is_there, [fork_server, *trials])))


class TestAGroup:
    """A trial's process and the engine's, as `forks` ends them; each script prints what it saw."""

    START = """
import os, sys, time
from pathlib import Path
from slmeval_runner.driver.forks import adopt_orphans, end_group, end_group_with
adopt_orphans()
alive_reader, alive_writer = os.pipe()
reader, writer = os.pipe()
leader = os.fork()
if leader == 0:
    os.setpgid(0, 0)
    os.close(alive_writer)
    end_group_with(alive_reader)
    engine = os.fork()
    if engine == 0:
        time.sleep(600)
    os.write(writer, str(engine).encode())
    LEADER
engine = int(os.read(reader, 20))
"""

    def seen(self, leader: str, rest: str) -> str:
        code = self.START.replace("LEADER", leader) + rest
        env = {"PYTHONPATH": f"{ROOT / 'api'}:{ROOT / 'runner'}"}
        return subprocess.run(
            [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
        ).stdout.strip()

    @pytest.mark.parametrize(
        ("leader", "code"), [("time.sleep(600)", -9), ("os._exit(3)", 3)], ids=["hangs", "is gone"]
    )
    def test_is_gone_with_the_engines_process_once_it_is_ended(
        self, leader: str, code: int
    ) -> None:
        wait = "while os.waitid(os.P_PID, leader, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:"
        rest = f"{wait} time.sleep(0.01)\n" if code == 3 else ""
        rest += "print(end_group(leader), Path(f'/proc/{engine}').exists())"
        assert self.seen(leader, rest) == f"{code} False"

    def test_dies_as_soon_as_the_fork_server_does(self) -> None:
        rest = "os.close(alive_writer); os.waitpid(leader, 0); os.waitpid(engine, 0); print('gone')"
        assert self.seen("time.sleep(600)", rest) == "gone"


class TestHowAProcessEnded:
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            (3, "ended with exit code 3"),
            (-11, "was killed by SIGSEGV"),
            (-9, "was killed by SIGKILL, which most often means that memory ran out"),
            (-40, "was killed by signal 40"),
        ],
    )
    def test_is_said_in_words(self, code: int, expected: str) -> None:
        assert ended_with(code) == expected
