"""A workload: requests that are sent to the engine in a certain way to measure its speed.

What is sent is the same in every kind (`Load`); how it is sent makes the kind: all at once
(`batch`), a fixed number in flight (`concurrency`), as independent users would (`rate`), or through
the OpenAI endpoint that applications use (`http`).
"""

from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from .base import ApiModel, DecimalAboveZero, Name, Rule, Unique, demand, rules
from .data import FORMS, DataSource, FieldName

MAX_POINTS = 12
"""Levels or rates of one workload: each is measured by itself, and each is reported in full."""

OWN_OR_RANDOM = Rule(
    "has(self.inputTokens) != has(self.prompts)",
    "name inputTokens for random prompts, or prompts for your own: exactly one of them",
    lambda w: (w.input_tokens is None) != (w.prompts is None),
)
SPREAD_IS_OF_RANDOM = Rule(
    "!has(self.prompts) || self.lengthSpreadPercent == 0",
    "lengthSpreadPercent is for random prompts; your own have the lengths that they have",
    lambda w: w.prompts is None or w.length_spread_percent == 0,
)
ONE_OF_RATES = Rule(
    "has(self.requestsPerSecond) != has(self.search)",
    "name requestsPerSecond, the rates to measure, or search, to have the highest found: "
    "exactly one of them",
    lambda w: (w.requests_per_second is None) != (w.search is None),
)
SEARCH_HAS_OBJECTIVES = Rule(
    "!has(self.search) || has(self.objectives)",
    "search needs objectives: it looks for the highest rate that meets them",
    lambda w: w.search is None or w.objectives is not None,
)
ONE_PACE = Rule(
    "has(self.concurrency) != has(self.requestsPerSecond)",
    "name concurrency, the requests in flight, or requestsPerSecond, the mean rate at which they "
    "arrive: exactly one of them",
    lambda w: (w.concurrency is None) != (w.requests_per_second is None),
)
AN_OBJECTIVE = Rule(
    "has(self.timeToFirstTokenSeconds) || has(self.timePerOutputTokenSeconds) "
    "|| has(self.latencySeconds)",
    "name at least one of timeToFirstTokenSeconds, timePerOutputTokenSeconds, latencySeconds",
    lambda o: bool(
        o.time_to_first_token_seconds or o.time_per_output_token_seconds or o.latency_seconds
    ),
)
RISING = Rule(
    "!has(self.highest) || double(self.lowest) < double(self.highest)",
    "search.lowest must be below search.highest",
    lambda s: s.highest is None or float(s.lowest) < float(s.highest),
)
ONE_KIND = Rule(
    "[has(self.batch), has(self.concurrency), has(self.rate), has(self.http)]"
    ".filter(x, x).size() == 1",
    "exactly one of batch, concurrency, rate, http must be set: they are the kinds of workload",
    lambda w: len(w.kinds) == 1,
)
NO_PARENT = Rule(
    "!self.source.contains('..')",
    "source must not contain '..': name the file itself",
    lambda p: ".." not in p.source,
)
_LOAD_RULES = (OWN_OR_RANDOM, SPREAD_IS_OF_RANDOM)

MAX_REPETITIONS = 20
Repetitions = Annotated[int, Field(ge=1, le=MAX_REPETITIONS)]
Requests = Annotated[int, Field(ge=1, le=100_000)]


class PromptFile(ApiModel):
    """Prompts of your own, one a row.

    `text` holds a text, or a conversation as a list of {role, content}; a row may say how many
    tokens to generate. Sources are those of tasks' data.
    """

    model_config = ConfigDict(json_schema_extra=rules(NO_PARENT))

    source: DataSource = Field(
        description=f"Where they come from: any source that a task's data may have. {FORMS}"
    )
    text: FieldName = Field(
        default="prompt", description="Column of the prompt: a text or messages. Default prompt."
    )
    output_tokens: FieldName = Field(
        default="outputTokens",
        description=(
            "Column of the tokens to generate; a row without one takes the workload's "
            "outputTokens. Default outputTokens."
        ),
    )

    @model_validator(mode="after")
    def _rules(self) -> "PromptFile":
        return demand(self, NO_PARENT)


