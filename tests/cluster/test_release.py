"""Every way out frees the nodes: deletion with each part down, suspend, deadline."""

from .installation import Installation, evaluation, simulated_pool
from .kube import (
    apply,
    condition,
    delete,
    get,
    items,
    kubectl,
    pods_of_runs,
    results,
    wait_ended,
    wait_for,
    wait_measuring,
    wait_reason,
)

GONE_S = 60


def _nothing_is_left(namespace: str) -> None:
    wait_for("every pod of it to be gone", lambda: not pods_of_runs(namespace), seconds=GONE_S)


class TestDeletingTheEvaluationInTheMiddle:
    def test_with_everything_up(self, operator: Installation, namespace: str) -> None:
        apply(evaluation(namespace, "a", seconds=150))
        wait_measuring(namespace)
        delete("slmeval", "demo", namespace)
        _nothing_is_left(namespace)
        wait_for(
            "its objects to be gone", lambda: not items("slmruns,slmtrials,rayjobs", namespace)
        )

    def test_with_the_operator_down(self, operator: Installation, namespace: str) -> None:
        apply(evaluation(namespace, "a", seconds=150))
        wait_measuring(namespace)
        operator.scale(0)
        delete("slmeval", "demo", namespace)
        _nothing_is_left(namespace)

    def test_with_kuberay_down(self, operator: Installation, namespace: str) -> None:
        apply(evaluation(namespace, "a", seconds=150))
        wait_measuring(namespace)
        operator.scale_kuberay(0)
        delete("slmeval", "demo", namespace)
        _nothing_is_left(namespace)
        operator.scale_kuberay(1)
        wait_for(
            "its objects to be gone", lambda: not items("slmruns,slmtrials,rayjobs", namespace)
        )


class TestSuspending:
    def test_frees_the_nodes_and_resuming_measures_only_what_is_left(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(evaluation(namespace, "a", "b", seconds=6))
        wait_for("the first result", lambda: results(namespace), seconds=240)
        patch = '{"spec":{"suspend":%s}}'
        kubectl("patch", "slmeval", "demo", "-n", namespace, "--type=merge", "-p", patch % "true")
        wait_reason("slmeval", "demo", namespace, "Suspended")
        _nothing_is_left(namespace)
        before = results(namespace)
        kubectl("patch", "slmeval", "demo", "-n", namespace, "--type=merge", "-p", patch % "false")
        body = wait_ended("demo", namespace)
        assert body["status"]["trials"]["succeeded"] == 2
        assert {k: results(namespace)[k] for k in before} == before
        assert len(items("slmruns", namespace)) == 1


class TestDeadlines:
    def test_an_attempt_that_takes_too_long_is_ended_and_not_repeated(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(
            evaluation(
                namespace,
                "a",
                seconds=150,
                deadlineSeconds=60,
                startDeadlineSeconds=60,
                trialDeadlineSeconds=60,
            )
        )
        body = wait_ended("demo", namespace)
        assert condition(body, "Ready")["reason"] == "TrialsFailed"
        assert "spec.deadlineSeconds (60 s)" in condition(body, "Ready")["message"]
        assert len(items("rayjobs", namespace)) == 1
        _nothing_is_left(namespace)

    def test_a_trial_that_takes_too_long_leaves_the_others_alone(
        self, operator: Installation, namespace: str
    ) -> None:
        workload = {"name": "short", "batch": {"requests": 2, "inputTokens": 8, "outputTokens": 8}}
        pool_env = [{"name": "SIMULATED_FAULT", "value": "hang:slow"}]
        apply(simulated_pool("hangs", env=pool_env))
        apply(
            evaluation(
                namespace,
                *("slow", "quick"),
                trialDeadlineSeconds=30,
                pools=["hangs"],
                workloads=[workload],
            )
        )
        wait_ended("demo", namespace)
        trials = {t["spec"]["model"]["name"]: t for t in items("slmtrials", namespace)}
        assert condition(trials["slow"], "Ready")["reason"] == "TrialDeadlineExceeded"
        assert condition(trials["quick"], "Ready")["reason"] == "Simulated"

    def test_a_trial_that_takes_too_long_keeps_what_it_had_measured(
        self, operator: Installation, namespace: str
    ) -> None:
        question = evaluation(namespace, "a", seconds=150, trialDeadlineSeconds=40)
        (endless,) = question["spec"]["workloads"]
        quick = {"requests": 2, "inputTokens": 8, "outputTokens": 8}
        question["spec"]["workloads"] = [
            {"name": "quick", "batch": quick},
            {"name": "endless", "batch": endless["batch"]},
        ]
        apply(question)
        wait_ended("demo", namespace)
        (trial,) = items("slmtrials", namespace)
        assert condition(trial, "Ready")["reason"] == "TrialDeadlineExceeded"
        (measured,) = trial["status"]["result"]["workloads"]
        assert measured["name"] == "quick"
        assert float(trial["status"]["result"]["summary"]["requestsPerSecond"]) > 0


class TestAnEdit:
    def test_stops_the_old_run_and_asks_the_new_question(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(evaluation(namespace, "a", seconds=150))
        wait_measuring(namespace)
        apply(evaluation(namespace, "b"))
        body = wait_ended("demo", namespace)
        assert body["status"]["trials"]["succeeded"] == 1
        old, new = sorted(items("slmruns", namespace), key=lambda r: r["spec"]["number"])
        assert condition(old, "Ready")["reason"] == "Superseded"
        assert condition(new, "Ready")["reason"] == "Simulated"
        assert (
            get("slmeval", "demo", namespace)["status"]["currentRun"]["name"]
            == new["metadata"]["name"]
        )
