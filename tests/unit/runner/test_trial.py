"""A whole trial with the simulated engine."""

import gzip
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from builders import a_load, a_workload
from runner_builders import (
    FakeClock,
    a_classification,
    a_plan,
    a_simulated_engine,
    write_lines,
)
from slmeval_api.model import EngineOptions
from slmeval_api.plan import Plan, TrialReport
from slmeval_api.result import Progress, TrialResult, WorkloadResult
from slmeval_api.workload import Workload
from slmeval_runner import trial
from slmeval_runner.devices.monitor import NoDevice
from slmeval_runner.engines.base import AT_ONCE, Attachment, EngineFacts, Pacing, Request, Served
from slmeval_runner.engines.simulated import SimulatedEngine
from slmeval_runner.failures import EngineFailed, MeasurementInvalid, ModelUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.serving import generator
from slmeval_runner.serving.endpoint import Endpoint
from slmeval_runner.tasks.lm_eval import harness
from slmeval_runner.times import Clock
from slmeval_runner.trial import TrialRun
from slmeval_runner.workloads.points import Bench


async def tried(
    plan: Plan,
    engine: SimulatedEngine | None = None,
    *,
    clock: FakeClock | None = None,
    folders: Folders | None = None,
    told: list[Progress] | None = None,
    partial: list[TrialResult] | None = None,
) -> TrialResult:
    clock = clock or FakeClock()

    def tell(report: TrialReport) -> None:
        if report.progress and told is not None:
            told.append(report.progress)
        if report.result and partial is not None:
            partial.append(report.result)

    run = TrialRun(
        plan,
        plan.trials[0],
        engine or a_simulated_engine(clock),
        folders=folders or Folders(),
        tell=tell,
        monitor=NoDevice(),
        clock=Clock(clock.now, clock.monotonic),
    )
    return await run.run()


class Attachable(SimulatedEngine):
    """A simulated engine that says that one may attach to it."""

    is_shared = False

    @property
    def attachment(self) -> Attachment | None:
        return Attachment(model="/m", arguments={}, addresses={}) if self.is_shared else None

    async def start(
        self, model: Path | None, options: EngineOptions, *, is_shared: bool = False, **_: Any
    ) -> EngineFacts:
        self.is_shared = is_shared
        return await super().start(model, options)


def _short(figure: str | None) -> str:
    """Return a figure as a table shows it: four digits."""
    return f"{float(figure or 'nan'):.4g}"


