"""Sending requests to vLLM, in this process or in the engine core's own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, NamedTuple, Protocol, TypeVar

from .base import Outcome, Pacing, Request, Served
from .vllm_steps import StepRecorder, stat_logger_for

T = TypeVar("T")
FINISHED = ("stop", "length")


class Addresses(NamedTuple):
    """Where the engine core meets one front end, which binds both."""

    input_address: str
    output_address: str


class Driving(Protocol):
    """An engine that runs, and how it is asked."""

    async def start(self, config: Any) -> Any:  # noqa: ANN401 - vLLM has no types for us
        """Make the engine of vLLM's `config` and return its tokenizer."""

    async def serve(self, requests: Sequence[Request], pacing: Pacing) -> Served:
        """Send the requests as `pacing` says, and wait for all."""

    async def forget(self) -> bool:
        """Empty the prefix cache, and return whether it was."""

    async def ask_workers(self, method: str) -> list[Any]:
        """Call a method of every worker, and return what each says."""

    def has_stopped(self) -> bool:
        """Return whether the engine ended by itself."""

    async def stop(self) -> None:
        """Free everything."""


class AsyncDriving:
    """AsyncLLM: the engine core in its own process.

    With `is_shared` the core also expects a second front end, of another process: what `vllm serve
    --api-server-count 2` does. `second` is then where it may attach, once.
    """

    def __init__(self, *, is_shared: bool = False) -> None:
        self._is_shared = is_shared
        self.second: Addresses | None = None
        self._engine: Any = None
        self._sets = 0
        self._recorder = StepRecorder()

    async def start(self, config: Any) -> Any:  # noqa: ANN401
        """Make the engine; this process's event loop waits until it is ready."""
        loggers = [stat_logger_for(self._recorder)]
        if self._is_shared:
            self._engine, self.second = _with_second_front_end(config, loggers)
        else:
            from vllm.v1.engine.async_llm import AsyncLLM

            self._engine = AsyncLLM.from_vllm_config(config, stat_loggers=loggers)
        tokenizer = self._engine.get_tokenizer()
        return await tokenizer if asyncio.iscoroutine(tokenizer) else tokenizer

    async def serve(self, requests: Sequence[Request], pacing: Pacing) -> Served:
        """Send each request as a task of this event loop."""
        self._sets += 1
        ready = [(_prompt(r), _params(r), f"{self._sets}-{n}") for n, r in enumerate(requests)]
        self._recorder.begin()
        late_s = list[float]()
        wall_to_monotonic_s = time.monotonic() - time.time()
        submitted_s = time.monotonic()
        if pacing.offsets_s is not None:
            due_s = [submitted_s + offset for offset in pacing.offsets_s]
            tasks = [await self._on_time(*each, late_s) for each in zip(due_s, ready, strict=True)]
        else:
            gate = asyncio.Semaphore(pacing.in_flight) if pacing.in_flight else None
            tasks = [asyncio.ensure_future(self._one(gate, *parts)) for parts in ready]
        outputs = await asyncio.gather(*tasks)
        finished_s = time.monotonic()
        await self._recorder.settle(len(outputs))
        return Served(
            outcomes=_outcomes(requests, outputs, wall_to_monotonic_s),
            submitted_s=submitted_s,
            finished_s=finished_s,
            late_s=tuple(late_s),
            steps=self._recorder.steps(),
        )

    async def _on_time(
        self, due_s: float, parts: tuple[Any, Any, str], late_s: list[float]
    ) -> "asyncio.Future[Any]":
        """Wait until a request is due, and send it."""
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        late_s.append(time.monotonic() - due_s)
        return asyncio.ensure_future(self._one(None, *parts))

    async def _one(
        self,
        gate: asyncio.Semaphore | None,
        prompt: Any,  # noqa: ANN401
        params: Any,  # noqa: ANN401
        name: str,
    ) -> Any:  # noqa: ANN401
        async with gate or nullcontext():
            last = None
            async for output in self._engine.generate(prompt, params, name):
                last = output
            return last

    async def forget(self) -> bool:
        """Ask the engine core to."""
        return bool(await self._engine.reset_prefix_cache())

    async def ask_workers(self, method: str) -> list[Any]:
        """Ask them through the engine core."""
        return list(await self._engine.collective_rpc(method))

    def has_stopped(self) -> bool:
        """Return what vLLM's own watch of its processes has seen."""
        return self._engine is None or bool(self._engine.errored)

    async def stop(self) -> None:
        """End the engine core's process and wait for it."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.shutdown)


def attached(config: Any, addresses: dict[str, str], recorder: StepRecorder) -> Any:  # noqa: ANN401
    """Return the second front end, an AsyncLLM, of the engine core that expects it at `addresses`.

    It is of this process, and feeds `recorder`. Waits until the core answers.
    """
    from vllm.v1.engine.async_llm import AsyncLLM

    return AsyncLLM.from_vllm_config(
        config,
        stat_loggers=[stat_logger_for(recorder)],
        client_addresses=addresses,
        client_count=2,
        client_index=1,
    )


def _with_second_front_end(config: Any, loggers: list[Any]) -> tuple[Any, Addresses]:  # noqa: ANN401
    """Return an AsyncLLM that holds an engine core, and where another one may attach to that."""
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.engine.utils import get_engine_zmq_addresses, launch_core_engines
    from vllm.v1.executor.abstract import Executor

    found = get_engine_zmq_addresses(config, 2)
    ours, second = map(Addresses, found.inputs, found.outputs)
    with launch_core_engines(config, Executor.get_class(config), True, found) as launch:
        # A tuple until vLLM 0.25.
        manager = launch[0] if isinstance(launch, tuple) else launch.engine_manager
    engine = AsyncLLM.from_vllm_config(
        config,
        stat_loggers=loggers,
        client_addresses=ours._asdict(),
        client_count=2,
        client_index=0,
    )
    # As if it had launched the core itself: it notices its end, and ends it at its own.
    engine.engine_core.resources.engine_manager = manager
    engine.engine_core.start_engine_core_monitor()
    return engine, second


class InProcessDriving:
    """LLMEngine in this process, in one thread of its own: OpenMP keeps its threads by thread."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._sets = 0
        self._recorder = StepRecorder()
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
            stat_loggers=[stat_logger_for(self._recorder)],
            multiprocess_mode=False,
        )
        return self._engine.get_tokenizer()

    async def serve(self, requests: Sequence[Request], pacing: Pacing) -> Served:
        """Send what is due, step, and so on, as offline vLLM does."""
        return await self._there(self._serve, requests, pacing)

    def _serve(self, requests: Sequence[Request], pacing: Pacing) -> Served:
        self._sets += 1
        names = [f"{self._sets}-{number}" for number in range(len(requests))]
        ready = [(_prompt(request), _params(request)) for request in requests]
        limit = pacing.in_flight or len(requests)
        offsets_s = pacing.offsets_s
        done = dict[str, Any]()
        sent = 0
        self._recorder.begin()
        wall_to_monotonic_s = time.monotonic() - time.time()
        submitted_s = time.monotonic()
        while len(done) < len(names):
            while sent < len(names) and sent - len(done) < limit:
                due_s = None if offsets_s is None else submitted_s + offsets_s[sent]
                if due_s is not None and due_s > time.monotonic():
                    break
                # It arrived when it was due: a step that was under way is no reason to wait less.
                arrival = None if due_s is None else due_s - wall_to_monotonic_s
                prompt, params = ready[sent]
                self._engine.add_request(names[sent], prompt, params, arrival_time=arrival)
                sent += 1
            if self._engine.has_unfinished_requests():
                done.update((o.request_id, o) for o in self._engine.step() if o.finished)
            elif offsets_s is not None and sent < len(names):
                time.sleep(max(0.0, submitted_s + offsets_s[sent] - time.monotonic()))
            else:
                break  # lost requests are not waited for
        finished_s = time.monotonic()
        return Served(
            outcomes=_outcomes(requests, [done.get(n) for n in names], wall_to_monotonic_s),
            submitted_s=submitted_s,
            finished_s=finished_s,
            late_s=() if offsets_s is None else (0.0,) * len(names),
            steps=self._recorder.steps(),
        )

    async def forget(self) -> bool:
        """Empty it between two sets."""
        return bool(await self._there(self._engine.reset_prefix_cache))

    async def ask_workers(self, method: str) -> list[Any]:
        """Ask the only one there is."""
        return list(await self._there(self._engine.collective_rpc, method))

    def has_stopped(self) -> bool:
        """Return False: its end would be this process's."""
        return False

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

    held_to = None
    if request.choices:
        held_to = StructuredOutputsParams(choice=list(request.choices))
    elif request.json_schema is not None:
        held_to = StructuredOutputsParams(json=request.json_schema, disable_any_whitespace=True)
    return SamplingParams(
        temperature=0.0,
        max_tokens=request.max_tokens,
        min_tokens=request.max_tokens if request.is_exact else 0,
        ignore_eos=request.is_exact,
        stop=list(request.stop),
        skip_special_tokens=not request.shows_special_tokens,
        spaces_between_special_tokens=not request.shows_special_tokens,
        structured_outputs=held_to,
        # Never `logprobs` beside it in one batch: it would get other numbers (vllm#51789).
        logprob_token_ids=list(request.next_token_ids) or None,
        # The token itself and the most probable one. vLLM then leaves the prefix cache alone; told
        # to read it all the same, its engine dies (vllm#50792).
        prompt_logprobs=None if request.scored_from is None else 1,
        detokenize=request.scored_from is None,
        output_kind=RequestOutputKind.FINAL_ONLY,  # as offline vLLM: no message a token
    )


