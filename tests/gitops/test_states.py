"""No state is left out of what the judges are asked about."""

from builders import Json
from judges import BY_REASON, condition
from slmeval_api.conditions import ConditionType, Reason

NEVER_OF_READY = {
    Reason.GATES_MET,
    Reason.GATES_INCONCLUSIVE,
    Reason.SAME_PROVENANCE,
    Reason.ENGINES_DIFFER,
    Reason.VERSIONS_DIFFER,
    Reason.IMAGES_DIFFER,
    Reason.DEVICES_DIFFER,
}
"""Of other conditions only."""
OF_SOME_KINDS = {
    "SLMEvaluation": {
        Reason.TRIALS_FAILED,
        Reason.GATES_FAILED,
        Reason.POOL_NOT_FOUND,
        Reason.INVALID_SPEC,
        Reason.INVALID_SCHEDULE,
    },
    "SLMRun": {Reason.TRIALS_FAILED, Reason.GATES_FAILED, Reason.SUPERSEDED},
    "SLMTrial": {
        Reason.MEASUREMENT_INVALID,
        Reason.MODEL_UNUSABLE,
        Reason.TASK_UNUSABLE,
        Reason.ARTIFACTS_UNWRITABLE,
        Reason.ENGINE_FAILED,
        Reason.WORKER_LOST,
        Reason.TRIAL_DEADLINE_EXCEEDED,
        Reason.DEADLINE_EXCEEDED,
        Reason.START_DEADLINE_EXCEEDED,
        Reason.ATTEMPTS_EXHAUSTED,
        Reason.SUPERSEDED,
    },
}
OF_ALL_KINDS = set(BY_REASON) - set().union(*OF_SOME_KINDS.values())


def versions(recorded: dict[str, list[Json]], kind: str) -> list[Json]:
    return [b for bodies in recorded.values() for b in bodies if b["kind"] == kind]


class TestEveryStateIsPlayed:
    def test_each_reason_is_readys_or_another_conditions(self) -> None:
        assert set(BY_REASON) | NEVER_OF_READY == set(Reason)
        assert set(BY_REASON).isdisjoint(NEVER_OF_READY)

    def test_each_kind_has_each_reason_that_it_can_have(
        self, recorded: dict[str, list[Json]]
    ) -> None:
        for kind, own in OF_SOME_KINDS.items():
            ready = [condition(b, ConditionType.READY) for b in versions(recorded, kind)]
            assert {c["reason"] for c in ready if c} == OF_ALL_KINDS | own

    def test_each_kind_is_new_once_and_is_deleted(self, recorded: dict[str, list[Json]]) -> None:
        for kind in OF_SOME_KINDS:
            found = versions(recorded, kind)
            assert any(b["status"] == {"observedGeneration": 0} for b in found)
            assert any("deletionTimestamp" in b["metadata"] for b in found)

    def test_an_edit_is_not_observed_at_once(self, recorded: dict[str, list[Json]]) -> None:
        found = versions(recorded, "SLMEvaluation")
        behind = [b for b in found if b["metadata"]["generation"] == 2]
        assert {b["status"]["observedGeneration"] for b in behind} == {1, 2}

    def test_gates_are_met_failed_and_in_doubt(self, recorded: dict[str, list[Json]]) -> None:
        for kind in ("SLMEvaluation", "SLMRun"):
            gates = [condition(b, ConditionType.GATES_PASSED) for b in versions(recorded, kind)]
            assert {c["status"] if c else None for c in gates} == {None, "True", "False", "Unknown"}
