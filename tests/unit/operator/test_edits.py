"""What users do to an evaluation on its way: edit, suspend, delete, make it again."""

from typing import Any

from builders import a_model, evaluation_body, pool_body
from slmeval_api.conditions import Reason
from unit.operator.stage import DEMO, Stage
from unit.operator.worlds import a_failure


async def started(**spec: Any) -> Stage:
    """Return a stage on which the first attempt runs."""
    stage = Stage(**spec)
    await stage.settle()
    return stage


async def after(stage: Stage, **spec: Any) -> Stage:
    """Return the stage at rest after an edit."""
    stage.edit(**spec)
    stage.hear()
    await stage.settle()
    return stage


def run_reasons(stage: Stage) -> list[str]:
    """Return the reason of each run, oldest question first."""
    return [run.status.conditions[0].reason for run in stage.runs]


class TestAnEditAsksAnew:
    async def test_the_old_run_stops_and_a_new_one_takes_the_pool(self) -> None:
        stage = await started()
        old = stage.rayjobs
        await after(stage, seed=2)
        assert run_reasons(stage) == [Reason.SUPERSEDED, Reason.PENDING]
        assert set(old).isdisjoint(stage.rayjobs)
        assert len(stage.rayjobs) == 1
        assert stage.kuberay.most_at_work == 1
        assert stage.evaluation.status.current_run is not None
        assert stage.evaluation.status.current_run.name == stage.runs[1].meta.name

    async def test_the_record_says_that_the_old_attempt_was_deleted(self) -> None:
        stage = await after(await started(), seed=2)
        (attempt,) = stage.runs[0].status.attempts
        assert (attempt.outcome, attempt.reason) == ("Failed", "Deleted")

    async def test_what_was_measured_before_is_kept(self) -> None:
        stage = await started(models=[a_model("big"), a_model("small")])
        big = next(iter(stage.trials))
        stage.measure(big)
        await after(stage, seed=2)
        assert stage.trials[big].status.conditions[0].reason == Reason.MEASURED
        assert run_reasons(stage)[0] == Reason.SUPERSEDED

    async def test_an_edit_taken_back_asks_a_third_time(self) -> None:
        stage = await after(await after(await started(), seed=2), seed=1)
        assert run_reasons(stage) == [Reason.SUPERSEDED, Reason.PENDING]
        assert [run.spec.number for run in stage.runs] == [2, 3]  # one that failed is kept

    async def test_an_edit_taken_back_before_its_run_could_begin_asks_anew_too(self) -> None:
        stage = await after(await started(), pools=["none"])
        assert stage.reason == Reason.POOL_NOT_FOUND
        assert stage.rayjobs == []
        await after(stage, pools=["gpu"])
        assert run_reasons(stage) == [Reason.SUPERSEDED, Reason.PENDING]
        assert stage.reason == Reason.PENDING

    async def test_also_when_its_only_trial_had_failed_in_passing(self) -> None:
        stage = await started()
        stage.measure(next(iter(stage.trials)), failure=a_failure())
        await after(await after(stage, pools=["none"]), pools=["gpu"])
        assert run_reasons(stage) == [Reason.SUPERSEDED, Reason.PENDING]

    async def test_an_edit_taken_back_before_we_saw_it_changes_nothing(self) -> None:
        stage = await started()
        stage.edit(seed=2)
        await after(stage, seed=1)
        assert run_reasons(stage) == [Reason.PENDING]

    async def test_a_finished_answer_to_the_same_question_stands(self) -> None:
        stage = await started()
        stage.measure(next(iter(stage.trials)))
        stage.kuberay.end(stage.rayjobs[0])
        await stage.settle()
        await after(await after(stage, pools=["none"]), pools=["gpu"])
        assert run_reasons(stage) == [Reason.MEASURED]
        assert stage.reason == Reason.MEASURED

    async def test_a_superseded_run_that_lost_a_trial_stops_as_well(self) -> None:
        stage = await started()
        old = stage.rayjobs
        stage.api.vanish(("slmtrials", "team", next(iter(stage.trials))))
        await after(stage, seed=2)
        assert set(old).isdisjoint(stage.rayjobs)
        assert run_reasons(stage) == [Reason.SUPERSEDED, Reason.PENDING]

    async def test_an_edit_of_the_pool_changes_the_next_run_only(self) -> None:
        stage = await started()
        stage.api.edit(("slmpools", None, "gpu"), workers=2)
        stage.hear()
        assert await stage.reconcile() == []


