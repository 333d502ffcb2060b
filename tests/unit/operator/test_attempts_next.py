"""What follows an attempt that ended with trials unfinished, or whose RayJob is gone."""

import pytest
from slmeval_api.conditions import Reason
from slmeval_api.run import Attempt, Run
from slmeval_decisions.attempts import PoolDecision, attempts_of, decide_pool
from slmeval_decisions.observed import Pod, RayJob
from slmeval_decisions.verdict import Standing, State
from unit.operator.worlds import (
    NOW,
    RUN,
    UNSCHEDULABLE,
    a_failure,
    a_pod,
    a_rayjob,
    a_run,
    a_run_pool,
    a_situation,
    a_trial,
    ago,
    an_attempt,
    conditions_of,
    result_json,
)

JOB = f"{RUN}-gpu-1"
AGAIN = "Edit the evaluation to ask again."
IN_PASSING = a_trial(result=result_json(failure=a_failure(may_pass=True)))


def standing(state: State, reason: Reason, message: str) -> Standing:
    """Return a standing."""
    return Standing(state=state, reason=reason, message=message)


def failed(reason: Reason, message: str) -> PoolDecision:
    """Return the decision to give up."""
    return PoolDecision(standing=standing(State.FAILED, reason, message))


class TestTheNextAttemptComesWhenThePodsOfTheOneBeforeAreGone:
    def test_not_before(self) -> None:
        job = a_rayjob(stage="Failed", reason="AppFailed")
        decision = decide_pool(a_situation(jobs=(job,), pods=(a_pod(job, "worker"),)))
        message = f"Waiting for pods of an attempt before to end: {JOB}-worker."
        assert decision == PoolDecision(
            standing=standing(State.IN_PROGRESS, Reason.RETRYING, message)
        )

    def test_nor_while_another_run_has_the_pool(self) -> None:
        job = a_rayjob(stage="Failed", reason="AppFailed")
        pods = (a_pod("other-gpu-1"),)
        message = "Waiting for RayJob other-gpu-1 of another run to end: runs take turns on a pool."
        decision = decide_pool(a_situation(jobs=(job,), pods=pods, holder="other-gpu-1"))
        assert decision == PoolDecision(
            standing=standing(State.IN_PROGRESS, Reason.RETRYING, message)
        )

    def test_the_last_one_allowed_is_over_whatever_others_do(self) -> None:
        job, pods = a_rayjob(3, "Failed"), (a_pod("other-gpu-1"),)
        decision = decide_pool(a_situation(jobs=(job,), pods=pods, holder="other-gpu-1"))
        assert decision.standing.reason == Reason.ATTEMPTS_EXHAUSTED

    def test_then_it_says_why_it_is_made(self) -> None:
        job = a_rayjob(stage="Failed", reason="AppFailed", message="exit 1")
        message = (
            f"Attempt 1 of 3 left this trial unfinished: RayJob {JOB} failed (AppFailed): exit 1"
        )
        assert decide_pool(a_situation(jobs=(job,))) == PoolDecision(
            standing=standing(State.IN_PROGRESS, Reason.RETRYING, message), start_attempt=2
        )

    @pytest.mark.parametrize("stage", ["Failed", "Complete"])
    def test_a_failure_that_may_pass_is_tried_again(self, stage: str) -> None:
        situation = a_situation(jobs=(a_rayjob(stage=stage),), trials=(IN_PASSING,))
        assert decide_pool(situation).start_attempt == 2

    def test_it_is_also_made_when_the_last_results_came_before_the_others(self) -> None:
        done = a_trial("done", result=result_json())
        situation = a_situation(jobs=(a_rayjob(stage="Failed"),), trials=(done, a_trial()))
        assert situation.unfinished == [a_trial()]
        assert decide_pool(situation).start_attempt == 2


class TestAttemptsAreCounted:
    def test_without_any_left_the_cause_is_told(self) -> None:
        job = a_rayjob(3, "Complete")
        assert decide_pool(a_situation(jobs=(job,))) == failed(
            Reason.ATTEMPTS_EXHAUSTED,
            "No result after 3 attempts (1 + spec.backoffLimit); "
            f"RayJob {job.name} ended without its result. {AGAIN}",
        )

    @pytest.mark.parametrize(("limit", "start"), [(0, None), (1, 2), (2, 2)])
    def test_backoff_limit_counts_further_ones(self, limit: int, start: int | None) -> None:
        situation = a_situation(a_run(backoffLimit=limit), jobs=(a_rayjob(stage="Failed"),))
        assert decide_pool(situation).start_attempt == start

    def test_a_failure_that_does_not_pass_by_itself_ends_with_the_attempts(self) -> None:
        situation = a_situation(jobs=(a_rayjob(3, "Failed"),), trials=(IN_PASSING,))
        assert decide_pool(situation).standing.reason == Reason.ATTEMPTS_EXHAUSTED

    def test_a_failure_without_words_names_the_stage(self) -> None:
        run = a_run(backoffLimit=0)
        decision = decide_pool(a_situation(run, jobs=(a_rayjob(stage="Failed"),)))
        assert f"RayJob {JOB} failed (Failed): no details" in decision.standing.message


