"""vLLM's worker, with a clock on the parts of its start, and questions to what it holds.

vLLM makes it in the process that has the GPU, by its `worker_cls` argument. It changes nothing of
what the worker does.
"""

import time
from collections.abc import Callable
from typing import Any

from vllm.platforms import current_platform

if current_platform.is_cpu():
    from vllm.v1.worker.cpu_worker import CPUWorker as Worker
else:
    from vllm.v1.worker.gpu_worker import Worker

PRODUCT_SIZE = 8_192
COPY_BYTES = 1 << 28
ROUNDS = 10


class TimedWorker(Worker):  # type: ignore[misc]  # vLLM has no types for us
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        self.slmeval_seconds = dict[str, float]()
        self.slmeval_made_s = time.monotonic()
        super().__init__(*args, **kwargs)

    def _timed(self, part: str, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        begun_s = time.monotonic()
        try:
            return work(*args, **kwargs)
        finally:
            before = self.slmeval_seconds.get(part, 0.0)
            self.slmeval_seconds[part] = before + time.monotonic() - begun_s

    def init_device(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Take the device: CUDA, memory, communication."""
        return self._timed("device", super().init_device, *args, **kwargs)

    def load_model(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Load the weights."""
        return self._timed("weights", super().load_model, *args, **kwargs)

    def determine_available_memory(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Compile, run once, and see what memory is left."""
        return self._timed("compile", super().determine_available_memory, *args, **kwargs)

    def initialize_from_config(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Reserve the KV cache."""
        return self._timed("kv_cache", super().initialize_from_config, *args, **kwargs)

    def compile_or_warm_up_model(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Warm kernels up and capture CUDA graphs."""
        return self._timed("graphs", super().compile_or_warm_up_model, *args, **kwargs)

    def slmeval_facts(self) -> dict[str, Any]:
        """Return when this worker was made, how long the parts of its start took, and its weights.

        Times are seconds, `made_s` on the monotonic clock; bytes are None where vLLM takes no
        account of them (CPU).
        """
        return {
            "made_s": self.slmeval_made_s,
            "seconds": self.slmeval_seconds,
            "weight_bytes": getattr(self.model_runner, "model_memory_usage", None) or None,
        }

    def slmeval_ceilings(self) -> dict[str, float] | None:
        """Measure the GPU: the best of ROUNDS matrix products, and of ROUNDS copies.

        FLOP/s of a product of two square matrices in the model's number format; bytes/s of a copy
        inside the GPU's memory, read and written bytes both counted. None without a GPU, or where
        its free memory has no room for it.
        """
        import torch

        if not torch.cuda.is_available():
            return None
        try:
            return {"flops_per_s": self._product_rate(), "bytes_per_s": self._copy_rate()}
        except torch.OutOfMemoryError:
            return None
        finally:
            torch.cuda.empty_cache()

    def _product_rate(self) -> float:
        import torch

        shape = (PRODUCT_SIZE, PRODUCT_SIZE)
        left = torch.empty(shape, device=self.device, dtype=self.model_config.dtype).normal_()
        return 2.0 * PRODUCT_SIZE**3 / _best_seconds(lambda: left @ left)

    def _copy_rate(self) -> float:
        import torch

        source = torch.zeros(COPY_BYTES, dtype=torch.uint8, device=self.device)
        target = torch.empty_like(source)
        return 2.0 * COPY_BYTES / _best_seconds(lambda: target.copy_(source))


def _best_seconds(work: Callable[[], Any]) -> float:
    """Return the shortest of ROUNDS runs by the GPU's own clock, after one that is not counted."""
    import torch

    work()
    seconds = list[float]()
    for _ in range(ROUNDS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        seconds.append(begin.elapsed_time(end) / 1_000)
    return min(seconds)
