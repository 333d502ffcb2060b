"""The simulated engine: no model, invented and predictable timings, known answers.

It tries out an installation without a GPU, and it proves the figures in tests, for its clock is
arithmetic. Everything follows from the model's name and from how much was asked of it:

- prompts take PREFILL_S a token, answers DECODE_S a token, both times a factor between 1 and 2
  that the name draws;
- SLOTS requests run at once (engine.maxNumSeqs, if it is set), the others queue in waves;
- every set of requests is up to JITTER slower, drawn by name and number of the set.

So 500 requests of 2,000 in and 100 out take about 1 s; a test that needs a longer trial asks for
more output tokens: 1,000 of them take 1 to 2 s a wave. It really sleeps for that long.

Of the items with a known answer it gets a share right that the name draws (60% to 95%); of free
answers, UNANSWERED are no label at all.

For tests and drills, the variable SIMULATED_FAULT of a worker (SLMPool spec.env) makes it fail:
`fault[:model][@attempt]`. With a model's name only that trial is hit, with a number only that
attempt. Faults of the engine: `crash` (the process dies), `hang`, `start` (the engine does not
start), `flaky` (that, and says it may pass), `invalid-report`. Faults that each validity gate must
see: `lost-request`, `wrong-tokens`, `early-end`, `cache-hit`, `slow-client`.
"""

import asyncio
import hashlib
import heapq
import json
import math
import os
import signal
import sys
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from slmeval_api.model import EngineOptions

from slmeval_runner.failures import EngineFailed

from .base import (
    AT_ONCE,
    Attachment,
    CeilingFacts,
    Counters,
    EngineFacts,
    Message,
    Outcome,
    Pacing,
    Request,
    Served,
    Steps,
)

PREFILL_S = 0.000_000_5
DECODE_S = 0.001
SLOTS = 256
START_S = 0.2
JITTER = 0.02
UNANSWERED = 0.05
RIGHT_SHARE = 0.8
CONTEXT_TOKENS = 8_192
VOCABULARY = range(100, 32_000)
BEGIN_TOKEN = 1
SLOW_CLIENT_S = 0.5
FAULTS = (
    "crash",
    "hang",
    "start",
    "flaky",
    "invalid-report",
    "lost-request",
    "wrong-tokens",
    "early-end",
    "cache-hit",
    "slow-client",
)


class Fault(NamedTuple):
    """A failure asked for, and whom it hits; None: everyone."""

    kind: str
    model: str | None
    attempt: int | None


def fault_for(model: str, attempt: int, text: str | None) -> str | None:
    """Return the fault that `text` (the variable's value) asks of this trial; None: none.

    Raises:
        EngineFailed: `text` cannot be read.

    """
    if not text:
        return None
    fault = _parsed(text)
    is_hit = fault.model in (None, model) and fault.attempt in (None, attempt)
    return fault.kind if is_hit else None


def _parsed(text: str) -> Fault:
    whom, _, attempt = text.partition("@")
    kind, _, model = whom.partition(":")
    if kind not in FAULTS or (attempt and not attempt.isdecimal()):
        raise EngineFailed(
            f"SIMULATED_FAULT={text!r} is not fault[:model][@attempt] with a fault of "
            f"{', '.join(FAULTS)}: correct spec.env of the SLMPool"
        )
    return Fault(kind, model or None, int(attempt) if attempt else None)


