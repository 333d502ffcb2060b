"""SLMPool: one kind of node that models are measured on. Written by the platform's admin."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from .base import (
    LIST_MAP,
    LIST_SET,
    MAX_NAME,
    ApiModel,
    Column,
    Cpu,
    Generation,
    KindInfo,
    Memory,
    ObjectName,
    PositiveDecimal,
    Rule,
    Text256,
    Unique,
    UniqueNames,
    demand,
    rules,
)
from .conditions import Conditions
from .objects import StoredObject

NAME_RULE = Rule(
    "self.metadata.name.size() <= 40 && "
    "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
    "metadata.name must be at most 40 lower-case letters, digits and '-': "
    "names of trials and RayJobs are made from it",
    lambda name: (
        len(name) <= MAX_NAME and re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) is not None
    ),
)
EXISTS_HAS_NO_VALUE = Rule(
    "self.operator != 'Exists' || !has(self.value)",
    "value must be left out when operator is Exists",
    lambda t: t.operator != "Exists" or t.value is None,
)
EQUAL_HAS_KEY = Rule(
    "self.operator == 'Exists' || has(self.key)",
    "key is needed when operator is Equal",
    lambda t: t.operator == "Exists" or t.key is not None,
)
TOLERATION_RULES = (EXISTS_HAS_NO_VALUE, EQUAL_HAS_KEY)

LABEL_KEY = (
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
LabelKey = Annotated[str, StringConstraints(pattern=LABEL_KEY, min_length=1, max_length=317)]
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
LabelValue = Annotated[str, StringConstraints(pattern=LABEL_VALUE, max_length=63)]
LABEL_KEYS_ARE_VALID = Rule(
    f"self.all(key, key.matches('{LABEL_KEY}'))",
    "a label's key is a name of at most 63 letters, digits, '-', '_' and '.', "
    "after an optional prefix such as nvidia.com/",
    lambda labels: all(re.fullmatch(LABEL_KEY, key) for key in labels),
)
# A structural schema has no pattern for keys; the rule stands in for it.
NodeLabels = Annotated[
    dict[str, LabelValue],
    Field(min_length=1, max_length=16, json_schema_extra=rules(LABEL_KEYS_ARE_VALID)),
    AfterValidator(lambda labels: demand(labels, LABEL_KEYS_ARE_VALID)),
]
ImageName = Annotated[
    str, StringConstraints(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")
]
RESERVED_ENV = r"^(RAY_.*|SLMEVAL_.*|PATH|PYTHONPATH|HOME|HF_TOKEN)$"
ENV_IS_FREE = Rule(
    f"!self.name.matches('{RESERVED_ENV}')",
    "this variable is set by the operator or by Ray and cannot be overridden",
    lambda e: re.fullmatch(RESERVED_ENV, e.name) is None,
)


class Toleration(ApiModel):
    """A taint that the pool's pods accept, as in a pod's spec."""

    model_config = ConfigDict(json_schema_extra=rules(*TOLERATION_RULES))

    key: LabelKey | None = Field(default=None, description="Taint key. Left out: every key.")
    operator: Literal["Exists", "Equal"] = Field(
        default="Equal", description="How value is compared. Default Equal."
    )
    value: LabelValue | None = Field(default=None, description="Taint value, for Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Taint effect. Left out: every effect."
    )

    @model_validator(mode="after")
    def _rules(self) -> "Toleration":
        return demand(self, *TOLERATION_RULES)


class Resources(ApiModel):
    """Compute that a pod asks for. Memory is its limit too; CPU has none: throttling distorts."""

    cpu: Cpu = Field(
        description="CPUs that are kept for it, for example 4 or 500m. It may use more."
    )
    memory: Memory = Field(
        description="Memory with its unit, for example 8Gi or 8G. It is the limit as well."
    )


class Gpus(ApiModel):
    """The accelerators of one worker pod."""

    per_worker: Annotated[int, Field(ge=1, le=16)] = Field(
        default=1, description="GPUs of one worker pod. Default 1."
    )
    resource_name: LabelKey = Field(
        default="nvidia.com/gpu",
        description="Extended resource that the device plugin offers. Default nvidia.com/gpu.",
    )
    memory_gib: Annotated[int, Field(ge=1, le=1_024)] = Field(
        alias="memoryGiB",
        description="Memory of one GPU in GiB, for example 48 for an A6000, 24 for an A10.",
    )


ENV_HAS_ONE_VALUE = Rule(
    "has(self.value) != has(self.valueFrom)",
    "name value, or valueFrom for a key of a Secret: exactly one of them",
    lambda e: (e.value is None) != (e.value_from is None),
)
ENV_RULES = (ENV_IS_FREE, ENV_HAS_ONE_VALUE)


class SecretKey(ApiModel):
    """A key of a Secret of the evaluation's namespace."""

    name: ObjectName = Field(description="The Secret.")
    key: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$", min_length=1, max_length=253)
    ] = Field(description="The key in it.")


class EnvSource(ApiModel):
    """Where a variable's value is, as in a pod's spec."""

    secret_key_ref: SecretKey = Field(
        description=(
            "A Secret of the evaluation's namespace. Where there is none, the variable is left "
            "out: what needs it says so."
        )
    )