class TestWorkloadsOverHttp:
    WORKLOADS = (a_load("http", "chat"), a_load("batch", "all"), a_load("http", "more"))

    async def test_are_measured_last_and_reported_where_they_were_asked(self) -> None:
        told: list[Progress] = []
        result = await tried(a_plan(workloads=list(self.WORKLOADS)), told=told)
        assert [w.name for w in result.workloads] == ["chat", "all", "more"]
        assert [w.failure is None for w in result.workloads] == [False, True, False]

    async def test_have_one_endpoint_which_ends_with_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        happened: list[str] = []

        class Front:
            model, url, start_s = "small", "http://127.0.0.1:1", 1.0

            async def stop(self) -> None:
                happened.append("stopped")

        async def start(attachment: Attachment, name: str) -> Front:
            happened.append(f"started for {name}")
            return Front()

        async def measured(workload: Workload, bench: Bench, **_: Any) -> WorkloadResult:
            if workload.http:
                await bench.endpoint()
            happened.append(workload.name)
            return WorkloadResult(name=workload.name, kind=workload.kind, repetitions=1)

        monkeypatch.setattr(trial, "Endpoint", Front)
        monkeypatch.setattr(Front, "start", start, raising=False)
        monkeypatch.setattr(trial, "measure", measured)
        engine = Attachable("small")
        await tried(a_plan(workloads=list(self.WORKLOADS), tasks=[a_classification()]), engine)
        assert engine.is_shared
        assert happened == ["all", "started for small", "chat", "more", "stopped"]

    async def test_are_tried_once_where_the_endpoint_does_not_start(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = 0

        async def start(attachment: Attachment, name: str) -> Endpoint:
            nonlocal tries
            tries += 1
            raise MeasurementInvalid("Ray Serve ended")

        monkeypatch.setattr(generator, "version", lambda: "GuideLLM 9.9")
        monkeypatch.setattr(Endpoint, "start", start)
        result = await tried(a_plan(workloads=list(self.WORKLOADS)), Attachable("small"))
        messages = [w.failure.message for w in result.workloads if w.failure]
        assert messages == ["Ray Serve ended"] * 2
        assert tries == 1

    async def test_need_no_sharing_where_there_are_none(self) -> None:
        engine = Attachable("small")
        await tried(a_plan(), engine)
        assert not engine.is_shared


class TestWhatWasMeasuredSoFar:
    async def test_is_told_after_each_part(self) -> None:
        workloads = [a_load("batch", name) for name in ("chat", "mail")]
        partial: list[TrialResult] = []
        plan = a_plan(workloads=workloads, tasks=[a_classification()])
        result = await tried(plan, partial=partial)
        told = [([w.name for w in p.workloads], [t.name for t in p.tasks]) for p in partial]
        assert told == [
            ([], []),
            (["chat"], []),
            (["chat", "mail"], []),
            (["chat", "mail"], ["intents"]),
        ]
        assert partial[0].start_seconds == result.start_seconds
        assert partial[0].provenance == result.provenance
        assert partial[-1].model_copy(update={"completed_at": result.completed_at}) == result


class TestACompleteTrial:
    async def test_goes_through_its_stages_in_order(self) -> None:
        told: list[Progress] = []
        await tried(a_plan(tasks=[a_classification()]), told=told)
        assert [(p.stage, p.detail) for p in told] == [
            ("LoadingModel", "file:///models/small"),
            ("StartingEngine", None),
            ("WarmingUp", None),
            ("Measuring", "chat: warm-up"),
            ("Measuring", "chat: repetition 1 of 3"),
            ("Measuring", "chat: repetition 2 of 3"),
            ("Measuring", "chat: repetition 3 of 3"),
            ("Scoring", "intents: prompts"),
            ("Scoring", "60 items of intents"),
        ]

    async def test_reports_every_part_and_no_failure(self) -> None:
        plan = a_plan(
            workloads=[a_workload("chat"), a_workload("long", inputTokens=100)],
            tasks=[a_classification("one"), a_classification("two", limit=10)],
            attempt=2,
        )
        result = await tried(plan)
        assert result.failure is None
        assert (result.attempt, result.started_at) == (2, "2026-11-01T00:00:00.000Z")
        assert [w.name for w in result.workloads] == ["chat", "long"]
        assert [(t.name, t.items.asked) for t in result.tasks if t.items] == [
            ("one", 60),
            ("two", 10),
        ]
        assert result.provenance is not None
        assert result.provenance.engine == "simulated"

    async def test_sums_up_the_first_workload_and_all_tasks(self) -> None:
        plan = a_plan(tasks=[a_classification("one"), a_classification("two", limit=10)])
        result = await tried(plan)
        figures = result.workloads[0].figures
        scores = [float(task.score.value) for task in result.tasks if task.score]
        assert figures is not None
        assert _short(result.summary.requests_per_second) == _short(figures.requests_per_second)
        assert _short(result.summary.tokens_per_second) == _short(figures.total_tokens_per_second)
        assert _short(result.summary.latency_p50_seconds) == _short(figures.latency_seconds.p50)
        assert float(result.summary.score or "nan") == pytest.approx(sum(scores) / 2, rel=1e-3)
        assert result.suite is not None
        assert result.suite.score.n == 70
        assert result.suite.held_out is None

    async def test_tells_the_tasks_that_are_held_out_apart(self) -> None:
        apart = a_classification("two", heldOut=True, limit=10)
        result = await tried(a_plan(tasks=[a_classification("one"), apart]))
        assert result.suite is not None
        assert result.suite.held_out == result.tasks[1].score
        assert [task.held_out for task in result.tasks] == [False, True]

    async def test_asks_all_tasks_together(self) -> None:
        clock = FakeClock()
        engine = a_simulated_engine(clock)
        tasks = [a_classification("one"), a_classification("two")]
        await tried(a_plan(workloads=[], tasks=tasks), engine, clock=clock)
        assert [len(served.outcomes) for served in engine.recorded] == [1, 120]

    async def test_times_its_start_until_the_engine_is_warm(self) -> None:
        result = await tried(a_plan())
        assert result.start_seconds is not None
        assert result.start_seconds.engine == "0.2"
        assert result.start_seconds.model is None
        assert 0.2 < float(result.start_seconds.total) < 0.3

    async def test_survives_the_trip_to_the_reporter(self) -> None:
        result = await tried(a_plan(tasks=[a_classification()]))
        assert TrialResult.from_json_data(result.to_json_data()) == result

    async def test_gives_the_same_result_when_asked_again(self) -> None:
        plan = a_plan(tasks=[a_classification()])
        assert await tried(plan) == await tried(plan)


class TestTasksOfTheHarness:
    @pytest.fixture(autouse=True)
    def its_tasks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let it find those beside this file: its own have their data on the hub."""
        manager = pytest.importorskip("lm_eval.tasks").TaskManager(
            include_path=str(Path(__file__).parent / "lm_eval_tasks"), include_defaults=False
        )
        monkeypatch.setattr(harness, "_manager", lambda: manager)

    def asked(self, task: str) -> dict[str, Any]:
        return {"name": task, "lmEval": {"task": task}}

    @pytest.mark.filterwarnings("default")  # its libraries warn of themselves
    async def test_are_asked_together_with_ours(self) -> None:
        clock = FakeClock()
        engine = a_simulated_engine(clock)
        tasks = [a_classification(), self.asked("letters"), self.asked("choices")]
        result = await tried(a_plan(workloads=[], tasks=tasks), engine, clock=clock)
        # The engine's warm-up, and one set: every word is a token, so a request an item.
        assert [len(served.outcomes) for served in engine.recorded] == [1, 60 + 12 + 12]
        assert [(t.type, t.metric) for t in result.tasks] == [
            ("classification", "accuracy"), ("lmEval", "acc,none"), ("lmEval", "acc,none"),
        ]  # fmt: skip
        assert result.failure is None
        assert result.suite is not None
        assert result.suite.score.n == 60 + 12 + 12

    @pytest.mark.filterwarnings("default")
    async def test_that_cannot_be_used_leave_the_others_their_scores(self) -> None:
        result = await tried(a_plan(tasks=[self.asked("sampled"), a_classification()]))
        bad, good = result.tasks
        assert (bad.metric, bad.score) == (None, None)
        assert bad.failure is not None
        assert bad.failure.reason == "TaskUnusable"
        assert good.score is not None


class TestPartsThatFail:
    async def test_leave_the_other_parts_their_figures(self) -> None:
        plan = a_plan(
            workloads=[a_workload("huge", inputTokens=9000), a_workload("chat")],
            tasks=[a_classification("bad", data={"test": "pvc://none/x"}), a_classification()],
        )
        result = await tried(plan)
        assert [w.figures is not None for w in result.workloads] == [False, True]
        assert [t.score is not None for t in result.tasks] == [False, True]
        assert result.failure is not None
        assert result.failure.reason == "MeasurementInvalid"
        assert result.failure.message.startswith("workload huge: inputTokens 9000")

    async def test_keep_the_mean_score_absent_for_it_would_be_of_other_tasks(self) -> None:
        bad = a_classification("bad", data={"test": "pvc://none/x"})
        result = await tried(a_plan(tasks=[bad, a_classification()]))
        assert result.summary.score is None
        assert result.failure is not None
        assert result.failure.reason == "TaskUnusable"

    async def test_of_the_data_are_found_before_the_engine_starts(self, tmp_path: Path) -> None:
        write_lines(tmp_path / "c/t", "{")
        engine = a_simulated_engine(FakeClock(), fault="start")
        plan = a_plan(tasks=[a_classification(data={"test": "pvc://c/t"})])
        result = await tried(plan, engine, folders=Folders(claims=tmp_path))
        assert [t.failure.reason for t in result.tasks if t.failure] == ["TaskUnusable"]
        assert result.failure is not None
        assert result.failure.reason == "EngineFailed"

    async def test_all_of_them_ask_for_no_engine(self) -> None:
        engine = a_simulated_engine(FakeClock(), fault="start")
        bad = a_classification(data={"test": "pvc://none/x"})
        result = await tried(a_plan(workloads=[], tasks=[bad]), engine)
        assert result.failure is not None
        assert result.failure.reason == "TaskUnusable"
        assert result.provenance is None

    async def test_because_the_engine_ignores_the_choices_have_no_score(self) -> None:
        class Deaf(SimulatedEngine):
            async def serve(self, requests: Any, pacing: Pacing = AT_ONCE) -> Served:
                return await super().serve([replace(r, choices=(), expected="") for r in requests])

        clock = FakeClock()
        engine = Deaf("small", sleep=clock.sleep_async, monotonic=clock.monotonic)
        result = await tried(a_plan(tasks=[a_classification()]), engine, clock=clock)
        assert result.workloads[0].figures is not None
        assert result.tasks[0].score is None
        assert result.failure is not None
        assert result.failure.reason == "MeasurementInvalid"


class TestArtifacts:
    PLAN: ClassVar[dict[str, Any]] = {
        "artifacts": {"url": "pvc://kept/slm"},
        "tasks": [a_classification(limit=3), a_classification("two", limit=2)],
    }

    async def test_keep_what_was_asked_and_answered(self, tmp_path: Path) -> None:
        result = await tried(a_plan(**self.PLAN), folders=Folders(artifacts=tmp_path))
        assert result.failure is None
        kept = result.tasks[0].artifact
        assert kept is not None
        assert kept.url == "pvc://kept/slm/team/demo-1/demo-1-small/1/intents.jsonl.gz"
        content = (tmp_path / kept.url.removeprefix("pvc://kept/")).read_bytes()
        assert kept.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert kept.size_bytes == len(content)
        records = [json.loads(line) for line in gzip.decompress(content).splitlines()]
        assert len(records) == 3
        assert set(records[0]) == {
            "id", "input", "expected", "prompt", "promptTokens", "output", "finishReason",
            "answer", "score",
        }  # fmt: skip
        assert sum(r["score"] for r in records) == pytest.approx(
            3 * float(result.tasks[0].score.value if result.tasks[0].score else "nan"), abs=1e-5
        )
        assert result.tasks[1].artifact is not None

    async def test_have_the_same_digest_for_the_same_answers(self, tmp_path: Path) -> None:
        first = await tried(a_plan(**self.PLAN), folders=Folders(artifacts=tmp_path / "a"))
        again = await tried(a_plan(**self.PLAN), folders=Folders(artifacts=tmp_path / "b"))
        assert first.tasks == again.tasks

    async def test_that_cannot_be_kept_are_known_before_an_engine_starts(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "slm").write_text("a file where a folder should be")
        engine = a_simulated_engine(FakeClock(), fault="start")
        result = await tried(a_plan(**self.PLAN), engine, folders=Folders(artifacts=tmp_path))
        assert result.failure is not None
        assert result.failure.reason == "ArtifactsUnwritable"
        assert "spec.artifacts.url" in result.failure.message

    async def test_that_fail_later_leave_the_scores(self, tmp_path: Path) -> None:
        class Spoiling(SimulatedEngine):
            async def serve(self, requests: Any, pacing: Pacing = AT_ONCE) -> Served:
                if len(requests) > 1:  # not the warm-up
                    shutil.rmtree(tmp_path / "slm")
                    (tmp_path / "slm").write_text("a file where a folder should be")
                return await super().serve(requests, pacing)

        clock = FakeClock()
        engine = Spoiling("small", sleep=clock.sleep_async, monotonic=clock.monotonic)
        plan = a_plan(workloads=[], **self.PLAN)
        result = await tried(plan, engine, clock=clock, folders=Folders(artifacts=tmp_path))
        assert [task.score is not None for task in result.tasks] == [True, True]
        assert [task.artifact for task in result.tasks] == [None, None]
        assert result.failure is not None
        assert result.failure.reason == "ArtifactsUnwritable"


def files_in(folder: Path) -> dict[str, str]:
    """Return the text of each file below `folder` by its path there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in found}