class SimulatedTokenizer:
    """One token a word; no chat template."""

    vocabulary: Sequence[int] = VOCABULARY
    begin: int | None = BEGIN_TOKEN
    end: int | None = None

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        """Return one id a word, the same for the same word."""
        ids = [VOCABULARY[zlib.crc32(word.encode()) % len(VOCABULARY)] for word in text.split()]
        return [BEGIN_TOKEN, *ids] if with_special_tokens else ids

    def encode_many(self, texts: Sequence[str], *, with_special_tokens: bool) -> list[list[int]]:
        """Return what `encode` does of each."""
        return [self.encode(text, with_special_tokens=with_special_tokens) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """Return one word an id, which `encode` does not know again: there is no vocabulary."""
        return " ".join(map(str, ids))

    def chat_text(self, messages: Sequence[Message]) -> str | None:
        """Return None: there is no template."""
        return None


class SimulatedEngine:
    """See the module. `recorded` keeps every set that was served, for tests to compare with."""

    def __init__(
        self,
        model_name: str,
        *,
        fault: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = model_name
        self.fault = fault
        self._sleep = sleep
        self._monotonic = monotonic
        self._factor = 1.0 + draw(model_name, "speed")
        self._right_share = 0.60 + 0.35 * draw(model_name, "skill")
        self._context_tokens = CONTEXT_TOKENS
        self._slots = SLOTS
        self._hits = 0
        self.recorded = list[Served]()
        self.tokenizer = SimulatedTokenizer()

    @classmethod
    def from_environment(cls, model_name: str, attempt: int) -> "SimulatedEngine":
        """Return the engine with the fault that SIMULATED_FAULT asks of this trial."""
        text = os.environ.get("SIMULATED_FAULT")
        return cls(model_name, fault=fault_for(model_name, attempt, text))

    @property
    def attachment(self) -> Attachment | None:
        """Return None: it has no endpoint that a generator could load."""
        return None

    async def start(
        self,
        model: Path | None,
        options: EngineOptions,
        *,
        most_in_flight: int | None = None,
        is_shared: bool = False,
    ) -> EngineFacts:
        """Sleep START_S; `model` is not looked at. Prints a line, as real engines do."""
        sys.stderr.write(f"WARNING simulated engine: the figures of {self._name} are invented\n")
        if self.fault in ("start", "flaky"):
            raise EngineFailed(
                "the simulated engine was told to fail by SIMULATED_FAULT",
                may_pass=self.fault == "flaky",
            )
        self._context_tokens = options.max_model_len or CONTEXT_TOKENS
        self._slots = options.max_num_seqs or SLOTS
        await self._sleep(START_S)
        return EngineFacts(
            max_model_len=self._context_tokens,
            start_s=START_S,
            arguments={
                "max_model_len": str(self._context_tokens),
                "max_num_seqs": str(self._slots),
            },
        )

    async def serve(self, requests: Sequence[Request], pacing: Pacing = AT_ONCE) -> Served:
        """Return outcomes on the arithmetic clock, after sleeping as long as they say."""
        if self.fault == "crash":
            sys.stderr.write("simulated engine: told to crash by SIMULATED_FAULT\n")
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "hang":
            await asyncio.Event().wait()
        served = self._served(requests, pacing)
        self.recorded.append(served)
        self._hits += 16 if self.fault == "cache-hit" else 0
        await self._sleep(served.seconds)
        return served

    async def forget(self) -> None:
        """Do nothing: there is no prefix cache."""

    async def check_running(self) -> None:
        """Find nothing: it stops only with its process."""

    async def ceilings(self) -> CeilingFacts | None:
        """Return None: there is no GPU."""
        return None

    async def counters(self) -> Counters:
        """Return the hits: none, unless the fault is cache-hit."""
        return Counters(prefix_cache_hits=self._hits)

    async def stop(self) -> None:
        """Do nothing."""

    def _served(self, requests: Sequence[Request], pacing: Pacing) -> Served:
        start_s = self._monotonic()
        pace = self._factor * (1.0 + JITTER * draw(self._name, "set", len(self.recorded)))
        slow_s = SLOW_CLIENT_S if self.fault == "slow-client" else 0.0
        slots_s = [start_s] * self._slots  # when each slot is free: a heap
        flying_s = list[float]()  # when each request in flight ends: a heap
        outcomes, late_s = list[Outcome](), list[float]()
        for number, request in enumerate(requests):
            arrival_s = start_s
            if pacing.offsets_s is not None:
                arrival_s += pacing.offsets_s[number] + slow_s
                late_s.append(slow_s)
            if pacing.in_flight is not None and len(flying_s) >= pacing.in_flight:
                arrival_s = max(arrival_s, heapq.heappop(flying_s) + slow_s)
            scheduled_s = max(arrival_s, slots_s[0])
            outcome = self._outcome(request, number, arrival_s, scheduled_s, pace)
            heapq.heapreplace(slots_s, outcome.last_token_s or scheduled_s)
            heapq.heappush(flying_s, outcome.last_token_s or scheduled_s)
            outcomes.append(outcome)
        ends_s = [outcome.last_token_s or start_s for outcome in outcomes]
        return Served(
            outcomes=tuple(outcomes),
            submitted_s=start_s,
            finished_s=max(ends_s, default=start_s) + slow_s,
            late_s=tuple(late_s),
            steps=self._steps(outcomes, pace),
        )

    def _steps(self, outcomes: Sequence[Outcome], pace: float) -> Steps:
        """Return steps as if each request were alone: only the gaps between tokens are true."""
        gaps = sum(max(0, outcome.output_tokens - 1) for outcome in outcomes)
        return Steps(
            count=max((outcome.output_tokens for outcome in outcomes), default=0),
            inter_token_s=[pace * DECODE_S] * gaps,
            peak_running=min(self._slots, len(outcomes)),
            peak_waiting=max(0, len(outcomes) - self._slots),
            peak_kv_cache=0.0,
            preemptions=0,
        )

    def _outcome(
        self, request: Request, number: int, arrival_s: float, scheduled_s: float, pace: float
    ) -> Outcome:
        text, found = self._answer(request, number), self._next(request, number)
        scored = self._scored(request, number)
        tokens = request.max_tokens if request.is_exact else max(1, len(text.split()))
        is_early = self.fault == "early-end" and request.is_exact
        tokens -= 1 if self.fault == "wrong-tokens" and request.is_exact else 0
        prompt_tokens = len(request.prompt_token_ids)
        first_s = scheduled_s + pace * (PREFILL_S * prompt_tokens + DECODE_S)
        is_lost = self.fault == "lost-request" and number == 0 and request.is_exact
        return Outcome(
            is_finished=prompt_tokens + tokens <= self._context_tokens and not is_lost,
            finish_reason="length" if request.is_exact and not is_early else "stop",
            prompt_tokens=prompt_tokens,
            output_tokens=tokens,
            text=text,
            next_log_probabilities=found,
            prompt_log_probabilities=scored,
            highest_log_probabilities=(max(found),) if found else scored,
            cached_tokens=0,
            arrival_s=arrival_s,
            scheduled_s=scheduled_s,
            first_token_s=first_s,
            last_token_s=first_s + pace * DECODE_S * max(0, tokens - 1),
        )

    def _answer(self, request: Request, number: int) -> str:
        """Return the expected answer or a wrong one, by the drawn share; else nothing of use."""
        if request.expected is None:
            return ""
        chance = draw(self._name, "answer", request.expected, number)
        is_free = not request.choices and request.json_schema is None
        if is_free and chance > 1.0 - UNANSWERED:
            return "I am not sure."
        if chance < self._right_share:
            return request.expected
        if request.json_schema is not None:
            return "[]" if json.loads(request.json_schema)["type"] == "array" else "{}"
        others = [choice for choice in request.choices if choice != request.expected]
        return others[number % len(others)] if others else f"not {request.expected}"

    def _next(self, request: Request, number: int) -> tuple[float, ...]:
        """Return the logarithms of equal shares, but for the expected token: of RIGHT_SHARE.

        Or of another one, by the drawn share. The expected token is named by its id.
        """
        ids = request.next_token_ids
        if not ids:
            return ()
        known = ids.index(int(request.expected)) if request.expected else 0
        if draw(self._name, "answer", str(request.expected), number) >= self._right_share:
            known = (known + 1) % len(ids)
        rest = (1.0 - RIGHT_SHARE) / len(ids)
        return tuple(math.log(RIGHT_SHARE if n == known else rest) for n in range(len(ids)))

    def _scored(self, request: Request, number: int) -> tuple[float, ...]:
        """Return the same for each token: RIGHT_SHARE where a right answer was expected.

        By the drawn share; else what is left of it.
        """
        if request.scored_from is None:
            return ()
        is_right = draw(self._name, "answer", str(request.expected), number) < self._right_share
        share = RIGHT_SHARE if request.expected is not None and is_right else 1.0 - RIGHT_SHARE
        return (math.log(share),) * (len(request.prompt_token_ids) - request.scored_from)


def draw(*what: object) -> float:
    """Return a number in [0, 1) that depends on `what` alone."""
    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return int.from_bytes(digest[:8]) / 2.0**64
