"""Condition lists and the state that they spell."""

from datetime import timedelta

import pytest
from slmeval_api.conditions import Condition, ConditionType, Reason, condition, has_ended, is_true
from slmeval_decisions.conditions import MAX_MESSAGE, with_condition
from slmeval_decisions.verdict import Refusal, Standing, State, refused, standing_conditions
from unit.operator.worlds import KSTATUS, NOW, ago, conditions_of, spelling

THEIRS = Condition(
    type="Audited",
    status="True",
    observed_generation=1,
    last_transition_time=ago(9),
    reason="Looked",
    message="",
)


def ready(status: str, *, message: str = "m") -> Condition:
    """Return a Ready condition of an hour ago."""
    return Condition.from_json_data(
        {
            "type": "Ready",
            "status": status,
            "observedGeneration": 1,
            "lastTransitionTime": ago(3600),
            "reason": "Pending",
            "message": message,
        }
    )


def set_ready(old: list[Condition], status: str, message: str = "m") -> list[Condition]:
    """Return `old` with Ready set now."""
    verdict = "True" if status == "True" else "False"
    return with_condition(
        old,
        ConditionType.READY,
        verdict,  # type: ignore[arg-type]
        reason=Reason.PENDING,
        message=message,
        generation=2,
        now=NOW,
    )


class TestATransitionTimeMovesOnlyWithTheStatus:
    def test_another_message_leaves_it(self) -> None:
        (after,) = set_ready([ready("False")], "False", "other")
        assert (after.last_transition_time, after.message) == (ago(3600), "other")
        assert after.observed_generation == 2

    def test_another_status_moves_it(self) -> None:
        (after,) = set_ready([ready("False")], "True")
        assert after.last_transition_time == ago(0)

    def test_a_new_condition_begins_now(self) -> None:
        (after,) = set_ready([], "True")
        assert after.last_transition_time == ago(0)


class TestNoChangeGivesAnEqualList:
    def test_order_and_other_peoples_conditions_are_kept(self) -> None:
        old = [THEIRS, ready("False"), THEIRS.model_copy(update={"type": "Z"})]
        after = set_ready(old, "True")
        assert [c.type for c in after] == ["Audited", "Ready", "Z"]
        assert (after[0], after[2]) == (old[0], old[2])

    def test_the_same_standing_said_an_hour_later(self) -> None:
        old = [THEIRS, *conditions_of(State.IN_PROGRESS, Reason.RUNNING)]
        standing = Standing(state=State.IN_PROGRESS, reason=Reason.RUNNING, message="so it is")
        later = NOW + timedelta(hours=1)
        assert standing_conditions(old, standing, generation=1, now=later) == old


class TestMessagesFit:
    def test_a_long_one_is_cut_at_what_the_schema_takes(self) -> None:
        (cut,) = set_ready([], "False", "x" * (MAX_MESSAGE + 1))
        assert cut.message == "x" * (MAX_MESSAGE - 1) + "…"

    def test_one_that_just_fits_is_whole(self) -> None:
        (whole,) = set_ready([], "False", "x" * MAX_MESSAGE)
        assert whole.message == "x" * MAX_MESSAGE


class TestEachStateHasOneSpellingInKstatus:
    @pytest.mark.parametrize(
        ("state", "spelt"),
        [
            (State.IN_PROGRESS, ("False", "True", "False", "Unknown", "Unknown")),
            (State.WAITING, ("False", "False", "False", "Unknown", "Unknown")),
            (State.STALLED, ("False", "False", "True", "Unknown", "Unknown")),
            (State.SUCCEEDED, ("True", "False", "False", "True", "False")),
            (State.FAILED, ("False", "False", "True", "False", "True")),
        ],
    )
    def test_ready_reconciling_stalled_succeeded_failed(
        self, state: State, spelt: tuple[str, ...]
    ) -> None:
        conditions = conditions_of(state, Reason.PENDING)
        assert spelling(conditions) == dict(zip(KSTATUS, spelt, strict=True))
        assert has_ended(conditions) is (state in (State.SUCCEEDED, State.FAILED))

    def test_all_five_carry_the_reason_and_the_message(self) -> None:
        conditions = conditions_of(State.FAILED, Reason.WORKER_LOST, "gone")
        assert {(c.reason, c.message) for c in conditions} == {("WorkerLost", "gone")}

    def test_a_reason_of_another_version_is_passed_on(self) -> None:
        conditions = conditions_of(State.FAILED, "GatesFailed")
        assert {c.reason for c in conditions} == {"GatesFailed"}


class TestLookingUp:
    def test_what_is_not_there_is_none_and_not_true(self) -> None:
        assert condition([], ConditionType.READY) is None
        assert not is_true([], ConditionType.READY)
        assert not has_ended([])

    def test_what_is_unknown_is_not_true(self) -> None:
        conditions = conditions_of(State.IN_PROGRESS, Reason.PENDING)
        assert not is_true(conditions, ConditionType.SUCCEEDED)


class TestARefusalIsQuoted:
    def test_with_what_was_refused(self) -> None:
        refusal = Refusal(words="exceeded quota: gpus", is_due=False)
        assert refused(refusal, "the run") == Standing(
            state=State.STALLED,
            reason=Reason.RAYJOB_REFUSED,
            message="The API server refused the run: exceeded quota: gpus",
        )

    def test_a_namespace_that_goes_away_has_its_own_reason(self) -> None:
        words = "unable to create new content in namespace team because it is being terminated"
        standing = refused(Refusal(words=words, is_due=True), "the run")
        assert standing.reason == Reason.NAMESPACE_TERMINATING
