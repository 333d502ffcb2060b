"""What else goes wrong: refusals, KubeRay down, things deleted by hand, foreign objects."""

from datetime import timedelta
from typing import Any

from builders import Json, run_body
from slmeval_api.conditions import Reason
from slmeval_decisions import names
from slmeval_decisions.verdict import State
from slmeval_operator.reconcile import REFUSAL_LASTS
from unit.operator.stage import DEMO, KEY, Stage
from unit.operator.worlds import UNSCHEDULABLE, a_failure, conditions_of

QUOTA = "exceeded quota: gpus, requested: requests.nvidia.com/gpu=1"


async def started(**spec: Any) -> Stage:
    """Return a stage on which the first attempt runs."""
    stage = Stage(**spec)
    await stage.settle()
    return stage


class TestARefusalIsToldAndTriedAgain:
    async def refused(self, plural: str, words: str = QUOTA) -> Stage:
        """Return a stage whose API server refuses a kind."""
        stage = Stage()
        stage.api.refusals[plural] = words
        await stage.settle()
        return stage

    async def test_whatever_is_refused_the_evaluation_says_so(self) -> None:
        for plural, what in (
            ("slmruns", "the run"),
            ("slmtrials", "the trial"),
            ("configmaps", "what an attempt needs"),
            ("rayjobs", "what an attempt needs"),
        ):
            stage = await self.refused(plural)
            assert stage.reason == Reason.RAYJOB_REFUSED
            assert stage.message == f"The API server refused {what}: {QUOTA}"

    async def test_a_namespace_that_goes_away_is_named(self) -> None:
        stage = await self.refused("slmruns", "namespace team is being terminated")
        assert stage.reason == Reason.NAMESPACE_TERMINATING

    async def test_it_is_left_alone_for_half_a_minute_and_looked_at_again_by_itself(self) -> None:
        stage = await self.refused("rayjobs")
        assert await stage.reconciler.evaluation(KEY) == REFUSAL_LASTS.total_seconds()
        stage.wait(29)
        assert await stage.reconcile() == []

    async def test_trying_again_in_vain_writes_no_status(self) -> None:
        stage = await self.refused("rayjobs")
        stage.wait(31)
        writes = await stage.reconcile()
        assert all(w.startswith("POST ") for w in writes)
        assert writes[-1].startswith("POST rayjobs ")
        assert await stage.reconcile() == []

    async def test_it_goes_on_as_soon_as_the_server_yields(self) -> None:
        for plural in ("slmruns", "slmtrials", "rayjobs"):
            stage = await self.refused(plural)
            stage.api.refusals.clear()
            stage.wait(31)
            await stage.settle()
            assert stage.reason == Reason.PENDING
            assert len(stage.rayjobs) == 1

    async def test_an_event_that_is_refused_stops_nothing(self) -> None:
        stage = await self.refused("events")
        assert stage.reason == Reason.PENDING

    async def test_nothing_is_remembered_of_what_is_gone(self) -> None:
        stage = await self.refused("rayjobs")
        stage.api.remove(DEMO)
        stage.hear()
        await stage.settle()
        await stage.reconciler.evaluation(KEY)
        assert stage.reconciler._refusals == {}
        assert stage.reconciler._overdue_since == {}


class TestPodsThatKuberayLeavesBehindAreRemoved:
    async def test_after_the_grace_and_not_before(self) -> None:
        stage = await started()
        job = stage.rayjobs[0]
        stage.kuberay.is_up = False
        stage.kuberay.end(job, "Failed", reason="DeadlineExceeded")
        await stage.settle()
        stage.wait(29)
        await stage.settle()
        assert stage.api.names_of("rayclusters") == [f"{job}-c"]
        stage.wait(2)
        await stage.settle()
        assert stage.api.names_of("pods") == []
        assert "DeadlineExceeded" in stage.message

    async def test_a_new_process_counts_anew(self) -> None:
        stage = await started()
        stage.kuberay.is_up = False
        stage.kuberay.end(stage.rayjobs[0], "Failed", reason="AppFailed")
        stage.hear()
        await stage.reconcile()
        stage.wait(60)
        stage.boot()
        await stage.settle()
        assert stage.api.names_of("pods") != []

    async def test_also_when_suspending_meets_a_kuberay_that_is_down(self) -> None:
        stage = await started()
        stage.kuberay.is_up = False
        stage.edit(suspend=True)
        stage.hear()
        await stage.settle()
        stage.wait(31)
        await stage.settle()
        assert stage.api.names_of("pods") == []

    async def test_a_rayjob_past_its_deadline_is_ended_by_us(self) -> None:
        stage = await started(deadlineSeconds=3600)
        stage.kuberay.is_up = False
        stage.wait(3600 + 61)
        await stage.settle()
        stage.wait(31)
        await stage.settle()
        assert stage.api.names_of("pods") == []
        assert stage.reason == Reason.TRIALS_FAILED
        assert "DeadlineExceeded: The attempt took longer" in stage.message
        assert len(stage.rayjobs) == 1