def _outcomes(
    requests: Sequence[Request], outputs: Sequence[Any], wall_to_monotonic_s: float
) -> tuple[Outcome, ...]:
    return tuple(
        outcome_of(output, wall_to_monotonic_s, request)
        for request, output in zip(requests, outputs, strict=True)
    )


def outcome_of(
    output: Any,  # noqa: ANN401
    wall_to_monotonic_s: float,
    request: Request,
) -> Outcome:
    """Return the facts of vLLM's RequestOutput for `request`; None: there was no output.

    vLLM takes a request's arrival by the wall clock, the rest by the monotonic one, which all
    processes of a Linux machine share.
    """
    if output is None:
        return Outcome(is_finished=False, prompt_tokens=0, output_tokens=0)
    answer, times = output.outputs[0], output.metrics
    next_ids, scored_ids = request.next_token_ids, list[int]()
    # By place: vLLM puts the most probable token beside those that were asked for.
    places = list[Any](answer.logprobs[:1]) if next_ids else []
    if request.scored_from is not None:
        scored_ids = request.prompt_token_ids[request.scored_from :]
        places = list(output.prompt_logprobs[request.scored_from :])
    return Outcome(
        is_finished=bool(output.finished) and answer.finish_reason in FINISHED,
        finish_reason=answer.finish_reason,
        prompt_tokens=len(output.prompt_token_ids),
        output_tokens=len(answer.token_ids),
        text=answer.text,
        next_log_probabilities=tuple(places[0][i].logprob for i in next_ids),
        prompt_log_probabilities=tuple(
            place[i].logprob for place, i in zip(places, scored_ids, strict=False)
        ),
        highest_log_probabilities=tuple(
            max(token.logprob for token in place.values()) for place in places
        ),
        cached_tokens=output.num_cached_tokens,
        arrival_s=times.arrival_time + wall_to_monotonic_s if times else None,
        scheduled_s=(times.scheduled_ts or None) if times else None,
        first_token_s=(times.first_token_ts or None) if times else None,
        last_token_s=(times.last_token_ts or None) if times else None,
    )
