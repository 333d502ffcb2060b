"""When an attempt on a pool begins, waits, is suspended or is of no use any more."""

import pytest
from slmeval_api.conditions import Reason
from slmeval_decisions.attempts import (
    ABANDON_AFTER,
    RELEASE_AFTER,
    PoolDecision,
    decide_pool,
    is_finished,
    overdue,
)
from slmeval_decisions.verdict import Refusal, Standing, State, superseded
from unit.operator.worlds import (
    RUN,
    UNSCHEDULABLE,
    a_failure,
    a_pod,
    a_rayjob,
    a_run,
    a_situation,
    a_trial,
    ago,
    an_attempt,
    conditions_of,
    result_json,
)

JOB = f"{RUN}-gpu-1"
DONE = a_trial("done", result=result_json())


def in_progress(reason: Reason, message: str) -> Standing:
    """Return the standing of something that goes on."""
    return Standing(state=State.IN_PROGRESS, reason=reason, message=message)


class TestATrialIsFinishedWhenNoAttemptWouldMeasureItAgain:
    @pytest.mark.parametrize(
        ("trial", "verdict"),
        [
            (a_trial(), False),
            (a_trial(result=result_json()), True),
            (a_trial(result=result_json(failure=a_failure(may_pass=False))), True),
            (a_trial(result=result_json(failure=a_failure(may_pass=True))), False),
        ],
        ids=["no result", "measured", "failed for good", "failed in passing"],
    )
    def test_by_its_result_alone(self, trial: object, verdict: bool) -> None:
        assert is_finished(trial) is verdict  # type: ignore[arg-type]


class TestTheFirstAttempt:
    def test_begins_as_soon_as_there_are_trials(self) -> None:
        assert decide_pool(a_situation()) == PoolDecision(
            standing=in_progress(Reason.PENDING, "Attempt 1 on pool gpu is being made."),
            start_attempt=1,
        )

    def test_waits_for_the_pods_of_an_older_run_on_the_pool(self) -> None:
        pods = (a_pod("old-gpu-1", "head"), a_pod("old-gpu-1", "b"), a_pod("old-gpu-1", "a"))
        assert decide_pool(a_situation(pods=pods)) == PoolDecision(
            standing=in_progress(
                Reason.PENDING,
                "Waiting for pods of an attempt before to end: old-gpu-1-a and 2 more.",
            )
        )

    def test_waits_for_the_rayjob_of_another_run_also_before_that_has_pods(self) -> None:
        assert decide_pool(a_situation(holder="old-gpu-1")) == PoolDecision(
            standing=in_progress(
                Reason.PENDING,
                "Waiting for RayJob old-gpu-1 of another run to end: runs take turns on a pool.",
            )
        )

    def test_is_not_made_while_the_evaluation_is_suspended(self) -> None:
        decision = decide_pool(a_situation(is_suspended=True))
        assert decision == PoolDecision(
            standing=Standing(
                state=State.WAITING,
                reason=Reason.SUSPENDED,
                message=(
                    "spec.suspend is true. Set it to false to measure the trials that are left."
                ),
            )
        )

    def test_is_not_made_for_a_superseded_run(self) -> None:
        assert decide_pool(a_situation(is_superseded=True)) == PoolDecision(standing=superseded())

    def test_is_not_made_when_all_trials_have_their_result(self) -> None:
        assert decide_pool(a_situation(trials=(DONE,))).start_attempt is None


class TestAnAttemptThatWasRefused:
    @pytest.mark.parametrize(("is_due", "start"), [(False, None), (True, 1)])
    def test_says_so_until_it_is_taken_and_is_tried_when_it_is_due(
        self, is_due: bool, start: int | None
    ) -> None:
        refusals = {JOB: Refusal(words="exceeded quota", is_due=is_due)}
        assert decide_pool(a_situation(refusals=refusals)) == PoolDecision(
            standing=Standing(
                state=State.STALLED,
                reason=Reason.RAYJOB_REFUSED,
                message="The API server refused what an attempt needs: exceeded quota",
            ),
            start_attempt=start,
        )

    def test_another_attempts_refusal_is_not_its_own(self) -> None:
        refusals = {f"{RUN}-gpu-2": Refusal(words="exceeded quota", is_due=False)}
        assert decide_pool(a_situation(refusals=refusals)).start_attempt == 1


