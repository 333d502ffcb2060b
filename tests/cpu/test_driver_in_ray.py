"""The driver with real Ray: a head without trials, a worker, simulated engines."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from runner_builders import FakeTrials, a_classification, a_plan
from slmeval_api.plan import WORKER_RESOURCE, Plan
from slmeval_api.trial import TrialStatus
from slmeval_runner.driver.loop import Driver
from slmeval_runner.driver.processes import RayProcesses
from slmeval_runner.driver.reports import Reports
from slmeval_runner.reporter.loop import Reporter
from tools import ROOT

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed in this Python"),
    pytest.mark.filterwarnings("default"),  # Ray warns of itself
]

A, B, C = "demo-1-a", "demo-1-b", "demo-1-c"


class RayCluster:
    """A head that takes no trials, and one worker whose engines fail as `fault` says."""

    def __init__(self, fault: str) -> None:
        import ray
        from ray.cluster_utils import Cluster

        self._ray = ray
        changed = {
            "SIMULATED_FAULT": fault,
            "PYTHONPATH": f"{ROOT / 'api'}:{ROOT / 'runner'}",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self._before = {name: os.environ.get(name) for name in [*changed, "RAY_ADDRESS"]}
        os.environ.update(changed)
        self._cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
        )
        self._cluster.add_node(num_cpus=1, resources={WORKER_RESOURCE: 1})
        os.environ["RAY_ADDRESS"] = self._cluster.address

    def close(self) -> None:
        self._ray.shutdown()
        self._cluster.shutdown()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def driven(folder: Path, plan: Plan) -> dict[str, TrialStatus]:
    """Run driver and reporter to their end; return what stands on the API server."""
    for name in ("report", "finished"):
        (folder / name).mkdir()
    trials = FakeTrials(*(trial.name for trial in plan.trials))
    reporter = Reporter(plan, trials, reports=folder / "report", finished=folder / "finished")
    stop = threading.Event()
    thread = threading.Thread(target=reporter.run, args=(stop,))
    thread.start()
    try:
        reports = Reports(reports=folder / "report", finished=folder / "finished")
        driver = Driver(plan, RayProcesses(plan), reports)
        driver.run()
        assert driver.await_reporter(20.0)
    finally:
        stop.set()
        thread.join()
    return {n: TrialStatus.from_json_data(status) for n, status in trials.statuses.items()}


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[RayCluster]:
    made = RayCluster(request.param)
    yield made
    made.close()


def reasons(statuses: dict[str, TrialStatus]) -> dict[str, Any]:
    results = {name: status.result for name, status in statuses.items()}
    return {n: r.failure.reason if r and r.failure else None for n, r in results.items()}


def fork_servers() -> list[int]:
    """Return the processes of this machine that start trials."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if b"slmeval_runner.driver.forkserver" in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def kill_a_host_with_a_trial() -> None:
    """Wait until a fork server has a trial, and kill the Ray actor that it belongs to."""
    while True:
        for pid in fork_servers():
            with suppress(OSError):
                if Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                    status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    os.kill(int(status[1]), signal.SIGKILL)
                    return
        time.sleep(0.1)


@pytest.mark.usefixtures("cluster")
class TestADriverInRay:
    @pytest.mark.parametrize("cluster", [""], indirect=True, ids=["sound"])
    def test_measures_every_trial_and_reports_nothing_else(self, tmp_path: Path) -> None:
        statuses = driven(tmp_path, a_plan("a", "b", tasks=[a_classification()]))
        assert reasons(statuses) == {A: None, B: None}
        for status in statuses.values():
            assert status.progress is None
            assert status.result is not None
            assert status.result.summary.score is not None

    @pytest.mark.parametrize("cluster", ["crash:b"], indirect=True)
    def test_outlives_a_process_that_dies(self, tmp_path: Path) -> None:
        statuses = driven(tmp_path, a_plan("a", "b", "c"))
        assert reasons(statuses) == {A: None, B: "WorkerLost", C: None}

    @pytest.mark.parametrize("cluster", ["hang:b"], indirect=True)
    def test_ends_a_process_that_hangs(self, tmp_path: Path) -> None:
        statuses = driven(tmp_path, a_plan("a", "b", "c", trialDeadlineSeconds=20))
        assert reasons(statuses) == {A: None, B: "TrialDeadlineExceeded", C: None}

    @pytest.mark.parametrize("cluster", ["hang:a"], indirect=True)
    def test_outlives_a_host_that_is_killed(self, tmp_path: Path) -> None:
        killer = threading.Thread(target=kill_a_host_with_a_trial, daemon=True)
        killer.start()
        statuses = driven(tmp_path, a_plan("a", "b", trialDeadlineSeconds=60))
        assert reasons(statuses) == {A: "WorkerLost", B: None}
        assert len(fork_servers()) == 1

    @pytest.mark.parametrize("cluster", [""], indirect=True, ids=["with room for two"])
    def test_measures_trials_of_one_worker_side_by_side(self, tmp_path: Path) -> None:
        plan = a_plan("a", "b", "c", gpusPerWorker=2)
        assert reasons(driven(tmp_path, plan)) == {A: None, B: None, C: None}
        assert len(fork_servers()) == 1

    @pytest.mark.parametrize("cluster", ["invalid-report:a"], indirect=True)
    def test_cannot_bring_a_forged_report_to_the_cluster(self, tmp_path: Path) -> None:
        statuses = driven(tmp_path, a_plan("a", "b"))
        assert reasons(statuses) == {A: "EngineFailed", B: None}
        assert statuses[A].conditions == []
