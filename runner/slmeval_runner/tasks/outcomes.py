"""What a task's result says of its items one by one, and of its tokens. Pure."""

import base64
import hashlib
import json
import zlib
from collections.abc import Sequence
from typing import Any

from slmeval_api.result import MAX_OUTCOMES, TaskOutcomes, TaskTokens

from slmeval_runner.engines.base import Outcome

BEST = 250
"""The byte of a score of 1 in TaskOutcomes."""
UNANSWERED = 254
SKIPPED = 255


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of `content` as results spell it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


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
