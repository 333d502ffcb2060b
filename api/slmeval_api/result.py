"""What a trial measured. The runner writes it, the operator, metrics and people read it.

What was not measured is absent, never zero.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .base import (
    LIST_MAP,
    ApiModel,
    Bytes,
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
from .task import TaskKind
from .workload import MAX_POINTS, MAX_REPETITIONS, Kind

SCHEMA_VERSION = 1

Percent = DecimalString


class Failure(ApiModel):
    """Why something has no figures."""

    reason: Literal[
        "MeasurementInvalid",
        "ModelUnusable",
        "TaskUnusable",
        "ArtifactsUnwritable",
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


EachRepetition = Annotated[
    list[DecimalString],
    Field(max_length=MAX_REPETITIONS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]


class Quantiles(ApiModel):
    """Nearest-rank quantiles of one figure over requests, in seconds."""

    n: Count = Field(description="Requests that the quantiles are over.")
    p50: DecimalString = Field(description="Median.")
    p90: DecimalString = Field(description="90th percentile.")
    p95: DecimalString = Field(description="95th percentile.")
    p99: DecimalString = Field(description="99th percentile.")
    repetition_p50: EachRepetition = Field(
        default_factory=list,
        description="Median of each repetition, in order: how sure it is. Absent for one.",
    )
    repetition_p99: EachRepetition = Field(
        default_factory=list, description="99th percentile of each repetition."
    )


class EngineLoad(ApiModel):
    """How full the engine was, by its own account of each step."""

    steps: Count = Field(description="Steps of the engine in which something was computed.")
    peak_running: Count = Field(description="Most requests in one step.")
    peak_waiting: Count = Field(description="Most requests that waited for a step.")
    peak_kv_cache_percent: Percent = Field(description="Largest share of the KV cache in use.")
    preemptions: Count = Field(
        description="Requests that were put back for want of KV cache, and computed again."
    )


class DeviceFigures(ApiModel):
    """What NVML showed while the workload ran, over all GPUs of the trial."""

    energy_joules: DecimalString | None = Field(
        default=None, description="Energy of all repetitions. Absent: the card does not count it."
    )
    joules_per_request: DecimalString | None = Field(
        default=None, description="The same ÷ requests."
    )
    joules_per_output_token: DecimalString | None = Field(
        default=None, description="The same ÷ generated tokens."
    )
    mean_watts: DecimalString | None = Field(default=None, description="Mean power.")
    peak_memory_bytes: Bytes | None = Field(
        default=None, description="Most memory in use on the GPUs, that of others included."
    )
    mean_sm_clock_mhz: DecimalString | None = Field(
        default=None, description="Mean clock of the multiprocessors."
    )
    peak_temperature_celsius: DecimalString | None = Field(default=None, description="Hottest GPU.")
    power_capped_percent: Percent | None = Field(
        default=None,
        description="Share of samples in which the power limit held the clocks down: no fault.",
    )


class Roofline(ApiModel):
    """Counted work against the ceilings that were measured on the same card.

    Formulas: docs/guides/speed.md.
    """

    flops: DecimalString = Field(description="Floating-point operations counted, in 10^12.")
    bytes_moved: DecimalString = Field(description="Bytes read and written, counted, in 10^9.")
    compute_percent: Percent = Field(description="FLOP/s ÷ the card's measured FLOP/s.")
    bandwidth_percent: Percent = Field(description="bytes/s ÷ the card's measured bytes/s.")
    percent: Percent = Field(
        description="The larger of the two: what binds the load, as a share of what it could do."
    )


class WorkloadFigures(ApiModel):
    """The speed that a load showed. All repetitions count alike."""

    requests: Count = Field(description="Requests of all repetitions.")
    seconds: DecimalString = Field(
        description="Mean time to serve the whole set once: first request sent to last token."
    )
    repetition_seconds: EachRepetition = Field(
        description="The same for each repetition, in order."
    )
    variation_percent: Percent | None = Field(
        default=None,
        description=(
            "Coefficient of variation of the repetitions' requests/s (sample standard deviation ÷ "
            "mean). Absent for one repetition."
        ),
    )
    requests_per_second: DecimalString = Field(
        description="Requests of all repetitions ÷ seconds of all repetitions."
    )
    input_tokens_per_second: DecimalString = Field(description="Prompt tokens a second.")
    output_tokens_per_second: DecimalString = Field(description="Generated tokens a second.")
    total_tokens_per_second: DecimalString = Field(description="Both, a second.")
    input_tokens: Count = Field(description="Prompt tokens of all repetitions.")
    output_tokens: Count = Field(description="Generated tokens of all repetitions.")
    cached_input_tokens: Count | None = Field(
        default=None,
        description="Prompt tokens from the prefix cache. Absent unless the workload allows them.",
    )
    mean_concurrency: DecimalString = Field(
        description="Mean requests in flight: latencies of all ÷ seconds of all (Little's law)."
    )
    latency_seconds: Quantiles = Field(
        description="From a request's arrival at the engine to its last token."
    )
    time_to_first_token_seconds: Quantiles | None = Field(
        default=None,
        description=(
            "From a request's arrival at the engine to its first token. Absent where answers come "
            "whole."
        ),
    )
    time_per_output_token_seconds: Quantiles | None = Field(
        default=None,
        description=(
            "First to last token ÷ (output tokens - 1). Absent for one output token, and where "
            "answers come whole."
        ),
    )
    inter_token_seconds: Quantiles | None = Field(
        default=None,
        description=(
            "Each single gap between two tokens of a request, in the engine; n counts gaps. Absent "
            "for one output token."
        ),
    )
    queue_seconds: Quantiles | None = Field(
        default=None, description="From arrival to the step that first scheduled the request."
    )
    engine: EngineLoad | None = Field(default=None, description="How full the engine was.")
    device: DeviceFigures | None = Field(
        default=None,
        description="Energy, memory and clocks. Absent without a GPU, and of requests over HTTP.",
    )
    roofline: Roofline | None = Field(
        default=None, description="Share of what the card could do. Absent when not counted."
    )


class Goodput(ApiModel):
    """Requests that kept every objective."""

    requests_per_second: DecimalString = Field(description="Good requests a second.")
    attained_percent: Percent = Field(description="Good requests, of all.")
    is_met: bool = Field(description="True: at least as many as objectives.attainmentPercent.")


class HttpComparison(ApiModel):
    """What the way over HTTP costs: the workload's figures beside the engine's own.

    The same requests at the same pace were sent to the engine itself, in turns.
    """

    generator: Text128 = Field(description="Load generator with its version.")
    generator_cpu_percent: Percent | None = Field(
        default=None,
        description=(
            "Of one core, by the generator's busiest process in any repetition: near 100 it would "
            "have set the pace, which is not let pass. Absent: too short to tell."
        ),
    )
    report: Annotated[str, StringConstraints(max_length=8_192)] = Field(
        description="The generator's own report of the last repetition, without single requests."
    )
    start_seconds: DecimalString = Field(
        description="From the start of Ray Serve until the endpoint answered."
    )
    engine: WorkloadFigures = Field(description="The same requests without HTTP.")
    requests_per_second_ratio: DecimalString = Field(
        description="Requests a second over HTTP ÷ without."
    )
    added_latency_seconds: DecimalString = Field(
        description="Median latency over HTTP - without. Below zero: less than the noise."
    )
    added_time_to_first_token_seconds: DecimalString | None = Field(
        default=None, description="The same of the time to first token. Absent without streaming."
    )


class LoadPoint(ApiModel):
    """One level or rate of a workload."""

    concurrency: Count | None = Field(
        default=None, description="Requests in flight, for the kind concurrency."
    )
    offered_requests_per_second: DecimalString | None = Field(
        default=None, description="Mean rate of arrivals, for the kind rate."
    )
    figures: WorkloadFigures | None = Field(
        default=None, description="Absent when the measurement is not valid."
    )
    goodput: Goodput | None = Field(default=None, description="Absent without objectives.")
    is_noisy: bool | None = Field(
        default=None,
        description="True: variationPercent is beyond the workload's limit. Absent when unknown.",
    )
    failure: Failure | None = Field(default=None, description="Why there are no figures.")


class WorkloadResult(ApiModel):
    """One workload: figures, or the failure that took their place.

    A batch has `figures`; so has http, by the client's clock, and beside them `http`. The other
    kinds have `points`, one a level or rate, in the order in which they were measured.
    """

    name: Name = Field(description="The workload's name.")
    kind: Kind = Field(description="The workload's kind.")
    input_tokens: Count | None = Field(
        default=None,
        description="Tokens of each prompt, as asked and checked. Absent: they differ.",
    )
    output_tokens: Count | None = Field(
        default=None,
        description="Tokens of each answer, as asked and checked. Absent: they differ.",
    )
    repetitions: Count = Field(description="Repetitions that were measured, of each point.")
    figures: WorkloadFigures | None = Field(
        default=None, description="Absent when the measurement is not valid."
    )
    points: Annotated[
        list[LoadPoint],
        Field(max_length=MAX_POINTS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(default_factory=list, description="Levels or rates.")
    highest_requests_per_second: DecimalString | None = Field(
        default=None,
        description=(
            "Highest rate offered that met the objectives. Absent without objectives, or when "
            "none met them."
        ),
    )
    http: HttpComparison | None = Field(
        default=None, description="What the way over HTTP costs, for the kind http."
    )
    is_noisy: bool | None = Field(
        default=None,
        description="True: repetitions differ by more than allowed, at any point. Absent: unknown.",
    )
    failure: Failure | None = Field(
        default=None, description="Why there are no figures, or the first point's reason."
    )

    @property
    def best_figures(self) -> WorkloadFigures | None:
        """Figures that stand for the workload: its own, or those of its most telling point.

        That is the highest rate that met the objectives where there are some, else the point
        with the most requests a second.
        """
        if self.figures:
            return self.figures
        measured = [p for p in self.points if p.figures]
        good = [p for p in measured if p.goodput and p.goodput.is_met]
        best = max(
            good or measured,
            key=lambda p: float(p.figures.requests_per_second) if p.figures else 0.0,
            default=None,
        )
        return best.figures if best else None


class Score(ApiModel):
    """A mean of numbers between 0 and 1, with its uncertainty."""

    value: DecimalString = Field(description="The mean.")
    low: DecimalString = Field(
        description=(
            "Lower end of the 95% interval: Wilson's where every item is right or wrong, else "
            "the bootstrap's (BCa)."
        )
    )
    high: DecimalString = Field(description="Upper end of the 95% interval.")
    n: Count = Field(description="The denominator: items, or tasks' items together.")


MetricName = Literal[
    "accuracy",
    "f1",
    "microF1",
    "macroF1",
    "precision",
    "recall",
    "exactMatch",
    "answerableF1",
    "unanswerableAccuracy",
    "rouge1",
    "rouge2",
    "rougeL",
    "auroc",
    "brierScore",
    "expectedCalibrationError",
]
"""Figures of our own types of task."""
Metric = Annotated[str, StringConstraints(pattern=r"^[ -~]+$", min_length=1, max_length=64)]
"""A MetricName, or what lm-evaluation-harness calls one, with its filter: `acc,none`."""


class TaskMetric(ApiModel):
    """A further figure of a task, over all of its items; an unanswered one counts as wrong."""

    name: Metric = Field(
        description=(
            "What it is; docs/guides/accuracy.md defines each. Of lmEval, the harness's own name."
        )
    )
    value: DecimalString = Field(description="The figure, between 0 and 1.")


class TaskItems(ApiModel):
    """What became of a task's test items."""

    asked: Count = Field(description="Put to the model: the denominator of the score.")
    answered: Count = Field(description="Of these, those whose answer could be read.")
    cut_short: Count = Field(
        description="Of these, those whose answer reached the most output tokens."
    )
    skipped_too_long: Count = Field(
        description="Did not fit the model's context. Never cut, and not among `asked`."
    )
    also_in_train: Count | None = Field(
        default=None,
        description=(
            "Test items, before any limit, whose input is in train too, blank space aside: "
            "contamination. See data.overlap. Absent for lmEval."
        ),
    )


