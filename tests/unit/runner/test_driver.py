"""The driver with made-up processes: order, ends of every kind, and what it writes."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
from builders import a_model
from runner_builders import FakeClock, a_failure, a_plan, a_progress, a_result
from slmeval_api.plan import Applied, AppliedReport, Finished, Plan, TrialReport
from slmeval_api.result import Summary, TrialResult
from slmeval_runner.driver.events import Crashed, Died, Event, Word
from slmeval_runner.driver.loop import Driver
from slmeval_runner.driver.placing import Placement
from slmeval_runner.driver.reports import Reports
from slmeval_runner.files import REPORT_LIMIT_BYTES, digest_of

Script = list[tuple[float, Word | Died | Crashed]]


def word(report: TrialReport) -> Word:
    kind = "result" if report.result else "progress"
    return Word("result" if kind == "result" else "progress", json.dumps(report.to_json_data()))


def partial(requests_per_second: str) -> Word:
    """Return what a trial says that has measured this much."""
    so_far = a_result().model_copy(
        update={"summary": Summary(requests_per_second=requests_per_second)}
    )
    return Word("partial", word(TrialReport(result=so_far)).report)


PROGRESS = word(TrialReport(progress=a_progress("Measuring")))
RESULT = word(TrialReport(result=a_result()))
LAST_LINES = ["Loading the model", "CUDA error: out of memory"]
A_MINUTE: Script = [(30.0, PROGRESS), (60.0, RESULT)]


class FakeProcesses:
    """Processes that say what their script says, so many seconds after their start."""

    def __init__(self, clock: FakeClock, scripts: dict[str, Script], nodes: set[str]) -> None:
        self.clock = clock
        self.scripts = scripts
        self.joined = nodes
        self.running: dict[str, tuple[float, Script]] = {}
        self.log: list[tuple[str, str]] = []
        self.most_at_once = 0

    def nodes(self) -> Collection[str]:
        return self.joined

    def start(self, placement: Placement) -> None:
        name = placement.trial.name
        self.running[name] = (self.clock.now_s, list(self.scripts.get(name, A_MINUTE)))
        self.log.append(("start", name))
        self.most_at_once = max(self.most_at_once, len(self.running))

    def wait(self, timeout_s: float) -> Sequence[Event]:
        self.clock.now_s += timeout_s
        events = []
        for name, (at_s, script) in self.running.items():
            if script and at_s + script[0][0] <= self.clock.now_s:
                events.append(Event(name, script.pop(0)[1]))
        return events

    def end(self, trial: str) -> Sequence[str]:
        del self.running[trial]
        self.log.append(("end", trial))
        return LAST_LINES


class Bench:
    def __init__(
        self,
        folder: Path,
        plan: Plan,
        *,
        scripts: dict[str, Script] | None = None,
        nodes: set[str] | None = None,
        finished: list[str] | None = None,
    ) -> None:
        self.plan = plan
        self.clock = FakeClock()
        self.reports, self.finished_folder = folder / "report", folder / "finished"
        self.reports.mkdir(exist_ok=True)
        self.finished_folder.mkdir(exist_ok=True)
        self.processes = FakeProcesses(
            self.clock, scripts or {}, {"w1"} if nodes is None else nodes
        )
        self.say_finished(finished or [])
        self.driver = self.a_driver()

    def a_driver(self) -> Driver:
        return Driver(
            self.plan,
            self.processes,
            Reports(reports=self.reports, finished=self.finished_folder),
            monotonic=self.clock.monotonic,
            now=self.clock.now,
            sleep=self.clock.sleep,
        )

    def say_finished(self, trials: list[str]) -> None:
        text = Finished(trials=trials).model_dump_json(by_alias=True)
        (self.finished_folder / "finished.json").write_text(text)

    def acknowledge(self, *trials: str) -> None:
        reports = [
            AppliedReport(name=t, digest=digest_of((self.reports / f"{t}.json").read_bytes()))
            for t in trials
        ]
        text = Applied(reports=reports).model_dump_json(by_alias=True)
        (self.finished_folder / "applied.json").write_text(text)

    def result(self, trial: str) -> TrialResult:
        content = (self.reports / f"{trial}.json").read_bytes()
        result = TrialReport.model_validate_json(content).result
        assert result is not None
        return result

    def started(self) -> list[str]:
        return [name for what, name in self.processes.log if what == "start"]


A, B, C = "demo-1-a", "demo-1-b", "demo-1-c"


class TestOrder:
    def test_is_the_plans_one_after_the_other_on_one_worker(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a", "b"))
        bench.driver.run()
        assert bench.processes.log == [("start", A), ("end", A), ("start", B), ("end", B)]

    def test_uses_all_workers_at_once(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a", "b", "c"), nodes={"w1", "w2"})
        bench.driver.run()
        assert bench.processes.most_at_once == 2
        assert bench.started() == [A, B, C]

    def test_waits_for_workers_to_join(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a"), nodes=set())
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            bench.clock.sleep(seconds)
            if len(slept) == 100:
                bench.processes.joined = {"w1"}

        bench.driver = Driver(
            bench.plan,
            bench.processes,
            Reports(reports=bench.reports, finished=bench.finished_folder),
            monotonic=bench.clock.monotonic,
            now=bench.clock.now,
            sleep=sleep,
        )
        bench.driver.run()
        assert len(slept) == 100
        assert bench.result(A).failure is None

    def test_waits_for_the_reporters_word(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        bench = Bench(tmp_path, a_plan("a"))
        (bench.finished_folder / "finished.json").unlink()

        def sleep(seconds: float) -> None:
            bench.clock.sleep(seconds)
            if bench.clock.now_s > 1100:
                bench.say_finished([A])

        driver = Driver(
            bench.plan,
            bench.processes,
            Reports(reports=bench.reports, finished=bench.finished_folder),
            monotonic=bench.clock.monotonic,
            sleep=sleep,
        )
        driver.run()
        assert bench.started() == []
        assert caplog.text.count("Waiting for the reporter") == 4  # at 0, 30, 60 and 90 s


class TestNothingIsMeasuredTwice:
    def test_when_the_cluster_has_the_result(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a", "b"), finished=[A])
        bench.driver.run()
        assert bench.started() == [B]

    def test_when_this_pod_has_the_result(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a", "b"))
        bench.driver.run()
        again = bench.a_driver()
        again.run()
        assert bench.started() == [A, B]

    def test_but_a_failure_that_may_pass_is_tried_again(self, tmp_path: Path) -> None:
        flaky = word(TrialReport(result=a_result(a_failure(may_pass=True))))
        bench = Bench(tmp_path, a_plan("a"), scripts={A: [(1.0, flaky)]})
        bench.driver.run()
        bench.a_driver().run()
        assert bench.started() == [A, A]

    @pytest.mark.parametrize(
        "left", ["{", TrialReport(result=a_result(attempt=2)).model_dump_json(by_alias=True)]
    )
    def test_nor_is_a_file_taken_for_a_result_that_is_none(self, tmp_path: Path, left: str) -> None:
        bench = Bench(tmp_path, a_plan("a"))
        (bench.reports / f"{A}.json").write_text(left)
        bench.driver.run()
        assert bench.started() == [A]


class TestEnds:
    def test_write_the_result_as_it_came(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a"))
        bench.driver.run()
        assert (bench.reports / f"{A}.json").read_text() == RESULT.report

    @pytest.mark.parametrize(
        "end",
        [
            Died("killed"),
            Crashed("KeyError: 'x'"),
            Word("progress", "x" * (REPORT_LIMIT_BYTES + 1)),
            PROGRESS,  # and nothing more until its deadline
            word(TrialReport(result=a_result(a_failure(may_pass=False)))),
        ],
        ids=["death", "crash", "long report", "deadline", "failure"],
    )
    def test_without_a_result_keep_what_was_printed_last(
        self, tmp_path: Path, end: Word | Died | Crashed
    ) -> None:
        bench = Bench(tmp_path, a_plan("a", trialDeadlineSeconds=60), scripts={A: [(5.0, end)]})
        bench.driver.run()
        result = bench.result(A)
        assert result.failure is not None
        assert result.last_lines == LAST_LINES

    @pytest.mark.parametrize(
        "end",
        [Died("killed"), Crashed("KeyError: 'x'"), PROGRESS],
        ids=["death", "crash", "deadline"],
    )
    def test_without_a_result_keep_what_was_measured(
        self, tmp_path: Path, end: Word | Died | Crashed
    ) -> None:
        script = [(5.0, partial("1")), (6.0, partial("2")), (7.0, end)]
        bench = Bench(tmp_path, a_plan("a", trialDeadlineSeconds=60), scripts={A: script})
        bench.driver.run()
        result = bench.result(A)
        assert result.summary == Summary(requests_per_second="2")
        assert result.failure is not None
        assert result.last_lines == LAST_LINES

    def test_by_death_say_what_is_likely_and_may_pass(self, tmp_path: Path) -> None:
        scripts: dict[str, Script] = {A: [(5.0, Died("The actor\n died: OOM"))]}
        bench = Bench(tmp_path, a_plan("a", "b"), scripts=scripts)
        bench.driver.run()
        failure = bench.result(A).failure
        assert failure is not None
        assert (failure.reason, failure.may_pass) == ("WorkerLost", True)
        assert "memory" in failure.message
        assert failure.message.endswith("The actor died: OOM")
        assert bench.result(B).failure is None

    def test_by_an_unexpected_error_do_not_pass(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a", "b"), scripts={A: [(5.0, Crashed("KeyError: 'x'"))]})
        bench.driver.run()
        failure = bench.result(A).failure
        assert failure is not None
        assert (failure.reason, failure.may_pass) == ("EngineFailed", False)
        assert "KeyError" in failure.message
        assert bench.result(B).failure is None

    def test_by_the_trials_deadline_spare_the_others(self, tmp_path: Path) -> None:
        plan = a_plan("a", "b", "c", trialDeadlineSeconds=100)
        bench = Bench(tmp_path, plan, scripts={A: [(10.0, PROGRESS)]}, nodes={"w1", "w2"})
        bench.driver.run()
        failure = bench.result(A).failure
        assert failure is not None
        assert failure.reason == "TrialDeadlineExceeded"
        assert "100 s" in failure.message
        assert [bench.result(t).failure for t in (B, C)] == [None, None]

    def test_do_not_come_by_deadline_while_a_trial_waits_for_its_turn(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a", "b", "c", trialDeadlineSeconds=70))
        bench.driver.run()
        assert [bench.result(t).failure for t in (A, B, C)] == [None, None, None]

    def test_always_end_the_process(self, tmp_path: Path) -> None:
        scripts: dict[str, Script] = {A: [(1.0, Died(""))], B: [(1.0, Crashed(""))], C: []}
        bench = Bench(tmp_path, a_plan("a", "b", "c"), scripts=scripts)
        bench.driver.run()
        assert bench.processes.running == {}

    def test_by_a_report_too_long_for_the_reporter_spare_the_disk(self, tmp_path: Path) -> None:
        script: Script = [(5.0, Word("progress", "x" * (REPORT_LIMIT_BYTES + 1)))]
        bench = Bench(tmp_path, a_plan("a"), scripts={A: script})
        bench.driver.run()
        failure = bench.result(A).failure
        assert failure is not None
        assert f"{REPORT_LIMIT_BYTES + 1} bytes" in failure.message

    def test_at_once_when_no_worker_is_large_enough(self, tmp_path: Path) -> None:
        model = a_model("big", engine={"tensorParallelSize": 4})
        plan = a_plan(gpusPerWorker=2, trials=[{"name": A, "model": model}])
        bench = Bench(tmp_path, plan)
        bench.driver.run()
        failure = bench.result(A).failure
        assert failure is not None
        assert failure.reason == "ModelUnusable"
        assert "tensorParallelSize is 4" in failure.message
        assert "has 2 GPUs" in failure.message
        assert bench.started() == []


class TestTheReportersLastWord:
    def test_is_awaited(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a"))
        bench.driver.run()
        bench.acknowledge(A)
        assert bench.driver.await_reporter(60.0)

    def test_is_not_awaited_for_ever(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a"))
        bench.driver.run()
        begun_s = bench.clock.now_s
        assert not bench.driver.await_reporter(60.0)
        assert bench.clock.now_s - begun_s == pytest.approx(60.0, abs=1.0)

    def test_about_an_older_report_does_not_count(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a"))
        bench.driver.run()
        bench.acknowledge(A)
        Reports(reports=bench.reports, finished=bench.finished_folder)
        (bench.finished_folder / "applied.json").write_text(
            Applied(reports=[AppliedReport(name=A, digest=digest_of(b"older"))]).model_dump_json(
                by_alias=True
            )
        )
        assert not bench.driver.await_reporter(5.0)

    def test_is_awaited_also_for_what_an_earlier_driver_wrote(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a"))
        bench.driver.run()
        again = bench.a_driver()
        again.run()
        assert not again.await_reporter(5.0)
        bench.acknowledge(A)
        assert again.await_reporter(5.0)

    def test_is_not_needed_when_nothing_was_written(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, a_plan("a"), finished=[A])
        bench.driver.run()
        assert bench.driver.await_reporter(0.0)


class Watching(FakeProcesses):
    """Notes what stands in the reports whenever a process is made."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.clock, {}, {"w1"})
        self.folder = bench.reports
        self.stages: list[dict[str, str]] = []

    def start(self, placement: Placement) -> None:
        reports = {p.stem: json.loads(p.read_text()) for p in self.folder.glob("*.json")}
        self.stages.append(
            {n: r["progress"]["stage"] for n, r in reports.items() if "progress" in r}
        )
        super().start(placement)


class TestProgress:
    def stages(self, tmp_path: Path, attempt: int) -> list[dict[str, str]]:
        bench = Bench(tmp_path, a_plan("a", "b", attempt=attempt))
        bench.processes = watching = Watching(bench)
        bench.a_driver().run()
        return watching.stages

    def test_says_who_starts_and_who_waits(self, tmp_path: Path) -> None:
        assert self.stages(tmp_path, 1) == [{A: "Starting", B: "Queued"}, {B: "Starting"}]

    def test_leaves_a_waiting_trial_the_failure_of_its_last_attempt(self, tmp_path: Path) -> None:
        assert self.stages(tmp_path, 2) == [{A: "Starting"}, {B: "Starting"}]
