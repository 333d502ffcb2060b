"""The operator's passes on a real API server: what it stores is what the next pass expects."""

from datetime import timedelta

import pytest
from api_status import REPORTER, result
from builders import a_model, evaluation_body, to_create
from cluster_client import Objects

from .passes import NAMESPACE, POOL, Passes


@pytest.fixture
def passes(passes: Passes, objects: Objects) -> Passes:
    """Return passes over one evaluation of two models."""
    models = [a_model("big"), a_model("small")]
    body = evaluation_body(namespace=NAMESPACE, pools=[POOL], models=models)
    objects.create(to_create(body))
    return passes


class TestFromAnEvaluationToItsAnswer:
    async def test_every_process_finds_what_the_one_before_wrote(self, passes: Passes) -> None:
        await passes.rest()
        job = passes.one("rayjobs")["metadata"]["name"]
        assert len(passes.all("slmtrials")) == 2
        passes.later = timedelta(minutes=1)
        await passes.rest()
        for trial in passes.all("slmtrials"):
            completed = trial["metadata"]["creationTimestamp"]
            passes.objects.apply_status(
                trial, {"result": result(completedAt=completed)}, manager=REPORTER
            )
        passes.end_rayjob(job)
        await passes.rest()
        status = passes.one("slmevaluations")["status"]
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("True", "Measured")
        assert status["lastSuccessfulRun"] == status["currentRun"]
        assert "completionTime" in status["currentRun"]
        for trial in passes.all("slmtrials"):
            assert set(trial["status"]) == {"observedGeneration", "conditions", "result"}

        passes.objects.merge(passes.one("slmevaluations"), {"spec": {"pools": ["nowhere"]}})
        await passes.rest()
        stalled = passes.one("slmevaluations")["status"]
        assert set(stalled) == {"observedGeneration", "conditions", "lastSuccessfulRun"}

        passes.objects.merge(passes.one("slmevaluations"), {"spec": {"pools": [POOL]}})
        await passes.rest()
        assert passes.one("slmevaluations")["status"]["currentRun"] == status["currentRun"]

    async def test_an_attempt_that_fails_is_followed_by_another(self, passes: Passes) -> None:
        await passes.rest()
        job = passes.one("rayjobs")["metadata"]["name"]
        passes.end_rayjob(job, jobDeploymentStatus="Failed", reason="AppFailed", message="exit 1")
        await passes.rest()
        attempts = passes.one("slmruns")["status"]["attempts"]
        assert [(a["number"], a["outcome"], a.get("reason")) for a in attempts] == [
            (1, "Failed", "AppFailed"),
            (2, "Running", None),
        ]
        assert len(passes.all("rayjobs")) == 2

    async def test_an_edit_leaves_one_rayjob(self, passes: Passes) -> None:
        await passes.rest()
        passes.objects.merge(passes.one("slmevaluations"), {"spec": {"seed": 2}})
        await passes.rest()
        runs = sorted(passes.all("slmruns"), key=lambda r: r["spec"]["number"])
        reasons = [
            next(c["reason"] for c in r["status"]["conditions"] if c["type"] == "Ready")
            for r in runs
        ]
        assert reasons == ["Superseded", "Starting"]
        labels = passes.one("rayjobs")["metadata"]["labels"]
        assert labels["slmeval.dev/run"] == runs[1]["metadata"]["name"]
