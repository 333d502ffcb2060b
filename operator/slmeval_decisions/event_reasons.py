"""Every reason of our Kubernetes Events: on which objects, and when. Pure.

docs/reference/events.md is written from this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from slmeval_api.base import KindInfo
from slmeval_api.conditions import Reason
from slmeval_api.evaluation import Evaluation
from slmeval_api.run import Run
from slmeval_api.trial import Trial


class EventReason(StrEnum):
    """The reasons, in the order of a run's story. Conditions have some of them too."""

    POOL_NOT_FOUND = Reason.POOL_NOT_FOUND.value
    INVALID_SPEC = Reason.INVALID_SPEC.value
    INVALID_SCHEDULE = Reason.INVALID_SCHEDULE.value
    SCHEDULE_MISSED = "ScheduleMissed"
    NAMESPACE_TERMINATING = Reason.NAMESPACE_TERMINATING.value
    RAYJOB_REFUSED = Reason.RAYJOB_REFUSED.value
    RUN_CREATED = "RunCreated"
    ATTEMPT_STARTED = "AttemptStarted"
    WAITING_FOR_NODES = Reason.WAITING_FOR_NODES.value
    WAITING_FOR_IMAGE = Reason.WAITING_FOR_IMAGE.value
    CONTAINER_DYING = Reason.CONTAINER_DYING.value
    TRIAL_STARTED = "TrialStarted"
    RETRYING = Reason.RETRYING.value
    TRIAL_MEASURED = "TrialMeasured"
    TRIAL_FAILED = "TrialFailed"
    ENGINES_DIFFER = Reason.ENGINES_DIFFER.value
    VERSIONS_DIFFER = Reason.VERSIONS_DIFFER.value
    IMAGES_DIFFER = Reason.IMAGES_DIFFER.value
    DEVICES_DIFFER = Reason.DEVICES_DIFFER.value
    SUSPENDED = Reason.SUSPENDED.value
    RESUMED = "Resumed"
    SUPERSEDED = Reason.SUPERSEDED.value
    ATTEMPT_ENDED = "AttemptEnded"
    ATTEMPT_FAILED = "AttemptFailed"
    RUN_SUCCEEDED = "RunSucceeded"
    RUN_FAILED = "RunFailed"
    GATES_MET = Reason.GATES_MET.value
    GATES_FAILED = Reason.GATES_FAILED.value
    GATES_INCONCLUSIVE = Reason.GATES_INCONCLUSIVE.value
    NODES_RELEASED = "NodesReleased"


@dataclass(frozen=True, slots=True)
class EventKind:
    """What an event of one reason is."""

    on: tuple[KindInfo, ...]
    """The kinds of object that it can be on."""
    when: str
    is_warning: bool = False
    """Whether somebody should look."""


_ASKED = (Evaluation.info,)
_RUN = (Evaluation.info, Run.info)
_TRIAL = (Evaluation.info, Trial.info)
_ALL = (Evaluation.info, Run.info, Trial.info)
_DIFFER = "Trials of the run were measured with different {}: their figures may not be compared."

