"""A model to be measured: where its files are, and how the engine is started for it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .base import ApiModel, Name, Rule, demand, rules

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
