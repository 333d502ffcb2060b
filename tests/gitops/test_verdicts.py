"""Flux and Argo CD, asked about every state by the code that they run themselves."""

from typing import Any

import pytest
from builders import Json, evaluation_body, pool_body
from judges import BUSY, Judges, Said, condition, disagreements
from slmeval_api.conditions import ConditionType, Reason

from .states import SCENES


@pytest.fixture(scope="session")
def said(recorded: dict[str, list[Json]], judges: Judges) -> dict[str, list[tuple[Json, Said]]]:
    """Return what is said of each version in each scene."""
    return {
        name: list(zip(bodies, judges(bodies), strict=True)) for name, bodies in recorded.items()
    }


def last(said: list[tuple[Json, Said]], kind: str = "SLMEvaluation") -> tuple[Json, Said]:
    """Return the newest version of a kind, and what is said of it."""
    return [pair for pair in said if pair[0]["kind"] == kind][-1]


def words(body: Json, type_: ConditionType = ConditionType.READY) -> str:
    """Return reason and message of a condition."""
    found = condition(body, type_)
    assert found is not None
    return f"{found['reason']}: {found['message']}"


class TestEachStateIsJudgedAsItIs:
    @pytest.mark.parametrize("scene", SCENES)
    def test_at_each_moment_of(self, said: dict[str, list[tuple[Json, Said]]], scene: str) -> None:
        bodies, found = zip(*said[scene], strict=True)
        assert disagreements(bodies, found) == []

    def test_what_is_judged_otherwise_is_named(self, judges: Judges) -> None:
        condition = {"type": "Ready", "status": "False", "reason": "Measured", "message": "m"}
        body = evaluation_body() | {"status": {"observedGeneration": 1, "conditions": [condition]}}
        (sentence,) = disagreements([body], judges([body]))
        assert sentence.startswith("SLMEvaluation demo: expected ")


class TestTheMessageIsOurs:
    @pytest.mark.parametrize("scene", ["a gate fails", "no node fits", "no such pool"])
    def test_of_what_failed_or_waits(
        self, said: dict[str, list[tuple[Json, Said]]], scene: str
    ) -> None:
        body, found = last(said[scene])
        assert found.argocd_message == words(body)
        assert found.kstatus_message == words(body).split(": ", 1)[1]

    def test_of_gates_in_doubt_beside_what_was_measured(
        self, said: dict[str, list[tuple[Json, Said]]]
    ) -> None:
        for kind in ("SLMEvaluation", "SLMRun"):
            body, found = last(said["a gate cannot be told"], kind)
            doubt = words(body, ConditionType.GATES_PASSED)
            assert doubt.startswith(Reason.GATES_INCONCLUSIVE)
            assert found.argocd_message == f"{words(body)} {doubt}"


class TestWhatHasNoWordsOfOurs:
    def judge(self, judges: Judges, body: Json, **status: Any) -> Said:
        (found,) = judges([body | ({"status": status} if status else {})])
        return found

    def test_a_new_evaluation_is_waited_for_because_of_its_default(self, judges: Judges) -> None:
        found = self.judge(judges, evaluation_body(), observedGeneration=0)
        assert found.verdict == BUSY
        assert found.argocd_message == "The operator has not seen it yet."
        assert self.judge(judges, evaluation_body()).verdict.kstatus == "Current"  # without it

    def test_a_trial_of_which_only_the_runner_has_written_is_waited_for(
        self, judges: Judges
    ) -> None:
        found = self.judge(judges, evaluation_body(), observedGeneration=0, progress={})
        assert found.verdict == BUSY

    def test_a_pool_is_as_it_should_be(self, judges: Judges) -> None:
        assert self.judge(judges, pool_body()).verdict == ("Current", "")
