"""vLLM in the trial's own process, at the speed of offline vLLM.

Two ways of driving the same engine, chosen by VLLM_ENABLE_V1_MULTIPROCESSING as vLLM itself
does; when it is not set, by the pool:

- with GPUs: AsyncLLM. The engine's core has a process of its own, so that reading answers does
  not hold up the GPU;
- without: LLMEngine in this process, as offline vLLM does with that variable at 0. A second
  process would import everything again, which takes a CPU longer than most measurements; an engine
  that is shared needs one all the same.

Arguments that are left out are those of `vllm serve`, whose defaults for a step's size differ
from offline vLLM's.
"""

import asyncio
import importlib
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slmeval_api.model import EngineOptions

from slmeval_runner.failures import EngineFailed, ModelUnusable
from slmeval_runner.live.answering import Answering

from .base import (
    AT_ONCE,
    Attachment,
    CeilingFacts,
    Counters,
    EngineFacts,
    Message,
    Pacing,
    Request,
    Served,
    Tokenizer,
)
from .start_errors import Printed, advice, root_cause
from .vllm_driving import AsyncDriving, Driving, InProcessDriving
from .vllm_facts import (
    arguments_of,
    counted,
    is_cuda_initialised,
    memory_of,
    prefix_cache_hits,
    shape_of,
    start_parts,
    versions,
)

log = logging.getLogger(__name__)

VLLM_GRAPHS = 512
"""The largest size that vLLM captures CUDA graphs for of itself."""
NEED_BEGIN = ("gemma",)
"""Beginnings of model types that answer badly without a begin token, which some of their tokenizer
files leave out (lm-evaluation-harness#3430)."""
BATCH_TEXTS = 1024
"""Texts encoded together: their encodings hold much more than the ids."""
MULTIPROCESSING = "VLLM_ENABLE_V1_MULTIPROCESSING"
FORGET_TURNS = 100
WORKER = "slmeval_runner.engines.vllm_worker.TimedWorker"
CALL_ERRORS = (RuntimeError, ValueError, OSError, AssertionError)
START_ERRORS = (RuntimeError, ValueError, OSError, AssertionError, NotImplementedError, KeyError)
"""What vLLM is seen to raise for a model that it cannot load; anything else is a bug to be seen."""
LIBRARIES = (
    "vllm.v1.engine.async_llm",
    "vllm.v1.engine.llm_engine",
    # An engine that starts looks these up by name: 3 to 4 s, which each trial would pay.
    "vllm._aiter_ops",
    "vllm.renderers.hf",
    "vllm.v1.core.sched.scheduler",
    "vllm.v1.worker.gpu_worker",  # the CPU's worker is made of it too
    "transformers.models.auto.modeling_auto",  # for counting weights
)
"""Most of it is vLLM's own business; a version that lacks one costs the trials that time."""


def import_libraries() -> None:
    """Import what the start of an engine would import, for forks of this process to use.

    Raises:
        ImportError: one of LIBRARIES is not there; those before it are imported.

    """
    for name in LIBRARIES:
        importlib.import_module(name)
    if is_cuda_initialised():
        log.warning("Importing vLLM initialised CUDA: its engine core cannot be a fork")


