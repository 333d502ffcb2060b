"""Measured results as series: what is there, what is absent, and when it goes."""

from typing import Any

from builders import Json, a_model, a_workload, evaluation_body, run_body, trial_body
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from slmeval_operator import names
from slmeval_operator.result_metrics import ResultCollector
from slmeval_operator.store import Store
from unit.operator.worlds import a_failure, ago, result_json, workload_json

BASE = {"namespace": "team", "evaluation": "demo", "model": "small", "pool": "gpu"}
PER_TRIAL = ("engine", "evaluation", "model", "namespace", "pool")
PER_WORKLOAD = (*PER_TRIAL, "workload")
PER_TASK = ("engine", "evaluation", "metric", "model", "namespace", "pool", "task")
TABLE = {
    "slmeval_engine_start_seconds": PER_TRIAL,
    "slmeval_last_success_timestamp_seconds": PER_TRIAL,
    "slmeval_latency_seconds": (*PER_TRIAL, "quantile", "workload"),
    "slmeval_requests_per_second": PER_WORKLOAD,
    "slmeval_score": PER_TASK,
    "slmeval_score_completion_ratio": PER_TASK,
    "slmeval_score_lower_bound": PER_TASK,
    "slmeval_score_upper_bound": PER_TASK,
    "slmeval_time_per_output_token_seconds": (*PER_TRIAL, "quantile", "workload"),
    "slmeval_time_to_first_token_seconds": (*PER_TRIAL, "quantile", "workload"),
    "slmeval_tokens_per_second": PER_WORKLOAD,
    "slmeval_trials": ("evaluation", "namespace", "state"),
    "slmeval_workload_seconds": PER_WORKLOAD,
    "slmeval_workload_variation_ratio": PER_WORKLOAD,
}
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
        self.results = ResultCollector(self.store)
        self.results.is_complete = is_complete
        self.version = 1
        self.evaluation(**spec)

    def evaluation(self, status: Json | None = None, **spec: Any) -> None:
        """Store the evaluation."""
        self._put("slmevaluations", evaluation_body(**spec) | {"status": status or {}})

    def trial(self, result: Json | None, *, run: str = "r1", **spec: Any) -> None:
        """Store a trial of a run, and the run."""
        owner = {"kind": "SLMEvaluation", "name": "demo", "uid": "uid-demo", "controller": True}
        self._put("slmruns", self._owned(run_body(run, uid=run), owner))
        mine = {"kind": "SLMRun", "name": run, "uid": run, "controller": True}
        uid = f"{run}-{spec.get('model', a_model())['name']}-{spec.get('pool', 'gpu')}"
        body = self._owned(trial_body(uid, uid=uid, **spec), mine)
        self._put("slmtrials", body | {"status": {"result": result} if result else {}})

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
        registry = CollectorRegistry()
        registry.register(self.results)
        return generate_latest(registry).decode()

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


def a_full_shelf() -> Shelf:
    """Return a shelf with one good trial and counts."""
    shelf = Shelf(tasks=[])
    counts = {"total": 3, "succeeded": 1, "failed": 0, "unfinished": 2, "summary": "1/3"}
    shelf.evaluation(status={"trials": counts})
    shelf.trial(full_result())
    return shelf


class TestTheSeriesAreThese:
    def test_by_name_type_and_labels(self) -> None:
        shelf = a_full_shelf()
        families = list(text_string_to_metric_families(shelf.text))
        assert {f.type for f in families} == {"gauge"}
        found = {s.name: tuple(sorted(s.labels)) for f in families for s in f.samples}
        assert found == TABLE

    def test_described_before_anything_is_there(self) -> None:
        names_of = {f.name for f in Shelf().results.describe()}
        assert names_of == set(TABLE)

    def test_with_what_they_were_measured_as(self) -> None:
        shelf = a_full_shelf()
        chat, intents = {"workload": "chat"}, {"task": "intents", "metric": "accuracy"}
        assert shelf.value("requests_per_second", **chat) == 4
        assert shelf.value("tokens_per_second", **chat) == 80
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
        shelf.results.is_complete = False
        assert shelf.series == {}

    def test_without_a_result_or_a_run(self) -> None:
        shelf = Shelf()
        shelf.trial(None)
        assert shelf.series == {}

    def test_of_a_workload_without_figures(self) -> None:
        refused = workload_json(failure=a_failure("MeasurementInvalid"))
        del refused["figures"]
        shelf = Shelf()
        shelf.trial(full_result() | {"workloads": [refused], "tasks": []})
        assert shelf.names == {
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
        shown = {(dict(labels)["model"], dict(labels)["pool"]) for _, labels in shelf.series}
        assert shown == {("a", "cpu")}

    def test_a_trial_whose_run_is_gone(self) -> None:
        shelf = a_full_shelf()
        shelf.store.drop("slmruns", run_body("r1", uid="r1"))
        assert shelf.names == {"slmeval_trials"}


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
