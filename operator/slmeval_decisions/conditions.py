"""Condition lists: one replaced at a time, order kept, so that no change means an equal list."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from slmeval_api.conditions import Condition, ConditionType

MAX_MESSAGE = 4096
Verdict = Literal["True", "False", "Unknown"]


def sentence(text: str) -> str:
    """Return `text` with a full stop, so that another sentence may follow."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def timestamp(now: datetime) -> str:
    """Return `now` as the API server writes times: UTC, whole seconds."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def with_condition(
    old: Sequence[Condition],
    type_: ConditionType,
    status: Verdict,
    *,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> list[Condition]:
    """Return `old` with `type_` replaced; its transition time moves only if `status` did."""
    before = next((c for c in old if c.type == type_), None)
    since = before.last_transition_time if before and before.status == status else timestamp(now)
    cut = message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
    after = Condition(
        type=type_.value,
        status=status,
        reason=str(reason),
        message=cut,
        observed_generation=generation,
        last_transition_time=since,
    )
    return [after if c is before else c for c in old] + ([] if before else [after])


def without_condition(old: Sequence[Condition], type_: ConditionType) -> list[Condition]:
    """Return `old` without `type_`: what is not judged has no verdict."""
    return [c for c in old if c.type != type_]