class TestHistory:
    async def test_keeps_each_result_as_a_line_of_its_own_file(self, tmp_path: Path) -> None:
        plan = a_plan(artifacts={"url": "pvc://kept/slm"})
        result = await tried(plan, folders=Folders(artifacts=tmp_path))
        when = result.completed_at.replace(":", "")
        name = f"slm/history/namespace=team/evaluation=demo/{when}-demo-1-small-1.jsonl"
        (line,) = files_in(tmp_path)[name].splitlines()
        assert json.loads(line) == {
            "run": "demo-1",
            "trial": "demo-1-small",
            "pool": "cpu",
            "model": plan.trials[0].model.to_json_data(),
            "result": result.to_json_data(),
        }

    async def test_of_what_failed_says_so(self, tmp_path: Path) -> None:
        plan = a_plan(artifacts={"url": "pvc://kept"})
        engine = a_simulated_engine(FakeClock(), fault="start")
        await tried(plan, engine, folders=Folders(artifacts=tmp_path))
        (text,) = files_in(tmp_path).values()
        assert json.loads(text)["result"]["failure"]["reason"] == "EngineFailed"

    async def test_that_cannot_be_kept_leaves_the_figures(self, tmp_path: Path) -> None:
        (tmp_path / "history").write_text("a file where a folder should be")
        plan = a_plan(artifacts={"url": "pvc://kept"})
        result = await tried(plan, folders=Folders(artifacts=tmp_path))
        assert result.workloads[0].figures is not None
        assert result.failure is not None
        assert result.failure.reason == "ArtifactsUnwritable"

    async def test_is_not_kept_where_nothing_is(self, tmp_path: Path) -> None:
        await tried(a_plan(), folders=Folders(artifacts=tmp_path))
        assert files_in(tmp_path) == {}


