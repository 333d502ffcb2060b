"""What a task's result says of its items one by one, and of its tokens. Pure."""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from slmeval_api.base import decimal_string
from slmeval_api.result import MAX_OUTCOMES, TaskOutcomes, TaskTokens

from slmeval_runner.engines.base import Outcome
from slmeval_runner.files import digest_of

Part = TypeVar("Part")


def dealt(all_of_them: Sequence[Part], counts: Iterable[int]) -> Iterator[Sequence[Part]]:
    """Yield what belongs to one asker after the other, `counts` each: outcomes, by requests."""
    start = 0
    for count in counts:
        yield all_of_them[start : start + count]
        start += count


def guessed(choices: Sequence[int | None]) -> str | None:
    """Return the score of guessing, by how many answers each item's guess is drawn from.

    `choices` has at least one; None in it, or 0: there is no list of answers, and no such score.
    """
    known = [count for count in choices if count]
    if len(known) < len(choices):
        return None
    return decimal_string(sum(1.0 / count for count in known) / len(known))


def outcomes_of(items: Sequence[Any], scores: Sequence[int]) -> TaskOutcomes:
    """Return the items, each as JSON that tells it apart, and a byte for each."""
    packed = base64.b64encode(zlib.compress(bytes(scores), level=9)).decode()
    return TaskOutcomes(
        items_digest=digest_of(json.dumps(list(items)).encode()),
        scores=packed if len(packed) <= MAX_OUTCOMES else None,
    )


def tokens_of(outcomes: Sequence[Outcome]) -> TaskTokens:
    """Return what the requests took together."""
    cached = [outcome.cached_tokens for outcome in outcomes]
    known = [tokens for tokens in cached if tokens is not None]
    return TaskTokens(
        prompt=sum(outcome.prompt_tokens for outcome in outcomes),
        cached=sum(known) if len(known) == len(cached) else None,
        output=sum(outcome.output_tokens for outcome in outcomes),
    )