class TestADeadlineIsFinal:
    def test_the_attempt_took_too_long(self) -> None:
        job = a_rayjob(stage="Failed", reason="DeadlineExceeded")
        assert decide_pool(a_situation(jobs=(job,))) == failed(
            Reason.DEADLINE_EXCEEDED,
            "The attempt took longer than spec.deadlineSeconds (14400 s): raise it, or ask for "
            f"fewer models, smaller workloads or a smaller task limit. {AGAIN}",
        )

    def test_but_results_on_their_way_are_waited_for(self) -> None:
        job = a_rayjob(stage="Failed", reason="DeadlineExceeded")
        decision = decide_pool(a_situation(jobs=(job,), pods=(a_pod(job),)))
        assert decision.standing.state == State.IN_PROGRESS

    def test_kuberay_is_down_past_the_deadline(self) -> None:
        job = a_rayjob()
        limit = 14_400 + 60
        for age_s, deleted in ((limit, ()), (limit + 1, (JOB,))):
            pods = (a_pod(job, age_s=age_s), a_pod(job, "late", age_s=1))
            decision = decide_pool(a_situation(jobs=(job,), pods=pods))
            assert decision.delete_jobs == deleted
        assert decision.standing.reason == Reason.DEADLINE_EXCEEDED

    def test_and_stays_so_if_we_died_right_after_the_deletion(self) -> None:
        job = a_rayjob(is_being_deleted=True)
        decision = decide_pool(a_situation(jobs=(job,), pods=(a_pod(job, age_s=20_000),)))
        assert decision.standing.reason == Reason.DEADLINE_EXCEEDED
        assert decision.delete_jobs == ()


class TestAStartDeadlineSaysWhatKeptThePods:
    LATE = a_rayjob(stage="Failed", reason="PreRunningDeadlineExceeded")
    BEGIN = "No Ray cluster was ready within spec.startDeadlineSeconds (1800 s). "

    def test_as_long_as_they_are_there_they_are_asked(self) -> None:
        pods = (a_pod(self.LATE), a_pod(self.LATE, "worker", **UNSCHEDULABLE))
        assert decide_pool(a_situation(jobs=(self.LATE,), pods=pods)) == failed(
            Reason.START_DEADLINE_EXCEEDED,
            f"{self.BEGIN}Pod {JOB}-worker cannot be scheduled: 0/1 nodes are available: 1 "
            "Insufficient nvidia.com/gpu. Add or free nodes that SLMPool gpu selects, or lower "
            f"its gpus.perWorker or workerResources. {AGAIN}",
        )

    def test_afterwards_the_trials_remember(self) -> None:
        job = a_rayjob(stage="Initializing")
        waits = decide_pool(
            a_situation(jobs=(job,), pods=(a_pod(job, "worker", **UNSCHEDULABLE),))
        ).standing
        trial = a_trial(conditions=conditions_of(waits.state, waits.reason, waits.message))
        decision = decide_pool(a_situation(jobs=(self.LATE,), trials=(trial,)))
        assert "1 Insufficient nvidia.com/gpu. Add or free nodes" in decision.standing.message
        assert "The attempt waits" not in decision.standing.message

    def test_when_nobody_knows_it_says_where_to_look(self) -> None:
        assert decide_pool(a_situation(jobs=(self.LATE,))) == failed(
            Reason.START_DEADLINE_EXCEEDED,
            f"{self.BEGIN}No pod said why; see kubectl describe raycluster. {AGAIN}",
        )


class TestARayJobThatKuberayRefusesIsNotRepeated:
    def test_its_words_are_quoted(self) -> None:
        job = a_rayjob(stage="ValidationFailed", message="name too long")
        assert decide_pool(a_situation(jobs=(job,))) == failed(
            Reason.RAYJOB_REFUSED, f"KubeRay refused RayJob {JOB}: name too long. {AGAIN}"
        )


class TestARayJobThatSomebodyDeleted:
    ONCE = a_run(attempts=[an_attempt(1)])

    def test_counts_as_an_attempt_and_the_next_is_made(self) -> None:
        assert decide_pool(a_situation(self.ONCE)) == PoolDecision(
            standing=standing(
                State.IN_PROGRESS, Reason.RETRYING, "Attempt 2 on pool gpu is being made."
            ),
            start_attempt=2,
        )

    def test_its_pods_are_waited_for_though_it_is_gone(self) -> None:
        decision = decide_pool(a_situation(self.ONCE, pods=(a_pod(JOB),)))
        assert decision.start_attempt is None

    def test_the_last_one_allowed_is_not_replaced(self) -> None:
        run = a_run(attempts=[an_attempt(1, "Failed")], backoffLimit=0)
        assert decide_pool(a_situation(run)) == failed(
            Reason.ATTEMPTS_EXHAUSTED,
            f"RayJob of attempt 1 was deleted, and it was the last one allowed. {AGAIN}",
        )

    def test_an_older_one_that_is_still_there_does_not_stand_for_it(self) -> None:
        run = a_run(attempts=[an_attempt(1, "Failed"), an_attempt(2)])
        decision = decide_pool(a_situation(run, jobs=(a_rayjob(1, "Failed"),)))
        assert decision.start_attempt == 3


