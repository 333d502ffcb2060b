"""What vLLM knows of itself: resolved arguments, counters, versions."""

from typing import Any

ARGUMENTS = {
    "dtype": "model_config.dtype",
    "max_model_len": "model_config.max_model_len",
    "quantization": "model_config.quantization",
    "enforce_eager": "model_config.enforce_eager",
    "seed": "model_config.seed",
    "architectures": "model_config.architectures",
    "tensor_parallel_size": "parallel_config.tensor_parallel_size",
    "distributed_executor_backend": "parallel_config.distributed_executor_backend",
    "gpu_memory_utilization": "cache_config.gpu_memory_utilization",
    "kv_cache_dtype": "cache_config.cache_dtype",
    "block_size": "cache_config.block_size",
    "num_gpu_blocks": "cache_config.num_gpu_blocks",
    "enable_prefix_caching": "cache_config.enable_prefix_caching",
    "max_num_seqs": "scheduler_config.max_num_seqs",
    "max_num_batched_tokens": "scheduler_config.max_num_batched_tokens",
    "enable_chunked_prefill": "scheduler_config.enable_chunked_prefill",
    "async_scheduling": "scheduler_config.async_scheduling",
    "load_format": "load_config.load_format",
    "compilation_mode": "compilation_config.mode",
    "cudagraph_mode": "compilation_config.cudagraph_mode",
}
"""Name in the provenance and place in vLLM's config. A place that a version lacks is absent."""

HITS = "vllm:prefix_cache_hits"


def arguments_of(config: Any) -> dict[str, str]:  # noqa: ANN401 - vLLM has no types for us
    """Return the arguments as vLLM resolved them."""
    found = {name: _at(config, place) for name, place in ARGUMENTS.items()}
    return {name: _text(value) for name, value in found.items() if value is not None}


def _at(config: Any, place: str) -> Any:  # noqa: ANN401
    for part in place.split("."):
        config = getattr(config, part, None)
    return config


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    name = getattr(value, "name", None)  # an enum
    return name if isinstance(name, str) else str(value).removeprefix("torch.")


def prefix_cache_hits() -> int:
    """Return the prompt tokens that were found in the prefix cache since the process started."""
    from vllm.v1.metrics.reader import get_metrics_snapshot

    found = [metric for metric in get_metrics_snapshot() if metric.name == HITS]
    if not found:
        raise RuntimeError(f"vLLM has no counter {HITS}: caching cannot be ruled out")
    return sum(int(metric.value) for metric in found)


def versions() -> dict[str, str]:
    """Return versions that only the libraries themselves know."""
    import torch

    cuda = torch.version.cuda if torch.cuda.is_available() else None
    return {"cuda": cuda} if cuda else {}


def is_cuda_initialised() -> bool:
    """Return whether this process uses CUDA already, which no fork of it can do then."""
    import torch

    return bool(torch.cuda.is_initialized())
