"""From one evaluation to trials, one RayJob and an answer; every pass may be repeated."""

from typing import Any

import pytest
from builders import a_model
from slmeval_api.conditions import Reason
from slmeval_decisions.names import rayjob_name
from unit.operator.stage import KEY, Stage
from unit.operator.worlds import a_failure

TWO = [a_model("big"), a_model("small")]


async def started(**spec: Any) -> Stage:
    """Return a stage on which the first attempt runs."""
    stage = Stage(**spec)
    await stage.settle()
    return stage


async def finished(**spec: Any) -> Stage:
    """Return a stage on which everything was measured."""
    stage = await started(**spec)
    for name in stage.trials:
        stage.measure(name)
    stage.kuberay.end(stage.rayjobs[0])
    await stage.settle()
    return stage


class TestOneEvaluationBecomesTrialsAndOneRayJob:
    async def test_of_each_model_on_each_pool(self) -> None:
        stage = await started(models=TWO)
        (run,) = stage.runs
        assert list(stage.trials) == [f"{run.meta.name}-big-gpu", f"{run.meta.name}-small-gpu"]
        assert stage.rayjobs == [rayjob_name(run.meta.name, "gpu", 1)]
        assert stage.reason == Reason.PENDING

    async def test_and_an_answer_when_all_is_measured(self) -> None:
        stage = await finished(models=TWO)
        status = stage.evaluation.status
        run = stage.runs[0]
        assert stage.reason == Reason.MEASURED
        assert status.trials == run.status.trials
        assert status.trials is not None
        assert status.trials.summary == "2/2"
        assert status.last_successful_run == status.current_run
        assert status.current_run is not None
        assert status.current_run.completion_time == run.status.completion_time
        assert [a.outcome for a in run.status.attempts] == ["Ended"]
        assert stage.api.names_of("pods") == []


class TestAPassThatLearnsNothingWritesNothing:
    async def test_at_every_moment_of_a_run(self) -> None:
        stage = Stage(models=TWO)
        for _ in range(12):
            await stage.reconcile()
            stage.hear()
            if not await stage.reconcile():
                stage.kuberay.step()
                stage.hear()
                await stage.reconcile()
                stage.hear()
                assert await stage.reconcile() == []
        assert stage.reason == Reason.PENDING
        assert stage.api.names_of("pods") != []

    @pytest.mark.parametrize("seconds", [0, 3600])
    async def test_at_the_end_also_an_hour_later_and_in_a_new_process(self, seconds: int) -> None:
        stage = await finished()
        stage.wait(seconds)
        assert await stage.reconcile() == []
        stage.boot()
        assert await stage.reconcile() == []

    async def test_in_a_new_process_in_the_middle(self) -> None:
        stage = await started()
        stage.boot()
        assert await stage.reconcile() == []

    async def test_after_what_it_wrote_itself_before_any_watch_tells_of_it(self) -> None:
        stage = Stage()
        for _ in range(4):
            await stage.reconcile()
        assert await stage.reconcile() == []

    async def test_and_nothing_is_left_to_look_at_when_it_is_over(self) -> None:
        stage = await finished()
        assert await stage.reconciler.evaluation(KEY) is None


class TestAFailureThatMayPassIsTriedAgain:
    async def test_with_the_unfinished_trials_only(self) -> None:
        stage = await started(models=TWO)
        big, small = stage.trials
        stage.measure(big)
        stage.measure(small, failure=a_failure())
        stage.kuberay.end(stage.rayjobs[0])
        await stage.settle()
        first, second = stage.rayjobs
        plans = {c["metadata"]["name"]: c["data"] for c in stage.api.of("configmaps")}
        assert big in plans[first]["plan.json"]
        assert big not in plans[second]["plan.json"]
        assert small in plans[second]["plan.json"]
        assert stage.trials[big].status.conditions[0].reason == Reason.MEASURED
        assert stage.kuberay.most_at_work == 1

    async def test_until_no_attempt_is_left(self) -> None:
        stage = await started(backoffLimit=1)
        for _ in range(4):
            stage.kuberay.end(stage.rayjobs[-1], "Failed", reason="AppFailed", message="exit 1")
            await stage.settle()
        assert len(stage.rayjobs) == 2
        assert stage.reason == Reason.TRIALS_FAILED
        assert "AttemptsExhausted: No result after 2 attempts" in stage.message
        assert [a.reason for a in stage.runs[0].status.attempts] == ["AppFailed", "AppFailed"]

    async def test_and_a_late_result_still_wins(self) -> None:
        stage = await started(backoffLimit=0)
        stage.kuberay.end(stage.rayjobs[0], "Failed", reason="AppFailed")
        await stage.settle()
        ended = stage.runs[0].status.completion_time
        stage.wait(60)
        stage.measure(next(iter(stage.trials)))
        await stage.settle()
        assert stage.reason == Reason.MEASURED
        assert stage.runs[0].status.completion_time == ended


class TestTheLastGoodAnswerIsKept:
    async def test_when_a_newer_run_fails(self) -> None:
        stage = await finished()
        good = stage.evaluation.status.current_run
        stage.edit(seed=2, backoffLimit=0)
        await stage.settle()
        stage.wait(60)
        for name in stage.rayjobs:
            stage.kuberay.end(name, "Failed")
        await stage.settle()
        status = stage.evaluation.status
        assert stage.reason == Reason.TRIALS_FAILED
        assert status.last_successful_run == good
        assert status.current_run != good
