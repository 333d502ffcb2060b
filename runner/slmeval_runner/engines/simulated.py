"""The simulated engine: no model, invented and predictable timings, known answers.

It tries out an installation without a GPU, and it proves the figures in tests, for its clock is
arithmetic. Everything follows from the model's name and from how much was asked of it:

- prompts take PREFILL_S a token, answers DECODE_S a token, both times a factor between 1 and 2
  that the name draws;
- SLOTS requests run at once, the others queue in waves;
- every set of requests is up to JITTER slower, drawn by name and number of the set.

So 500 requests of 2,000 in and 100 out take about 1 s; a test that needs a longer trial asks for
more output tokens: 1,000 of them take 1 to 2 s a wave. It really sleeps for that long.

Of the items with a known answer it gets a share right that the name draws (60% to 95%); of free
answers, UNANSWERED are no label at all.

For tests and drills, the variable SIMULATED_FAULT of a worker (SLMPool spec.env) makes it fail:
`fault[:model][@attempt]`, where fault is one of `crash` (the process dies), `hang`, `wrong-tokens`,
`cache-hit`, `start` (the engine does not start), `flaky` (that, and says it may pass) and
`invalid-report`. With a model's name only that trial is hit, with a number only that attempt.
"""

import asyncio
import hashlib
import os
import signal
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from slmeval_api.model import EngineOptions

from slmeval_runner.failures import EngineFailed

from .base import Counters, EngineFacts, Message, Outcome, Request, Served

PREFILL_S = 0.000_000_5
DECODE_S = 0.001
SLOTS = 256
START_S = 0.2
JITTER = 0.02
UNANSWERED = 0.05
CONTEXT_TOKENS = 8_192
VOCABULARY = range(100, 32_000)
BEGIN_TOKEN = 1
FAULTS = ("crash", "hang", "wrong-tokens", "cache-hit", "start", "flaky", "invalid-report")


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

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        """Return one id a word, the same for the same word."""
        ids = [VOCABULARY[zlib.crc32(word.encode()) % len(VOCABULARY)] for word in text.split()]
        return [BEGIN_TOKEN, *ids] if with_special_tokens else ids

    def encode_chat(self, messages: Sequence[Message]) -> list[int] | None:
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
        self._hits = 0
        self.recorded = list[Served]()
        self.tokenizer = SimulatedTokenizer()

    @classmethod
    def from_environment(cls, model_name: str, attempt: int) -> "SimulatedEngine":
        """Return the engine with the fault that SIMULATED_FAULT asks of this trial."""
        text = os.environ.get("SIMULATED_FAULT")
        return cls(model_name, fault=fault_for(model_name, attempt, text))

    async def start(self, model: Path | None, options: EngineOptions) -> EngineFacts:
        """Sleep START_S; `model` is not looked at."""
        if self.fault in ("start", "flaky"):
            raise EngineFailed(
                "the simulated engine was told to fail by SIMULATED_FAULT",
                may_pass=self.fault == "flaky",
            )
        self._context_tokens = options.max_model_len or CONTEXT_TOKENS
        await self._sleep(START_S)
        return EngineFacts(
            max_model_len=self._context_tokens,
            start_s=START_S,
            arguments={"max_model_len": str(self._context_tokens), "max_num_seqs": str(SLOTS)},
        )

    async def generate(self, requests: Sequence[Request]) -> Served:
        """Return outcomes on the arithmetic clock, after sleeping as long as they say."""
        if self.fault == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "hang":
            await asyncio.Event().wait()
        served = self._served(requests)
        self.recorded.append(served)
        self._hits += 16 if self.fault == "cache-hit" else 0
        await self._sleep(served.seconds)
        return served

    async def counters(self) -> Counters:
        """Return the hits: none, unless the fault is cache-hit."""
        return Counters(prefix_cache_hits=self._hits)

    async def stop(self) -> None:
        """Do nothing."""

    def _served(self, requests: Sequence[Request]) -> Served:
        start_s = self._monotonic()
        pace = self._factor * (1.0 + JITTER * draw(self._name, "set", len(self.recorded)))
        free_s = [start_s] * min(SLOTS, len(requests))
        outcomes = list[Outcome]()
        for number, request in enumerate(requests):
            slot = number % SLOTS
            outcome = self._outcome(request, number, start_s, free_s[slot], pace)
            free_s[slot] = outcome.last_token_s or free_s[slot]
            outcomes.append(outcome)
        return Served(
            outcomes=tuple(outcomes),
            submitted_s=start_s,
            finished_s=max(free_s, default=start_s),
        )

    def _outcome(
        self, request: Request, number: int, arrival_s: float, scheduled_s: float, pace: float
    ) -> Outcome:
        text = self._answer(request, number)
        tokens = request.max_tokens if request.is_exact else max(1, len(text.split()))
        tokens -= 1 if self.fault == "wrong-tokens" and request.is_exact else 0
        prompt_tokens = len(request.prompt_token_ids)
        first_s = scheduled_s + pace * (PREFILL_S * prompt_tokens + DECODE_S)
        return Outcome(
            is_finished=prompt_tokens + tokens <= self._context_tokens,
            prompt_tokens=prompt_tokens,
            output_tokens=tokens,
            text=text,
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
        if not request.choices and chance > 1.0 - UNANSWERED:
            return "I am not sure."
        if chance < self._right_share:
            return request.expected
        others = [choice for choice in request.choices if choice != request.expected]
        return others[number % len(others)] if others else f"not {request.expected}"


def draw(*what: object) -> float:
    """Return a number in [0, 1) that depends on `what` alone."""
    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return int.from_bytes(digest[:8]) / 2.0**64