class EnvVar(ApiModel):
    """An environment variable of the worker."""

    model_config = ConfigDict(json_schema_extra=rules(*ENV_RULES))

    name: Annotated[
        str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]*$", min_length=1, max_length=128)
    ] = Field(description="Name, upper case.")
    value: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        default=None, description="Value. Everybody who may read pools can read it."
    )
    value_from: EnvSource | None = Field(
        default=None, description="Where the value is, if it is a secret."
    )

    @model_validator(mode="after")
    def _rules(self) -> "EnvVar":
        return demand(self, *ENV_RULES)


class PoolSpec(ApiModel):
    """Which nodes, how many workers on them, and what they cost."""

    engine: Literal["vllm", "simulated"] = Field(
        default="vllm",
        description=(
            "vllm measures. simulated starts no model and invents timings: it tries out an "
            "installation without a GPU, and its trials say Simulated. Default vllm."
        ),
    )
    node_selector: NodeLabels | None = Field(
        default=None, description="Labels of the pool's nodes. Left out: any node."
    )
    tolerations: Annotated[list[Toleration], Field(max_length=16)] = Field(
        default_factory=list,
        json_schema_extra={"default": [], "x-kubernetes-list-type": "atomic"},
        description="Taints that the pool's pods accept.",
    )
    runtime_class_name: ObjectName | None = Field(
        default=None, description="RuntimeClass of the workers, for example nvidia."
    )
    priority_class_name: ObjectName | None = Field(
        default=None, description="PriorityClass of all pods of a run."
    )
    image: ImageName | None = Field(
        default=None,
        description="Runner image. Left out: the one that the operator was installed with.",
    )
    image_pull_secrets: Annotated[
        list[ObjectName], Field(max_length=8, json_schema_extra=LIST_SET), Unique
    ] = Field(
        default_factory=list,
        json_schema_extra={"default": []},
        description="Secrets of the evaluation's namespace that pull the image.",
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Most worker pods that a run may hold at once. Default 1."
    )
    gpus: Gpus | None = Field(
        default=None, description="Accelerators of each worker. Left out: a pool of CPUs."
    )
    worker_resources: Resources = Field(
        description=(
            "What each worker pod asks for. In a pool without GPUs the engine computes with as "
            "many threads as that is CPUs, rounded up."
        )
    )
    head_resources: Resources = Field(
        default_factory=lambda: Resources(cpu="500m", memory="2Gi"),
        json_schema_extra={"default": {"cpu": "500m", "memory": "2Gi"}},
        description="What the Ray head (no GPU) asks for. Default 500m and 2Gi.",
    )
    head_node_selector: NodeLabels | None = Field(
        default=None,
        description="Labels of nodes for the Ray head, which needs no GPU. Left out: any node.",
    )
    shared_memory: Memory = Field(
        default="2Gi",
        description="Size of /dev/shm in each pod, part of its memory; 2G or 2Gi. Default 2Gi.",
    )
    cache_claim: ObjectName | None = Field(
        default=None,
        description=(
            "PersistentVolumeClaim, in the evaluation's namespace, that keeps downloaded models "
            "and what engines compiled between runs. Left out: each worker does both again."
        ),
    )
    env: Annotated[list[EnvVar], Field(max_length=32, json_schema_extra=LIST_MAP), UniqueNames] = (
        Field(
            default_factory=list,
            json_schema_extra={"default": []},
            description=(
                "Environment of the workers: engine settings that have no field, and what object "
                "stores of data are read with (docs/guides/data-sources.md)."
            ),
        )
    )
    price_per_hour: PositiveDecimal | None = Field(
        default=None, description="Price of one worker for an hour, as a decimal string."
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$", max_length=3)] = Field(
        default="USD", description="Currency of the price, ISO 4217. Default USD."
    )
    description: Text256 | None = Field(default=None, description="What this pool is, for people.")


class PoolStatus(ApiModel):
    """Nothing is reported yet; the place is kept for capacity and price checks."""

    observed_generation: Generation | None = Field(
        default=None, description="metadata.generation that this status is about."
    )
    conditions: Conditions = Field(default_factory=list)


class Pool(StoredObject[PoolSpec, PoolStatus]):
    """An SLMPool."""

    spec_type = PoolSpec
    status_type = PoolStatus
    object_rules: ClassVar[dict[str, Any]] = rules(NAME_RULE)
    info = KindInfo(
        kind="SLMPool",
        plural="slmpools",
        short="slmpool",
        scope="Cluster",
        description="One kind of node that models are measured on: selector, GPUs, price, image.",
        columns=(
            Column(
                name="Engine", type="string", path=".spec.engine", description="vllm or simulated."
            ),
            Column(
                name="Workers", type="integer", path=".spec.workers", description="Most workers."
            ),
            Column(
                name="GPUs",
                type="integer",
                path=".spec.gpus.perWorker",
                description="GPUs of a worker.",
            ),
            Column(
                name="GPU GiB",
                type="integer",
                path=".spec.gpus.memoryGiB",
                description="Memory of one GPU.",
            ),
            Column(
                name="Price/h",
                type="string",
                path=".spec.pricePerHour",
                description="Price of a worker for an hour.",
            ),
            Column(name="Age", type="date", path=".metadata.creationTimestamp", description="Age."),
        ),
    )