class Load(ApiModel):
    """What is sent, in every kind of workload.

    Random prompts are token ids of the model's own vocabulary, different in every request and
    repetition; exactly the output tokens asked are generated (ignore_eos). Warm-up requests are
    others.
    """

    input_tokens: Annotated[int, Field(ge=1, le=1_048_576)] | None = Field(
        default=None,
        description=(
            "Length of each random prompt in tokens, special tokens included; the mean where "
            "lengthSpreadPercent is set. Left out: prompts names your own."
        ),
    )
    output_tokens: Annotated[int, Field(ge=1, le=131_072)] = Field(
        description="Tokens generated for each request; the mean where lengths are spread."
    )
    length_spread_percent: Annotated[int, Field(ge=0, le=99)] = Field(
        default=0,
        description=(
            "Draws both lengths evenly from this much below to this much above what is asked. "
            "Default 0: every request has exactly these lengths."
        ),
    )
    prompts: PromptFile | None = Field(
        default=None, description="Prompts of your own, taken in turns. Left out: random ones."
    )
    allow_prefix_caching: bool = Field(
        default=False,
        description=(
            "True: prompt tokens may come from the engine's prefix cache, as where your own "
            "prompts share a beginning, and how many did is reported. Default false: a single one "
            "makes the measurement invalid. The cache is emptied before each repetition."
        ),
    )
    warmup_requests: Annotated[int, Field(ge=0, le=1_000)] = Field(
        default=8, description="Requests sent before the clock starts. Default 8."
    )
    max_variation_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10,
        description=(
            "Largest coefficient of variation between repetitions; beyond it the trial is "
            "marked Noisy. Default 10."
        ),
    )

    @property
    def longest_tokens(self) -> int | None:
        """Most tokens that one request's prompt and answer can have; None: own prompts."""
        if self.input_tokens is None:
            return None
        spread = 100 + self.length_spread_percent
        return (self.input_tokens + self.output_tokens) * spread // 100


class BatchWorkload(Load):
    """All requests at once: the time to serve a whole set, and requests a second."""

    model_config = ConfigDict(json_schema_extra=rules(*_LOAD_RULES))

    requests: Requests = Field(description="Requests in one repetition.")
    repetitions: Repetitions = Field(
        default=3, description="Times the set is measured, with other prompts each time. Default 3."
    )

    @model_validator(mode="after")
    def _rules(self) -> "BatchWorkload":
        return demand(self, *_LOAD_RULES)


class ConcurrencyWorkload(Load):
    """A fixed number of requests in flight: a new one is sent when one has its answer."""

    model_config = ConfigDict(json_schema_extra=rules(*_LOAD_RULES))

    levels: Annotated[
        list[Annotated[int, Field(ge=1, le=4_096)]],
        Field(
            min_length=1,
            max_length=MAX_POINTS,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
        Unique,
    ] = Field(description="Requests in flight; each level is measured by itself.")
    requests_per_slot: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=4,
        description="A level of N sends N times this many requests in a repetition. Default 4.",
    )
    repetitions: Repetitions = Field(
        default=3, description="Times each level is measured. Default 3."
    )

    @model_validator(mode="after")
    def _rules(self) -> "ConcurrencyWorkload":
        return demand(self, *_LOAD_RULES)


class Objectives(ApiModel):
    """What a request must keep to count as good; each is an upper limit in seconds."""

    model_config = ConfigDict(json_schema_extra=rules(AN_OBJECTIVE))

    time_to_first_token_seconds: DecimalAboveZero | None = Field(
        default=None, description="Limit of the time to first token (TTFT)."
    )
    time_per_output_token_seconds: DecimalAboveZero | None = Field(
        default=None, description="Limit of the mean time per output token (TPOT)."
    )
    latency_seconds: DecimalAboveZero | None = Field(
        default=None, description="Limit of the whole request."
    )
    attainment_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=99,
        description="Share of requests that must keep all limits for a rate to count. Default 99.",
    )

    @model_validator(mode="after")
    def _rules(self) -> "Objectives":
        return demand(self, AN_OBJECTIVE)


class RateSearch(ApiModel):
    """Where to look for the highest rate: doubling from the lowest, then halving the gap."""

    model_config = ConfigDict(json_schema_extra=rules(RISING))

    lowest: DecimalAboveZero = Field(
        default="1", description="Requests a second to begin with. Default 1."
    )
    highest: DecimalAboveZero | None = Field(
        default=None,
        description="Requests a second not to go beyond. Left out: until objectives are missed.",
    )
    resolution_percent: Annotated[int, Field(ge=1, le=50)] = Field(
        default=10,
        description="Ends when the rates that met and missed are this close. Default 10.",
    )

    @model_validator(mode="after")
    def _rules(self) -> "RateSearch":
        return demand(self, RISING)


