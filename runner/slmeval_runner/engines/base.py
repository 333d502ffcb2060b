"""What a trial needs of an engine. Times are seconds on one monotonic clock of the engine's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from slmeval_api.model import EngineOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt. Greedy: temperature 0."""

    prompt_token_ids: list[int]
    max_tokens: int
    is_exact: bool = False
    """Generate exactly `max_tokens`: an end-of-sequence token does not end the answer."""
    choices: tuple[str, ...] = ()
    """Not empty: the answer can be nothing but one of these."""
    expected: str | None = None
    """The right answer. Only the simulated engine looks at it, having no model to ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one request."""

    is_finished: bool
    """False: it was cut off, refused or lost."""
    prompt_tokens: int
    output_tokens: int
    text: str = ""
    cached_tokens: int | None = None
    """Prompt tokens taken from the prefix cache; None: the engine does not say."""
    arrival_s: float | None = None
    scheduled_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A set of requests that was sent at once. Outcomes stand in the requests' order."""

    outcomes: tuple[Outcome, ...]
    submitted_s: float
    """When the first request was sent."""
    finished_s: float
    """When the last outcome was there."""

    @property
    def seconds(self) -> float:
        """Time to serve the whole set."""
        return self.finished_s - self.submitted_s


class Counters(NamedTuple):
    """Totals since the engine started."""

    prefix_cache_hits: int
    """Prompt tokens that were taken from the prefix cache."""


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str
    content: str


class Tokenizer(Protocol):
    """The model's own tokenizer."""

    @property
    def vocabulary(self) -> Sequence[int]:
        """Every token id that a prompt may hold and that has no special meaning."""

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        """Return the ids of `text`; special tokens are those the tokenizer itself puts around."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int] | None:
        """Return the ids of a conversation that awaits its answer; None: no chat template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What is known once the engine runs."""

    max_model_len: int
    libraries_s: float | None = None
    """Seconds that importing the engine took."""
    start_s: float
    """Seconds from then until it took requests."""
    arguments: dict[str, str] = field(default_factory=dict)
    """Its arguments, as it resolved them."""
    versions: dict[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """One engine, for one model."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer; only once the engine runs."""

    async def start(self, model: Path | None, options: EngineOptions) -> EngineFacts:
        """Load `model` and be ready for requests. Raises ModelUnusable or EngineFailed."""

    async def generate(self, requests: Sequence[Request]) -> Served:
        """Send all `requests` at once and wait for all of them. Raises EngineFailed."""

    async def counters(self) -> Counters:
        """Return totals over everything that `generate` has returned so far."""

    async def stop(self) -> None:
        """Free the device. Does nothing the second time."""