class TestARunningAttemptIsLeftAlone:
    def test_while_its_cluster_starts(self) -> None:
        for stage in ("", "Initializing", "Waiting", "Failure"):
            decision = decide_pool(a_situation(jobs=(a_rayjob(stage=stage, age_s=10),)))
            message = f"The Ray cluster of RayJob {JOB} is starting."
            assert decision == PoolDecision(standing=in_progress(Reason.STARTING, message))

    def test_while_its_driver_works_through_the_trials(self) -> None:
        job = a_rayjob()
        assert decide_pool(a_situation(jobs=(job,), pods=(a_pod(job),))) == PoolDecision(
            standing=in_progress(Reason.PENDING, "Waits for a free worker of pool gpu.")
        )

    def test_and_kuberays_silence_is_told_after_half_a_minute(self) -> None:
        decision = decide_pool(a_situation(jobs=(a_rayjob(stage="", age_s=30),)))
        assert decision == PoolDecision(
            standing=in_progress(
                Reason.STARTING,
                f"KubeRay has not taken up RayJob {JOB}: see that its operator runs and watches "
                "this namespace.",
            )
        )

    def test_while_it_is_being_deleted(self) -> None:
        job = a_rayjob(is_being_deleted=True)
        assert decide_pool(a_situation(jobs=(job,))) == PoolDecision(
            standing=in_progress(Reason.RETRYING, f"RayJob {JOB} is being deleted.")
        )


class TestAPodThatCannotStartIsNews:
    def test_nodes_are_missing(self) -> None:
        job = a_rayjob(stage="Initializing")
        pods = (a_pod(job), a_pod(job, "worker", **UNSCHEDULABLE))
        assert decide_pool(a_situation(jobs=(job,), pods=pods)).standing == in_progress(
            Reason.WAITING_FOR_NODES,
            f"Pod {JOB}-worker cannot be scheduled: 0/1 nodes are available: 1 Insufficient "
            "nvidia.com/gpu. Add or free nodes that SLMPool gpu selects, or lower its "
            "gpus.perWorker or workerResources. The attempt waits until "
            "spec.startDeadlineSeconds (1800 s) have passed.",
        )

    def test_an_image_cannot_be_pulled(self) -> None:
        job = a_rayjob(stage="Initializing")
        wait = {"waiting": {"reason": "ErrImagePull", "message": "denied"}}
        status = [{"name": "ray-head", "image": "runner:1", "state": wait}]
        pods = (a_pod(job, containerStatuses=status),)
        standing = decide_pool(a_situation(jobs=(job,), pods=pods)).standing
        assert standing.reason == Reason.WAITING_FOR_IMAGE
        assert standing.message.startswith(
            f"Pod {JOB}-head cannot start: container ray-head, image runner:1: "
            "ErrImagePull: denied. Check the image, imagePullSecrets and Secrets"
        )

    def test_but_not_in_its_first_seconds(self) -> None:
        job = a_rayjob(stage="Initializing", age_s=4)
        pods = (a_pod(job, age_s=4, **UNSCHEDULABLE),)
        assert decide_pool(a_situation(jobs=(job,), pods=pods)).standing.reason == Reason.STARTING


class TestSuspending:
    def test_stops_the_running_attempt(self) -> None:
        decision = decide_pool(a_situation(jobs=(a_rayjob(),), is_suspended=True))
        assert (decision.suspend, decision.standing.state) == ((JOB, True), State.WAITING)

    @pytest.mark.parametrize(
        "job",
        [
            a_rayjob(is_suspended=True),
            a_rayjob(stage="Failed"),
            a_rayjob(is_being_deleted=True),
        ],
        ids=["asked already", "over", "being deleted"],
    )
    def test_asks_no_more_of_one_that_will_not_run(self, job: object) -> None:
        decision = decide_pool(a_situation(jobs=(job,), is_suspended=True))
        assert (decision.suspend, decision.delete_jobs) == (None, ())

    def test_resuming_lets_it_go_on(self) -> None:
        job = a_rayjob(stage="Suspended", is_suspended=True)
        assert decide_pool(a_situation(jobs=(job,))) == PoolDecision(
            standing=in_progress(Reason.STARTING, "Resuming."), suspend=(JOB, False)
        )

    def test_resuming_waits_for_the_pods_of_before(self) -> None:
        job = a_rayjob(stage="Suspending", is_suspended=True, age_s=90_000)
        decision = decide_pool(a_situation(jobs=(job,), pods=(a_pod(job, age_s=90_000),)))
        assert decision == PoolDecision(
            standing=in_progress(
                Reason.STARTING, f"Waiting for pods of an attempt before to end: {JOB}-head."
            )
        )


