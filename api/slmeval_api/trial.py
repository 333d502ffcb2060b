"""SLMTrial: one model on one pool in one run.

The operator writes the spec and the conditions, the runner the progress and the result.
"""

from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from .base import ApiModel, Column, Generation, KindInfo, Name, ObjectName, Rule, rules
from .conditions import Conditions
from .model import ModelEntry
from .objects import StoredObject
from .result import Progress, TrialResult

IMMUTABLE = Rule(
    "self == oldSelf", "spec is immutable: edit the SLMEvaluation instead", lambda _: True
)


class TrialSpec(ApiModel):
    """Which model, on which pool, in which run. Never changes."""

    model_config = ConfigDict(json_schema_extra=rules(IMMUTABLE))

    evaluation: ObjectName = Field(description="Name of the SLMEvaluation.")
    run: ObjectName = Field(description="Name of the SLMRun.")
    model: ModelEntry = Field(description="The candidate, as the evaluation describes it.")
    pool: Name = Field(description="Name of the SLMPool.")


class TrialStatus(ApiModel):
    """Conditions by the operator; progress and result by the runner."""

    observed_generation: Generation = Field(
        default=0, description="metadata.generation that the conditions are about; 0: none yet."
    )
    conditions: Conditions = Field(default_factory=list)
    progress: Progress | None = Field(
        default=None,
        description="Where the trial stands. Absent before it starts and after its end.",
    )
    result: TrialResult | None = Field(
        default=None, description="What was measured. Absent until the trial ends."
    )


def _figure(name: str, path: str, description: str, *, wide: bool = False) -> Column:
    return Column(name=name, type="string", path=path, description=description, wide=wide)


class Trial(StoredObject[TrialSpec, TrialStatus]):
    """An SLMTrial."""

    spec_type = TrialSpec
    status_type = TrialStatus
    object_rules: ClassVar[dict[str, Any]] = {}
    info = KindInfo(
        kind="SLMTrial",
        plural="slmtrials",
        short="slmtrial",
        scope="Namespaced",
        description="One model on one pool in one run: progress, result, provenance.",
        columns=(
            _figure("Model", ".spec.model.name", "The candidate."),
            _figure("Pool", ".spec.pool", "The pool."),
            _figure(
                "Req/s", ".status.result.summary.requestsPerSecond", "Requests a second, engine."
            ),
            _figure("P50 s", ".status.result.summary.latencyP50Seconds", "Median request latency."),
            _figure("Score", ".status.result.summary.score", "Mean score over the tasks."),
            _figure("Reason", ".status.conditions[?(@.type=='Ready')].reason", "Where it stands."),
            _figure("Stage", ".status.progress.stage", "What a running trial is doing."),
            _figure(
                "Tok/s",
                ".status.result.summary.tokensPerSecond",
                "Tokens in and out a second.",
                wide=True,
            ),
            _figure("Device", ".status.result.provenance.device", "What it ran on.", wide=True),
            _figure(
                "Comparable",
                ".status.conditions[?(@.type=='Comparable')].status",
                "Whether its figures may be put beside the run's others.",
                wide=True,
            ),
            _figure("Run", ".spec.run", "The run.", wide=True),
            _figure(
                "Message",
                ".status.conditions[?(@.type=='Ready')].message",
                "What to know or do.",
                wide=True,
            ),
            Column(name="Age", type="date", path=".metadata.creationTimestamp", description="Age."),
        ),
    )