class TaskTokens(ApiModel):
    """How many tokens a task took."""

    prompt: Bytes = Field(description="Tokens of all prompts.")
    cached: Bytes | None = Field(
        default=None, description="Of these, those that came from the prefix cache."
    )
    output: Bytes = Field(description="Tokens of all answers.")


MAX_OUTCOMES = 2_048
ITEM_BEST, ITEM_UNANSWERED, ITEM_SKIPPED = 250, 254, 255
"""Bytes of TaskOutcomes.scores: of a score of 1, and of what has none."""


class TaskOutcomes(ApiModel):
    """The score of each item, for comparing two models on the same items."""

    items_digest: Digest = Field(
        description="Digest of what the items are, in their order: equal where they are the same."
    )
    scores: Annotated[str, StringConstraints(max_length=MAX_OUTCOMES)] | None = Field(
        default=None,
        description=(
            "A byte an item, also for those skipped: 250 times its score, 254 unanswered, 255 "
            "skipped; compressed by zlib, in base64. Absent when it takes more than 2,048 "
            "characters."
        ),
    )


class TaskArtifact(ApiModel):
    """A task's file at spec.artifacts."""

    url: Annotated[str, StringConstraints(max_length=1024)] = Field(description="Where it lies.")
    digest: Digest = Field(description="Digest of its bytes.")
    size_bytes: Bytes = Field(description="Its size.")