class TestAnEditStopsWhatNobodyAsksAnyMore:
    def test_the_rayjob_at_work_is_deleted_once(self) -> None:
        for job, deleted in ((a_rayjob(), (JOB,)), (a_rayjob(is_being_deleted=True), ())):
            decision = decide_pool(a_situation(jobs=(job,), is_superseded=True))
            assert decision == PoolDecision(standing=superseded(), delete_jobs=deleted)

    def test_also_when_suspended_or_when_somebody_deleted_the_trials(self) -> None:
        situation = a_situation(
            jobs=(a_rayjob(),), trials=(), is_superseded=True, is_suspended=True
        )
        assert decide_pool(situation).delete_jobs == (JOB,)

    def test_one_that_is_over_is_kept_for_the_record(self) -> None:
        situation = a_situation(jobs=(a_rayjob(stage="Complete"),), is_superseded=True)
        assert decide_pool(situation).delete_jobs == ()


class TestADriverThatDoesNotEndHoldsNoGpuForLong:
    @pytest.mark.parametrize(("age_s", "deleted"), [(119, ()), (120, ()), (121, (JOB,))], ids=str)
    def test_it_has_two_minutes_after_the_last_result(
        self, age_s: int, deleted: tuple[str, ...]
    ) -> None:
        old = a_trial("old", result=result_json(completed=ago(5000)))
        last = a_trial("last", result=result_json(completed=ago(age_s)))
        decision = decide_pool(a_situation(trials=(last, old), jobs=(a_rayjob(),)))
        assert decision.delete_jobs == deleted

    @pytest.mark.parametrize(
        "job", [a_rayjob(stage="Complete"), a_rayjob(is_being_deleted=True)], ids=["over", "going"]
    )
    def test_nothing_is_deleted_twice(self, job: object) -> None:
        late = a_trial(result=result_json(completed=ago(5000)))
        assert decide_pool(a_situation(trials=(late,), jobs=(job,))).delete_jobs == ()

    def test_given_up_trials_need_no_driver_at_all(self) -> None:
        given_up = a_trial(conditions=conditions_of(State.FAILED, Reason.DEADLINE_EXCEEDED))
        assert decide_pool(a_situation(trials=(given_up,), jobs=(a_rayjob(),))).delete_jobs == (
            JOB,
        )


class TestPodsThatShouldNotBe:
    def test_those_of_rayjobs_that_are_over_suspended_deleted_or_gone(self) -> None:
        jobs = [
            a_rayjob(1, "Running"),
            a_rayjob(2, "Complete"),
            a_rayjob(3, "Failed"),
            a_rayjob(4, "Suspending", is_suspended=True),
            a_rayjob(5, "Running", is_being_deleted=True),
        ]
        pods = [a_pod(f"{RUN}-gpu-{n}") for n in range(1, 7)]
        assert overdue(jobs, pods) == {
            f"{RUN}-gpu-2": RELEASE_AFTER,
            f"{RUN}-gpu-3": RELEASE_AFTER,
            f"{RUN}-gpu-4": ABANDON_AFTER,
            f"{RUN}-gpu-5": ABANDON_AFTER,
            f"{RUN}-gpu-6": ABANDON_AFTER,
        }

    def test_a_rayjob_without_pods_is_fine(self) -> None:
        assert overdue([a_rayjob(stage="Failed")], []) == {}


class TestAttemptsThatWereMadeAreCounted:
    def test_by_rayjobs_and_by_the_record_together(self) -> None:
        run = a_run(attempts=[an_attempt(1, "Failed"), an_attempt(2, "Failed")])
        assert a_situation(run).attempts_made == 2
        assert a_situation(jobs=(a_rayjob(3),)).attempts_made == 3
        assert a_situation().attempts_made == 0

    def test_those_on_other_pools_are_not(self) -> None:
        run = a_run(attempts=[an_attempt(2, "Failed", pool="cpu")])
        assert a_situation(run).attempts_made == 0
