"""A gate: what a run must not fall short of, and what came of it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from .base import (
    LIST_SET,
    ApiModel,
    Count,
    DecimalAboveZero,
    DecimalString,
    Digest,
    Message,
    Name,
    ObjectName,
    PositiveDecimal,
    Rule,
    Unique,
    demand,
    rules,
)

MAX_GATES = 16
MAX_VERDICTS = 1_024

SpeedFigure = Literal[
    "requestsPerSecond",
    "latencyP50Seconds",
    "latencyP99Seconds",
    "timeToFirstTokenP50Seconds",
    "timeToFirstTokenP99Seconds",
    "timePerOutputTokenP50Seconds",
    "timePerOutputTokenP99Seconds",
]

ONE_OBJECT = Rule(
    "has(self.score) != has(self.speed)",
    "name score or speed: a gate judges exactly one of them",
    lambda g: (g.score is None) != (g.speed is None),
)
SOMETHING_DEMANDED = Rule(
    "has(self.atLeast) || has(self.atMost) || has(self.regression)",
    "name at least one of atLeast, atMost, regression: else the gate demands nothing",
    lambda g: bool(g.at_least or g.at_most or g.regression),
)
ONE_UNIT = Rule(
    "!has(self.regression) || (has(self.score) ? !has(self.regression.tolerancePercent) "
    ": !has(self.regression.tolerance))",
    "regression.tolerance is for score, in its own unit; tolerancePercent is for speed",
    lambda g: (
        g.regression is None
        or (g.regression.tolerance_percent if g.score else g.regression.tolerance) is None
    ),
)
SCORES_ARE_SHARES = Rule(
    "!has(self.score) || ((!has(self.atLeast) || double(self.atLeast) <= 1.0) "
    "&& (!has(self.atMost) || double(self.atMost) <= 1.0) && (!has(self.regression) "
    "|| !has(self.regression.tolerance) || double(self.regression.tolerance) <= 1.0))",
    "a score lies between 0 and 1, and so do its limits and its tolerance: write 0.85 for 85%",
    lambda g: (
        g.score is None
        or all(
            limit is None or float(limit) <= 1
            for limit in (g.at_least, g.at_most, g.regression and g.regression.tolerance)
        )
    ),
)
ONE_SCORE = Rule(
    "!has(self.task) || !self.heldOut",
    "name task, or heldOut for all tasks that are marked so, or neither for all tasks",
    lambda s: s.task is None or not s.held_out,
)
GATE_RULES = (ONE_OBJECT, SOMETHING_DEMANDED, ONE_UNIT, SCORES_ARE_SHARES)


class ScoreGate(ApiModel):
    """Which score is judged."""

    model_config = ConfigDict(json_schema_extra=rules(ONE_SCORE))

    task: Name | None = Field(
        default=None, description="Name of a task. Left out: the mean over all tasks."
    )
    held_out: bool = Field(
        default=False, description="True: the mean over the tasks marked heldOut. Default false."
    )

    @model_validator(mode="after")
    def _rules(self) -> "ScoreGate":
        return demand(self, ONE_SCORE)


class SpeedGate(ApiModel):
    """Which figure of a workload is judged."""

    workload: Name = Field(description="Name of a workload.")
    figure: SpeedFigure = Field(
        description=(
            "Requests a second, of which more is better; or a quantile of a time, of which less is."
        )
    )
    load: DecimalAboveZero | None = Field(
        default=None,
        description=(
            "Which level of concurrency, or which rate. Left out: the level with the most requests "
            "a second, or the highest rate that met the objectives; of a regression, the one that "
            "the earlier run is judged at."
        ),
    )


class Regression(ApiModel):
    """How much worse than an earlier run it may be."""

    baseline: ObjectName | None = Field(
        default=None,
        description=(
            "Name of an SLMRun of this evaluation, which the history then keeps. Left out: the "
            "newest one before it that succeeded and failed no gate."
        ),
    )
    tolerance: PositiveDecimal | None = Field(
        default=None, description="For score: how much lower it may be. Default 0.02."
    )
    tolerance_percent: PositiveDecimal | None = Field(
        default=None, description="For speed: by how many percent it may be worse. Default 2."
    )


class Gate(ApiModel):
    """A demand on figures of the run, of each model on each pool.

    It fails, or passes, only if the 95% interval says so; else it is inconclusive.
    """

    model_config = ConfigDict(json_schema_extra=rules(*GATE_RULES))

    name: Name = Field(description="Your name for it; verdicts and metrics carry it.")
    models: Annotated[list[Name], Field(max_length=64, json_schema_extra=LIST_SET), Unique] = Field(
        default_factory=list,
        json_schema_extra={"default": []},
        description="Which models. Left out: all.",
    )
    pools: Annotated[list[Name], Field(max_length=16, json_schema_extra=LIST_SET), Unique] = Field(
        default_factory=list,
        json_schema_extra={"default": []},
        description="On which pools. Left out: all.",
    )
    score: ScoreGate | None = Field(
        default=None, description="Judges a score; {} is the mean over all tasks."
    )
    speed: SpeedGate | None = Field(default=None, description="Judges a figure of a workload.")
    at_least: PositiveDecimal | None = Field(
        default=None, description="The figure must not be lower."
    )
    at_most: PositiveDecimal | None = Field(
        default=None, description="The figure must not be higher."
    )
    regression: Regression | None = Field(
        default=None, description="It must not be worse than in an earlier run; {} has defaults."
    )

    @model_validator(mode="after")
    def _rules(self) -> "Gate":
        return demand(self, *GATE_RULES)


Outcome = Literal["Passed", "Failed", "Inconclusive"]
Demand = Literal["atLeast", "atMost", "regression"]


class GateVerdict(ApiModel):
    """What came of one demand of a gate for one model on one pool."""

    gate: Name = Field(description="Name of the gate.")
    demand: Demand = Field(description="Which of its demands.")
    model: Name = Field(description="The candidate.")
    pool: Name = Field(description="Where it was measured.")
    outcome: Outcome = Field(
        description=(
            "Passed, Failed: the 95% interval is all on one side of the limit. Inconclusive: it is "
            "on both, or there is nothing to judge by."
        )
    )
    value: DecimalString | None = Field(
        default=None,
        description=(
            "The figure; of a regression, how much worse it is: of a score the difference, of "
            "speed in percent. Below 0: it is better. Absent: unknown."
        ),
    )
    low: DecimalString | None = Field(
        default=None, description="Lower end of its 95% interval. Absent: unknown."
    )
    high: DecimalString | None = Field(default=None, description="Upper end.")
    limit: DecimalString = Field(description="What it is held against, in the same unit.")
    needed: Count | None = Field(
        default=None,
        description=(
            "Items of a score, or repetitions of a workload, of this run that would most likely "
            "tell: in four of five such runs, the earlier one being what it is. Absent unless "
            "inconclusive, and where it cannot be said."
        ),
    )
    message: Message = Field(description="The same in words, and what to do.")


class GateReport(ApiModel):
    """What came of the gates of a run that has ended."""

    digest: Digest = Field(description="Digest of spec.gates as they were judged.")
    baseline: ObjectName | None = Field(
        default=None, description="The newest good run before it, if a gate asked for that."
    )
    passed: Count = Field(description="Demands that were met.")
    failed: Count = Field(description="Demands that were not.")
    inconclusive: Count = Field(description="Demands of which the data cannot tell.")
    verdicts: Annotated[
        list[GateVerdict],
        Field(max_length=MAX_VERDICTS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(
        default_factory=list,
        description="Those that failed first, then inconclusive ones; at most 1,024.",
    )
