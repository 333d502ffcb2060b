"""Evaluations as series: what is there, what is absent, and when it goes."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    CREATED,
    Json,
    a_model,
    a_workload,
    evaluation_body,
    pool_spec,
    run_body,
    trial_body,
)
from prometheus_client.parser import text_string_to_metric_families
from slmeval_decisions import names
from slmeval_operator.series.exposition import Exposition
from slmeval_operator.series.families import FAMILIES, GROUPS
from slmeval_operator.series.samples import samples_of
from slmeval_operator.store import Store
from unit.operator.test_scores import DIGEST
from unit.operator.worlds import NOW, a_failure, ago, result_json, workload_json

BASE = {"namespace": "team", "evaluation": "demo", "model": "small", "pool": "gpu"}
MEASURED = {f.full_name for f in FAMILIES if f.group not in ("State", "Comparison")}
POOL = {"name": "gpu", "spec": pool_spec(gpus={"perWorker": 2, "memoryGiB": 48})}
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def task_json(**overrides: object) -> Json:
    """Return a task's result with a score."""
    score = {"value": "0.8", "low": "0.7", "high": "0.9", "n": 10}
    made: Json = {"name": "intents", "type": "classification", "metric": "accuracy"}
    return {**made, "items": items_json(), "score": score, **overrides}


def items_json(answered: int = 9) -> Json:
    """Return the counts of ten items."""
    return {
        "asked": 10,
        "answered": answered,
        "cutShort": 0,
        "skippedTooLong": 0,
        "alsoInTrain": 0,
    }


def full_result(**overrides: object) -> Json:
    """Return a result in which everything was measured."""
    workload = workload_json()
    workload["figures"]["timePerOutputTokenSeconds"] = workload["figures"]["latencySeconds"]
    return result_json(
        workloads=[workload],
        tasks=[task_json()],
        startSeconds={"total": "31"},
        provenance={"engine": "vllm", "runnerVersion": "1", "seed": 1},
        **overrides,  # type: ignore[arg-type]
    )


