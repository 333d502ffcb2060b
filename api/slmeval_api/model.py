"""A model to be measured: where its files are, and how the engine is started for it."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .base import ApiModel, Name, Rule, Unique, demand, rules

SOURCE = (
    r"^(hf://[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9._/-]*"
    r"|pvc://[a-z0-9]([-a-z0-9]*[a-z0-9])?(/[A-Za-z0-9._-]+)*"
    r"|file://(/[A-Za-z0-9._-]+)+)$"
)

ModelSource = Annotated[str, StringConstraints(pattern=SOURCE, min_length=7, max_length=512)]

NO_PARENT = Rule(
    "!self.source.contains('..')",
    "source must not contain '..': name the folder itself",
    lambda m: ".." not in m.source,
)


_SPACE: dict[str, Any] = {"x-kubernetes-list-type": "set"}


class Tuning(ApiModel):
    """The space that `tune` searches, one argument after the other, and for how long.

    A value is kept when it is faster by more than the declared arguments' repetitions differ, and
    by 2% at least.
    """

    budget_seconds: Annotated[int, Field(ge=60, le=86_400)] = Field(
        default=900,
        description=(
            "No further engine is started when it would not be done in this time. Default 15 min."
        ),
    )
    max_num_batched_tokens: Annotated[
        list[Annotated[int, Field(ge=16, le=1_048_576)]],
        Field(max_length=8, json_schema_extra=_SPACE),
        Unique,
    ] = Field(
        default_factory=lambda: [2_048, 8_192, 16_384],
        json_schema_extra={"default": [2_048, 8_192, 16_384]},
        description="Values of maxNumBatchedTokens to try. Default 2048, 8192, 16384.",
    )
    max_num_seqs: Annotated[
        list[Annotated[int, Field(ge=1, le=65_536)]],
        Field(max_length=8, json_schema_extra=_SPACE),
        Unique,
    ] = Field(
        default_factory=lambda: [128, 256, 512, 1_024],
        json_schema_extra={"default": [128, 256, 512, 1_024]},
        description="Values of maxNumSeqs to try. Default 128, 256, 512, 1024.",
    )
    kv_cache_dtype: Annotated[
        list[Literal["fp8", "fp8_e4m3", "fp8_e5m2"]],
        Field(max_length=3, json_schema_extra=_SPACE),
        Unique,
    ] = Field(
        default_factory=list,
        json_schema_extra={"default": []},
        description=(
            "Values of kvCacheDtype to try. They can change answers, so there are none unless you "
            "name them: score the tasks with it before you serve with it. Default none."
        ),
    )


class EngineOptions(ApiModel):
    """Arguments of the vLLM engine. What is left out is what `vllm serve` would take."""

    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto", description="Number format of weights and activations. Default auto."
    )
    max_model_len: Annotated[int, Field(ge=16, le=10_485_760)] | None = Field(
        default=None,
        description="Longest context in tokens. Left out: the model's own length.",
    )
    tensor_parallel_size: Annotated[int, Field(ge=1, le=16)] = Field(
        default=1, description="GPUs that one replica is spread over. Default 1."
    )
    gpu_memory_utilization_percent: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="Share of the GPU's memory the engine may take, in percent."
    )
    max_num_seqs: Annotated[int, Field(ge=1, le=65_536)] | None = Field(
        default=None, description="Most requests in one engine step."
    )
    max_num_batched_tokens: Annotated[int, Field(ge=16, le=1_048_576)] | None = Field(
        default=None, description="Most tokens in one engine step."
    )
    quantization: Literal["awq", "gptq", "fp8", "bitsandbytes", "compressed-tensors"] | None = (
        Field(
            default=None, description="Quantisation method. Left out: what the model's files say."
        )
    )
    kv_cache_dtype: Literal["auto", "fp8", "fp8_e4m3", "fp8_e5m2"] = Field(
        default="auto", description="Number format of the KV cache. Default auto."
    )
    enforce_eager: bool = Field(
        default=False,
        description="Skip compilation and CUDA graphs: starts sooner, runs slower. Default false.",
    )
    tune: bool = Field(
        default=False,
        description=(
            "True: after everything is measured as declared, search `tuning` for arguments that "
            "serve the first batch workload faster, and report both side by side. Default false."
        ),
    )
    tuning: Tuning = Field(
        default_factory=Tuning,
        json_schema_extra={"default": {}},
        description="What tune searches.",
    )
    cuda_graphs: Literal["All", "Workload"] = Field(
        default="All",
        description=(
            "Batch sizes that CUDA graphs are captured for. `All` is vLLM's choice. `Workload` "
            "goes no further than the most requests that the workloads keep in flight, which "
            "starts sooner; with tasks, or with arrivals at a rate, that is unknown and all are "
            "captured. Default All."
        ),
    )
    load_format: Literal["auto", "dummy"] = Field(
        default="auto",
        description=(
            "`dummy` makes random weights of the model's shape: speed without the download. "
            "Tasks are refused then. Default auto."
        ),
    )


class ModelEntry(ApiModel):
    """One candidate: a name of your own, the files, the engine's arguments."""

    model_config = ConfigDict(json_schema_extra=rules(NO_PARENT))

    name: Name = Field(description="Your name for this candidate; two may share one source.")
    source: ModelSource = Field(
        description=(
            "Where the model's folder is: `hf://org/name@revision` (a commit, tag or branch of "
            "the Hugging Face hub; the commit found is recorded), `pvc://claim/folder` (a "
            "PersistentVolumeClaim of this namespace), or `file:///folder` (in the pool's image)."
        )
    )
    engine: EngineOptions = Field(
        default_factory=EngineOptions,
        json_schema_extra={"default": {}},
        description="Engine arguments for this candidate.",
    )

    @model_validator(mode="after")
    def _rules(self) -> "ModelEntry":
        return demand(self, NO_PARENT)
