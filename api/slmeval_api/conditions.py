"""Every condition type and reason, and when each is set.

The three types Ready, Reconciling and Stalled follow kstatus, so that Flux, Argo CD and
`kubectl wait` judge our objects without knowing them.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .base import ApiModel, Generation, Message, Timestamp


class ConditionType(StrEnum):
    """The condition types of all four kinds."""

    READY = "Ready"
    """True: the newest question has its full answer. Its reason is what `kubectl get` prints."""
    RECONCILING = "Reconciling"
    """True while something is still being done; gone from True at every end."""
    STALLED = "Stalled"
    """True when nothing more happens until somebody acts; the message says what to do."""
    SUCCEEDED = "Succeeded"
    """True when everything that was asked was measured. Unknown until the end."""
    FAILED = "Failed"
    """True when the end came with something unmeasured. Unknown until the end."""
    NOISY = "Noisy"
    """True when repetitions of a workload differ by more than the workload allows (trials only).
    Absent when no workload had two repetitions."""
    GATES_PASSED = "GatesPassed"
    """True: every demand of spec.gates was met. False: the data says that one was not. Unknown: the
    data cannot tell of one, and none failed. Of runs and evaluations; absent without gates, and
    before the run has ended."""
    COMPARABLE = "Comparable"
    """False when figures may not be put beside the run's others: engine, versions, image or, within
    a pool, the device differ. On trials and, as their sum, on runs. Absent while fewer than two
    trials say what they were measured with, and on a trial that does not. Says nothing about
    Succeeded: what was measured was measured."""


class Reason(StrEnum):
    """The reasons that conditions carry. kubectl shows the one of Ready."""

    # On the way
    PENDING = "Pending"
    """The trial waits for its turn on the pool, or its RayJob is not made yet."""
    STARTING = "Starting"
    """The RayJob exists; its Ray cluster is not ready yet."""
    WAITING_FOR_NODES = "WaitingForNodes"
    """A pod cannot be scheduled; the message quotes the scheduler and says what to change."""
    WAITING_FOR_IMAGE = "WaitingForImage"
    """A container's image cannot be pulled or its container not be made."""
    CONTAINER_DYING = "ContainerDying"
    """A container ends again and again before anything is measured, often for want of memory."""
    RUNNING = "Running"
    """The trial's process is loading, measuring or scoring; status.progress says which."""
    RETRYING = "Retrying"
    """An attempt failed for a reason that may pass; the next one is coming."""
    SUSPENDED = "Suspended"
    """spec.suspend is true: nothing runs, what was measured is kept."""
    # Ends
    MEASURED = "Measured"
    """Everything asked was measured."""
    SIMULATED = "Simulated"
    """As Measured, but on a pool whose engine is the simulated one: figures mean nothing."""
    TRIALS_FAILED = "TrialsFailed"
    """The run ended and at least one trial has no full result."""
    MEASUREMENT_INVALID = "MeasurementInvalid"
    """A validity check refused a workload's figures."""
    MODEL_UNUSABLE = "ModelUnusable"
    """The model could not be found, read or loaded."""
    TASK_UNUSABLE = "TaskUnusable"
    """A task's data could not be found or read as declared."""
    ARTIFACTS_UNWRITABLE = "ArtifactsUnwritable"
    """What spec.artifacts names cannot be written to."""
    ENGINE_FAILED = "EngineFailed"
    """The engine stopped with an error while it was measured."""
    WORKER_LOST = "WorkerLost"
    """The trial's process died (often: out of memory)."""
    TRIAL_DEADLINE_EXCEEDED = "TrialDeadlineExceeded"
    """The trial took longer than spec.trialDeadlineSeconds."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The attempt took longer than spec.deadlineSeconds."""
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded"
    """No Ray cluster was ready within spec.startDeadlineSeconds."""
    ATTEMPTS_EXHAUSTED = "AttemptsExhausted"
    """Each of the 1 + spec.backoffLimit attempts ended without a result for the trial."""
    RAYJOB_REFUSED = "RayJobRefused"
    """The API server or KubeRay refused the RayJob or what it needs; the message quotes it."""
    SUPERSEDED = "Superseded"
    """Stopped before its end: the evaluation was edited, or its schedule's time came with
    concurrencyPolicy Replace."""
    # Of GatesPassed, and of Ready where one failed
    GATES_MET = "GatesMet"
    """Every demand of every gate was met."""
    GATES_FAILED = "GatesFailed"
    """At least one demand was not met, and the interval leaves no doubt; the message names it."""
    GATES_INCONCLUSIVE = "GatesInconclusive"
    """None failed, but the data cannot tell of at least one; the message says what would."""
    # Of Comparable
    SAME_PROVENANCE = "SameProvenance"
    """Nothing differs that must be equal."""
    ENGINES_DIFFER = "EnginesDiffer"
    """The simulated engine and a real one are in one run."""
    VERSIONS_DIFFER = "VersionsDiffer"
    """Versions of the runner, the engine, its libraries or the GPU driver differ."""
    IMAGES_DIFFER = "ImagesDiffer"
    """Versions agree as far as they are known, but the runner images are not the same."""
    DEVICES_DIFFER = "DevicesDiffer"
    """Nodes of one pool have different GPUs or CPUs."""
    # Stalled before anything ran
    POOL_NOT_FOUND = "PoolNotFound"
    """spec.pools names an SLMPool that does not exist."""
    INVALID_SPEC = "InvalidSpec"
    """The spec cannot be run as written, in a way that the API server could not see."""
    INVALID_SCHEDULE = "InvalidSchedule"
    """spec.schedule names no time, in a way that the API server could not see."""
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    """The namespace is being deleted."""


TERMINAL_TYPES = (ConditionType.SUCCEEDED, ConditionType.FAILED)


class Condition(ApiModel):
    """One condition, as Kubernetes' metav1.Condition."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="What is judged, in CamelCase."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="The verdict.")
    observed_generation: Generation = Field(
        description="metadata.generation that the verdict is about."
    )
    last_transition_time: Timestamp = Field(description="When `status` last changed.")
    reason: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z]([A-Za-z0-9]*)$", min_length=1, max_length=64)
    ] = Field(description="The verdict's cause in one word, for programs.")
    message: Message = Field(description="The cause and what to do next, for people.")


Conditions = Annotated[
    list[Condition],
    Field(
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
        description="The verdicts on this object, in kstatus' terms.",
    ),
]


def condition(conditions: Sequence[Condition], type_: ConditionType) -> Condition | None:
    """Return the condition of that type, or None."""
    return next((c for c in conditions if c.type == type_), None)


def is_true(conditions: Sequence[Condition], type_: ConditionType) -> bool:
    """Return whether the condition is there and True."""
    found = condition(conditions, type_)
    return found is not None and found.status == "True"


def has_ended(conditions: Sequence[Condition]) -> bool:
    """Return whether the object came to an end, good or bad."""
    return is_true(conditions, ConditionType.SUCCEEDED) or is_true(conditions, ConditionType.FAILED)