class RateWorkload(Load):
    """Requests arrive as those of independent users: a Poisson process that waits for nobody."""

    model_config = ConfigDict(
        json_schema_extra=rules(*_LOAD_RULES, ONE_OF_RATES, SEARCH_HAS_OBJECTIVES)
    )

    requests: Requests = Field(
        default=200, description="Requests sent at each rate in a repetition. Default 200."
    )
    requests_per_second: (
        Annotated[
            list[DecimalAboveZero],
            Field(
                min_length=1,
                max_length=MAX_POINTS,
                json_schema_extra={"x-kubernetes-list-type": "set"},
            ),
            Unique,
        ]
        | None
    ) = Field(default=None, description="Mean rates to measure, each by itself.")
    search: RateSearch | None = Field(
        default=None, description="Find the highest rate that meets the objectives."
    )
    objectives: Objectives | None = Field(
        default=None, description="What a good request is; gives goodput. Left out: none is judged."
    )
    repetitions: Repetitions = Field(
        default=1, description="Times each rate is measured, with other arrivals. Default 1."
    )

    @model_validator(mode="after")
    def _rules(self) -> "RateWorkload":
        return demand(self, *_LOAD_RULES, ONE_OF_RATES, SEARCH_HAS_OBJECTIVES)


class HttpWorkload(Load):
    """Requests to the same engine through Ray Serve's OpenAI endpoint, from GuideLLM.

    Each set is also sent to the engine itself, in turns: the difference is what the way over HTTP
    costs. Prompts are sent as text, so tokenizing them is a part of it.
    """

    model_config = ConfigDict(json_schema_extra=rules(*_LOAD_RULES, ONE_PACE))

    requests: Requests = Field(
        default=200, description="Requests sent in a repetition. Default 200."
    )
    concurrency: Annotated[int, Field(ge=1, le=4_096)] | None = Field(
        default=None, description="Requests in flight: a new one is sent when one has its answer."
    )
    requests_per_second: DecimalAboveZero | None = Field(
        default=None,
        description="Mean rate at which they arrive, as a Poisson process that waits for nobody.",
    )
    streaming: bool = Field(
        default=True,
        description=(
            "True: answers come token by token, as in a chat. False: an answer comes whole, and "
            "there is no time to first token. Default true."
        ),
    )
    repetitions: Repetitions = Field(
        default=3, description="Times it is measured over HTTP, and as often without. Default 3."
    )

    @model_validator(mode="after")
    def _rules(self) -> "HttpWorkload":
        return demand(self, *_LOAD_RULES, ONE_PACE)


Kind = Literal["batch", "concurrency", "rate", "http"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Workload(ApiModel):
    """A named workload of exactly one kind."""

    model_config = ConfigDict(json_schema_extra=rules(ONE_KIND))

    name: Name = Field(description="Your name for it; results and metrics carry it.")
    batch: BatchWorkload | None = Field(default=None, description="All requests at once.")
    concurrency: ConcurrencyWorkload | None = Field(
        default=None, description="A fixed number of requests in flight."
    )
    rate: RateWorkload | None = Field(
        default=None, description="Requests that arrive at a mean rate, whatever is in flight."
    )
    http: HttpWorkload | None = Field(
        default=None, description="Requests to the OpenAI endpoint of the same engine."
    )

    @model_validator(mode="after")
    def _rules(self) -> "Workload":
        return demand(self, ONE_KIND)

    @property
    def kinds(self) -> list[Kind]:
        """The kinds that are set: exactly one once it is valid."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]

    @property
    def kind(self) -> Kind:
        """How it is sent."""
        return self.kinds[0]

    @property
    def repetitions(self) -> int:
        """Times that each of its points is measured."""
        kinds = (self.batch, self.concurrency, self.rate, self.http)
        return next(kind.repetitions for kind in kinds if kind)

    @property
    def most_in_flight(self) -> int | None:
        """Most requests that are sent and not finished at a time; None: nothing limits them."""
        if self.batch:
            return self.batch.requests
        if self.http:
            return self.http.concurrency
        return max(self.concurrency.levels) if self.concurrency else None

    @property
    def load(self) -> Load:
        """What is sent."""
        load: Load = getattr(self, self.kind)
        return load
