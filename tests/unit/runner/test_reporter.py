"""The reporter against a fake API server: what it applies, refuses, retries and remembers."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from runner_builders import FakeClock, FakeTrials, a_failure, a_plan, a_progress, a_result
from slmeval_api.plan import Applied, Finished, Plan, TrialReport
from slmeval_api.result import Progress, TrialResult
from slmeval_runner.files import digest_of, write_atomically
from slmeval_runner.reporter.loop import Reporter
from slmeval_runner.reporter.trials import Forbidden, Rejected, TrialGone, Unreachable

A, B = "demo-1-a", "demo-1-b"


class Bench:
    """A reporter, its folders, its API server and its clock."""

    def __init__(self, folder: Path, plan: Plan | None = None) -> None:
        self.plan = plan or a_plan("a", "b")
        self.trials = FakeTrials(*(trial.name for trial in self.plan.trials))
        self.clock = FakeClock()
        self.reports, self.finished_folder = folder / "report", folder / "finished"
        self.reports.mkdir(exist_ok=True)
        self.finished_folder.mkdir(exist_ok=True)
        self.restart()

    def restart(self) -> None:
        self.reporter = Reporter(
            self.plan,
            self.trials,
            reports=self.reports,
            finished=self.finished_folder,
            monotonic=self.clock.monotonic,
            now=self.clock.now,
        )

    def put(
        self, trial: str, *, progress: Progress | None = None, result: TrialResult | None = None
    ) -> str:
        report = TrialReport(progress=progress, result=result)
        content = json.dumps(report.to_json_data()).encode()
        write_atomically(self.reports / f"{trial}.json", content)
        return digest_of(content)

    def step(self, seconds: float = 1.0) -> None:
        self.clock.now_s += seconds
        self.reporter.step()

    @property
    def finished(self) -> list[str] | None:
        path = self.finished_folder / "finished.json"
        return Finished.model_validate_json(path.read_bytes()).trials if path.exists() else None

    @property
    def applied(self) -> dict[str, str]:
        content = (self.finished_folder / "applied.json").read_bytes()
        return {r.name: r.digest for r in Applied.model_validate_json(content).reports}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def stored(result: TrialResult) -> dict[str, Any]:
    return {"result": result.to_json_data(), "conditions": []}


class TestWhatIsFinished:
    def test_is_nothing_at_first(self, bench: Bench) -> None:
        bench.step()
        assert bench.finished == []

    def test_are_trials_with_a_result_that_stands(self, bench: Bench) -> None:
        bench.trials.statuses[A] = stored(a_result())
        bench.step()
        assert bench.finished == [A]

    def test_are_trials_that_failed_for_good(self, bench: Bench) -> None:
        bench.trials.statuses[A] = stored(a_result(a_failure(may_pass=False)))
        bench.step()
        assert bench.finished == [A]

    def test_are_not_trials_whose_failure_may_pass(self, bench: Bench) -> None:
        bench.trials.statuses[A] = stored(a_result(a_failure(may_pass=True)))
        bench.step()
        assert bench.finished == []

    def test_are_deleted_trials_for_nobody_awaits_them(self, bench: Bench) -> None:
        del bench.trials.statuses[B]
        bench.step()
        assert bench.finished == [B]

    def test_grows_with_each_result_for_a_driver_that_starts_again(self, bench: Bench) -> None:
        bench.step()
        bench.put(A, result=a_result())
        bench.step()
        assert bench.finished == [A]

    @pytest.mark.parametrize("error", [Unreachable("503"), Forbidden("403")])
    def test_is_not_said_before_every_trial_is_known(self, bench: Bench, error: Exception) -> None:
        bench.trials.errors = [error]
        bench.put(A, result=a_result())
        bench.step()
        assert bench.finished is None
        assert bench.trials.applied == []
        bench.step(31)
        assert bench.finished == [A]

    def test_counts_a_status_of_another_version_as_none(self, bench: Bench) -> None:
        bench.trials.statuses[A] = {"result": {"schemaVersion": 9}}
        bench.step()
        assert bench.finished == []


class TestReports:
    def test_are_applied_whole_and_alone(self, bench: Bench) -> None:
        bench.put(A, result=a_result())
        bench.step()
        assert bench.trials.applied == [(A, {"result": a_result().to_json_data()})]

    def test_drop_the_progress_once_there_is_a_result(self, bench: Bench) -> None:
        bench.put(A, progress=a_progress())
        bench.step()
        bench.put(A, result=a_result())
        bench.step()
        assert [list(status) for _, status in bench.trials.applied] == [["progress"], ["result"]]

    def test_that_did_not_change_are_not_applied_again(self, bench: Bench) -> None:
        bench.put(A, progress=a_progress())
        for _ in range(10):
            bench.step()
        assert len(bench.trials.applied) == 1

    def test_are_acknowledged_by_digest(self, bench: Bench) -> None:
        first = bench.put(A, progress=a_progress())
        bench.step()
        assert bench.applied == {A: first}
        second = bench.put(A, result=a_result())
        assert bench.applied == {A: first}
        bench.step()
        assert bench.applied == {A: second}

    def test_of_progress_are_throttled_and_the_newest_wins(self, bench: Bench) -> None:
        for number in range(20):
            bench.put(
                A, progress=a_progress("Measuring").model_copy(update={"detail": str(number)})
            )
            bench.step(0.5)
        applied = [status["progress"]["detail"] for _, status in bench.trials.applied]
        assert len(applied) == 5  # 10 s, one in 2 s
        bench.step(2.0)
        assert bench.trials.statuses[A]["progress"]["detail"] == "19"

    def test_of_results_do_not_wait(self, bench: Bench) -> None:
        bench.put(A, progress=a_progress())
        bench.step()
        bench.put(A, result=a_result())
        bench.step(0.0)
        assert "result" in bench.trials.statuses[A]


class TestAResultThatStands:
    def test_on_the_api_server_is_never_replaced(self, bench: Bench) -> None:
        bench.trials.statuses[A] = stored(a_result())
        digest = bench.put(A, result=a_result(a_failure(may_pass=False)))
        bench.step()
        assert bench.trials.applied == []
        assert bench.applied == {A: digest}  # the driver need not wait for it

    def test_of_this_process_is_never_replaced(self, bench: Bench) -> None:
        bench.put(A, result=a_result())
        bench.step()
        bench.put(A, progress=a_progress())
        bench.step(5)
        (bench.reports / f"{A}.json").write_text("forged")
        bench.step(5)
        assert bench.trials.statuses[A] == {"result": a_result().to_json_data()}

    def test_that_is_not_applied_yet_is_not_replaced_either(self, bench: Bench) -> None:
        bench.step()
        bench.put(A, result=a_result())
        bench.trials.errors = [Unreachable("503")]
        bench.step()
        bench.put(A, progress=a_progress())
        bench.step(60)
        assert bench.trials.applied == [(A, {"result": a_result().to_json_data()})]


class TestAFailureThatMayPass:
    def test_of_an_earlier_attempt_is_replaced_by_the_first_progress(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a", attempt=2))
        bench.trials.statuses[A] = stored(a_result(a_failure(may_pass=True), attempt=1))
        bench.put(A, progress=a_progress(attempt=2))
        bench.step()
        assert list(bench.trials.statuses[A]) == ["progress"]

    def test_of_this_attempt_is_written_and_may_be_replaced(self, bench: Bench) -> None:
        bench.put(A, result=a_result(a_failure(may_pass=True)))
        bench.step()
        assert bench.finished == []
        bench.put(A, progress=a_progress())
        bench.step(3)
        bench.put(A, result=a_result())
        bench.step(3)
        assert bench.trials.statuses[A] == {"result": a_result().to_json_data()}


class TestTroubleWithTheServer:
    def test_is_waited_out_and_nothing_is_lost(self, bench: Bench) -> None:
        bench.step()
        bench.put(A, result=a_result())
        bench.trials.errors = [Unreachable("503")] * 8
        for _ in range(200):
            bench.step()
        assert bench.trials.applied == [(A, {"result": a_result().to_json_data()})]

    def test_is_met_with_longer_and_longer_pauses(self, bench: Bench) -> None:
        bench.step()
        bench.put(A, result=a_result())
        bench.trials.errors = [Unreachable("503")] * 1000
        for _ in range(300):
            bench.step()
        tries = 1000 - len(bench.trials.errors)
        assert 10 <= tries <= 20  # 1, 2, 4, 8, 16, 30, 30, ...

    def test_with_one_trial_does_not_hold_up_another(self, bench: Bench) -> None:
        bench.step()
        bench.put(A, result=a_result())
        bench.put(B, result=a_result())
        bench.trials.errors = [Unreachable("503")]
        bench.step()
        assert [name for name, _ in bench.trials.applied] == [B]

    def test_sends_the_newest_report_once_it_is_over(self, bench: Bench) -> None:
        bench.step()
        bench.put(A, progress=a_progress())
        bench.trials.errors = [Unreachable("503")]
        bench.step()
        bench.put(A, result=a_result())
        bench.step(5)
        assert [list(status) for _, status in bench.trials.applied] == [["result"]]

    def test_of_access_says_what_to_do_and_goes_on_slowly(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.step()
        bench.put(A, result=a_result())
        bench.trials.errors = [Forbidden("403")]
        bench.step()
        assert "resourceNames" in caplog.records[-1].__dict__["advice"]
        bench.step(20)
        assert bench.trials.applied == []
        bench.step(20)
        assert len(bench.trials.applied) == 1

    def test_of_a_deleted_trial_ends_with_it(self, bench: Bench) -> None:
        bench.step()
        digest = bench.put(A, result=a_result())
        bench.trials.errors = [TrialGone("404")]
        bench.step()
        bench.step(60)
        assert bench.trials.applied == []
        assert bench.finished == [A]
        assert bench.applied == {A: digest}

    def test_that_refuses_a_result_leaves_a_failure_in_its_place(self, bench: Bench) -> None:
        bench.step()
        result = a_result().model_copy(update={"provenance": _provenance()})
        bench.put(A, result=result)
        bench.trials.errors = [Rejected("422 status.result: too long")]
        bench.step()
        bench.step(60)
        failure = bench.trials.statuses[A]["result"]["failure"]
        assert failure["reason"] == "EngineFailed"
        assert "too long" in failure["message"]
        assert "same version" in failure["message"]


def _provenance() -> Any:
    from slmeval_runner.provenance import provenance

    return provenance(a_plan(), located=None, arguments={}, versions={})


class TestForgedReports:
    def test_become_a_failure_with_what_is_wrong(self, bench: Bench) -> None:
        (bench.reports / f"{A}.json").write_text('{"conditions": []}')
        bench.step()
        failure = bench.trials.statuses[A]["result"]["failure"]
        assert (failure["reason"], failure["mayPass"]) == ("EngineFailed", False)
        assert failure["message"].startswith("the driver wrote an invalid report: conditions")

    def test_touch_nothing_but_progress_and_result(self, bench: Bench) -> None:
        (bench.reports / f"{A}.json").write_text('{"conditions": [], "result": {}}')
        bench.step()
        assert [set(status) for _, status in bench.trials.applied] == [{"result"}]

    def test_by_link_send_nothing_of_what_they_point_to(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("secret-token")
        (bench.reports / f"{A}.json").symlink_to(tmp_path / "token")
        bench.step()
        assert "secret-token" not in json.dumps(bench.trials.statuses)
        assert "link" in bench.trials.statuses[A]["result"]["failure"]["message"]

    def test_of_trials_that_were_not_planned_are_not_sent(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a"))
        bench.trials.statuses["other"] = {}
        bench.put("other", result=a_result())
        bench.step()
        assert bench.trials.applied == []


class TestARestart:
    def test_goes_on_where_the_files_are(self, bench: Bench) -> None:
        bench.put(A, result=a_result())
        bench.step()
        bench.restart()
        digest = bench.put(B, result=a_result())
        bench.step()
        assert [name for name, _ in bench.trials.applied] == [A, B]
        assert bench.finished == [A, B]
        assert bench.applied[B] == digest
        assert set(bench.applied) == {A, B}

    def test_with_everything_lost_but_the_files_loses_nothing(self, bench: Bench) -> None:
        bench.put(A, result=a_result())
        bench.restart()
        bench.step()
        assert bench.trials.statuses[A] == {"result": a_result().to_json_data()}


class TestTheEnd:
    def test_brings_what_is_there_before_it_goes(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path)
        bench.put(A, result=a_result())
        stop = threading.Event()
        stop.set()
        bench.reporter.run(stop)
        assert "result" in bench.trials.statuses[A]