EVENT_KINDS: Mapping[EventReason, EventKind] = {
    EventReason.POOL_NOT_FOUND: EventKind(
        _ASKED, "spec.pools names an SLMPool that does not exist.", is_warning=True
    ),
    EventReason.INVALID_SPEC: EventKind(
        _ASKED, "The spec cannot be run as written. The message names the field.", is_warning=True
    ),
    EventReason.INVALID_SCHEDULE: EventKind(
        _ASKED, "spec.schedule names no time. The message says what is wrong.", is_warning=True
    ),
    EventReason.SCHEDULE_MISSED: EventKind(
        _ASKED, "A time of the schedule passed by its startingDeadlineSeconds.", is_warning=True
    ),
    EventReason.NAMESPACE_TERMINATING: EventKind(
        _ALL, "Nothing can be made, for the namespace is being deleted.", is_warning=True
    ),
    EventReason.RAYJOB_REFUSED: EventKind(
        _ALL,
        "The API server refused a run, a trial, or what an attempt needs (quota, admission).",
        is_warning=True,
    ),
    EventReason.RUN_CREATED: EventKind(
        _RUN,
        "A run begins: how many trials, and why (the first, which fields changed, asked for by "
        "hand, the schedule).",
    ),
    EventReason.ATTEMPT_STARTED: EventKind(
        _RUN, "A RayJob was made for a pool: which attempt of how many, for how many trials."
    ),
    EventReason.WAITING_FOR_NODES: EventKind(
        _ALL,
        "A pod cannot be scheduled: the scheduler's words (a GPU that is not free, a label or a "
        "taint), and what to change.",
        is_warning=True,
    ),
    EventReason.WAITING_FOR_IMAGE: EventKind(
        _ALL, "An image cannot be pulled, or a container not be made.", is_warning=True
    ),
    EventReason.CONTAINER_DYING: EventKind(
        _ALL, "A container ends again and again before anything is measured.", is_warning=True
    ),
    EventReason.TRIAL_STARTED: EventKind(_TRIAL, "A trial's process has begun."),
    EventReason.RETRYING: EventKind(
        _TRIAL,
        "A trial failed for a reason that may pass, or its attempt ended before it: why, and what "
        "comes next.",
        is_warning=True,
    ),
    EventReason.TRIAL_MEASURED: EventKind(
        _TRIAL, "A trial has its full result: requests a second, median latency, score."
    ),
    EventReason.TRIAL_FAILED: EventKind(
        _TRIAL,
        "A trial ended without a full result: the reason of its condition, and what to do.",
        is_warning=True,
    ),
    EventReason.ENGINES_DIFFER: EventKind(_RUN, _DIFFER.format("engines"), is_warning=True),
    EventReason.VERSIONS_DIFFER: EventKind(_RUN, _DIFFER.format("versions"), is_warning=True),
    EventReason.IMAGES_DIFFER: EventKind(_RUN, _DIFFER.format("images"), is_warning=True),
    EventReason.DEVICES_DIFFER: EventKind(
        _RUN, _DIFFER.format("devices on one pool"), is_warning=True
    ),
    EventReason.SUSPENDED: EventKind(_ALL, "spec.suspend was set: what runs is ended."),
    EventReason.RESUMED: EventKind(_RUN, "spec.suspend was taken back: what is left goes on."),
    EventReason.SUPERSEDED: EventKind(
        _ALL,
        "A newer run takes this one's place: the evaluation was edited, or its schedule says so.",
    ),
    EventReason.ATTEMPT_ENDED: EventKind(
        _RUN, "A RayJob is over: how many trials of its pool are measured."
    ),
    EventReason.ATTEMPT_FAILED: EventKind(
        _RUN,
        "A RayJob failed and left trials of its pool without a result: KubeRay's words, deadlines "
        "included.",
        is_warning=True,
    ),
    EventReason.RUN_SUCCEEDED: EventKind(_RUN, "Everything was measured."),
    EventReason.RUN_FAILED: EventKind(
        _RUN,
        "The run ended, and at least one trial has no full result: how many, the first cause, and "
        "what to do.",
        is_warning=True,
    ),
    EventReason.GATES_MET: EventKind(_RUN, "Every demand of spec.gates was met."),
    EventReason.GATES_FAILED: EventKind(
        _RUN, "A demand of spec.gates was not met: which, and by how much.", is_warning=True
    ),
    EventReason.GATES_INCONCLUSIVE: EventKind(
        _RUN, "The data cannot tell of a demand of spec.gates: what would.", is_warning=True
    ),
    EventReason.NODES_RELEASED: EventKind(
        _RUN, "The last pod of an attempt is gone: its nodes and GPUs are free."
    ),
}
