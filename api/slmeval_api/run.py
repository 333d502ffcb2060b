"""SLMRun: one asking of a question. Written by the operator; never edited."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from .base import (
    LIST_MAP,
    ApiModel,
    Column,
    Count,
    DecimalString,
    Generation,
    KindInfo,
    Message,
    Name,
    ObjectName,
    Timestamp,
    UniqueNames,
    rules,
)
from .conditions import Conditions
from .evaluation import Question, Request, TrialCounts
from .gate import GateReport
from .objects import StoredObject
from .pool import PoolSpec
from .trial import IMMUTABLE


class RunPool(ApiModel):
    """A pool as it was when the run began: an edit of the SLMPool changes the next run only."""

    name: Name = Field(description="Name of the SLMPool.")
    spec: PoolSpec = Field(description="Its spec at that time.")


class Trigger(ApiModel):
    """What started the run."""

    reason: Literal["Changed", "Requested", "Scheduled"] = Field(
        description=(
            "Changed: the question is new, or its newest run was deleted. Requested: by the "
            "annotation slmeval.dev/run-requested-at. Scheduled: by spec.schedule."
        )
    )
    request: Request | None = Field(
        default=None, description="Value of that annotation; whatever the reason, it is answered."
    )
    scheduled_time: Timestamp | None = Field(
        default=None,
        description="The newest time of the schedule that the run stands for, whatever the reason.",
    )


class RunSpec(ApiModel):
    """The question and the pools, copied. Never changes."""

    model_config = ConfigDict(json_schema_extra=rules(IMMUTABLE))

    evaluation: ObjectName = Field(description="Name of the SLMEvaluation.")
    number: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        description="1 for the evaluation's first run; each newer one has a higher number."
    )
    trigger: Trigger = Field(description="What started it.")
    replaces: bool = Field(
        default=False,
        description="True: older runs that have not ended are stopped. Default false.",
    )
    evaluation_generation: Generation = Field(
        description="Its metadata.generation when the question was asked."
    )
    question: Question = Field(description="What is asked.")
    pools: Annotated[
        list[RunPool], Field(min_length=1, max_length=16, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(description="Where it is measured.")


class Attempt(ApiModel):
    """One RayJob: an attempt to finish a pool's trials."""

    pool: Name = Field(description="Name of the SLMPool.")
    number: Annotated[int, Field(ge=1, le=1000)] = Field(description="1 for the first.")
    name: ObjectName = Field(description="Name of the RayJob.")
    outcome: Literal["Running", "Ended", "Failed"] = Field(
        description="Ended says nothing about results: those stand in the trials."
    )
    reason: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Why it failed."
    )
    message: Message | None = Field(default=None, description="Details, cut to size.")
    start_time: Timestamp | None = Field(default=None, description="When the RayJob was made.")
    released_time: Timestamp | None = Field(
        default=None,
        description=(
            "When its last pod was seen to be gone: its nodes and GPUs are free since. Absent "
            "while it holds any or still will."
        ),
    )


MAX_COMPARISONS = 1_024


class ScoreComparison(ApiModel):
    """How far apart the scores of two models are, on the items that both were asked."""

    pool: Name = Field(description="Where both were measured.")
    task: Name | None = Field(
        default=None,
        description="The task. Absent: the mean over all tasks, each counting the same.",
    )
    model: Name = Field(description="The model with the higher score of the two.")
    against: Name = Field(description="The other one.")
    difference: DecimalString = Field(description="Its score less the other's; never below 0.")
    low: DecimalString = Field(description="Lower end of the difference's 95% interval.")
    high: DecimalString = Field(description="Upper end of the difference's 95% interval.")
    items: Count = Field(description="Items that both were asked.")
    p_value: DecimalString = Field(
        description="How probable so large a difference is between models that are equally good."
    )
    adjusted_p_value: DecimalString = Field(
        description="The same, corrected for the number of comparisons of this kind (Holm 1979)."
    )
    is_tied: bool = Field(
        description="True: adjustedPValue is 0.05 or more; these items do not tell the two apart."
    )


class RunStatus(ApiModel):
    """Where the run stands."""

    observed_generation: Generation = Field(
        default=0, description="metadata.generation that this status is about; 0: none yet."
    )
    conditions: Conditions = Field(default_factory=list)
    trials: TrialCounts | None = Field(default=None, description="How many trials stand where.")
    attempts: Annotated[
        list[Attempt], Field(max_length=176, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(default_factory=list, description="The RayJobs of this run, oldest first.")
    comparisons: Annotated[list[ScoreComparison], Field(max_length=MAX_COMPARISONS)] = Field(
        default_factory=list,
        description=(
            "Of any two models on a pool, once the run has ended: over all tasks first, then task "
            "by task. With so many models that there are more than 1,024, only those with the "
            "best model of each pool, and task by task only while there is room."
        ),
    )
    gates: GateReport | None = Field(
        default=None, description="What came of spec.gates. Absent without any, and before the end."
    )
    completion_time: Timestamp | None = Field(default=None, description="When the run ended.")


class Run(StoredObject[RunSpec, RunStatus]):
    """An SLMRun."""

    spec_type = RunSpec
    status_type = RunStatus
    object_rules: ClassVar[dict[str, Any]] = {}
    info = KindInfo(
        kind="SLMRun",
        plural="slmruns",
        short="slmrun",
        scope="Namespaced",
        description="One asking of an SLMEvaluation: an immutable copy of it and its trials' sum.",
        columns=(
            Column(
                name="Evaluation",
                type="string",
                path=".spec.evaluation",
                description="The question.",
            ),
            Column(
                name="Number",
                type="integer",
                path=".spec.number",
                description="Which of its runs.",
            ),
            Column(
                name="Trigger",
                type="string",
                path=".spec.trigger.reason",
                description="What started it.",
            ),
            Column(
                name="Reason",
                type="string",
                path=".status.conditions[?(@.type=='Ready')].reason",
                description="Where it stands.",
            ),
            Column(
                name="Trials",
                type="string",
                path=".status.trials.summary",
                description="Ended trials of all trials.",
            ),
            Column(
                name="Gates",
                type="string",
                path=".status.conditions[?(@.type=='GatesPassed')].reason",
                description="What came of spec.gates.",
            ),
            Column(
                name="Completed",
                type="date",
                path=".status.completionTime",
                description="When it ended.",
            ),
            Column(
                name="Message",
                type="string",
                path=".status.conditions[?(@.type=='Ready')].message",
                description="What to know or do.",
                wide=True,
            ),
            Column(name="Age", type="date", path=".metadata.creationTimestamp", description="Age."),
        ),
    )
