"""What RayJobs and pods say."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from builders import Json
from slmeval_api.objects import owner_reference
from slmeval_decisions import names
from slmeval_decisions.observed import (
    MAX_QUOTE,
    Blocker,
    Pod,
    RayJob,
    blocker_of,
    instant,
    pod_of,
    quoted,
    rayjob_of,
)
from unit.operator.worlds import NOW, UNSCHEDULABLE, a_rayjob, a_run, ago, pod_body, rayjob_body


def waiting(reason: str, message: str | None = None, **container: object) -> Json:
    """Return the status of a pod one of whose containers waits."""
    state = {"reason": reason} | ({"message": message} if message else {})
    first = {"name": "ray-worker", "image": "runner:1", "state": {"waiting": state}, **container}
    return {"phase": "Pending", "containerStatuses": [first]}


class TestARayJobIsOverOnlyWhenKuberaySaysSoInAWordWeKnow:
    @pytest.mark.parametrize(
        ("stage", "outcome"),
        [
            ("", "Running"),
            ("Initializing", "Running"),
            ("Running", "Running"),
            ("Waiting", "Running"),
            ("Suspending", "Running"),
            ("Suspended", "Running"),
            ("Retrying", "Running"),
            ("SomethingNew", "Running"),
            ("Complete", "Ended"),
            ("Failed", "Failed"),
            ("ValidationFailed", "Failed"),
        ],
    )
    def test_a_stage_has_one_outcome(self, stage: str, outcome: str) -> None:
        assert a_rayjob(stage=stage).outcome == outcome

    @pytest.mark.parametrize("word", ["Failure", "FAILED", "SUCCEEDED", "STOPPED"])
    def test_what_ray_says_of_the_job_counts_for_nothing(self, word: str) -> None:
        body = rayjob_body()
        body["status"]["jobStatus"] = word
        assert rayjob_of(body) == a_rayjob()

    def test_all_facts_of_a_failed_one(self) -> None:
        body = rayjob_body(2, "Failed", reason="AppFailed", message="exit 1", is_suspended=True)
        body["metadata"]["ownerReferences"] = [owner_reference("SLMRun", a_run().meta)]
        name = body["metadata"]["name"]
        assert rayjob_of(body) == RayJob(
            name=name,
            uid=f"uid-{name}",
            run="demo-1",
            owner="uid-run",
            pool="gpu",
            attempt=2,
            created=instant(ago(60)),
            is_being_deleted=False,
            is_suspend_asked=True,
            stage="Failed",
            outcome="Failed",
            reason="AppFailed",
            message="exit 1",
        )

    def test_one_without_status_or_times_has_just_been_made(self) -> None:
        body: Json = {"metadata": {"name": "x", "uid": "u", "labels": {names.ATTEMPT: "1"}}}
        job = rayjob_of(body)
        assert (job.stage, job.outcome, job.created, job.message) == ("", "Running", None, "")

    @pytest.mark.parametrize(
        ("label", "number"), [("3", 3), ("0", 1), ("", 1), ("-2", 1), ("two", 1)]
    )
    def test_an_edited_attempt_label_breaks_nothing(self, label: str, number: int) -> None:
        body = rayjob_body()
        body["metadata"]["labels"][names.ATTEMPT] = label
        assert rayjob_of(body).attempt == number

    @pytest.mark.parametrize(
        ("owner", "name", "is_its"),
        [
            ("uid-run", "demo-1", True),
            ("uid-before", "demo-1", False),
            ("", "demo-1", True),
            ("", "demo-2", False),
        ],
        ids=["its own", "of one of its name", "of nobody, its label", "of nobody, other label"],
    )
    def test_it_is_its_owners_and_by_its_label_only_where_it_has_none(
        self, owner: str, name: str, is_its: bool
    ) -> None:
        assert replace(a_rayjob(), owner=owner).is_of(a_run(name)) is is_its

    def test_it_is_at_work_until_it_is_over_or_its_end_is_asked_for(self) -> None:
        jobs = [a_rayjob(), a_rayjob(is_being_deleted=True), a_rayjob(stage="Complete")]
        assert [j.is_at_work for j in jobs] == [True, False, False]


class TestForeignTextIsMadeHarmless:
    def test_long_logs_are_cut(self) -> None:
        message = a_rayjob(stage="Failed", message="x" * 20_000).message
        assert len(message) == MAX_QUOTE
        assert message.endswith("…")

    def test_control_characters_and_line_breaks_become_one_blank(self) -> None:
        assert quoted("a\x1b[31m\r\n\t b\x00c\u2028d") == "a [31m b c d"


class TestAPodThatCannotStartSaysWhy:
    def test_no_node_has_room(self) -> None:
        assert blocker_of(UNSCHEDULABLE) == Blocker(
            kind="nodes", message="0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
        )

    def test_a_scheduled_pod_is_not_blocked_by_nodes(self) -> None:
        assert blocker_of({"conditions": [{"type": "PodScheduled", "status": "True"}]}) is None

    @pytest.mark.parametrize("status", [{}, {"phase": "Pending"}, waiting("ContainerCreating")])
    def test_a_pod_on_its_way_is_not_blocked(self, status: Json) -> None:
        assert blocker_of(status) is None

    def test_a_secret_is_missing(self) -> None:
        status = waiting("CreateContainerConfigError", 'secret "hub" not found')
        assert blocker_of(status) == Blocker(
            kind="image",
            message="container ray-worker, image runner:1: CreateContainerConfigError: "
            'secret "hub" not found',
        )

    def test_an_init_container_blocks_as_well(self) -> None:
        status = waiting("InvalidImageName")
        status["initContainerStatuses"] = status.pop("containerStatuses")
        found = blocker_of(status)
        assert found is not None
        assert found.message.endswith("InvalidImageName: no details")

    def test_pulling_says_the_same_while_the_kubelet_tries_and_waits_in_turn(self) -> None:
        cause = "not found: runner:1"
        tries = blocker_of(waiting("ErrImagePull", cause))
        waits = blocker_of(
            waiting("ImagePullBackOff", f'Back-off pulling image "runner:1": ErrImagePull: {cause}')
        )
        assert tries == waits
        assert tries is not None
        assert tries.message == f"container ray-worker, image runner:1: ErrImagePull: {cause}"

    def test_an_old_kubelet_that_gives_no_cause_is_quoted(self) -> None:
        found = blocker_of(waiting("ImagePullBackOff", "Back-off pulling image"))
        assert found is not None
        assert found.message.endswith("ImagePullBackOff: Back-off pulling image")

    @pytest.mark.parametrize("delay", ["10s", "5m0s"])
    def test_a_container_that_keeps_dying_says_of_what_and_not_how_long_it_waits(
        self, delay: str
    ) -> None:
        died = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
        found = blocker_of(waiting("CrashLoopBackOff", f"back-off {delay}", lastState=died))
        assert found == Blocker(
            kind="dying",
            message="container ray-worker, image runner:1: CrashLoopBackOff: "
            "it ended with OOMKilled, exit code 137",
        )


class TestAPodCountsAsLongAsItHoldsItsNode:
    def test_all_facts_of_a_living_one(self) -> None:
        assert pod_of(pod_body("demo-1-gpu-1")) == Pod(
            name="demo-1-gpu-1-head",
            rayjob="demo-1-gpu-1",
            pool="gpu",
            created=instant(ago(60)),
            blocker=None,
        )

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_one_that_has_ended_holds_nothing(self, phase: str) -> None:
        assert pod_of(pod_body("job", phase=phase)) is None

    def test_one_that_is_being_deleted_still_holds_it_but_waits_for_nothing(self) -> None:
        body = pod_body("job", **UNSCHEDULABLE)
        body["metadata"]["deletionTimestamp"] = ago(1)
        pod = pod_of(body)
        assert pod is not None
        assert pod.blocker is None


class TestTimes:
    def test_they_are_read_as_utc(self) -> None:
        assert instant("2026-11-01T13:00:00+01:00") == NOW
        assert instant("2026-11-01T12:00:00.5Z") == datetime(2026, 11, 1, 12, 0, 0, 500_000, UTC)

    @pytest.mark.parametrize("text", [None, ""])
    def test_none_is_none(self, text: str | None) -> None:
        assert instant(text) is None
