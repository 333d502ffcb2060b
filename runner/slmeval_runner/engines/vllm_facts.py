"""What vLLM knows of itself: resolved arguments, counters, versions."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .base import EngineMemory, ModelShape, StartParts

log = logging.getLogger(__name__)

Workers = Sequence[Mapping[str, Any]]
"""What TimedWorker.slmeval_facts says, of each worker."""

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
    "max_cudagraph_capture_size": "compilation_config.max_cudagraph_capture_size",
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


def start_parts(workers: Workers, begun_s: float) -> StartParts:
    """Return how long the parts of the start took, in the slowest worker.

    Args:
        workers: at least one.
        begun_s: when the engine's start began, on the monotonic clock.

    """
    slowest = {
        f"{part}_s": max(worker["seconds"].get(part, 0.0) for worker in workers)
        for part in ("device", "weights", "compile", "kv_cache", "graphs")
    }
    made_s = max(worker["made_s"] for worker in workers)
    return StartParts(process_s=made_s - begun_s, **slowest)


class Counted(NamedTuple):
    """The weights of a model, counted without loading one."""

    parameters: int
    """All of them; an output layer that shares the embedding's counts once."""
    has_own_output_layer: bool


def counted(folder: Path) -> Counted | None:
    """Count the weights of the model in `folder`; None: transformers does not know its form.

    What an engine holds cannot be counted: it packs weights, quantised ones above all.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        with torch.device("meta"):  # shapes alone: no memory, no numbers drawn
            model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    except (ValueError, KeyError, OSError, ImportError, AttributeError) as error:
        log.warning("The weights in %s are not counted", folder, extra={"error": error})
        return None
    output = model.get_output_embeddings()
    is_own = output is not None and output.weight is not model.get_input_embeddings().weight
    return Counted(sum(p.numel() for p in model.parameters()), is_own)


def memory_of(config: Any, workers: Workers, count: Counted | None) -> EngineMemory:  # noqa: ANN401
    """Return what weights and KV cache take, over all workers."""
    cache, model = config.cache_config, config.model_config
    blocks, block = cache.num_gpu_blocks, cache.block_size
    tokens = blocks * block if blocks and block else None
    each = 2 * model.get_total_num_hidden_layers() * model.get_total_num_kv_heads()
    each *= model.get_head_size() * _kv_bytes_each(config)
    return EngineMemory(
        parameters=count.parameters if count else None,
        weights_bytes=_weight_bytes(workers),
        kv_cache_tokens=tokens,
        kv_cache_bytes=None if tokens is None else tokens * each,
    )


def shape_of(config: Any, workers: Workers, count: Counted | None) -> ModelShape | None:  # noqa: ANN401
    """Return the numbers that work is counted from; None: one of them is unknown."""
    weight_bytes = _weight_bytes(workers)
    if count is None or weight_bytes is None:
        return None
    model, parallel = config.model_config, config.parallel_config
    return ModelShape(
        layers=model.get_total_num_hidden_layers(),
        attention_heads=model.get_num_attention_heads(parallel) * parallel.tensor_parallel_size,
        key_value_heads=model.get_total_num_kv_heads(),
        head_size=model.get_head_size(),
        embedding_parameters=model.get_vocab_size() * model.get_hidden_size(),
        parameters=count.parameters,
        has_own_output_layer=count.has_own_output_layer,
        weight_bytes=weight_bytes,
        kv_bytes_each=_kv_bytes_each(config),
    )


def _weight_bytes(workers: Workers) -> int | None:
    parts = [worker["weight_bytes"] for worker in workers]
    return None if None in parts else int(sum(parts))


def _kv_bytes_each(config: Any) -> int:  # noqa: ANN401
    """Return the bytes of one number in the KV cache."""
    name = str(config.cache_config.cache_dtype)
    if name.startswith("fp8"):
        return 1
    return int(getattr(config.model_config.dtype, "itemsize", 2))


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
