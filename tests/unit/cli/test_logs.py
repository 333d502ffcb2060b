"""`slmeval logs`."""

from typing import Any

import pytest
from api_status import result
from cli_builders import BROKEN, BUSY, FakeCluster, a_stored_trial, slmeval, stored
from slmeval_cli.exits import ExitCode
from slmeval_decisions import names

Json = dict[str, Any]


def a_pod(name: str, container: str, *, attempt: str = "1", pool: str = "gpu") -> Json:
    values = {
        names.MANAGED_BY: names.OURS, names.EVALUATION: "demo", names.RUN: "demo-1",
        names.POOL: pool, names.ATTEMPT: attempt,
    }  # fmt: skip
    containers = [{"name": container}, {"name": "reporter"}]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "team", "labels": values},
        "spec": {"containers": containers},
    }


class TestLogs:
    T = "2026-11-01T12:00:00.000Z info"
    BODIES = (
        *stored(a_stored_trial("small", states=BUSY)),
        a_pod("old", "ray-head", attempt="9"), a_pod("w2", "ray-worker", attempt="10"),
        a_pod("h", "ray-head", attempt="10"), a_pod("w1", "ray-worker", attempt="10"),
        a_pod("h-other", "ray-head", pool="other"),
    )  # fmt: skip

    def cluster(self) -> FakeCluster:
        lines = {
            ("h", "ray-head"): [f"{self.T} started trial=demo-1-small-gpu", "\x1b[1;31mred\x1b[m"],
            ("w1", "ray-worker"): [f"{self.T} one trial=demo-1-small-gpu2"],
            ("w2", "ray-worker"): ["two\x1b[2J"],
            ("old", "ray-head"): ["long ago"],
            ("h-other", "ray-head"): ["over there"],
        }
        return FakeCluster(bodies=list(self.BODIES), logs=lines)

    EVERY = (
        f"[gpu/head] {T} started trial=demo-1-small-gpu",
        "[gpu/head] red",
        f"[gpu/worker-1] {T} one trial=demo-1-small-gpu2",
        "[gpu/worker-2] two\N{REPLACEMENT CHARACTER}[2J",
        "[other/head] over there",
    )

    def test_are_those_of_the_newest_attempt_of_each_pool(self) -> None:
        answer = slmeval("logs", "demo", cluster=self.cluster())
        assert (answer.exit_code, answer.stdout.splitlines()) == (ExitCode.OK, list(self.EVERY))

    def test_followed_they_come_from_all_pods(self) -> None:
        answer = slmeval("logs", "demo", "-f", cluster=self.cluster())
        assert sorted(answer.stdout.splitlines()) == sorted(self.EVERY)

    def test_of_one_pool(self) -> None:
        answer = slmeval("logs", "demo", "--pool", "other", cluster=self.cluster())
        assert answer.stdout == "[other/head] over there\n"

    def test_of_one_model(self) -> None:
        cluster = self.cluster()
        cluster.logs["w1", "ray-worker"] += [
            f"{self.T} failed trial=demo-1-small-gpu",
            "Traceback (most recent call last):",
            "  ValueError: x",
            '{"message": "as JSON", "trial": "demo-1-small-gpu"}',
            '{"message": "another", "trial": "demo-1-small-gpu2"}',
            '{"message": "trial=demo-1-small-gpu"}',
            "{not JSON",
        ]
        answer = slmeval("logs", "demo", "--model", "small", cluster=cluster)
        assert answer.stdout.splitlines() == [
            self.EVERY[0],
            "[gpu/head] red",  # goes on with the line before, for all that one can tell
            f"[gpu/worker-1] {self.T} failed trial=demo-1-small-gpu",
            "[gpu/worker-1] Traceback (most recent call last):",
            "[gpu/worker-1]   ValueError: x",
            '[gpu/worker-1] {"message": "as JSON", "trial": "demo-1-small-gpu"}',
        ]

    def test_of_one_trial(self) -> None:
        name = "demo-1-small-gpu"
        answer = slmeval("logs", "demo", "--trial", name, "-f", cluster=self.cluster())
        assert answer.stdout.splitlines() == [self.EVERY[0], "[gpu/head] red"]

    def test_a_trial_that_is_not_there(self) -> None:
        answer = slmeval("logs", "demo", "--trial", "x", cluster=self.cluster())
        assert (answer.exit_code, answer.stderr) == (
            ExitCode.USAGE,
            "Error: team/demo has no trial x. It has: demo-1-small-gpu.\n",
        )

    def failed(self) -> FakeCluster:
        """Return a cluster whose pods have gone, with a trial that failed."""
        failure = {"reason": "EngineFailed", "message": "no memory"}
        lines = ["Loading", "CUDA error: \x1b[31mout of memory"]
        trial = a_stored_trial(
            "small", states=BROKEN, reason="EngineFailed",
            result=result(failure=failure, lastLines=lines),
        )  # fmt: skip
        return FakeCluster(bodies=stored(trial, a_stored_trial("good", result=result())))

    def test_that_went_with_their_pods_leave_the_last_lines_of_what_failed(self) -> None:
        answer = slmeval("logs", "demo", cluster=self.failed())
        assert (answer.exit_code, answer.stdout.splitlines()) == (
            ExitCode.OK,
            [
                "[gpu/small] Loading",
                "[gpu/small] CUDA error: out of memory",
                "[gpu/small] EngineFailed: no memory",
            ],
        )
        assert answer.stderr == ("team/demo has no pods now. What is kept of trials that failed:\n")

    @pytest.mark.parametrize("choice", [("--model", "good"), ("--pool", "other")])
    def test_and_nothing_else(self, choice: tuple[str, str]) -> None:
        answer = slmeval("logs", "demo", *choice, cluster=self.failed())
        assert (answer.exit_code, answer.stdout) == (ExitCode.USAGE, "")

    def test_the_last_lines_only(self) -> None:
        answer = slmeval("logs", "demo", "--tail", "1", cluster=self.cluster())
        assert len(answer.stdout.splitlines()) == 4

    def test_a_model_that_is_not_there(self) -> None:
        answer = slmeval("logs", "demo", "--model", "x", cluster=self.cluster())
        assert (answer.exit_code, answer.stderr) == (
            ExitCode.USAGE,
            "Error: team/demo has no trial of model x. It has: small.\n",
        )

    def test_no_pods_is_said(self) -> None:
        answer = slmeval("logs", "demo", cluster=FakeCluster(bodies=stored()))
        assert answer.exit_code == ExitCode.USAGE
        assert "team/demo has no pods now." in answer.stderr