class LmEvalFacts(ApiModel):
    """What lm-evaluation-harness was asked, for asking it the same."""

    version: Text128 = Field(description="Version of lm-evaluation-harness.")
    task_version: Text128 = Field(description="Version of the task, by its own word.")
    num_few_shot: Count = Field(description="Examples in each prompt.")
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(
        description="What the examples were drawn by: spec.seed. Its command line has 1234."
    )
    task_digest: Digest = Field(
        description=(
            "Digest of all items, prompts, continuations and stops, and right answers, those "
            "skipped included: equal where the same was asked."
        )
    )
    leaks_prevented: Count = Field(
        description=(
            "Items that the harness had drawn as an example of themselves; another example took "
            "its place."
        )
    )


class EmbeddingFacts(ApiModel):
    """What fewShot.embeddingModel was."""

    revision: Text256 | None = Field(
        default=None, description="Commit of the hub. Absent: the model does not come from there."
    )
    digest: Digest = Field(
        description=(
            "Digest over the names and sizes of the folder's files and the bytes of its small ones."
        )
    )


class TaskResult(ApiModel):
    """One task: its scores, or the failure that took their place."""

    name: Name = Field(description="The task's name.")
    type: TaskKind = Field(description="The task's type.")
    metric: Metric | None = Field(
        default=None,
        description=(
            "What the score is the mean of: of lmEval, the task's first metric by its first "
            "filter. Absent for lmEval when there is no score."
        ),
    )
    held_out: bool = Field(default=False, description="As the task says.")
    items: TaskItems | None = Field(default=None, description="What became of the items.")
    tokens: TaskTokens | None = Field(default=None, description="What they took.")
    score: Score | None = Field(
        default=None, description="Over all items that were asked; an unanswered one scores 0."
    )
    score_of_answered: Score | None = Field(
        default=None, description="Over the answered alone. Absent when none was."
    )
    metrics: Annotated[
        list[TaskMetric], Field(max_length=12, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(default_factory=list, description="Further figures of this type of task.")
    majority_score: DecimalString | None = Field(
        default=None,
        description=(
            "Score of always giving the commonest right answer: what to beat. Absent where no "
            "answer is right twice, and for lmEval."
        ),
    )
    random_score: DecimalString | None = Field(
        default=None,
        description="Score of guessing. Absent where there is no list to guess from.",
    )
    outcomes: TaskOutcomes | None = Field(default=None, description="The items one by one.")
    artifact: TaskArtifact | None = Field(
        default=None,
        description="Absent unless spec.artifacts is set, and when it could not be written.",
    )
    data_digest: Digest | None = Field(
        default=None,
        description="Digest of the test and train files' bytes. Absent for lmEval.",
    )
    embedding_model: EmbeddingFacts | None = Field(
        default=None,
        description="What found the examples. Only for fewShot.strategy: Similar.",
    )
    lm_eval: LmEvalFacts | None = Field(
        default=None, description="What the harness was asked. Only for lmEval."
    )
    failure: Failure | None = Field(default=None, description="Why there is no score.")


class SuiteScores(ApiModel):
    """All tasks of the trial together: the mean of their scores, each task counting the same."""

    score: Score = Field(
        description="Over all tasks; the interval is put together from theirs (MOVER)."
    )
    held_out: Score | None = Field(
        default=None, description="Over the tasks marked heldOut. Absent when there is none."
    )
    seconds: DecimalString = Field(
        description="Time to answer all items of all tasks: they are sent together."
    )


class StartSeconds(ApiModel):
    """How long the trial took until its engine was warm, in parts that follow one another.

    A part that did not happen or cannot be told is absent; `total` holds what is in no part.
    """

    total: DecimalString = Field(
        description="Start of the trial on its worker to engine warm, less reading tasks' data."
    )
    libraries: DecimalString | None = Field(
        default=None,
        description="Waiting for the engine's import, once a worker: little but for its first.",
    )
    model: DecimalString | None = Field(
        default=None, description="Finding or downloading the model."
    )
    process: DecimalString | None = Field(
        default=None, description="Configuration, and the engine core's own process."
    )
    device: DecimalString | None = Field(
        default=None, description="Taking the GPU: CUDA, memory, communication."
    )
    weights: DecimalString | None = Field(default=None, description="Loading the weights.")
    compile: DecimalString | None = Field(
        default=None, description="Compiling, or loading what was, and measuring free memory."
    )
    kv_cache: DecimalString | None = Field(default=None, description="Reserving the KV cache.")
    graphs: DecimalString | None = Field(
        default=None, description="Warming kernels up and capturing CUDA graphs."
    )
    engine: DecimalString | None = Field(
        default=None, description="All of the engine's start, from process to graphs."
    )
    warmup: DecimalString | None = Field(default=None, description="The first request.")


class EngineReport(ApiModel):
    """What the engine holds once it is started, over all GPUs of the trial."""

    parameters: Annotated[int, Field(ge=0, le=9_007_199_254_740_991)] | None = Field(
        default=None, description="Weights of the loaded model, counted."
    )
    weights_bytes: Bytes | None = Field(default=None, description="Memory of those weights.")
    kv_cache_tokens: Count | None = Field(
        default=None, description="Tokens that the KV cache has room for."
    )
    kv_cache_bytes: Bytes | None = Field(default=None, description="Memory of the KV cache.")


class Ceilings(ApiModel):
    """What one of the trial's GPUs was measured to do just before the workloads."""

    teraflops_per_second: DecimalString = Field(
        description="Matrix product in the model's number format, 10^12 FLOP/s."
    )
    gigabytes_per_second: DecimalString = Field(
        description="Copying a large block, read and write counted, 10^9 bytes/s."
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
    machine: Text256 | None = Field(
        default=None,
        description=(
            "Host name of the machine, where it was measured without a cluster: there is then "
            "neither a node nor an image."
        ),
    )
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
        default=None,
        description=(
            "Of the first workload that has figures: its own, or those of the point that stands "
            "for it (the highest rate that met the objectives, else the most requests a second)."
        ),
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


class TuningCandidate(ApiModel):
    """Engine arguments that were tried."""

    arguments: Annotated[
        list[NamedValue], Field(max_length=8, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(description="Those that differ from the candidate's own; none: the first one.")
    requests_per_second: DecimalString | None = Field(
        default=None, description="Of the workload, in one repetition. Absent: it has no figures."
    )
    failure: Failure | None = Field(default=None, description="Why it has none.")


class TuningResult(ApiModel):
    """Default and tuned side by side."""

    workload: Name = Field(description="The batch workload that was served.")
    seconds: DecimalString = Field(description="Time that the search took.")
    is_complete: bool = Field(description="False: tuning.budgetSeconds ended the search early.")
    candidates: Annotated[
        list[TuningCandidate],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(description="What was tried, in order; the first has the arguments as declared.")
    best_arguments: Annotated[
        list[NamedValue], Field(max_length=8, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(description="Those of the fastest that differ; none: the declared ones are.")
    figures: WorkloadFigures | None = Field(
        default=None,
        description=(
            "The whole workload with the best arguments, to be held against its figures as "
            "declared. Absent: those are the best, or this measurement failed."
        ),
    )
    failure: Failure | None = Field(default=None, description="Why the last one has no figures.")


LAST_LINES = 20
LINE_LIMIT = 256


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
    engine: EngineReport | None = Field(default=None, description="Memory of model and KV cache.")
    ceilings: Ceilings | None = Field(
        default=None, description="What the card can do. Absent without a GPU."
    )
    workloads: Annotated[
        list[WorkloadResult], Field(max_length=16, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(default_factory=list, description="One entry a workload that was reached.")
    tasks: Annotated[
        list[TaskResult], Field(max_length=64, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(default_factory=list, description="One entry a task that was reached.")
    suite: SuiteScores | None = Field(
        default=None,
        description="All tasks together. Absent without tasks, or when one has no score.",
    )
    tuning: TuningResult | None = Field(
        default=None, description="Absent unless engine.tune is set."
    )
    provenance: Provenance | None = Field(
        default=None, description="What it was measured with. Absent when nothing was loaded."
    )
    failure: Failure | None = Field(
        default=None,
        description="Why the trial is incomplete: its own failure, or the first of its parts'.",
    )
    last_lines: (
        Annotated[
            list[Annotated[str, StringConstraints(max_length=LINE_LIMIT)]],
            Field(min_length=1, max_length=LAST_LINES),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "What the trial's processes printed last, where it failed: the pods' logs go with "
            "the pods. Absent where it did not fail, or they printed nothing."
        ),
    )

    @property
    def is_final(self) -> bool:
        """Whether no further attempt may better it: complete, or failed for good."""
        return self.failure is None or not self.failure.may_pass


class Progress(ApiModel):
    """Where a running trial stands."""

    stage: Literal[
        "Queued",
        "Starting",
        "LoadingModel",
        "StartingEngine",
        "WarmingUp",
        "Measuring",
        "Scoring",
        "Tuning",
    ] = Field(description="What the trial is doing.")
    detail: Text256 | None = Field(default=None, description="Which part of it.")
    attempt: Annotated[int, Field(ge=1, le=1000)] = Field(description="Number of the attempt.")
    updated_at: Timestamp = Field(description="When this was written.")