class TestWhatSomebodyDeletes:
    async def test_a_trial_of_a_running_run_is_made_again(self) -> None:
        stage = await started()
        (name,) = stage.trials
        stage.api.vanish(("slmtrials", "team", name))
        stage.hear()
        await stage.settle()
        assert list(stage.trials) == [name]
        assert len(stage.rayjobs) == 1

    async def test_a_trial_of_a_finished_run_is_not(self) -> None:
        stage = await started()
        (name,) = stage.trials
        stage.measure(name)
        stage.kuberay.end(stage.rayjobs[0])
        await stage.settle()
        stage.api.vanish(("slmtrials", "team", name))
        stage.hear()
        assert await stage.reconcile() == []
        assert stage.reason == Reason.MEASURED

    async def test_a_rayjob_at_work_is_replaced_when_its_pods_are_gone(self) -> None:
        stage = await started()
        stage.api.remove(("rayjobs", "team", stage.rayjobs[0]))
        stage.hear()
        await stage.settle()
        assert [a.number for a in stage.runs[0].status.attempts] == [1, 2]
        assert stage.runs[0].status.attempts[0].reason == "Deleted"
        assert stage.kuberay.most_at_work == 1

    async def test_the_rayjob_of_a_run_that_has_ended_is_not(self) -> None:
        stage = await started()
        stage.kuberay.end(stage.rayjobs[0], "Failed", reason="DeadlineExceeded")
        await stage.settle()
        stage.api.remove(("rayjobs", "team", stage.rayjobs[0]))
        stage.hear()
        await stage.settle()
        assert stage.rayjobs == []
        assert stage.reason == Reason.TRIALS_FAILED


class TestADriverThatHangsIsEnded:
    async def test_two_minutes_after_the_last_result(self) -> None:
        stage = await started()
        stage.measure(next(iter(stage.trials)))
        await stage.settle()
        assert stage.reason == Reason.MEASURED
        assert stage.api.names_of("pods") != []
        stage.wait(121)
        await stage.settle()
        assert stage.api.names_of("pods") == []
        assert stage.reason == Reason.MEASURED


class TestAStartThatNeverComes:
    async def test_says_what_was_missing_after_the_pods_are_gone(self) -> None:
        stage = Stage(backoffLimit=2)
        for _ in range(4):
            await stage.reconcile()
        stage.kuberay.step()
        (job,) = stage.rayjobs
        stage.kuberay.block(job, **UNSCHEDULABLE)
        stage.kuberay.is_up = False
        stage.wait(6)
        stage.hear()
        await stage.settle()
        assert stage.reason == Reason.WAITING_FOR_NODES
        stage.kuberay.is_up = True
        stage.kuberay.end(job, "Failed", reason="PreRunningDeadlineExceeded")
        stage.hear()
        await stage.settle()
        assert "StartDeadlineExceeded" in stage.message
        assert "Insufficient nvidia.com/gpu" in stage.message
        assert stage.rayjobs == [job]


def foreign_run(namespace: str, uid: str, **meta: Any) -> Json:
    """Return a run that somebody labelled with the evaluation's uid."""
    body = run_body("theirs", namespace, uid, seed=9)
    body["spec"]["number"] = 99
    body["metadata"]["labels"] = {names.EVALUATION_UID: "uid-demo"}
    return body | {"metadata": body["metadata"] | meta}


class TestOneEvaluationsWorldIsItsOwnNamespace:
    async def test_a_label_forged_elsewhere_reaches_nothing(self) -> None:
        stage = await started()
        before = stage.everything()
        stage.api.put("slmruns", foreign_run("elsewhere", "uid-theirs"))
        stage.hear()
        await stage.settle()
        ours = [o for o in stage.everything() if o["metadata"].get("namespace") != "elsewhere"]
        assert ours == before


class TestWhatAnotherVersionWroteStopsNothing:
    async def test_an_unknown_reason_of_a_finished_run(self) -> None:
        stage = await started()
        (name,) = stage.trials
        stage.measure(name)
        stage.kuberay.end(stage.rayjobs[0])
        await stage.settle()
        odd = [c.to_json_data() for c in conditions_of(State.SUCCEEDED, "GatesPassed", "fine")]
        run = ("slmruns", "team", stage.runs[0].meta.name)
        stage.api.set_status(run, conditions=odd)
        stage.api.vanish(("slmtrials", "team", name))
        stage.hear()
        await stage.settle()
        assert (stage.reason, stage.message) == ("Measured", "All 1 trials were measured.")

    async def test_an_unknown_reason_of_a_failed_trial(self) -> None:
        stage = await started(backoffLimit=0)
        (name,) = stage.trials
        odd = [c.to_json_data() for c in conditions_of(State.FAILED, "OverBudget", "too dear")]
        stage.api.set_status(("slmtrials", "team", name), conditions=odd)
        stage.hear()
        await stage.settle()
        assert "OverBudget: too dear" in stage.message


class TestTwoRunsOfOneGeneration:
    async def test_one_of_them_is_followed_always_the_same(self) -> None:
        stage = await started()
        run = stage.api.of("slmruns")[0]
        copy = run | {"metadata": run["metadata"] | {"name": "copy", "uid": "uid-copy"}}
        stage.api.put("slmruns", copy | {"status": {}})
        stage.hear()
        await stage.settle()
        chosen = stage.evaluation.status.current_run
        stage.boot()
        assert await stage.reconcile() == []
        assert stage.evaluation.status.current_run == chosen
        assert stage.kuberay.most_at_work == 1


class TestTimeIsNotNews:
    async def test_a_waiting_attempt_is_looked_at_but_not_written(self) -> None:
        stage = await started()
        stage.measure(next(iter(stage.trials)), failure=a_failure())
        await stage.settle()
        for _ in range(5):
            stage.wait(timedelta(minutes=5).total_seconds())
            assert await stage.reconcile() == []
