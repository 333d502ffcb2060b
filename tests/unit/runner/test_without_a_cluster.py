"""The runner's processes without a cluster: their folders, their statuses, their end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from runner_builders import a_plan, a_progress, a_result
from slmeval_api.plan import TrialReport
from slmeval_api.trial import TrialStatus
from slmeval_runner.driver.__main__ import main as drive
from slmeval_runner.folders import Folders, image_root, place
from slmeval_runner.reporter.folder import FolderTrials
from slmeval_runner.reporter.trials import TrialGone
from tools import ROOT

A = "demo-1-a"
LIMIT_S = 30.0


class TestPlaces:
    def test_are_mounts_in_a_pod(self) -> None:
        assert place("/claims", {}) == Path("/claims")
        assert image_root({}) == Path("/")

    def test_are_below_the_root_that_the_environment_names(self) -> None:
        environment = {"SLMEVAL_ROOT": "/tmp/x"}
        assert place("/etc/slmeval", environment) == Path("/tmp/x/etc/slmeval")
        assert image_root(environment) == Path("/tmp/x/image")

    def test_are_a_trials_folders(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLMEVAL_ROOT", "/tmp/x")
        found = Folders()
        places = [found.claims, found.configmaps, found.cache, found.artifacts, found.image]
        names = ["claims", "configmaps", "cache", "artifacts", "image"]
        assert places == [Path("/tmp/x", name) for name in names]
        assert found.samples.is_dir()


class TestStatusesInAFolder:
    def test_are_read_and_replaced(self, tmp_path: Path) -> None:
        (tmp_path / f"{A}.json").write_text('{"progress": {}}')
        trials = FolderTrials(tmp_path)
        assert trials.fetch(A)["status"] == {"progress": {}}
        trials.apply_status(A, {"result": {}})
        assert trials.fetch(A)["status"] == {"result": {}}

    def test_of_no_trial_are_not_made(self, tmp_path: Path) -> None:
        trials = FolderTrials(tmp_path)
        with pytest.raises(TrialGone):
            trials.fetch(A)
        with pytest.raises(TrialGone):
            trials.apply_status(A, {})
        assert list(tmp_path.iterdir()) == []


def furnished(root: Path) -> Path:
    """Make what the reporter finds, with a report on a trial in it; return the trial's status."""
    for folder in ("etc/slmeval", "report", "finished", "statuses"):
        (root / folder).mkdir(parents=True)
    plan = a_plan("a").model_dump_json(by_alias=True, exclude_none=True)
    (root / "etc/slmeval/plan.json").write_text(plan)
    report = TrialReport(result=a_result())
    (root / f"report/{A}.json").write_text(report.model_dump_json(by_alias=True, exclude_none=True))
    status = root / f"statuses/{A}.json"
    status.write_text('{"progress": ' + a_progress().model_dump_json(by_alias=True) + "}")
    return status


class TestTheReporter:
    def test_keeps_statuses_as_files_until_its_input_ends(self, tmp_path: Path) -> None:
        status = furnished(tmp_path)
        done = subprocess.run(
            [sys.executable, "-m", "slmeval_runner.reporter", "--no-cluster"],
            env={"PYTHONPATH": f"{ROOT / 'api'}:{ROOT / 'runner'}", "SLMEVAL_ROOT": str(tmp_path)},
            stdin=subprocess.DEVNULL,  # which ends at once
            capture_output=True,
            timeout=LIMIT_S,
            check=True,
        )
        assert b"Stopped; all is applied" in done.stderr
        stored = TrialStatus.model_validate_json(status.read_bytes())
        assert stored.result == a_result()
        assert stored.progress is None
        assert (tmp_path / "finished/applied.json").exists()


class TestTheDriver:
    def test_with_a_ray_of_its_own_needs_a_root(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It removes that folder when nobody else is left to."""
        monkeypatch.delenv("SLMEVAL_ROOT", raising=False)
        with pytest.raises(SystemExit):
            drive(["--own-ray", "1"])
        assert "--own-ray needs SLMEVAL_ROOT in the environment" in capsys.readouterr().err


class TestTheEndOfTheInput:
    def test_is_acted_on_while_the_process_does_something_else(self) -> None:
        code = (
            "import os, time; from slmeval_runner.ending import when_input_ends;"
            "when_input_ends(lambda: os._exit(7)); time.sleep(60)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": f"{ROOT / 'api'}:{ROOT / 'runner'}", "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(b"not the end")
        process.stdin.close()
        assert process.wait(LIMIT_S) == 7
