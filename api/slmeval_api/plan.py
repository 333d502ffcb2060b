"""The plan: what the operator hands the driver of one RayJob, as a file in a ConfigMap."""

from typing import Annotated, Literal

from pydantic import Field

from .artifacts import Artifacts
from .base import ApiModel, Digest, Name, ObjectName, UniqueNames
from .model import ModelEntry
from .result import Progress, TrialResult
from .task import Task
from .workload import Workload

PLAN_FILE = "plan.json"
PLAN_FOLDER = "/etc/slmeval"
REPORT_FOLDER = "/report"
"""Written by the driver, read by the reporter: one file a trial, <trial>.json."""
FINISHED_FOLDER = "/finished"
"""Written by the reporter, read by the driver: finished.json, then applied.json."""
FINISHED_FILE = "finished.json"
APPLIED_FILE = "applied.json"
CLAIM_FOLDER = "/claims"
"""PersistentVolumeClaims that sources name are mounted, read-only, at /claims/<claim>."""
CONFIGMAP_FOLDER = "/configmaps"
"""ConfigMaps that tasks name are mounted at /configmaps/<name>."""
ARTIFACT_FOLDER = "/artifacts"
"""The claim that spec.artifacts names is mounted here, to be written to."""
CACHE_FOLDER = "/cache"
"""The pool's cache claim, or an emptyDir."""
ROOT_VARIABLE = "SLMEVAL_ROOT"
"""Without a cluster: the environment variable that names a folder in which all folders of this
module lie, as they lie at the root of a pod."""
STATUS_FOLDER = "/statuses"
"""Without a cluster: what SLMTrial.status would hold of the runner's, one file a trial,
<trial>.json. Made by who starts the runner, kept by the reporter."""
IMAGE_FOLDER = "/image"
"""Without a cluster: stands for the root of the image, which sources of file:// begin at."""
MACHINE_VARIABLE = "SLMEVAL_MACHINE"
"""Without a cluster: the environment variable that names the machine."""
LIVE_PORT = 9400
"""Of a worker's pod: serves the engines' own metrics while trials run."""
LIVE_PORT_NAME = "engine-metrics"
LOG_FORMAT_VARIABLE = "SLMEVAL_LOG_FORMAT"
LOG_LEVEL_VARIABLE = "SLMEVAL_LOG_LEVEL"
SECRETS_VARIABLE = "SLMEVAL_SECRETS"
"""Names the variables of the container whose values come from Secrets, with commas between."""
WORKER_RESOURCE = "slmeval_worker"
"""Ray resource that only worker pods offer (1 each): no trial is ever placed on the head."""


class PlannedTrial(ApiModel):
    """A trial that this attempt has to finish."""

    name: ObjectName = Field(description="Name of the SLMTrial.")
    model: ModelEntry = Field(description="The candidate.")


class Plan(ApiModel):
    """Everything that the driver of one attempt on one pool needs to know."""

    schema_version: Literal[1] = Field(default=1, description="Version of this form.")
    namespace: ObjectName = Field(description="Namespace of the trials.")
    evaluation: ObjectName = Field(description="Name of the SLMEvaluation.")
    run: ObjectName = Field(description="Name of the SLMRun.")
    pool: Name = Field(description="Name of the SLMPool.")
    attempt: Annotated[int, Field(ge=1, le=1000)] = Field(description="Number of this attempt.")
    engine: Literal["vllm", "simulated"] = Field(description="The pool's engine.")
    gpus_per_worker: Annotated[int, Field(ge=0, le=16)] = Field(description="0: CPU pool.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(description="Worker pods of this RayJob.")
    image: Annotated[str, Field(max_length=512)] = Field(description="Runner image, as named.")
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(description="spec.seed.")
    trial_deadline_seconds: Annotated[int, Field(ge=1, le=604_800)] = Field(
        description="Longest time for one trial."
    )
    workloads: Annotated[list[Workload], Field(max_length=16), UniqueNames] = Field(
        description="Measures of speed."
    )
    tasks: Annotated[list[Task], Field(max_length=64), UniqueNames] = Field(
        description="Measures of accuracy."
    )
    artifacts: Artifacts | None = Field(default=None, description="spec.artifacts.")
    trials: Annotated[list[PlannedTrial], Field(min_length=1, max_length=64), UniqueNames] = Field(
        description="The unfinished trials, in order."
    )


class TrialReport(ApiModel):
    """One trial's file on the way from driver to reporter: what stands in SLMTrial.status."""

    progress: Progress | None = Field(default=None, description="Where it stands.")
    result: TrialResult | None = Field(default=None, description="What was measured.")


class Finished(ApiModel):
    """The reporter's word to the driver: trials that must not be measured again."""

    trials: Annotated[list[ObjectName], Field(max_length=64)] = Field(
        description="Names of trials that have a final result, or that were deleted."
    )


class AppliedReport(ApiModel):
    """A report file that needs nothing more."""

    name: ObjectName = Field(description="Name of the SLMTrial.")
    digest: Digest = Field(description="Digest of the file's bytes.")


class Applied(ApiModel):
    """The reporter's second word: what of the driver's it has brought to the API server."""

    reports: Annotated[list[AppliedReport], Field(max_length=64), UniqueNames] = Field(
        description="The newest such file of each trial."
    )