class TestWhatHasEndedIsNotMeasuredAgain:
    @pytest.mark.parametrize(
        "trial",
        [
            a_trial(result=result_json()),
            a_trial(result=result_json(failure=a_failure(may_pass=False))),
            a_trial(conditions=conditions_of(State.FAILED, Reason.DEADLINE_EXCEEDED)),
        ],
        ids=["measured", "failed for good", "given up"],
    )
    @pytest.mark.parametrize(
        "jobs", [(), (a_rayjob(stage="Failed"),)], ids=["job deleted", "job failed"]
    )
    def test_whatever_becomes_of_the_rayjob(self, trial: object, jobs: tuple[object, ...]) -> None:
        run = a_run(attempts=[an_attempt(1)])
        situation = a_situation(run, trials=(trial,), jobs=jobs)
        assert situation.unfinished == []
        assert decide_pool(situation).start_attempt is None


def record_of(run: Run, jobs: list[RayJob], pods: tuple[Pod, ...] = ()) -> list[Attempt]:
    """Return the record as it is now."""
    return attempts_of(run, jobs, pods=pods, now=NOW)


class TestTheRecordOfAttempts:
    def test_says_what_kuberay_said(self) -> None:
        job = a_rayjob(2, "Failed", reason="AppFailed", message="exit 1")
        assert record_of(a_run(), [job, a_rayjob(1, "Complete", message="all good")]) == [
            Attempt(
                pool="gpu",
                number=1,
                name=JOB,
                outcome="Ended",
                start_time=ago(60),
                released_time=ago(0),
            ),
            Attempt(
                pool="gpu",
                number=2,
                name=job.name,
                outcome="Failed",
                reason="AppFailed",
                message="exit 1",
                start_time=ago(60),
                released_time=ago(0),
            ),
        ]

    def test_keeps_those_whose_rayjob_is_gone_and_says_that_it_was_deleted(self) -> None:
        ended = an_attempt(1, "Ended", releasedTime=ago(99))
        run = a_run(attempts=[ended, an_attempt(2)])
        first, second = record_of(run, [])
        assert first == run.status.attempts[0]
        assert (second.outcome, second.reason, second.message) == (
            "Failed",
            "Deleted",
            "Its RayJob was deleted.",
        )

    def test_is_the_same_when_nothing_new_is_known(self) -> None:
        jobs = [a_rayjob(1, "Failed", reason="AppFailed"), a_rayjob(2)]
        run = a_run(attempts=[a.to_json_data() for a in record_of(a_run(), jobs)])
        assert record_of(run, jobs[1:]) == run.status.attempts

    def test_has_no_place_for_copies_on_pools_that_the_run_does_not_have(self) -> None:
        run = a_run(pools=[a_run_pool("gpu")])
        assert record_of(run, [a_rayjob(pool="")]) == []


class TestNodesAreReleasedWhenTheLastPodIsGone:
    @pytest.mark.parametrize(
        ("job", "time"),
        [
            (a_rayjob(1, "Initializing"), None),  # its pods are still to come
            (a_rayjob(1, "Running", is_suspended=True), None),
            (a_rayjob(1, "Suspended", is_suspended=True), ago(0)),
            (a_rayjob(1, "Complete"), ago(0)),
            (a_rayjob(1, "Failed"), ago(0)),
        ],
        ids=["starting", "being suspended", "suspended", "complete", "failed"],
    )
    def test_of_an_attempt_that_will_make_no_more(self, job: RayJob, time: str | None) -> None:
        (attempt,) = record_of(a_run(), [job])
        assert attempt.released_time == time

    def test_not_before(self) -> None:
        (attempt,) = record_of(a_run(), [a_rayjob(1, "Complete")], (a_pod(JOB),))
        assert attempt.released_time is None

    def test_at_the_time_when_it_was_first_seen(self) -> None:
        run = a_run(attempts=[an_attempt(1, "Ended", releasedTime=ago(99))])
        (attempt,) = record_of(run, [a_rayjob(1, "Complete")])
        assert attempt.released_time == ago(99)

    def test_and_taken_again_by_one_that_is_resumed(self) -> None:
        run = a_run(attempts=[an_attempt(1, releasedTime=ago(99))])
        (attempt,) = record_of(run, [a_rayjob(1, "Initializing")])
        assert attempt.released_time is None
