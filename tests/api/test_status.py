"""Who may change what: spec and status apart, immutable kinds, two writers of one status."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from api_status import OPERATOR, REPORTER, condition, progress, result
from builders import a_model, evaluation_body, run_body, to_create, trial_body
from cluster_client import Objects, Refused
from full_result import full_result
from pydantic import ValidationError
from slmeval_api.result import MAX_OUTCOMES
from slmeval_api.trial import TrialStatus
from slmeval_api.workload import MAX_POINTS
from slmeval_runner.files import REPORT_LIMIT_BYTES

Json = dict[str, Any]
NOT_SEEN_YET = {"observedGeneration": 0}


@pytest.fixture
def trial(objects: Objects) -> Iterator[Json]:
    """Return a fresh stored trial."""
    body = to_create(trial_body())
    yield objects.create(body)
    objects.delete(body)


class TestSpecAndStatusAreApart:
    @pytest.mark.parametrize("body", [evaluation_body(), run_body(), trial_body()])
    def test_a_status_in_a_create_is_not_taken(self, objects: Objects, body: Json) -> None:
        sent = to_create(body) | {"status": {"observedGeneration": 7}}
        assert objects.create(sent, dry_run=True)["status"] == NOT_SEEN_YET

    def test_a_spec_sent_with_the_status_changes_nothing(
        self, objects: Objects, trial: Json
    ) -> None:
        other = trial | {"spec": trial["spec"] | {"pool": "other"}}
        stored = objects.replace_status(other | {"status": {"observedGeneration": 1}})
        assert stored["spec"] == trial["spec"]
        assert stored["status"] == {"observedGeneration": 1}

    def test_a_status_sent_with_the_spec_changes_nothing(
        self, objects: Objects, trial: Json
    ) -> None:
        stored = objects.merge(trial, {"status": {"observedGeneration": 1}})
        assert stored["status"] == NOT_SEEN_YET

    def test_a_status_does_not_count_as_an_edit(self, objects: Objects, trial: Json) -> None:
        stored = objects.apply_status(trial, {"observedGeneration": 1}, manager=OPERATOR)
        assert stored["metadata"]["generation"] == trial["metadata"]["generation"]


class TestWhatWasAskedStaysAsItWasAsked:
    def test_a_trial_is_never_edited(self, objects: Objects, trial: Json) -> None:
        with pytest.raises(Refused) as refused:
            objects.merge(trial, {"spec": {"pool": "other"}})
        assert "spec is immutable: edit the SLMEvaluation instead" in refused.value.message

    def test_nor_is_its_model(self, objects: Objects, trial: Json) -> None:
        model = a_model(engine={"enforceEager": True})
        with pytest.raises(Refused, match="spec is immutable"):
            objects.merge(trial, {"spec": {"model": model}})

    def test_nor_is_a_run(self, objects: Objects) -> None:
        run = objects.create(to_create(run_body()))
        with pytest.raises(Refused) as refused:
            objects.merge(run, {"spec": {"question": {"seed": 2}}})
        objects.delete(run)
        assert "spec is immutable: edit the SLMEvaluation instead" in refused.value.message

    def test_but_an_evaluation_is_and_each_edit_counts(self, objects: Objects) -> None:
        body = objects.create(to_create(evaluation_body()))
        edited = objects.merge(body, {"spec": {"suspend": True}})
        objects.delete(body)
        assert edited["metadata"]["generation"] == body["metadata"]["generation"] + 1


class TestTheLargestResult:
    """As many workloads, points and tasks as a question may have, each with all that it can say."""

    def test_fits_a_report_and_the_api_server(self, objects: Objects, trial: Json) -> None:
        full = full_result().to_json_data()
        sweep = next(w for w in full["workloads"] if w["name"] == "sweep")
        chat = next(w for w in full["workloads"] if w["name"] == "chat")
        chat["http"]["report"] = "x" * 8_192
        points = [{**sweep["points"][0], "concurrency": n + 1} for n in range(MAX_POINTS)]
        workloads = [{**sweep, "name": f"sweep-{n}", "points": points} for n in range(12)]
        workloads += [{**chat, "name": f"chat-{n}"} for n in range(4)]
        task = full["tasks"][0]
        task |= {
            "outcomes": {**task["outcomes"], "scores": "A" * MAX_OUTCOMES},
            "metrics": [{"name": f"metric-{n}", "value": "0.123456"} for n in range(12)],
            "artifact": {"url": "s3://" + "k" * 250, "digest": "sha256:" + "0" * 64,
                         "sizeBytes": 123_456},
            "embeddingModel": {"revision": "0" * 40, "digest": "sha256:" + "0" * 64},
        }  # fmt: skip
        tasks = [{**task, "name": f"task-{n}"} for n in range(64)]
        largest = full | {"workloads": workloads, "tasks": tasks}
        body = {"result": largest}
        assert TrialStatus.from_json_data(body).to_json_data()["result"] == largest
        assert len(json.dumps(body)) < REPORT_LIMIT_BYTES
        stored = objects.apply_status(trial, body, manager=REPORTER)
        assert len(stored["status"]["result"]["tasks"]) == 64


class TestTwoWritersOfOneTrial:
    READY = condition("Ready", "False", "Running")
    RECONCILING = condition("Reconciling", "True", "Running")

    def test_neither_takes_from_the_other(self, objects: Objects, trial: Json) -> None:
        conditions = {"conditions": [self.READY, self.RECONCILING]}
        objects.apply_status(trial, conditions, manager=OPERATOR)
        objects.apply_status(trial, {"progress": progress("Measuring")}, manager=REPORTER)
        stored = objects.apply_status(trial, conditions, manager=OPERATOR)
        progressed = {**conditions, "progress": progress("Measuring")}
        assert stored["status"] == NOT_SEEN_YET | progressed

    def test_what_the_reporter_leaves_out_goes(self, objects: Objects, trial: Json) -> None:
        conditions = {"conditions": [self.READY]}
        objects.apply_status(trial, conditions, manager=OPERATOR)
        objects.apply_status(trial, {"progress": progress("Scoring")}, manager=REPORTER)
        stored = objects.apply_status(trial, {"result": result()}, manager=REPORTER)
        assert stored["status"]["conditions"] == [self.READY]
        assert "progress" not in stored["status"]
        assert stored["status"]["result"]["summary"]["score"] == "0.85"

    def test_a_condition_that_the_operator_leaves_out_goes(
        self, objects: Objects, trial: Json
    ) -> None:
        both = {"conditions": [self.READY, self.RECONCILING]}
        objects.apply_status(trial, both, manager=OPERATOR)
        one = {"conditions": [self.READY]}
        stored = objects.apply_status(trial, one, manager=OPERATOR)
        assert stored["status"] == NOT_SEEN_YET | one

    def test_saying_the_same_again_writes_nothing(self, objects: Objects, trial: Json) -> None:
        status = {"result": result()}
        first = objects.apply_status(trial, status, manager=REPORTER)
        again = objects.apply_status(trial, status, manager=REPORTER)
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

    def test_every_field_of_a_full_result_is_kept(self, objects: Objects, trial: Json) -> None:
        sent = full_result().to_json_data()
        stored = objects.apply_status(trial, {"result": sent}, manager=REPORTER)
        assert stored["status"]["result"] == sent
        figures = sent["workloads"][0]["figures"]
        assert {"device", "roofline", "engine", "interTokenSeconds"} <= figures.keys()
        assert {"engine", "ceilings", "tuning"} <= sent.keys()

    def test_a_stored_result_reads_back_as_it_was_sent(self, objects: Objects, trial: Json) -> None:
        stored = objects.apply_status(trial, {"result": result()}, manager=REPORTER)
        sent = TrialStatus.from_json_data({"result": result()})
        assert TrialStatus.from_json_data(stored["status"]) == sent


BAD_STATUSES: dict[str, tuple[Json, str]] = {
    "a figure as a number": (
        {"result": result(summary={"requestsPerSecond": 6.4})},
        "requestsPerSecond",
    ),
    "a figure that is no number": (
        {"result": result(summary={"requestsPerSecond": "NaN"})},
        "status.result.summary.requestsPerSecond",
    ),
    "a key that nobody declared": ({"result": result(verdict="good")}, "verdict"),
    "an attempt before the first": ({"result": result(attempt=0)}, "status.result.attempt"),
    "a form of another version": (
        {"result": result(schemaVersion=2)},
        "status.result.schemaVersion",
    ),
    "a local time": (
        {"result": result(startedAt="2026-11-01T00:00:00+01:00")},
        "status.result.startedAt",
    ),
    "a stage that does not exist": ({"progress": progress("Napping")}, "status.progress.stage"),
    "a reason with a blank": (
        {"conditions": [condition("Ready", "True", "All good")]},
        "status.conditions[0].reason",
    ),
    "a message beyond all measure": (
        {"conditions": [condition("Ready", "True", "Fine") | {"message": "x" * 4097}]},
        "status.conditions[0].message",
    ),
}


class TestTheApiServerChecksResultsToo:
    @pytest.mark.parametrize(("status", "says"), BAD_STATUSES.values(), ids=BAD_STATUSES)
    def test_it_refuses_as_the_models_do(
        self, objects: Objects, trial: Json, status: Json, says: str
    ) -> None:
        with pytest.raises(Refused) as refused:
            objects.apply_status(trial, status, manager=REPORTER)
        assert says in refused.value.message
        with pytest.raises(ValidationError):
            TrialStatus.from_json_data(status)