class Shelf:
    """A store that tests fill, and its collector."""

    def __init__(self, *, is_complete: bool = True, **spec: Any) -> None:
        self.store = Store()
        self.exposition = Exposition(self.store)
        self.exposition.is_complete = is_complete
        self.version = 1
        self.evaluation(**spec)

    def evaluation(self, status: Json | None = None, **spec: Any) -> None:
        """Store the evaluation."""
        self._put("slmevaluations", evaluation_body(**spec) | {"status": status or {}})

    def run(
        self, name: str = "r1", status: Json | None = None, trigger: Json | None = None
    ) -> None:
        """Store a run."""
        owner = {"kind": "SLMEvaluation", "name": "demo", "uid": "uid-demo", "controller": True}
        body = self._owned(run_body(name, uid=name, pools=[POOL]), owner)
        spec = body["spec"] | ({"trigger": trigger} if trigger else {})
        self._put("slmruns", body | {"spec": spec, "status": status or {}})

    def trial(
        self, result: Json | None, *, run: str = "r1", status: Json | None = None, **spec: Any
    ) -> None:
        """Store a trial of a run, and the run."""
        self.run(run)
        mine = {"kind": "SLMRun", "name": run, "uid": run, "controller": True}
        uid = f"{run}-{spec.get('model', a_model())['name']}-{spec.get('pool', 'gpu')}"
        body = self._owned(trial_body(uid, uid=uid, **spec), mine)
        told = status or {}
        self._put("slmtrials", body | {"status": told | ({"result": result} if result else {})})

    def _owned(self, body: Json, owner: Json) -> Json:
        meta = {"ownerReferences": [owner], "labels": {names.EVALUATION_UID: "uid-demo"}}
        return body | {"metadata": body["metadata"] | meta}

    def _put(self, kind: str, body: Json) -> None:
        self.version += 1
        meta = body["metadata"] | {"resourceVersion": str(self.version)}
        self.store.put(kind, body | {"metadata": meta})

    @property
    def text(self) -> str:
        """What Prometheus reads."""
        asyncio.run(self.exposition.refresh())
        return b"".join(self.exposition.parts()).decode()

    @property
    def series(self) -> Series:
        """All samples."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """Return one sample, or None when it is absent."""
        wanted = frozenset((BASE | {"engine": "vllm"} | labels).items())
        return self.series.get((f"slmeval_{name}", wanted))

    @property
    def names(self) -> set[str]:
        """The names of all series."""
        return {name for name, _ in self.series}

    @property
    def measured(self) -> Series:
        """Samples of what trials measured."""
        return {key: value for key, value in self.series.items() if key[0] in MEASURED}


def a_full_shelf() -> Shelf:
    """Return a shelf with one good trial and counts."""
    shelf = Shelf(tasks=[])
    counts = {"total": 3, "succeeded": 1, "failed": 0, "unfinished": 2, "summary": "1/3"}
    shelf.evaluation(status={"trials": counts})
    shelf.trial(full_result())
    return shelf


def a_complete_shelf() -> Shelf:
    """Return a shelf with everything that a run can say, one trial of it still running."""
    rated = {"requests": 8, "inputTokens": 16, "outputTokens": 4, "requestsPerSecond": ["2", "4"]}
    workloads = [a_workload(), {"name": "sweep", "rate": rated}]
    shelf = Shelf(tasks=[], workloads=workloads)
    ready = {
        "type": "Ready", "status": "False", "reason": "Running", "message": "m",
        "observedGeneration": 1, "lastTransitionTime": ago(9),
    }  # fmt: skip
    counts = {"total": 3, "succeeded": 1, "failed": 0, "unfinished": 2, "summary": "1/3"}
    shelf.evaluation(
        workloads=workloads,
        status={
            "trials": counts,
            "conditions": [ready],
            "currentRun": {"name": "r1"},
            "lastSuccessfulRun": {"name": "r1", "completionTime": ago(5)},
            "schedule": {
                "lastScheduleTime": ago(20),
                "lastMissedTime": ago(30),
                "nextScheduleTime": ago(-40),
            },
        },
    )
    shelf.trial(everything())
    told = {"stage": "Measuring", "attempt": 1, "updatedAt": ago(3)}
    shelf.trial(None, model=a_model("running"), status={"progress": told})
    apart = {
        "pool": "gpu", "model": "small", "against": "running", "difference": "0.1", "low": "0.05",
        "high": "0.15", "items": 10, "pValue": "0.01", "adjustedPValue": "0.02", "isTied": False,
    }  # fmt: skip
    shelf.run(status={
        "completionTime": ago(1), "comparisons": [apart, apart | {"task": "intents"}],
        "gates": {"digest": DIGEST, "passed": 0, "failed": 1, "inconclusive": 0, "verdicts": [{
            "gate": "fast", "demand": "atLeast", "model": "small", "pool": "gpu",
            "outcome": "Failed", "limit": "9", "message": "m"}]},
    }, trigger={"reason": "Scheduled", "scheduledTime": CREATED})  # fmt: skip
    return shelf


def everything() -> Json:
    """Return a result that has all figures that there are."""
    full = full_result()
    (workload,) = full["workloads"]
    quantiles = workload["figures"]["latencySeconds"]
    workload["figures"] |= {
        "interTokenSeconds": quantiles,
        "queueSeconds": quantiles,
        "engine": {
            "steps": 9, "peakRunning": 4, "peakWaiting": 1, "peakKvCachePercent": "40",
            "preemptions": 2,
        },
        "device": {"joulesPerRequest": "8.5", "peakMemoryBytes": 1_000},
        "roofline": {
            "flops": "1", "bytesMoved": "1", "computePercent": "30", "bandwidthPercent": "20",
            "percent": "30",
        },
    }  # fmt: skip
    workload["http"] = {
        "generator": "g 1", "report": "{}", "startSeconds": "3", "engine": workload["figures"],
        "requestsPerSecondRatio": "0.75", "addedLatencySeconds": "-0.01",
    }  # fmt: skip
    good = {"requestsPerSecond": "2", "attainedPercent": "98", "isMet": True}
    figures = workload["figures"]
    sweep = workload_json("sweep", kind="rate", highestRequestsPerSecond="2") | {
        "points": [
            {"offeredRequestsPerSecond": rate, "figures": figures, "goodput": good}
            for rate in ("2", "4")
        ],
    }
    del sweep["figures"]
    (task,) = full["tasks"]
    task |= {
        "majorityScore": "0.3", "randomScore": "0.1",
        "metrics": [{"name": "macroF1", "value": "0.7"}],
    }  # fmt: skip
    return full | {
        "workloads": [workload, sweep],
        "suite": {"score": task["score"], "heldOut": task["score"], "seconds": "5"},
        "startSeconds": {"total": "31", "weights": "4", "engine": "20"},
        "engine": {"parameters": 100, "weightsBytes": 200, "kvCacheTokens": 300},
    }


class TestTheSeriesAreThese:
    def test_every_family_is_filled_by_what_can_be_measured(self) -> None:
        """And by nothing else: docs/reference/metrics.md, generated, is what is promised."""
        shelf = a_complete_shelf()
        families = list(text_string_to_metric_families(shelf.text))
        assert {f.type for f in families} == {"gauge"}
        found = {s.name: set(s.labels) for f in families for s in f.samples}
        assert found == {family.full_name: set(family.labels) for family in FAMILIES}

    def test_described_before_anything_is_there(self) -> None:
        families = list(text_string_to_metric_families(Shelf(is_complete=False).text))
        assert [f.name for f in families] == [family.full_name for family in FAMILIES]
        assert not [sample for f in families for sample in f.samples]

    def test_each_family_is_told_of_once_and_in_a_known_group(self) -> None:
        assert len({family.name for family in FAMILIES}) == len(FAMILIES)
        assert {family.group for family in FAMILIES} == set(GROUPS)

    def test_units_are_base_units_at_the_end_of_the_name(self) -> None:
        for name in (family.name for family in FAMILIES):
            assert not re.search(r"(_ms|_percent|_mb|_gb|_minutes|_total)$", name), name

    def test_with_what_they_were_measured_as(self) -> None:
        shelf = a_full_shelf()
        chat, intents = {"workload": "chat"}, {"task": "intents", "metric": "accuracy"}
        assert shelf.value("requests_per_second", **chat) == 4
        assert shelf.value("tokens_per_second", direction="input", **chat) == 64
        assert shelf.value("tokens_per_second", direction="output", **chat) == 16
        assert shelf.value("workload_seconds", **chat) == 2
        assert shelf.value("workload_variation_ratio", **chat) == 0.05
        assert shelf.value("latency_seconds", quantile="0.99", **chat) == 0.4
        assert shelf.value("score", **intents) == 0.8
        assert shelf.value("score_lower_bound", **intents) == 0.7
        assert shelf.value("score_completion_ratio", **intents) == 0.9
        assert shelf.value("engine_start_seconds") == 31
        left = {"namespace": "team", "evaluation": "demo", "state": "unfinished"}
        assert shelf.series["slmeval_trials", frozenset(left.items())] == 2

    def test_times_are_seconds_since_1970(self) -> None:
        shelf = Shelf()
        shelf.trial(full_result(completed="2026-11-01T00:00:00Z"))
        assert shelf.value("last_success_timestamp_seconds") == 1_793_491_200


class TestNotMeasuredIsAbsent:
    def test_before_everything_is_listed(self) -> None:
        shelf = a_full_shelf()
        shelf.exposition.is_complete = False
        assert shelf.series == {}

    def test_without_a_result_or_a_run(self) -> None:
        shelf = Shelf()
        shelf.trial(None)
        assert shelf.names == {"slmeval_evaluation_suspended"}

    def test_of_a_workload_without_figures(self) -> None:
        refused = workload_json(failure=a_failure("MeasurementInvalid"))
        del refused["figures"]
        shelf = Shelf()
        shelf.trial(full_result() | {"workloads": [refused], "tasks": []})
        assert {name for name, _ in shelf.measured} == {
            "slmeval_engine_start_seconds",
            "slmeval_last_success_timestamp_seconds",
        }

    def test_of_one_repetition_and_of_one_output_token(self) -> None:
        once = workload_json()
        del once["figures"]["variationPercent"]
        shelf = Shelf()
        shelf.trial(full_result() | {"workloads": [once]})
        assert "slmeval_workload_variation_ratio" not in shelf.names
        assert "slmeval_time_per_output_token_seconds" not in shelf.names

    def test_of_a_task_without_a_score(self) -> None:
        task = task_json(failure=a_failure("TaskUnusable"))
        del task["score"]
        shelf = Shelf()
        shelf.trial(full_result() | {"tasks": [task]})
        assert not {n for n in shelf.names if n.startswith("slmeval_score")}

    def test_but_zero_answers_of_some_items_are_a_measured_zero(self) -> None:
        shelf = Shelf()
        shelf.trial(full_result() | {"tasks": [task_json(items=items_json(answered=0))]})
        assert shelf.value("score_completion_ratio", task="intents", metric="accuracy") == 0


class TestTheLastGoodFiguresStand:
    def speed(self, shelf: Shelf) -> float | None:
        """Return the requests a second that the shelf shows."""
        return shelf.value("requests_per_second", workload="chat")

    def of(self, speed: str, age_s: float, **more: Any) -> Json:
        """Return a result of a speed and an age."""
        made = full_result(completed=ago(age_s), **more)
        made["workloads"][0]["figures"]["requestsPerSecond"] = speed
        return made

    def test_the_newest_run_wins_whatever_the_order(self) -> None:
        for order in (("1", "2"), ("2", "1")):
            shelf = Shelf()
            for speed in order:
                shelf.trial(self.of(speed, 100 - 10 * int(speed)), run=f"r{speed}")
            assert self.speed(shelf) == 2

    def test_a_failed_newer_run_leaves_them_and_their_time(self) -> None:
        shelf = Shelf()
        shelf.trial(self.of("1", 3600), run="r1")
        before = shelf.value("last_success_timestamp_seconds")
        shelf.trial(self.of("9", 10, failure=a_failure()), run="r2")
        shelf.trial(None, run="r3")
        assert self.speed(shelf) == 1
        assert shelf.value("last_success_timestamp_seconds") == before


class TestSeriesGoWithWhatTheyAreAbout:
    def test_the_evaluation(self) -> None:
        shelf = a_full_shelf()
        shelf.store.drop("slmevaluations", evaluation_body())
        assert shelf.series == {}

    def test_a_model_or_a_pool_that_is_not_asked_about_any_more(self) -> None:
        shelf = Shelf(models=[a_model("a"), a_model("b")], pools=["gpu", "cpu"])
        for model in "ab":
            for pool in ("gpu", "cpu"):
                shelf.trial(full_result(), model=a_model(model), pool=pool)
        shelf.evaluation(models=[a_model("a")], pools=["cpu"])
        shown = {(dict(labels)["model"], dict(labels)["pool"]) for _, labels in shelf.measured}
        assert shown == {("a", "cpu")}

    def test_a_trial_whose_run_is_gone(self) -> None:
        shelf = a_full_shelf()
        shelf.store.drop("slmruns", run_body("r1", uid="r1"))
        assert shelf.measured == {}


class TestAScrapeDependsOnStoredObjectsAlone:
    def test_a_new_process_gives_the_same_text(self) -> None:
        shelf = a_full_shelf()
        assert shelf.text == a_full_shelf().text == shelf.text

    def test_an_unreadable_object_hides_only_itself(self) -> None:
        shelf = a_full_shelf()
        before = shelf.text
        shelf.trial(full_result(), run="r2", model=a_model("new"), fromTheFuture=1)
        assert shelf.text == before

    def test_a_simulated_engine_is_told_apart(self) -> None:
        shelf = Shelf()
        simulated = {"engine": "simulated", "runnerVersion": "1", "seed": 1}
        shelf.trial(full_result() | {"provenance": simulated})
        assert shelf.value("engine_start_seconds") is None
        assert shelf.value("engine_start_seconds", engine="simulated") == 31

    def test_labels_hold_what_a_name_may_hold(self) -> None:
        shelf = Shelf(workloads=[a_workload("a-b")])
        shelf.trial(full_result() | {"workloads": [workload_json("a-b")]})
        assert shelf.value("requests_per_second", workload="a-b") == 4


class TestWhereThingsStand:
    @staticmethod
    def of(shelf: Shelf, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        return {
            tuple(dict(found)[label] for label in labels): value
            for (family, found), value in shelf.series.items()
            if family == f"slmeval_{name}"
        }

    def test_of_a_run(self) -> None:
        shelf = a_complete_shelf()
        assert self.of(shelf, "evaluation_condition", "type", "reason") == {("Ready", "Running"): 0}
        states = self.of(shelf, "trial_state", "model", "state")
        assert states == {("small", "pending"): 1, ("running", "running"): 1}
        assert set(self.of(shelf, "trial_progress_timestamp_seconds", "model", "stage")) == {
            ("running", "Measuring")
        }
        assert self.of(shelf, "run_attempts", "pool") == {("gpu",): 0}

    def test_of_a_schedule(self) -> None:
        shelf = a_complete_shelf()
        for name, when in (("last", 20), ("missed", 30), ("next", -40)):
            (value,) = self.of(shelf, f"evaluation_{name}_schedule_timestamp_seconds").values()
            assert value == (NOW - timedelta(seconds=when)).timestamp()
        assert self.of(shelf, "evaluation_schedule_lag_seconds") == {(): 0}

    def test_of_gates(self) -> None:
        shelf = a_complete_shelf()
        labels = ("gate", "demand", "model", "outcome")
        assert self.of(shelf, "gate_outcome", *labels) == {
            ("fast", "atLeast", "small", "failed"): 1
        }

    def test_only_of_the_newest_run(self) -> None:
        shelf = a_complete_shelf()
        shelf.trial(None, run="r0", model=a_model("old"))
        assert ("old",) not in self.of(shelf, "trial_state", "model")

    def test_gpu_seconds_are_the_trials_time_on_its_gpus(self) -> None:
        shelf = a_complete_shelf()
        two = a_model(engine={"tensorParallelSize": 2})
        shelf.trial(full_result(), model=two)
        assert self.of(shelf, "trial_gpu_seconds", "model") == {("small",): 100}  # 50 s

    def test_of_models_that_are_told_apart_over_all_tasks(self) -> None:
        shelf = a_complete_shelf()
        assert self.of(shelf, "score_difference", "model", "against") == {("small", "running"): 0.1}

    def test_loads_that_were_searched_have_no_series(self) -> None:
        shelf = a_complete_shelf()
        assert set(self.of(shelf, "load_requests_per_second", "load")) == {("2",), ("4",)}
        shelf.evaluation(status={})
        assert self.of(shelf, "load_requests_per_second", "load") == {}
        assert self.of(shelf, "highest_requests_per_second", "workload") == {("sweep",): 2}


class TestWhatIsWrittenIsKept:
    def test_until_one_of_the_evaluations_objects_changes(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = []

        def counted(evaluation: Any, *others: Any) -> Any:
            written.append(evaluation.meta.name)
            return samples_of(evaluation, *others)

        monkeypatch.setattr("slmeval_operator.series.exposition.samples_of", counted)
        shelf = a_full_shelf()
        other = evaluation_body("other", uid="uid-other")
        shelf.store.put("slmevaluations", other)
        for _ in range(3):
            assert shelf.text
        assert sorted(written) == ["demo", "other"]
        shelf.trial(full_result(completed=ago(1)), run="r2")
        assert shelf.value("last_success_timestamp_seconds")
        assert written[2:] == ["demo"]
        shelf.store.drop("slmevaluations", other)
        assert 'evaluation="other"' not in shelf.text

    async def test_and_the_loop_may_do_other_work_in_between(self) -> None:
        shelf = Shelf()
        for number in range(9):
            body = evaluation_body(f"e{number}", uid=f"uid-{number}")
            shelf.store.put("slmevaluations", body)
        turns, refreshing = 0, asyncio.create_task(shelf.exposition.refresh())
        while not refreshing.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 9
