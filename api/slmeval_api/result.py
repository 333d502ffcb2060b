"""What a trial measured. The runner writes it, the operator, metrics and people read it.

What was not measured is absent, never zero.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .base import (
    LIST_MAP,
    ApiModel,
    Count,
    DecimalString,
    Digest,
    Message,
    Name,
    Text128,
    Text256,
    Text1024,
    Timestamp,
    UniqueNames,
)
from .conditions import Reason

SCHEMA_VERSION = 1

Percent = DecimalString


class Failure(ApiModel):
    """Why something has no figures."""

    reason: Literal[
        "MeasurementInvalid",
        "ModelUnusable",
        "TaskUnusable",
        "EngineFailed",
        "WorkerLost",
        "TrialDeadlineExceeded",
    ] = Field(description="The cause in one word.")
    message: Message = Field(description="The cause and what to do next.")
    may_pass: bool = Field(
        default=False, description="True when another attempt may succeed with nothing changed."
    )

    @property
    def condition_reason(self) -> Reason:
        """The reason as conditions spell it."""
        return Reason(self.reason)


class Quantiles(ApiModel):
    """Nearest-rank quantiles of one figure over requests, in seconds."""

    n: Count = Field(description="Requests that the quantiles are over.")
    p50: DecimalString = Field(description="Median.")
    p90: DecimalString = Field(description="90th percentile.")
    p95: DecimalString = Field(description="95th percentile.")
    p99: DecimalString = Field(description="99th percentile.")


class WorkloadFigures(ApiModel):
    """The speed that a workload showed. All repetitions count alike."""

    seconds: DecimalString = Field(
        description="Mean time to serve the whole set once: first request sent to last token."
    )
    repetition_seconds: Annotated[
        list[DecimalString],
        Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(description="The same for each repetition, in order.")
    variation_percent: Percent | None = Field(
        default=None,
        description=(
            "Coefficient of variation of the repetitions' seconds (sample standard deviation ÷ "
            "mean). Absent for one repetition."
        ),
    )
    requests_per_second: DecimalString = Field(
        description="Requests of all repetitions ÷ seconds of all repetitions."
    )
    input_tokens_per_second: DecimalString = Field(description="Prompt tokens a second.")
    output_tokens_per_second: DecimalString = Field(description="Generated tokens a second.")
    total_tokens_per_second: DecimalString = Field(description="Both, a second.")
    latency_seconds: Quantiles = Field(
        description="From a request's arrival at the engine to its last token."
    )
    time_to_first_token_seconds: Quantiles = Field(
        description="From a request's arrival at the engine to its first token."
    )
    time_per_output_token_seconds: Quantiles | None = Field(
        default=None,
        description="First to last token ÷ (output tokens - 1). Absent for one output token.",
    )
    queue_seconds: Quantiles | None = Field(
        default=None, description="From arrival to the step that first scheduled the request."
    )


class WorkloadResult(ApiModel):
    """One workload: figures, or the failure that took their place."""

    name: Name = Field(description="The workload's name.")
    kind: Literal["batch"] = Field(description="The workload's kind.")
    requests: Count = Field(description="Requests of one repetition, as asked.")
    input_tokens: Count = Field(description="Tokens of each prompt, as asked and checked.")
    output_tokens: Count = Field(description="Tokens of each answer, as asked and checked.")
    repetitions: Count = Field(description="Repetitions that were measured.")
    figures: WorkloadFigures | None = Field(
        default=None, description="Absent when the measurement is not valid."
    )
    is_noisy: bool | None = Field(
        default=None,
        description="True: variationPercent is beyond the workload's limit. Absent when unknown.",
    )
    failure: Failure | None = Field(default=None, description="Why there are no figures.")


class Score(ApiModel):
    """A share with its uncertainty, between 0 and 1."""

    value: DecimalString = Field(description="The share.")
    low: DecimalString = Field(description="Lower end of the 95% interval (Wilson).")
    high: DecimalString = Field(description="Upper end of the 95% interval (Wilson).")
    n: Count = Field(description="The denominator.")


class TaskResult(ApiModel):
    """One task: its scores, or the failure that took their place."""

    name: Name = Field(description="The task's name.")
    type: Literal["classification"] = Field(description="The task's type.")
    metric: Literal["accuracy"] = Field(description="What the score is.")
    items: Count | None = Field(default=None, description="Items that were put to the model.")
    answered: Count | None = Field(default=None, description="Items whose answer was a label.")
    skipped_too_long: Count | None = Field(
        default=None,
        description="Items that did not fit the context. Never cut, not among `items`.",
    )
    score: Score | None = Field(
        default=None, description="Right answers over all items; an unanswered one is wrong."
    )
    score_of_answered: Score | None = Field(
        default=None, description="Right answers over the answered. Absent when none was."
    )
    macro_f1: DecimalString | None = Field(
        default=None, description="Mean F1 over the labels that occur; an unanswered one is wrong."
    )
    majority_score: DecimalString | None = Field(
        default=None, description="Score of always giving the commonest label: what to beat."
    )
    data_digest: Digest | None = Field(
        default=None, description="Digest of the test and train files' bytes."
    )
    seconds: DecimalString | None = Field(default=None, description="Time to answer all items.")
    failure: Failure | None = Field(default=None, description="Why there is no score.")


class StartSeconds(ApiModel):
    """How long the trial took until its first measured request, in parts."""

    total: DecimalString = Field(description="Start of the trial on its worker to engine warm.")
    libraries: DecimalString | None = Field(
        default=None,
        description="Waiting for the engine's import, once a worker: little but for its first.",
    )
    model: DecimalString | None = Field(
        default=None, description="Finding or downloading the model."
    )
    engine: DecimalString | None = Field(
        default=None, description="Loading weights, compiling, reserving memory."
    )


class NamedValue(ApiModel):
    """A name and a value, both as text."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="Name."
    )
    value: Text256 = Field(description="Value.")


