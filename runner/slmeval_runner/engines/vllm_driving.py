"""Sending requests to vLLM, in this process or in the engine core's own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from .base import Outcome, Request, Served

T = TypeVar("T")
FINISHED = ("stop", "length")


class Driving(Protocol):
    """An engine that runs, and how it is asked."""

    async def start(self, config: Any) -> Any:  # noqa: ANN401 - vLLM has no types for us
        """Make the engine of vLLM's `config` and return its tokenizer."""

    async def generate(self, requests: Sequence[Request]) -> Served:
        """Send all requests at once, in their order, and wait for all."""

    async def stop(self) -> None:
        """Free everything."""


class AsyncDriving:
    """AsyncLLM: the engine core in its own process."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._sets = 0

    async def start(self, config: Any) -> Any:  # noqa: ANN401
        """Make the engine; this process's event loop waits until it is ready."""
        from vllm.v1.engine.async_llm import AsyncLLM

        self._engine = AsyncLLM.from_vllm_config(config)
        tokenizer = self._engine.get_tokenizer()
        return await tokenizer if asyncio.iscoroutine(tokenizer) else tokenizer

    async def generate(self, requests: Sequence[Request]) -> Served:
        """Send all requests as tasks of this event loop."""
        self._sets += 1
        ready = [(_prompt(r), _params(r), f"{self._sets}-{n}") for n, r in enumerate(requests)]
        wall_to_monotonic_s = time.monotonic() - time.time()
        submitted_s = time.monotonic()
        outputs = await asyncio.gather(*(self._one(*parts) for parts in ready))
        finished_s = time.monotonic()
        return _served(outputs, submitted_s, finished_s, wall_to_monotonic_s)

    async def _one(self, prompt: Any, params: Any, name: str) -> Any:  # noqa: ANN401
        last = None
        async for output in self._engine.generate(prompt, params, name):
            last = output
        return last

    async def stop(self) -> None:
        """End the engine core's process and wait for it."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.shutdown)


class InProcessDriving:
    """LLMEngine in this process, in one thread of its own: OpenMP keeps its threads by thread."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._sets = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    async def _there(self, work: Callable[..., T], *args: Any) -> T:  # noqa: ANN401
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def start(self, config: Any) -> Any:  # noqa: ANN401
        """Make the engine in its thread."""
        return await self._there(self._start, config)

    def _start(self, config: Any) -> Any:  # noqa: ANN401
        from vllm.v1.engine.llm_engine import LLMEngine
        from vllm.v1.executor.abstract import Executor

        self._engine = LLMEngine(
            vllm_config=config,
            executor_class=Executor.get_class(config),
            log_stats=True,
            multiprocess_mode=False,
        )
        return self._engine.get_tokenizer()

    async def generate(self, requests: Sequence[Request]) -> Served:
        """Send all requests, then step until all are finished, as offline vLLM does."""
        return await self._there(self._generate, requests)

    def _generate(self, requests: Sequence[Request]) -> Served:
        self._sets += 1
        names = [f"{self._sets}-{number}" for number in range(len(requests))]
        ready = [(_prompt(request), _params(request)) for request in requests]
        done = dict[str, Any]()
        wall_to_monotonic_s = time.monotonic() - time.time()
        submitted_s = time.monotonic()
        for name, (prompt, params) in zip(names, ready, strict=True):
            self._engine.add_request(name, prompt, params)
        while self._engine.has_unfinished_requests():
            done.update((o.request_id, o) for o in self._engine.step() if o.finished)
        finished_s = time.monotonic()
        outputs = [done.get(name) for name in names]
        return _served(outputs, submitted_s, finished_s, wall_to_monotonic_s)

    async def stop(self) -> None:
        """Free the engine's memory and end its thread."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await self._there(engine.engine_core.shutdown)
        self._thread.shutdown(wait=False)


def _prompt(request: Request) -> Any:  # noqa: ANN401
    from vllm.inputs import TokensPrompt

    return TokensPrompt(prompt_token_ids=request.prompt_token_ids)


def _params(request: Request) -> Any:  # noqa: ANN401
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    choices = list(request.choices)
    return SamplingParams(
        temperature=0.0,
        max_tokens=request.max_tokens,
        min_tokens=request.max_tokens if request.is_exact else 0,
        ignore_eos=request.is_exact,
        structured_outputs=StructuredOutputsParams(choice=choices) if choices else None,
        output_kind=RequestOutputKind.FINAL_ONLY,  # as offline vLLM: no message a token
    )


def _served(
    outputs: Sequence[Any], submitted_s: float, finished_s: float, wall_to_monotonic_s: float
) -> Served:
    return Served(
        outcomes=tuple(outcome_of(output, wall_to_monotonic_s) for output in outputs),
        submitted_s=submitted_s,
        finished_s=finished_s,
    )


def outcome_of(output: Any, wall_to_monotonic_s: float) -> Outcome:  # noqa: ANN401
    """Return the facts of vLLM's RequestOutput; None stands for a request without any output.

    vLLM takes a request's arrival by the wall clock, the rest by the monotonic one, which all
    processes of a Linux machine share.
    """
    if output is None:
        return Outcome(is_finished=False, prompt_tokens=0, output_tokens=0)
    answer, times = output.outputs[0], output.metrics
    return Outcome(
        is_finished=bool(output.finished) and answer.finish_reason in FINISHED,
        prompt_tokens=len(output.prompt_token_ids),
        output_tokens=len(answer.token_ids),
        text=answer.text,
        cached_tokens=output.num_cached_tokens,
        arrival_s=times.arrival_time + wall_to_monotonic_s if times else None,
        scheduled_s=(times.scheduled_ts or None) if times else None,
        first_token_s=(times.first_token_ts or None) if times else None,
        last_token_s=(times.last_token_ts or None) if times else None,
    )
