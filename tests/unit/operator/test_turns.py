"""Runs of one evaluation that go on beside each other measure on a pool one at a time."""

from dataclasses import replace
from typing import Any

import pytest
from builders import run_body
from slmeval_api.conditions import ConditionType, Reason, condition
from slmeval_api.run import Run
from slmeval_decisions.decide import decide
from slmeval_decisions.observed import RayJob
from slmeval_decisions.turns import holder_of
from slmeval_decisions.world import World
from unit.operator.stage import KEY, Stage
from unit.operator.test_runs import at_rest, measured
from unit.operator.worlds import NOW, a_rayjob

WAITING = Run.from_body(run_body("demo-2", uid="uid-waiting"))
OTHER = Run.from_body(run_body("demo-1", uid="uid-other"))
JOB = a_rayjob().name


def holder(job: RayJob, *runs: Run, planned: tuple[str, ...] = ()) -> str | None:
    """Return what has pool gpu before WAITING, where there is one RayJob."""
    world = World(
        evaluation=None,
        pools={},
        runs=(WAITING, *runs),
        trials=(),
        rayjobs=(job,),
        pods=(),
        refusals={},
        now=NOW,
    )
    return holder_of(world, WAITING, "gpu", planned=planned)


def made_by(run: Run, stage: str = "Running", **more: Any) -> RayJob:
    """Return the RayJob of a run's first attempt."""
    return replace(a_rayjob(1, stage, **more), owner=run.meta.uid, run=run.meta.name)


class TestAPoolIsHeldByTheRayJobOfAnotherRun:
    @pytest.mark.parametrize(
        "job",
        [
            made_by(OTHER, ""),
            made_by(OTHER, "Running"),
            made_by(OTHER, "Suspended", is_suspended=True),
        ],
        ids=["without pods yet", "at work", "suspended"],
    )
    def test_until_that_has_ended(self, job: RayJob) -> None:
        assert holder(job, OTHER) == JOB

    @pytest.mark.parametrize(
        "job",
        [
            made_by(OTHER, "Complete"),
            made_by(OTHER, "Failed"),
            made_by(OTHER, is_being_deleted=True),
            made_by(OTHER, pool="cpu"),
            made_by(WAITING),
        ],
        ids=["complete", "failed", "being deleted", "on another pool", "its own"],
    )
    def test_and_by_no_other(self, job: RayJob) -> None:
        assert holder(job, OTHER) is None

    def test_also_by_one_that_is_about_to_be_made(self) -> None:
        assert holder(made_by(WAITING), planned=("demo-1-gpu-2",)) == "demo-1-gpu-2"

    def test_whose_run_is_gone_only_while_it_runs(self) -> None:
        assert holder(made_by(OTHER)) == JOB
        assert holder(made_by(OTHER, "Suspended", is_suspended=True)) is None

    def test_whose_run_is_being_deleted_only_while_it_runs(self) -> None:
        meta = OTHER.meta.model_copy(update={"is_being_deleted": True})
        going = OTHER.model_copy(update={"meta": meta})
        assert holder(made_by(OTHER), going) == JOB
        assert holder(made_by(OTHER, "Suspended", is_suspended=True), going) is None

    def test_of_its_own_name_until_that_is_gone(self) -> None:
        left = replace(made_by(OTHER, is_being_deleted=True), run=WAITING.meta.name)
        assert holder(left) == JOB


async def side_by_side(runs: int = 2, **spec: Any) -> Stage:
    """Return a stage on which the first run measures and others wait for the pool."""
    schedule = {"cron": "0 * * * *", "concurrencyPolicy": "Allow"}
    stage = Stage(schedule=schedule, deadlineSeconds=86_400, **spec)
    await stage.settle()
    for _ in range(runs - 1):
        stage.wait(3600)
        await at_rest(stage)
    return stage


def attempts(stage: Stage) -> list[list[str]]:
    """Return the outcomes of each run's attempts, in the runs' order."""
    return [[a.outcome for a in run.status.attempts] for run in stage.runs]


async def end_attempt(stage: Stage, run: int) -> None:
    """Let the newest attempt of a run measure its trial and end."""
    name = stage.runs[run].meta.name
    for trial in [n for n, t in stage.trials.items() if t.spec.run == name]:
        stage.measure(trial, attempt=len(stage.runs[run].status.attempts))
    stage.kuberay.end(stage.runs[run].status.attempts[-1].name)
    await at_rest(stage)


class TestRunsTakeTurns:
    async def test_and_one_that_waits_says_for_what(self) -> None:
        stage = await side_by_side()
        job = stage.runs[0].status.attempts[0].name
        message = f"Waiting for RayJob {job} of another run to end: runs take turns on a pool."
        ready = condition(stage.runs[1].status.conditions, ConditionType.READY)
        assert ready is not None
        assert (ready.reason, ready.message) == (Reason.PENDING, message)
        assert stage.message == message

    async def test_a_further_attempt_comes_before_a_newer_run(self) -> None:
        stage = await side_by_side()
        stage.kuberay.end(stage.rayjobs[0], "Failed", reason="AppFailed")
        await at_rest(stage)
        assert attempts(stage) == [["Failed", "Running"], []]
        await end_attempt(stage, 0)
        assert attempts(stage) == [["Failed", "Ended"], ["Running"]]
        assert stage.kuberay.most_at_work == 1

    async def test_those_that_are_resumed_go_on_where_they_were(self) -> None:
        stage = await side_by_side()
        for is_suspended in (True, False):
            stage.edit(suspend=is_suspended)
            await at_rest(stage)
        assert attempts(stage) == [["Running"], []]
        assert stage.kuberay.most_at_work == 1

    async def test_in_the_order_of_their_numbers(self) -> None:
        stage = await side_by_side(runs=4)
        for ended in range(3):
            await end_attempt(stage, ended)
            running = [n for n, of_run in enumerate(attempts(stage)) if of_run == ["Running"]]
            assert running == [ended + 1]
        await measured(stage)
        assert stage.reason == Reason.MEASURED
        assert stage.kuberay.most_at_work == 1

    async def test_whatever_the_order_in_which_they_are_read(self) -> None:
        stage = await side_by_side(runs=3)
        stage.kuberay.end(stage.rayjobs[0], "Failed", reason="AppFailed")
        for _ in range(2):
            stage.kuberay.step()
        stage.hear()
        world = stage.store.world(KEY, now=stage.now(), refusals={})
        for runs in (world.runs, world.runs[::-1]):
            planned = decide(replace(world, runs=runs)).attempts
            assert [(a.run.spec.number, a.number) for a in planned] == [(1, 2)]

    async def test_one_whose_attempts_are_used_up_ends_though_another_measures(self) -> None:
        stage = await side_by_side(backoffLimit=0)
        stage.kuberay.end(stage.rayjobs[0], "Failed", reason="AppFailed")
        await at_rest(stage)
        assert attempts(stage) == [["Failed"], ["Running"]]
        ready = condition(stage.runs[0].status.conditions, ConditionType.READY)
        assert ready is not None
        assert ready.reason == Reason.TRIALS_FAILED
