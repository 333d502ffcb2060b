"""A workload: requests of known size that are sent to the engine to measure its speed."""

from typing import Annotated

from pydantic import Field

from .base import ApiModel, Name


class BatchWorkload(ApiModel):
    """All requests at once: the time to serve a whole set, and requests a second.

    Prompts are random token ids of exactly `inputTokens`, different in every request and
    repetition; exactly `outputTokens` are generated (ignore_eos). Warm-up requests are others.
    """

    requests: Annotated[int, Field(ge=1, le=100_000)] = Field(
        description="Requests in one repetition."
    )
    input_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = Field(
        description="Length of each prompt in tokens, special tokens included."
    )
    output_tokens: Annotated[int, Field(ge=1, le=131_072)] = Field(
        description="Tokens generated for each request."
    )
    repetitions: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="Times the set is measured, with other prompts each time. Default 3."
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


class Workload(ApiModel):
    """A named workload of exactly one kind."""

    name: Name = Field(description="Your name for it; results and metrics carry it.")
    batch: BatchWorkload = Field(description="All requests at once.")