class VllmTokenizer:
    """The model's tokenizer, as vLLM loaded it."""

    def __init__(
        self,
        tokenizer: Any,  # noqa: ANN401 - transformers has no types for us
        model_vocabulary: int,
        *,
        model_type: str = "",
    ) -> None:
        self._tokenizer = tokenizer
        self._needs_begin = model_type.startswith(NEED_BEGIN)
        self._model_vocabulary = model_vocabulary
        self._vocabulary: list[int] | None = None

    @property
    def vocabulary(self) -> Sequence[int]:
        """Ids that the model has an embedding for, without special and added tokens."""
        if self._vocabulary is None:
            special = set(getattr(self._tokenizer, "all_special_ids", []))
            special |= set(getattr(self._tokenizer, "added_tokens_decoder", {}))
            every = set(self._tokenizer.get_vocab().values())
            self._vocabulary = sorted(
                number for number in every - special if number < self._model_vocabulary
            )
        return self._vocabulary

    @property
    def begin(self) -> int | None:
        """The tokenizer's bos."""
        return getattr(self._tokenizer, "bos_token_id", None)

    @property
    def end(self) -> int | None:
        """The tokenizer's eos."""
        return getattr(self._tokenizer, "eos_token_id", None)

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        """Return the ids of `text`; with a begin token also where only the model asks for one."""
        ids = list(self._tokenizer.encode(text, add_special_tokens=with_special_tokens))
        return self._begun(ids) if with_special_tokens else ids

    def encode_many(self, texts: Sequence[str], *, with_special_tokens: bool) -> list[list[int]]:
        """Return what `encode` does of each, in as many threads as there are cores."""
        if not getattr(self._tokenizer, "is_fast", False):
            return [self.encode(text, with_special_tokens=with_special_tokens) for text in texts]
        found = list[list[int]]()
        for first in range(0, len(texts), BATCH_TEXTS):
            batch = self._tokenizer(
                list(texts[first : first + BATCH_TEXTS]),
                add_special_tokens=with_special_tokens,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
            found += batch["input_ids"]
        return [self._begun(ids) for ids in found] if with_special_tokens else found

    def _begun(self, ids: list[int]) -> list[int]:
        begin = self.begin
        if not self._needs_begin or begin is None or ids[:1] == [begin]:
            return ids
        return [begin, *ids]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, unchanged: no spaces cleaned up, no special token left out."""
        return str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def chat_text(self, messages: Sequence[Message]) -> str | None:
        """Return the conversation in the model's own template."""
        if not getattr(self._tokenizer, "chat_template", None):
            return None
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return str(
            self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        )


class VllmEngine:
    """One vLLM engine."""

    def __init__(
        self, *, has_gpu: bool, is_in_process: bool | None = None, live: Path | None = None
    ) -> None:
        """Make it, not started.

        Args:
            has_gpu: False: it runs on the CPU.
            is_in_process: whether the engine core is a thread of this process; None: as is best.
            live: socket at which vLLM's own metrics are answered with; None: nowhere.

        """
        self._live = live
        self._answering: Answering | None = None
        self._is_in_process = is_in_process_by_default(has_gpu, is_in_process)
        self._has_gpu = has_gpu
        self._driving: Driving | None = None
        self._attachment: Attachment | None = None
        self._tokenizer: VllmTokenizer | None = None

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        if self._tokenizer is None:
            raise RuntimeError("the tokenizer is asked for before the engine was started")
        return self._tokenizer

    @property
    def attachment(self) -> Attachment | None:
        """Where a second front end attaches to the engine core."""
        return self._attachment

    async def start(
        self,
        model: Path | None,
        options: EngineOptions,
        *,
        most_in_flight: int | None = None,
        is_shared: bool = False,
    ) -> EngineFacts:
        """Import vLLM, load `model`, compile and reserve memory."""
        if model is None:
            raise RuntimeError("vLLM needs a model's folder")
        # vLLM looks at this in several places: without it, a CPU's worker is a process too.
        is_in_process = self._is_in_process and not is_shared
        os.environ[MULTIPROCESSING] = "0" if is_in_process else "1"
        begun_s = time.monotonic()
        import vllm

        if options.enforce_eager and not self._has_gpu:
            _compile_nothing()
        imported_s = time.monotonic()
        printed = Printed()
        try:
            arguments = engine_arguments(
                model, options, has_gpu=self._has_gpu, most_in_flight=most_in_flight
            )
            config = _config(arguments)
            counting = asyncio.get_running_loop().run_in_executor(None, counted, model)
            driving = InProcessDriving() if is_in_process else AsyncDriving(is_shared=is_shared)
            self._driving = driving
            tokenizer = await driving.start(config)
            self._attachment = _attachment(arguments, driving)
        except START_ERRORS as error:
            cause = root_cause(error, printed)
            raise ModelUnusable(
                f"vLLM {vllm.__version__} cannot load the model: {cause}. {advice(cause)}"
            ) from error
        self._tokenizer = VllmTokenizer(
            tokenizer,
            config.model_config.get_vocab_size(),
            model_type=str(getattr(config.model_config.hf_config, "model_type", "")),
        )
        ready_s = time.monotonic()
        self._answering = _answering(self._live)
        workers = await driving.ask_workers("slmeval_facts")
        count = await counting  # done long since, while this process waited for the engine's
        return EngineFacts(
            max_model_len=config.model_config.max_model_len,
            libraries_s=imported_s - begun_s,
            start_s=ready_s - imported_s,
            parts=start_parts(workers, imported_s),
            memory=memory_of(config, workers, count),
            shape=shape_of(config, workers, count),
            gpus=len(workers) if self._has_gpu else 0,
            arguments=arguments_of(config) | surroundings(driving),
            versions=versions(),
        )

    async def serve(self, requests: Sequence[Request], pacing: Pacing = AT_ONCE) -> Served:
        """Send the requests as `pacing` says, in their order."""
        try:
            return await self._running.serve(requests, pacing)
        except CALL_ERRORS as error:
            raise EngineFailed(
                f"vLLM stopped while it served {len(requests)} requests: "
                f"{type(error).__name__}: {error}. See the worker's log; if memory ran out, lower "
                "engine.gpuMemoryUtilizationPercent, maxModelLen or maxNumSeqs",
                may_pass=True,
            ) from error

    async def forget(self) -> None:
        """Empty the prefix cache."""
        try:
            for _ in range(FORGET_TURNS):
                if await self._running.forget():
                    return
                await asyncio.sleep(0.02)  # a step of the last set still holds its blocks
        except CALL_ERRORS as error:
            raise EngineFailed(f"vLLM stopped between two sets: {error}", may_pass=True) from error
        raise EngineFailed(
            "vLLM did not empty its prefix cache, so that what is measured next could come from "
            "it: report this with the engine's version"
        )

    async def check_running(self) -> None:
        """Ask vLLM's own watch."""
        if self._running.has_stopped():
            raise EngineFailed("vLLM stopped: see the worker's log", may_pass=True)

    async def ceilings(self) -> CeilingFacts | None:
        """Measure the first GPU."""
        if not self._has_gpu:
            return None
        try:
            found = (await self._running.ask_workers("slmeval_ceilings"))[0]
        except CALL_ERRORS as error:
            raise EngineFailed(
                f"vLLM stopped while its GPU was measured: {error}", may_pass=True
            ) from error
        return CeilingFacts(**found) if found else None

    @property
    def _running(self) -> Driving:
        if self._driving is None:
            raise RuntimeError("the engine is used before it was started")
        return self._driving

    async def counters(self) -> Counters:
        """Return vLLM's own totals."""
        return Counters(prefix_cache_hits=prefix_cache_hits())

    async def stop(self) -> None:
        """Shut the engine down and wait until its processes are gone."""
        driving, self._driving, self._attachment = self._driving, None, None
        if driving:
            await driving.stop()
        answering, self._answering = self._answering, None
        if answering:
            answering.stop()


def _answering(path: Path | None) -> Answering | None:
    try:
        return Answering(path) if path else None
    except OSError:
        log.exception("vLLM's own metrics are not to be had: %s", path)
        return None


def _compile_nothing() -> None:
    """Run eagerly also what vLLM compiles in spite of enforce_eager, here and in its processes.

    On a CPU it wants a C++ compiler as soon as log-probabilities are asked for, and slim images
    have none.
    """
    from torch._dynamo import config

    os.environ["TORCHDYNAMO_DISABLE"] = "1"
    config.disable = True


def _config(arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - vLLM has no types for us
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    return AsyncEngineArgs(**arguments, worker_cls=WORKER).create_engine_config(
        UsageContext.OPENAI_API_SERVER
    )


def _attachment(arguments: dict[str, Any], driving: Driving) -> Attachment | None:
    if not isinstance(driving, AsyncDriving) or driving.second is None:
        return None
    rest = {name: value for name, value in arguments.items() if name != "model"}
    return Attachment(model=arguments["model"], arguments=rest, addresses=driving.second._asdict())


def surroundings(driving: Driving) -> dict[str, str]:
    """Return what is no argument of vLLM's but decides its speed as well."""
    threads = os.environ.get("OMP_NUM_THREADS")
    return {"driving": type(driving).__name__} | ({"omp_num_threads": threads} if threads else {})


def is_in_process_by_default(has_gpu: bool, asked: bool | None = None) -> bool:
    """Return `asked`, else what vLLM's own variable says, else whether there is no GPU."""
    text = os.environ.get(MULTIPROCESSING)
    if asked is not None or text is None:
        return asked if asked is not None else not has_gpu
    return text == "0"


def engine_arguments(
    model: Path, options: EngineOptions, *, has_gpu: bool, most_in_flight: int | None = None
) -> dict[str, Any]:
    """Return vLLM's arguments; what the options leave out is left to vLLM."""
    percent = options.gpu_memory_utilization_percent
    graphs = most_in_flight if options.cuda_graphs == "Workload" else None
    if graphs is not None and graphs > VLLM_GRAPHS:
        graphs = None
    arguments: dict[str, Any] = {
        "model": str(model),
        "dtype": options.dtype,
        "max_model_len": options.max_model_len,
        "tensor_parallel_size": options.tensor_parallel_size if has_gpu else 1,
        "gpu_memory_utilization": percent / 100 if percent and has_gpu else None,
        "max_num_seqs": options.max_num_seqs,
        "max_num_batched_tokens": options.max_num_batched_tokens,
        "quantization": options.quantization,
        "kv_cache_dtype": options.kv_cache_dtype,
        "enforce_eager": options.enforce_eager,
        "load_format": options.load_format,
        "max_cudagraph_capture_size": graphs if has_gpu else None,
        "enable_prefix_caching": True,  # as `vllm serve` has it; see slmeval_runner.trial
        # Where vLLM sees Ray it might hand a model's parts to it, which knows nothing of them.
        "distributed_executor_backend": "mp" if options.tensor_parallel_size > 1 else None,
    }
    return {name: value for name, value in arguments.items() if value is not None}
