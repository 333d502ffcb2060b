"""SLMEvaluation: the question that a team asks. Written by users and GitOps tools."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .artifacts import Artifacts
from .base import (
    LIST_MAP,
    LIST_SET,
    MAX_NAME,
    ApiModel,
    Column,
    Count,
    Generation,
    KindInfo,
    Name,
    ObjectName,
    Rule,
    Timestamp,
    Unique,
    UniqueNames,
    demand,
    rules,
)
from .conditions import Conditions
from .gate import MAX_GATES, Gate
from .model import ModelEntry
from .objects import MAX_REQUEST, StoredObject
from .schedule import Schedule, ScheduleStatus
from .task import Task
from .workload import KINDS, Workload

NAME_RULE = Rule(
    "self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    "metadata.name must be at most 40 lower-case letters, digits and '-', and start with a letter: "
    "names of runs and RayJobs are made from it",
    lambda name: (
        len(name) <= MAX_NAME and re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name) is not None
    ),
)
SOMETHING_ASKED = Rule(
    "self.workloads.size() + self.tasks.size() > 0",
    "nothing to measure: name at least one entry in workloads or tasks",
    lambda s: len(s.workloads) + len(s.tasks) > 0,
)


def _fits(kind: str) -> str:
    """Return CEL: random prompts of workload `w`, if it is of `kind`, fit the context of `m`."""
    load = f"w.{kind}"
    longest = f"({load}.inputTokens + {load}.outputTokens) * (100 + {load}.lengthSpreadPercent)"
    return f"(!has({load}) || !has({load}.inputTokens) || {longest} / 100 <= m.engine.maxModelLen)"


FITS_CONTEXT = Rule(
    "self.models.all(m, !has(m.engine.maxModelLen) || self.workloads.all(w, "
    f"{' && '.join(map(_fits, KINDS))}))",
    "a workload's inputTokens + outputTokens exceed a model's engine.maxModelLen: "
    "raise maxModelLen or shorten the workload",
    lambda s: all(
        (w.load.longest_tokens or 0) <= m.engine.max_model_len
        for m in s.models
        if m.engine.max_model_len is not None
        for w in s.workloads
    ),
)
NO_TASK_ON_DUMMY = Rule(
    "self.tasks.size() == 0 || self.models.all(m, m.engine.loadFormat != 'dummy')",
    "tasks cannot be scored on random weights: drop engine.loadFormat: dummy, or the tasks",
    lambda s: not s.tasks or all(m.engine.load_format != "dummy" for m in s.models),
)
TUNING_HAS_A_BATCH = Rule(
    "self.models.all(m, !m.engine.tune) || self.workloads.exists(w, has(w.batch))",
    "engine.tune needs a batch workload: it looks for the arguments that serve one fastest",
    lambda s: not any(m.engine.tune for m in s.models) or any(w.batch for w in s.workloads),
)
DEADLINES_NEST = Rule(
    "self.startDeadlineSeconds <= self.deadlineSeconds "
    "&& self.trialDeadlineSeconds <= self.deadlineSeconds",
    "startDeadlineSeconds and trialDeadlineSeconds must not exceed deadlineSeconds",
    lambda s: max(s.start_deadline_seconds, s.trial_deadline_seconds) <= s.deadline_seconds,
)
SPEC_RULES = (SOMETHING_ASKED, FITS_CONTEXT, NO_TASK_ON_DUMMY, TUNING_HAS_A_BATCH, DEADLINES_NEST)


class HuggingFaceAccess(ApiModel):
    """How gated or private models and data of the hub are read."""

    secret_name: ObjectName = Field(
        description="Secret of this namespace that holds a hub token; only workers see it."
    )
    secret_key: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$", min_length=1, max_length=253)
    ] = Field(default="token", description="Key of the token in the Secret. Default token.")


class Question(ApiModel):
    """What is asked. A change to any of it starts a new run."""

    model_config = ConfigDict(json_schema_extra=rules(*SPEC_RULES))

    models: Annotated[
        list[ModelEntry],
        Field(min_length=1, max_length=64, json_schema_extra=LIST_MAP),
        UniqueNames,
    ] = Field(description="The candidates. Each is measured on each pool.")
    pools: Annotated[
        list[Name], Field(min_length=1, max_length=16, json_schema_extra=LIST_SET), Unique
    ] = Field(description="Names of the SLMPools to measure on.")
    workloads: Annotated[
        list[Workload], Field(max_length=16, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(
        default_factory=list, json_schema_extra={"default": []}, description="Measures of speed."
    )
    tasks: Annotated[list[Task], Field(max_length=64, json_schema_extra=LIST_MAP), UniqueNames] = (
        Field(
            default_factory=list,
            json_schema_extra={"default": []},
            description="Measures of accuracy.",
        )
    )
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(
        default=1, description="Draws prompts, samples and few-shot examples. Default 1."
    )
    deadline_seconds: Annotated[int, Field(ge=60, le=604_800)] = Field(
        default=14_400,
        description="Longest time one attempt on one pool may take, start included. Default 4 h.",
    )
    start_deadline_seconds: Annotated[int, Field(ge=30, le=86_400)] = Field(
        default=1_800,
        description=(
            "Longest time an attempt may wait for nodes, images and its Ray cluster. "
            "Default 30 min."
        ),
    )
    trial_deadline_seconds: Annotated[int, Field(ge=30, le=604_800)] = Field(
        default=3_600,
        description="Longest time one model on one pool may take; what was measured until then is "
        "kept. Default 1 h.",
    )
    backoff_limit: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2,
        description=(
            "Further attempts on a pool, each with the unfinished trials only, after one failed "
            "for a reason that may pass. Default 2."
        ),
    )
    artifacts: Artifacts | None = Field(
        default=None,
        description=(
            "Keeps every prompt, output and score, and every result for ever. Left out: the scores "
            "of items are kept in the trial, and nothing else of them."
        ),
    )
    hugging_face: HuggingFaceAccess | None = Field(
        default=None,
        description="Access to gated or private models and data of the Hugging Face hub.",
    )

    @model_validator(mode="after")
    def _rules(self) -> "Question":
        return demand(self, *SPEC_RULES)


GATES_KNOW_MODELS = Rule(
    "self.gates.all(g, (!has(g.models) || g.models.all(m, self.models.exists(x, x.name == m))) "
    "&& (!has(g.pools) || g.pools.all(p, p in self.pools)))",
    "a gate names a model or a pool that is not in models or pools",
    lambda s: all(
        set(g.models) <= {m.name for m in s.models} and set(g.pools) <= set(s.pools)
        for g in s.gates
    ),
)
GATES_KNOW_MEASURES = Rule(
    "self.gates.all(g, (!has(g.speed) || self.workloads.exists(w, w.name == g.speed.workload)) "
    "&& (!has(g.score) || !has(g.score.task) || self.tasks.exists(t, t.name == g.score.task)))",
    "a gate names a workload or a task that is not in workloads or tasks",
    lambda s: all(
        (g.speed is None or g.speed.workload in {w.name for w in s.workloads})
        and (g.score is None or g.score.task in (None, *(t.name for t in s.tasks)))
        for g in s.gates
    ),
)
GATES_HAVE_SCORES = Rule(
    "self.gates.all(g, !has(g.score) || has(g.score.task) "
    "|| self.tasks.exists(t, !g.score.heldOut || t.heldOut))",
    "a gate judges the score over all tasks, or over those marked heldOut, and there is none",
    lambda s: all(
        g.score is None
        or g.score.task is not None
        or any(t.held_out or not g.score.held_out for t in s.tasks)
        for g in s.gates
    ),
)
GATES_KNOW_LOADS = Rule(
    "self.gates.all(g, !has(g.speed) || !has(g.speed.load) || self.workloads.exists(w, "
    "w.name == g.speed.workload && ((has(w.concurrency) && w.concurrency.levels.exists(l, "
    "double(l) == double(g.speed.load))) || (has(w.rate) && (has(w.rate.search) || "
    "w.rate.requestsPerSecond.exists(r, double(r) == double(g.speed.load)))))))",
    "a gate's speed.load is no level or rate of its workload: name one of its levels or "
    "requestsPerSecond (other kinds of workloads have none)",
    lambda s: all(
        g.speed is None
        or g.speed.load is None
        or any(
            w.name == g.speed.workload and _has_load(w, float(g.speed.load)) for w in s.workloads
        )
        for g in s.gates
    ),
)
GATES_CAN_TELL = Rule(
    "self.gates.all(g, !has(g.speed) || self.workloads.all(w, w.name != g.speed.workload || "
    "(has(w.batch) ? w.batch.repetitions : has(w.concurrency) ? w.concurrency.repetitions : "
    "has(w.rate) ? w.rate.repetitions : w.http.repetitions) >= 2))",
    "a gate judges the speed of a workload that has one repetition, which tells no interval: give "
    "it repetitions: 3 or more",
    lambda s: all(
        g.speed is None or w.name != g.speed.workload or w.repetitions > 1
        for g in s.gates
        for w in s.workloads
    ),
)
GATE_RULES = (
    GATES_KNOW_MODELS,
    GATES_KNOW_MEASURES,
    GATES_HAVE_SCORES,
    GATES_KNOW_LOADS,
    GATES_CAN_TELL,
)


def _has_load(workload: Workload, load: float) -> bool:
    """Return whether a workload measures at that level or rate; a search finds its rates itself."""
    if workload.concurrency:
        return load in workload.concurrency.levels
    if workload.rate is None:
        return False
    return workload.rate.search is not None or load in map(
        float, workload.rate.requests_per_second or []
    )


class EvaluationSpec(Question):
    """The question, when it is asked, and what the answer must not fall short of.

    Only a change of the question starts a run at once.
    """

    model_config = ConfigDict(json_schema_extra=rules(*SPEC_RULES, *GATE_RULES))

    schedule: Schedule | None = Field(
        default=None,
        description="Asks the question again, as a CronJob does. Left out: only an edit does.",
    )
    gates: Annotated[
        list[Gate], Field(max_length=MAX_GATES, json_schema_extra=LIST_MAP), UniqueNames
    ] = Field(
        default_factory=list,
        json_schema_extra={"default": []},
        description=(
            "What a run must not fall short of. Judged when it has ended; an edit of them judges "
            "the newest run anew and measures nothing."
        ),
    )
    on_change: Literal["Replace", "Wait"] = Field(
        default="Replace",
        description=(
            "What an edit of the question does to a run that is on its way. Replace: stops it and "
            "frees its nodes. Wait: lets it end first. Default Replace."
        ),
    )
    suspend: bool = Field(
        default=False,
        description=(
            "True stops the run and frees its nodes; finished trials keep their results, and "
            "false goes on with the others. Meanwhile no run is started by hand or by the "
            "schedule, and that of an edit waits. Default false."
        ),
    )

    @model_validator(mode="after")
    def _gate_rules(self) -> "EvaluationSpec":
        return demand(self, *GATE_RULES)

    @property
    def question(self) -> Question:
        """The part whose change starts a new run."""
        return Question.model_construct(
            **{name: getattr(self, name) for name in Question.model_fields}
        )


class TrialCounts(ApiModel):
    """How many trials of the run stand where."""

    total: Count = Field(description="Models × pools.")
    succeeded: Count = Field(description="Trials with a full result.")
    failed: Count = Field(description="Trials that ended without a full result.")
    unfinished: Count = Field(description="Trials that wait or run.")
    summary: Annotated[str, StringConstraints(max_length=32)] = Field(
        description="Ended of total, for kubectl get: 3/4."
    )


Request = Annotated[str, StringConstraints(min_length=1, max_length=MAX_REQUEST)]
"""Value of the annotation that asks for a run; the SHA-256 of one that is longer."""


class RunRef(ApiModel):
    """A run, by name."""

    name: ObjectName = Field(description="Name of the SLMRun.")
    completion_time: Timestamp | None = Field(default=None, description="When it ended.")


class EvaluationStatus(ApiModel):
    """Where the newest asking of the question stands. Written by the operator."""

    observed_generation: Generation = Field(
        default=0, description="metadata.generation that this status is about; 0: none yet."
    )
    conditions: Conditions = Field(default_factory=list)
    current_run: RunRef | None = Field(
        default=None,
        description=(
            "The newest run. Absent while none asks what spec asks; one that onChange: Wait lets "
            "end first is named."
        ),
    )
    last_successful_run: RunRef | None = Field(
        default=None, description="The newest run whose trials all succeeded."
    )
    trials: TrialCounts | None = Field(default=None, description="Trials of the newest run.")
    schedule: ScheduleStatus | None = Field(default=None, description="Where spec.schedule stands.")
    last_handled_request: Request | None = Field(
        default=None,
        description=(
            "Value of the annotation slmeval.dev/run-requested-at that the newest run, or one "
            "before it, answers."
        ),
    )


class Evaluation(StoredObject[EvaluationSpec, EvaluationStatus]):
    """An SLMEvaluation."""

    spec_type = EvaluationSpec
    status_type = EvaluationStatus
    object_rules: ClassVar[dict[str, Any]] = rules(NAME_RULE)
    info = KindInfo(
        kind="SLMEvaluation",
        plural="slmevaluations",
        short="slmeval",
        scope="Namespaced",
        description=(
            "The question which small language model fits a job: models × pools, workloads and "
            "tasks. Editable; an edit starts a new run."
        ),
        columns=(
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
                name="Run",
                type="string",
                path=".status.currentRun.name",
                description="The newest run.",
            ),
            Column(
                name="Last Success",
                type="date",
                path=".status.lastSuccessfulRun.completionTime",
                description="When the newest full answer was measured.",
            ),
            Column(
                name="Schedule",
                type="string",
                path=".spec.schedule.cron",
                description="When it is asked again.",
                wide=True,
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
