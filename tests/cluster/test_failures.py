"""What goes wrong is named, with what to do, and repeated only where that can help."""

from .installation import Installation, evaluation, simulated_pool
from .kube import apply, condition, items, results, wait_ended, wait_for, wait_reason


class TestPodsThatCannotStart:
    def test_no_node_fits_is_said_in_the_schedulers_words(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(simulated_pool("nowhere", nodeSelector={"slmeval.dev/pool": "no-such-node"}))
        apply(evaluation(namespace, pools=["nowhere"], startDeadlineSeconds=40))
        body = wait_reason("slmeval", "demo", namespace, "WaitingForNodes")
        message = condition(body, "Ready")["message"]
        assert "didn't match Pod's node affinity/selector" in message
        assert "SLMPool nowhere" in message
        assert "spec.startDeadlineSeconds (40 s)" in message
        body = wait_ended("demo", namespace)
        message = condition(body, "Ready")["message"]
        assert "StartDeadlineExceeded" in message
        assert "didn't match Pod's node affinity/selector" in message
        assert len(items("rayjobs", namespace)) == 1

    def test_an_image_that_cannot_be_pulled_is_named(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(simulated_pool("no-image", image="localhost/slmeval/no-such-image:1"))
        apply(evaluation(namespace, pools=["no-image"]))
        body = wait_reason("slmeval", "demo", namespace, "WaitingForImage")
        message = condition(body, "Ready")["message"]
        assert "localhost/slmeval/no-such-image:1" in message
        assert "SLMPool no-image" in message


class TestWorkersThatDie:
    def test_the_unfinished_trial_alone_is_tried_again_until_the_limit(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(simulated_pool("dies", env=[{"name": "SIMULATED_FAULT", "value": "crash:bad"}]))
        apply(evaluation(namespace, "good", "bad", pools=["dies"], backoffLimit=1))
        wait_for("the good result", lambda: "good" in results(namespace), seconds=240)
        good = results(namespace)["good"]
        body = wait_ended("demo", namespace)
        assert body["status"]["trials"]["summary"] == "2/2"
        assert body["status"]["trials"]["failed"] == 1
        trials = {t["spec"]["model"]["name"]: t for t in items("slmtrials", namespace)}
        ready = condition(trials["bad"], "Ready")
        assert ready["reason"] == "WorkerLost"
        assert "2 attempts" in ready["message"]
        assert results(namespace)["good"] == good
        assert len(items("rayjobs", namespace)) == 2


class TestMeasurementsThatAreNotValid:
    def test_give_a_reason_and_no_number(self, operator: Installation, namespace: str) -> None:
        apply(simulated_pool("lies", env=[{"name": "SIMULATED_FAULT", "value": "wrong-tokens"}]))
        apply(evaluation(namespace, pools=["lies"]))
        wait_ended("demo", namespace)
        (trial,) = items("slmtrials", namespace)
        assert condition(trial, "Ready")["reason"] == "MeasurementInvalid"
        workload = trial["status"]["result"]["workloads"][0]
        assert "figures" not in workload
        assert "requestsPerSecond" not in trial["status"]["result"]["summary"]

    def test_a_task_without_its_data_says_which(
        self, operator: Installation, namespace: str
    ) -> None:
        task = {
            "name": "mine",
            "classification": {"labels": ["x", "y"]},
            "data": {"test": "configmap://missing/items.jsonl"},
        }
        apply(evaluation(namespace, tasks=[task], workloads=[]))
        wait_ended("demo", namespace)
        (trial,) = items("slmtrials", namespace)
        ready = condition(trial, "Ready")
        assert ready["reason"] == "TaskUnusable"
        assert "configmap://missing/items.jsonl" in ready["message"]


class TestQuestionsThatCannotBeAsked:
    def test_an_unknown_pool_stalls_until_it_exists(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(evaluation(namespace, pools=[f"later-{namespace}"]))
        body = wait_reason("slmeval", "demo", namespace, "PoolNotFound")
        assert condition(body, "Stalled")["status"] == "True"
        apply(simulated_pool(f"later-{namespace}"))
        wait_ended("demo", namespace)
