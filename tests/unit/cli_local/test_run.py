"""`slmeval run`: what it asks of a machine that is a fake, what it saves, and how it ends."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_status import result
from builders import a_model, a_task, evaluation_body, pool_body
from cli_builders import A_MACHINE, NOW, FakeAttempt, FakeHere, score_result, slmeval
from slmeval_api.plan import Plan
from slmeval_cli.exits import ExitCode
from slmeval_cli.local.here import Launch, Outcome
from slmeval_decisions.conditions import timestamp
from typer.testing import Result

Json = dict[str, Any]


def asked(**overrides: Any) -> list[Json]:
    """Return an evaluation of two models and its pool, as a user writes them."""
    question = {"models": [a_model("a"), a_model("b")], "tasks": [a_task()], **overrides}
    evaluation = evaluation_body(**question)
    bodies = [evaluation, pool_body(engine="simulated")]
    for body in bodies:
        name = body["metadata"]["name"]
        body["metadata"] = {"name": name}
        body.pop("status", None)
    return bodies


def measured(**parts: object) -> Json:
    """Return what the runner says at a trial's end, which is now."""
    return {"result": result(tasks=[score_result()], completedAt=timestamp(NOW), **parts)}


def failed(attempt: int, *, may_pass: bool) -> Json:
    cause = {"reason": "WorkerLost", "message": "it died", "mayPass": may_pass}
    return measured(attempt=attempt, failure=cause)


def trials_of(launch: Launch) -> list[str]:
    return [trial.name for trial in launch.plan.trials]


def all_measured(launch: Launch) -> FakeAttempt:
    return FakeAttempt(launch=launch, results=[(name, measured()) for name in trials_of(launch)])


def interrupted_after_one(launch: Launch) -> FakeAttempt:
    results = [(trials_of(launch)[0], measured())]
    return FakeAttempt(launch=launch, results=results, ends=None, interrupts=True)


