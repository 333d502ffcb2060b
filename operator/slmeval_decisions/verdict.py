"""The state of an object in one word and one sentence, and the five conditions that say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from slmeval_api.conditions import Condition, ConditionType, Reason, condition

from .conditions import Verdict, with_condition


class State(StrEnum):
    """Where an object stands; each has one spelling in kstatus' conditions."""

    IN_PROGRESS = "InProgress"
    WAITING = "Waiting"  # nothing is being done, and nothing is wrong: suspended
    STALLED = "Stalled"  # nothing is being done until somebody acts; nothing has ended
    SUCCEEDED = "Succeeded"
    GATED = "Gated"  # everything was measured, and a gate failed
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A state with its cause."""

    state: State
    reason: str  # a Reason, or what an operator of another version wrote
    message: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will be measured."""
        return self.state in (State.SUCCEEDED, State.GATED, State.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the API server said when it would not make an object."""

    words: str
    is_due: bool  # it is time to ask again


def superseded() -> Standing:
    """Return the end of what nobody asks any more."""
    return Standing(
        state=State.FAILED,
        reason=Reason.SUPERSEDED,
        message="A newer run takes its place: the evaluation was edited, or asked by its schedule.",
    )


def was_superseded(conditions: Sequence[Condition]) -> bool:
    """Return whether conditions are those of a run that ended by `superseded`."""
    ready = condition(conditions, ConditionType.READY)
    return ready is not None and ready.reason == Reason.SUPERSEDED


def refused(refusal: Refusal, what: str) -> Standing:
    """Return the standing of what cannot begin; it stays the same until the API server yields."""
    is_ending = "being terminated" in refusal.words
    return Standing(
        state=State.STALLED,
        reason=Reason.NAMESPACE_TERMINATING if is_ending else Reason.RAYJOB_REFUSED,
        message=f"The API server refused {what}: {refusal.words}",
    )


# state -> Ready, Reconciling, Stalled, Succeeded, Failed
_SPELLING: dict[State, tuple[Verdict, Verdict, Verdict, Verdict, Verdict]] = {
    State.IN_PROGRESS: ("False", "True", "False", "Unknown", "Unknown"),
    State.WAITING: ("False", "False", "False", "Unknown", "Unknown"),
    State.STALLED: ("False", "False", "True", "Unknown", "Unknown"),
    State.SUCCEEDED: ("True", "False", "False", "True", "False"),
    State.GATED: ("False", "False", "True", "True", "False"),
    State.FAILED: ("False", "False", "True", "False", "True"),
}
_TYPES = (
    ConditionType.READY,
    ConditionType.RECONCILING,
    ConditionType.STALLED,
    ConditionType.SUCCEEDED,
    ConditionType.FAILED,
)


def standing_conditions(
    old: Sequence[Condition], standing: Standing, *, generation: int, now: datetime
) -> list[Condition]:
    """Return `old` with the five conditions that say `standing`; others are kept."""
    conditions = list(old)
    for type_, status in zip(_TYPES, _SPELLING[standing.state], strict=True):
        conditions = with_condition(
            conditions,
            type_,
            status,
            reason=standing.reason,
            message=standing.message,
            generation=generation,
            now=now,
        )
    return conditions
