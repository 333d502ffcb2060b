"""What a trial needs of an engine. Times are seconds on one monotonic clock of the engine's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from slmeval_api.model import EngineOptions

MAX_NEXT = 128
"""vLLM's own bound (MAX_LOGPROB_TOKEN_IDS)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt. Greedy: temperature 0."""

    prompt_token_ids: list[int]
    max_tokens: int
    is_exact: bool = False
    """Generate exactly `max_tokens`: an end-of-sequence token does not end the answer."""
    choices: tuple[str, ...] = ()
    """Not empty: the answer can be nothing but one of these."""
    json_schema: str | None = None
    """Not None: the answer can be nothing but JSON of this schema."""
    stop: tuple[str, ...] = ()
    """Texts before which the answer ends."""
    shows_special_tokens: bool = False
    """Special tokens stand in the answer's text, and `stop` finds them."""
    next_token_ids: tuple[int, ...] = ()
    """Not empty, at most MAX_NEXT: nothing is asked but how probable each of these tokens is as the
    next one."""
    scored_from: int | None = None
    """Not None: nothing is asked but how probable the prompt's own tokens are, from this place on,
    each after those before it. At least 1. Nothing of it is read from the prefix cache."""
    expected: str | None = None
    """The right answer. Only the simulated engine looks at it, having no model to ask."""
    text: str | None = None
    """What the token ids say, for sending it over HTTP; None: not needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """When requests are sent. As it stands: all at once."""

    in_flight: int | None = None
    """Most requests sent and not finished: the next one waits for that. None: no limit."""
    offsets_s: tuple[float, ...] | None = None
    """When each is sent, in seconds from the start, rising; none waits for another's answer.
    None: as soon as `in_flight` lets it."""


AT_ONCE = Pacing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one request."""

    is_finished: bool
    """False: it was cut off, refused or lost."""
    finish_reason: str | None = None
    """Why it ended: `length` at max_tokens, `stop` by an end-of-sequence token."""
    prompt_tokens: int
    output_tokens: int
    text: str = ""
    next_log_probabilities: tuple[float, ...] = ()
    """Natural logarithms, over the whole vocabulary, of `next_token_ids` in their order."""
    prompt_log_probabilities: tuple[float, ...] = ()
    """Those of the prompt's tokens from `scored_from` on."""
    highest_log_probabilities: tuple[float, ...] = ()
    """That of the most probable token of the whole vocabulary: where the next token was asked for,
    or where each of the prompt's stands."""
    cached_tokens: int | None = None
    """Prompt tokens taken from the prefix cache; None: the engine does not say."""
    arrival_s: float | None = None
    scheduled_s: float | None = None
    first_token_s: float | None = None
    last_token_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What the engine said of its own steps while it served a set."""

    count: int
    """Steps in which something was computed."""
    inter_token_s: Sequence[float]
    """Gaps between two tokens of one request, over all requests, in no order."""
    peak_running: int
    peak_waiting: int
    peak_kv_cache: float
    """Largest share of the KV cache in use, 0 to 1."""
    preemptions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A set of requests, served. Outcomes stand in the requests' order."""

    outcomes: tuple[Outcome, ...]
    submitted_s: float
    """When the first request was sent."""
    finished_s: float
    """When the last outcome was there."""
    late_s: tuple[float, ...] = ()
    """How much later than its offset each request was sent; empty: there were no offsets."""
    steps: Steps | None = None
    """None: the engine does not say."""

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

    @property
    def begin(self) -> int | None:
        """The token that begins a text; None: there is none."""

    @property
    def end(self) -> int | None:
        """The token that ends a text; None: there is none."""

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        """Return the ids of `text`; special tokens are those the tokenizer itself puts around."""

    def encode_many(self, texts: Sequence[str], *, with_special_tokens: bool) -> list[list[int]]:
        """Return the ids of each of `texts`, as `encode` has them; on all cores where it can."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, that of special tokens included."""

    def chat_text(self, messages: Sequence[Message]) -> str | None:
        """Return a conversation that awaits its answer, with all special tokens it needs.

        To be encoded without further ones. None: the model has no chat template.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StartParts:
    """How long the parts of an engine's start took, in seconds; None: there was no such part."""

    process_s: float | None = None
    device_s: float | None = None
    weights_s: float | None = None
    compile_s: float | None = None
    kv_cache_s: float | None = None
    graphs_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineMemory:
    """What the engine holds, over all of its GPUs; None: unknown."""

    parameters: int | None = None
    weights_bytes: int | None = None
    kv_cache_tokens: int | None = None
    kv_cache_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """What work is counted from, of the whole model."""

    layers: int
    attention_heads: int
    key_value_heads: int
    head_size: int
    embedding_parameters: int
    """Of the token embedding: vocabulary × hidden size."""
    parameters: int
    """All of them; an output layer that shares the embedding's weights counts once."""
    has_own_output_layer: bool
    weight_bytes: int
    kv_bytes_each: int
    """Bytes of one number in the KV cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingFacts:
    """What one GPU was measured to do."""

    flops_per_s: float
    bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What is known once the engine runs."""

    max_model_len: int
    libraries_s: float | None = None
    """Seconds that importing the engine took."""
    start_s: float
    """Seconds from then until it took requests."""
    parts: StartParts | None = None
    """The parts of `start_s`; None: the engine does not say."""
    memory: EngineMemory | None = None
    shape: ModelShape | None = None
    gpus: int = 1
    """GPUs that the model's work is spread over."""
    arguments: dict[str, str] = field(default_factory=dict)
    """Its arguments, as it resolved them."""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What another process needs to send requests to a running engine itself. All of it is JSON."""

    model: str
    """The model's folder."""
    arguments: dict[str, Any]
    """The engine's arguments, but for the model."""
    addresses: dict[str, str]
    """Where the engine takes requests and hands out answers."""


class Server(Protocol):
    """Takes sets of requests: an engine, or the endpoint in front of one."""

    async def serve(self, requests: Sequence[Request], pacing: Pacing = AT_ONCE) -> Served:
        """Send `requests` as `pacing` says and wait for all of them. Raises EngineFailed."""

    async def forget(self) -> None:
        """Empty the prefix cache. Nothing may be in flight. Raises EngineFailed."""

    async def counters(self) -> Counters:
        """Return totals over everything that `serve` has returned so far."""


class Engine(Server, Protocol):
    """One engine, for one model."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer; only once the engine runs."""

    @property
    def attachment(self) -> Attachment | None:
        """How another process attaches to it, once; None: it was not started for that."""

    async def start(
        self,
        model: Path | None,
        options: EngineOptions,
        *,
        most_in_flight: int | None = None,
        is_shared: bool = False,
    ) -> EngineFacts:
        """Load `model` and be ready for requests.

        Args:
            model: its folder.
            options: the engine's arguments.
            most_in_flight: requests that will be sent and not finished at a time; None: unknown.
            is_shared: another process will attach to it. An engine that cannot be shared starts
                without an attachment.

        Raises:
            ModelUnusable: the engine cannot load it.
            EngineFailed: the engine does not start for another reason.

        """

    async def check_running(self) -> None:
        """Raise EngineFailed if the engine has stopped by itself."""

    async def ceilings(self) -> CeilingFacts | None:
        """Measure what the GPU can do, in about a second; None: there is none, or it is unknown."""

    async def stop(self) -> None:
        """Free the device. Does nothing the second time."""