class Bench:
    """A folder with a question, and what is run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.saved = folder / "saved.yaml"
        self.ask(asked())

    def ask(self, bodies: list[Json]) -> None:
        (self.folder / "question.yaml").write_text(yaml.safe_dump_all(bodies))

    def run(self, here: FakeHere, *args: str) -> Result:
        question = str(self.folder / "question.yaml")
        return slmeval("run", question, "--output", str(self.saved), *args, here=here)

    def bodies(self, kind: str) -> list[Json]:
        items = yaml.safe_load(self.saved.read_text())["items"]
        return [body for body in items if body["kind"] == kind]

    def reason(self, kind: str) -> str:
        (body,) = self.bodies(kind)
        ready = (c for c in body["status"]["conditions"] if c["type"] == "Ready")
        return str(next(ready)["reason"])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class TestAQuestionIsAnswered:
    def test_with_the_tables_of_results_and_exit_code_0(self, bench: Bench) -> None:
        answer = bench.run(FakeHere(act=all_measured))
        assert answer.exit_code == ExitCode.OK, answer.output
        results = slmeval("results", "demo", "-f", str(bench.saved))
        assert results.stdout in answer.stdout
        assert "6.4" in results.stdout
        assert "a on gpu: Simulated" in answer.stdout

    def test_and_saved_as_the_objects_that_an_operator_would_have_written(
        self, bench: Bench
    ) -> None:
        bench.run(FakeHere(act=all_measured))
        assert bench.reason("SLMEvaluation") == bench.reason("SLMRun") == "Simulated"
        (run,) = bench.bodies("SLMRun")
        assert [a["outcome"] for a in run["status"]["attempts"]] == ["Ended"]
        reasons = {c["type"]: c["reason"] for c in run["status"]["conditions"]}
        assert reasons["Comparable"] == "SameProvenance"
        assert run["status"]["trials"]["summary"] == "2/2"
        assert [t["spec"]["model"]["name"] for t in bench.bodies("SLMTrial")] == ["a", "b"]
        assert len(bench.bodies("SLMPool")) == 1
        assert slmeval("validate", str(bench.saved)).exit_code == ExitCode.OK

    def test_by_processes_that_are_ended(self, bench: Bench) -> None:
        here = FakeHere(act=all_measured)
        bench.run(here)
        assert [attempt.is_ended for attempt in here.attempts] == [True]

    def test_again_what_may_pass_as_often_as_the_question_allows(self, bench: Bench) -> None:
        def act(launch: Launch) -> FakeAttempt:
            number = launch.plan.attempt
            results = [(n, failed(number, may_pass=True)) for n in trials_of(launch)]
            return FakeAttempt(launch=launch, results=results)

        bench.ask(asked(backoffLimit=1))
        here = FakeHere(act=act)
        answer = bench.run(here)
        assert answer.exit_code == ExitCode.FAILED
        assert [a.launch.plan.attempt for a in here.attempts] == [1, 2]
        assert "No result after 2 attempts" in answer.stdout

    def test_and_one_that_failed_for_good_fails_the_run(self, bench: Bench) -> None:
        def act(launch: Launch) -> FakeAttempt:
            a, b = trials_of(launch)
            return FakeAttempt(
                launch=launch, results=[(a, measured()), (b, failed(1, may_pass=False))]
            )

        answer = bench.run(FakeHere(act=act))
        assert answer.exit_code == ExitCode.FAILED
        assert "TrialsFailed: 1 of 2 trials failed" in answer.stdout

    def test_not_longer_than_its_deadline(self, bench: Bench) -> None:
        bench.ask(asked(deadlineSeconds=60, trialDeadlineSeconds=60, startDeadlineSeconds=60))
        here = FakeHere(act=lambda launch: FakeAttempt(launch=launch, results=[], ends=None))
        answer = bench.run(here)
        assert answer.exit_code == ExitCode.FAILED
        assert bench.reason("SLMEvaluation") == "TrialsFailed"
        assert "longer than spec.deadlineSeconds (60 s)" in answer.stdout
        assert [attempt.is_ended for attempt in here.attempts] == [True]

    def test_a_driver_that_dies_is_quoted(self, bench: Bench) -> None:
        bench.ask(asked(backoffLimit=0))
        end = Outcome(False, "its driver ended with exit code 1: no module")
        here = FakeHere(act=lambda launch: FakeAttempt(launch=launch, results=[], ends=end))
        answer = bench.run(here)
        assert answer.exit_code == ExitCode.FAILED
        assert "attempt 1 failed (DriverFailed): its driver ended with exit code 1: no module" in (
            answer.stdout
        )
        assert "RayJob" not in answer.stdout + answer.stderr


class TestAnInterruptedRun:
    def test_ends_what_was_started_and_keeps_what_was_measured(self, bench: Bench) -> None:
        here = FakeHere(act=interrupted_after_one)
        answer = bench.run(here)
        assert answer.exit_code == ExitCode.INTERRUPTED
        assert [attempt.is_ended for attempt in here.attempts] == [True]
        assert "Interrupted: 1/2 trials have ended" in answer.stderr
        assert ["result" in t["status"] for t in bench.bodies("SLMTrial")] == [True, False]
        assert bench.reason("SLMEvaluation") == "Suspended"

    def test_goes_on_with_what_is_left(self, bench: Bench) -> None:
        bench.run(FakeHere(act=interrupted_after_one))
        here = FakeHere(act=all_measured)
        answer = bench.run(here)
        assert answer.exit_code == ExitCode.OK, answer.output
        (attempt,) = here.attempts
        assert [t.model.name for t in attempt.launch.plan.trials] == ["b"]
        assert attempt.launch.plan.attempt == 1
        (evaluation,) = bench.bodies("SLMEvaluation")
        assert "suspend" not in evaluation["spec"]

    def test_that_was_killed_goes_on_as_well(self, bench: Bench) -> None:
        def killed(launch: Launch) -> FakeAttempt:
            return FakeAttempt(launch=launch, results=[], ends=None, interrupts=True)

        bench.run(FakeHere(act=killed))
        text = bench.saved.read_text().replace("    suspend: true\n", "")
        bodies = yaml.safe_load(text)
        for body in bodies["items"]:
            if body["kind"] == "SLMTrial":
                progress = {"stage": "Measuring", "attempt": 1, "updatedAt": "2026-11-01T00:00:00Z"}
                body["status"]["progress"] = progress
        bench.saved.write_text(yaml.safe_dump(bodies))
        here = FakeHere(act=all_measured)
        assert bench.run(here).exit_code == ExitCode.OK
        assert list(here.attempts[0].launch.statuses.values()) == [{}, {}]

    def test_that_is_over_is_not_measured_again(self, bench: Bench) -> None:
        bench.run(FakeHere(act=all_measured))
        answer = bench.run(FakeHere())
        assert answer.exit_code == ExitCode.OK
        assert "All of it has ended before. To ask again, name another file" in answer.stderr


class TestASavedFileIsNeverOverwritten:
    @pytest.mark.parametrize(
        ("bodies", "why"),
        [
            (asked(seed=7), "its question is another one"),
            ([asked()[0], pool_body(engine="simulated", workers=2)], "its pool is another one"),
        ],
    )
    def test_by_another_question(self, bench: Bench, bodies: list[Json], why: str) -> None:
        bench.run(FakeHere(act=all_measured))
        before = bench.saved.read_text()
        bench.ask(bodies)
        answer = bench.run(FakeHere())
        assert answer.exit_code == ExitCode.USAGE
        assert f"saved.yaml is there, and {why}: it is not overwritten. Name another" in (
            answer.stderr
        )
        assert bench.saved.read_text() == before

    @pytest.mark.parametrize("text", ["", "a: 1\n", json.dumps(asked()[0])])
    def test_by_any_question_where_it_holds_something_else(self, bench: Bench, text: str) -> None:
        bench.saved.write_text(text)
        answer = bench.run(FakeHere())
        assert answer.exit_code == ExitCode.USAGE
        assert "it is not overwritten" in answer.stderr
        assert bench.saved.read_text() == text

    def test_by_a_second_command_beside_the_first(self, bench: Bench) -> None:
        def act(launch: Launch) -> FakeAttempt:
            second = bench.run(FakeHere())
            assert second.exit_code == ExitCode.USAGE
            assert "Another `slmeval run` writes" in second.stderr
            return all_measured(launch)

        assert bench.run(FakeHere(act=act)).exit_code == ExitCode.OK

    def test_that_cannot_be_written_at_all_is_said_before_anything_starts(
        self, bench: Bench
    ) -> None:
        bench.saved = bench.folder / "nowhere" / "saved.yaml"
        answer = bench.run(FakeHere())
        assert answer.exit_code == ExitCode.USAGE
        assert "cannot be written: No such file or directory. Name another file" in answer.stderr


class TestWhatTheRunnerIsTold:
    def launched(self, bench: Bench, bodies: list[Json], here: FakeHere, *args: str) -> Launch:
        bench.ask(bodies)
        here.act = all_measured
        answer = bench.run(here, *args)
        assert answer.exit_code == ExitCode.OK, answer.output
        return here.attempts[0].launch

    def plan(self, bench: Bench, here: FakeHere, *, workers: int) -> Plan:
        """Return what three models on workers of one GPU each are planned as."""
        body = pool_body(gpus={"perWorker": 1, "memoryGiB": 80}, workers=workers)
        models = [a_model(name, source=f"hf://x/{name}@main") for name in "abc"]
        return self.launched(bench, [asked(models=models)[0], body], here).plan

    def test_is_the_operators_plan_without_an_image(self, bench: Bench) -> None:
        plan = self.launched(bench, asked(), FakeHere()).plan
        assert (plan.image, plan.namespace, plan.pool, plan.workers) == ("", "local", "gpu", 1)

    def test_has_as_many_gpus_as_workers_fit(self, bench: Bench) -> None:
        facts = replace(A_MACHINE, gpus=2, gpu_gib=80)
        plan = self.plan(bench, FakeHere(facts=facts), workers=4)
        assert (plan.workers, plan.gpus_per_worker) == (1, 2)

    def test_has_no_more_gpus_than_trials_or_workers(self, bench: Bench) -> None:
        facts = replace(A_MACHINE, gpus=8, gpu_gib=80)
        assert self.plan(bench, FakeHere(facts=facts), workers=2).gpus_per_worker == 2

    def test_has_the_pools_variables_but_no_secrets(self, bench: Bench) -> None:
        secret = {"secretKeyRef": {"name": "s3", "key": "key"}}
        env = [{"name": "A", "value": "1"}, {"name": "S3_KEY", "valueFrom": secret}]
        resources = {"cpu": "1500m", "memory": "1Gi"}
        body = pool_body(engine="simulated", env=env, workerResources=resources)
        launch = self.launched(bench, [asked()[0], body], FakeHere())
        assert (launch.env, launch.cpus) == ({"A": "1"}, 2)

    def test_has_configmaps_of_the_files_and_claims_of_the_options(self, bench: Bench) -> None:
        configmap = {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tickets"},
            "data": {"test.jsonl": '{"a": 1}\n'}, "binaryData": {"b.parquet": "AAE="},
        }  # fmt: skip
        data = {"test": "configmap://tickets/test.jsonl", "train": "pvc://team/train.jsonl"}
        (bench.folder / "train.jsonl").touch()
        bodies = asked(tasks=[a_task(data=data)], artifacts={"url": "pvc://out/kept"})
        claims = [f"--claim=team={bench.folder}", f"--claim=out={bench.folder}"]
        launch = self.launched(bench, [*bodies, configmap], FakeHere(), *claims)
        files = {"test.jsonl": b'{"a": 1}\n', "b.parquet": b"\x00\x01"}
        assert launch.configmaps == {"tickets": files}
        assert launch.site.claims == {"team": bench.folder, "out": bench.folder}
        assert launch.artifacts == bench.folder