class BreakingEngine(SimulatedEngine):
    """Serves `sets` sets of requests, then fails."""

    def __init__(self, clock: FakeClock, sets: int) -> None:
        super().__init__("small", sleep=clock.sleep_async, monotonic=clock.monotonic)
        self._sets = sets
        self.stops = 0

    async def serve(self, requests: Any, pacing: Pacing = AT_ONCE) -> Served:
        if len(self.recorded) == self._sets:
            raise EngineFailed("it broke", may_pass=True)
        return await super().serve(requests, pacing)

    async def stop(self) -> None:
        self.stops += 1


class TestAnEngineThatBreaks:
    async def test_leaves_what_was_measured_before(self) -> None:
        clock = FakeClock()
        plan = a_plan(workloads=[a_workload("a", repetitions=1), a_workload("b")])
        result = await tried(plan, BreakingEngine(clock, sets=3), clock=clock)
        assert [w.name for w in result.workloads] == ["a"]
        assert result.failure is not None
        assert (result.failure.reason, result.failure.may_pass) == ("EngineFailed", True)
        assert result.summary.requests_per_second is not None
        assert result.provenance is not None

    @pytest.mark.parametrize("sets", [0, 2, 99])
    async def test_or_not_is_always_stopped(self, sets: int) -> None:
        clock = FakeClock()
        engine = BreakingEngine(clock, sets)
        await tried(a_plan(), engine, clock=clock)
        assert engine.stops == 1

    async def test_before_it_started_leaves_no_provenance(self) -> None:
        class Refusing(SimulatedEngine):
            async def start(
                self, model: Path | None, options: EngineOptions, **_: Any
            ) -> EngineFacts:
                raise ModelUnusable("too large")

        result = await tried(a_plan(), Refusing("small"))
        assert result.provenance is None
        assert result.start_seconds is None
        assert result.workloads == []

    async def test_by_answering_less_than_was_asked_is_not_scored(self) -> None:
        class Lossy(SimulatedEngine):
            async def serve(self, requests: Any, pacing: Pacing = AT_ONCE) -> Served:
                kept = [r for r in requests if isinstance(r, Request)][: max(1, len(requests) - 1)]
                return await super().serve(kept)

        clock = FakeClock()
        engine = Lossy("small", sleep=clock.sleep_async, monotonic=clock.monotonic)
        plan = a_plan(workloads=[], tasks=[a_classification()])
        result = await tried(plan, engine, clock=clock)
        assert result.failure is not None
        assert "59 of 60 requests" in result.failure.message