class Provenance(ApiModel):
    """What the figures were measured with: enough to ask the same again."""

    engine: Literal["vllm", "simulated"] = Field(description="The engine.")
    runner_version: Text128 = Field(description="Version of this project's runner.")
    versions: Annotated[
        list[NamedValue], Field(max_length=16, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(
        default_factory=list, description="Versions of vllm, ray, torch, cuda, driver, python."
    )
    device: Text256 | None = Field(default=None, description="GPU product, or the CPU's model.")
    device_ids: Annotated[
        list[Text128],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(default_factory=list, description="GPU UUIDs.")
    node: Text256 | None = Field(default=None, description="The Kubernetes node.")
    image: Text1024 | None = Field(default=None, description="The runner image, as named.")
    model_revision: Text256 | None = Field(
        default=None, description="Commit of the hub that the revision stood for."
    )
    model_digest: Digest | None = Field(
        default=None,
        description=(
            "Digest over the names and sizes of the model folder's files and the bytes of its "
            "small ones: config, tokenizer, weights index."
        ),
    )
    engine_arguments: Annotated[
        list[NamedValue], Field(max_length=64, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(default_factory=list, description="Engine arguments as the engine resolved them.")
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(description="spec.seed.")


class Summary(ApiModel):
    """The few figures that `kubectl get` prints, with four digits."""

    requests_per_second: DecimalString | None = Field(
        default=None, description="Of the first workload that has figures."
    )
    latency_p50_seconds: DecimalString | None = Field(
        default=None, description="Of the same workload."
    )
    score: DecimalString | None = Field(
        default=None, description="Plain mean of the tasks' scores; absent unless all have one."
    )
    tokens_per_second: DecimalString | None = Field(
        default=None, description="Total tokens a second of the same workload."
    )


class TrialResult(ApiModel):
    """Everything that a trial measured."""

    schema_version: Literal[1] = Field(default=1, description="Version of this form.")
    attempt: Annotated[int, Field(ge=1, le=1000)] = Field(
        description="Number of the attempt that measured it."
    )
    started_at: Timestamp = Field(description="When the trial's process started.")
    completed_at: Timestamp = Field(description="When it had measured everything, or failed.")
    summary: Summary = Field(default_factory=Summary, description="For kubectl get.")
    start_seconds: StartSeconds | None = Field(
        default=None, description="Absent when the engine did not start."
    )
    workloads: Annotated[
        list[WorkloadResult], Field(max_length=16, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(default_factory=list, description="One entry a workload that was reached.")
    tasks: Annotated[
        list[TaskResult], Field(max_length=64, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(default_factory=list, description="One entry a task that was reached.")
    provenance: Provenance | None = Field(
        default=None, description="What it was measured with. Absent when nothing was loaded."
    )
    failure: Failure | None = Field(
        default=None,
        description="Why the trial is incomplete: its own failure, or the first of its parts'.",
    )

    @property
    def is_final(self) -> bool:
        """Whether no further attempt may better it: complete, or failed for good."""
        return self.failure is None or not self.failure.may_pass


class Progress(ApiModel):
    """Where a running trial stands."""

    stage: Literal[
        "Queued", "Starting", "LoadingModel", "StartingEngine", "WarmingUp", "Measuring", "Scoring"
    ] = Field(description="What the trial is doing.")
    detail: Text256 | None = Field(default=None, description="Which part of it.")
    attempt: Annotated[int, Field(ge=1, le=1000)] = Field(description="Number of the attempt.")
    updated_at: Timestamp = Field(description="When this was written.")
