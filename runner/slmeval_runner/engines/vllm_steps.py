"""What vLLM records of each step of its engine, kept for one set of requests.

vLLM computes all of it for its own metrics: keeping it costs a list's append a step.
"""

import asyncio
from array import array
from collections.abc import Callable
from typing import Any

from .base import Steps

SETTLE_TURNS = 500


class StepRecorder:
    """Adds up what vLLM hands its stat loggers; everything is of the set since `begin`."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget all."""
        self.finished = 0
        self._inter_token_s = array("d")
        self._count = self._preemptions = 0
        self._peak_running = self._peak_waiting = 0
        self._peak_kv_cache = 0.0

    def record(self, scheduler: Any, iteration: Any) -> None:  # noqa: ANN401
        """Take one step's SchedulerStats and IterationStats; either may be None."""
        if scheduler is not None:
            self._peak_running = max(self._peak_running, scheduler.num_running_reqs)
            self._peak_waiting = max(self._peak_waiting, scheduler.num_waiting_reqs)
            self._peak_kv_cache = max(self._peak_kv_cache, scheduler.kv_cache_usage)
        if iteration is not None:
            self._count += 1
            self._preemptions += iteration.num_preempted_reqs
            self._inter_token_s.extend(iteration.inter_token_latencies_iter)
            self.finished += len(iteration.finished_requests)

    async def settle(self, requests: int) -> None:
        """Wait until that many requests ended: vLLM records a step after handing out its answers.

        Gives up after half a second; what is there then is what there is.
        """
        for _ in range(SETTLE_TURNS):
            if self.finished >= requests:
                return
            await asyncio.sleep(0.001)

    def steps(self) -> Steps:
        """Return what there is since `begin`."""
        return Steps(
            count=self._count,
            inter_token_s=self._inter_token_s,
            peak_running=self._peak_running,
            peak_waiting=self._peak_waiting,
            peak_kv_cache=self._peak_kv_cache,
            preemptions=self._preemptions,
        )


def stat_logger_for(recorder: StepRecorder) -> Callable[..., Any]:
    """Return a factory, as vLLM wants them, of a stat logger that feeds `recorder`."""
    from vllm.v1.metrics.loggers import StatLoggerBase

    class Feeding(StatLoggerBase):  # type: ignore[misc]  # vLLM has no types
        def __init__(self, vllm_config: Any, engine_index: int = 0) -> None:  # noqa: ANN401
            del vllm_config, engine_index

        def record(
            self,
            scheduler_stats: Any,  # noqa: ANN401
            iteration_stats: Any,  # noqa: ANN401
            *_: object,
            **__: object,
        ) -> None:
            recorder.record(scheduler_stats, iteration_stats)

        def log_engine_initialized(self) -> None:
            """Say nothing."""

    return Feeding
