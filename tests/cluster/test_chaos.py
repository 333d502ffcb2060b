"""Whatever is killed in the middle: the same results, one RayJob, nothing measured twice."""

import random
import time

from .installation import Installation, evaluation
from .kube import (
    apply,
    delete,
    get,
    has_ended,
    items,
    results,
    wait_ended,
    wait_measuring,
)

MODELS = ("a", "b", "c")


def _measured_once(namespace: str, *, attempts: int = 1) -> None:
    """Check that each trial has one result, and that no attempt measured what another had."""
    found = results(namespace)
    assert sorted(found) == sorted(MODELS)
    assert all("failure" not in r for r in found.values()), found
    assert len(items("rayjobs", namespace)) == attempts
    assert len(items("slmruns", namespace)) == 1


class TestTheOperatorIsKilled:
    def test_at_ten_random_moments_of_a_run(self, operator: Installation, namespace: str) -> None:
        rng = random.Random(11)
        apply(evaluation(namespace, *MODELS, seconds=4))
        kills = 0
        while kills < 10:
            time.sleep(rng.uniform(0.2, 9))
            operator.kill()
            kills += 1
        assert not has_ended(get("slmeval", "demo", namespace)) or kills == 10
        body = wait_ended("demo", namespace)
        assert body["status"]["trials"]["succeeded"] == len(MODELS)
        _measured_once(namespace)


class TestKubeRayIsStopped:
    def test_and_started_in_the_middle(self, operator: Installation, namespace: str) -> None:
        apply(evaluation(namespace, *MODELS, seconds=4))
        wait_measuring(namespace)
        operator.scale_kuberay(0)
        time.sleep(10)
        operator.scale_kuberay(1)
        body = wait_ended("demo", namespace)
        assert body["status"]["trials"]["succeeded"] == len(MODELS)
        _measured_once(namespace)


class TestTheHeadPodIsDeleted:
    def test_what_was_finished_is_not_measured_again(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(evaluation(namespace, *MODELS, seconds=6))
        first = self._first_result(namespace)
        head = items("pods", namespace, "ray.io/node-type=head")[0]["metadata"]["name"]
        delete("pod", head, namespace)
        body = wait_ended("demo", namespace)
        assert body["status"]["trials"]["succeeded"] == len(MODELS)
        for name, result in first.items():
            assert results(namespace)[name] == result
        runs = items("slmruns", namespace)
        assert len(runs) == 1
        assert len(runs[0]["status"]["attempts"]) <= 2

    def _first_result(self, namespace: str) -> dict[str, dict[str, object]]:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            found = results(namespace)
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError("no trial finished within 240 s")