class TestSuspendingIsNotAnEdit:
    async def test_it_frees_the_nodes_and_resuming_goes_on(self) -> None:
        stage = await after(await started(), suspend=True)
        assert (stage.reason, stage.api.names_of("pods")) == (Reason.SUSPENDED, [])
        assert stage.evaluation.status.observed_generation == 2
        await after(stage, suspend=False)
        assert (stage.reason, len(stage.runs), len(stage.rayjobs)) == (Reason.PENDING, 1, 1)
        assert stage.api.names_of("pods") != []

    async def test_an_evaluation_that_is_made_suspended_holds_nothing(self) -> None:
        stage = await started(suspend=True)
        assert (stage.reason, stage.rayjobs) == (Reason.SUSPENDED, [])
        assert len(stage.trials) == 1

    async def test_suspending_what_is_over_changes_only_what_was_observed(self) -> None:
        stage = await started()
        stage.measure(next(iter(stage.trials)))
        stage.kuberay.end(stage.rayjobs[0])
        await stage.settle()
        before = stage.everything()
        await after(stage, suspend=True)
        assert stage.reason == Reason.MEASURED
        assert [o for o in stage.everything() if o["kind"] != "SLMEvaluation"] == [
            o for o in before if o["kind"] != "SLMEvaluation"
        ]


class TestDeletingAnEvaluation:
    async def test_leaves_nothing(self) -> None:
        stage = await started()
        stage.api.remove(DEMO)
        stage.hear()
        await stage.settle()
        kinds = {place[0] for place in stage.api.objects}
        assert kinds == {"slmpools", "events"}
        assert stage.store.evaluations() == set()

    async def test_makes_nothing_while_it_is_being_deleted(self) -> None:
        stage = Stage()
        stage.api.objects[DEMO]["metadata"]["finalizers"] = ["foregroundDeletion"]
        stage.api.remove(DEMO)
        stage.boot()
        assert await stage.reconcile() == []

    async def test_with_kuberay_down_frees_the_pods_after_the_grace(self) -> None:
        stage = await started()
        stage.kuberay.is_up = False
        stage.api.remove(DEMO)
        stage.hear()
        await stage.settle()
        assert stage.api.names_of("pods") != []
        stage.wait(31)
        await stage.settle()
        assert (stage.api.names_of("pods"), stage.api.names_of("rayclusters")) == ([], [])
        assert len(stage.rayjobs) == 1
        stage.kuberay.is_up = True
        await stage.settle()
        assert stage.rayjobs == []

    async def test_and_making_it_again_starts_from_the_beginning(self) -> None:
        stage = await started()
        old = stage.rayjobs
        stage.api.remove(DEMO)
        stage.api.put("slmevaluations", evaluation_body(uid="uid-again"))
        stage.hear()
        await stage.settle()
        assert len(stage.runs) == 1
        assert set(old).isdisjoint(stage.rayjobs)
        assert stage.reason == Reason.PENDING


class TestAPoolThatIsMissingIsWaitedFor:
    async def test_and_the_run_starts_when_it_comes(self) -> None:
        stage = Stage(with_pool=False)
        await stage.settle()
        assert (stage.reason, stage.runs) == (Reason.POOL_NOT_FOUND, [])
        stage.api.put("slmpools", pool_body())
        stage.hear()
        await stage.settle()
        assert stage.reason == Reason.PENDING


class TestDeletingARunAsksAgain:
    async def test_under_the_same_name_once_its_pods_are_gone(self) -> None:
        stage = await started()
        name = stage.runs[0].meta.name
        stage.api.remove(("slmruns", "team", name))
        stage.hear()
        await stage.settle()
        assert [r.meta.name for r in stage.runs] == [name]
        assert stage.kuberay.most_at_work == 1
        assert stage.reason == Reason.PENDING
