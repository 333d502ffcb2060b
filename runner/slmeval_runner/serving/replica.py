"""Ray Serve's LLM server as a second front end of an engine that runs already.

Everything between the HTTP proxy and vLLM's engine core is what `ray.serve.llm` deploys; only the
core is not started but attached to, so that no second copy of the model is loaded.
"""

from dataclasses import asdict
from typing import Any

from ray.llm._internal.serve.engines.vllm.vllm_engine import VLLMEngine
from ray.serve.llm.deployment import LLMServer

from slmeval_runner.engines.vllm_driving import attached
from slmeval_runner.engines.vllm_steps import StepRecorder

ADDRESSES = "slmeval_addresses"
"""Where the configuration of a deployment holds the attachment's addresses."""


class AttachedEngine(VLLMEngine):  # type: ignore[misc]  # Ray has no types for us
    """vLLM as Ray Serve has it, on the core at ADDRESSES."""

    def __init__(self, llm_config: Any) -> None:  # noqa: ANN401
        super().__init__(llm_config)
        self.recorder = StepRecorder()

    async def start(self) -> None:
        """Attach, without the task that would look for the model's files: they are there."""
        self.llm_config.get_or_create_callback().ctx.run_init_node = False
        await super().start()

    def _start_async_llm_engine(
        self,
        vllm_engine_args: Any,  # noqa: ANN401
        vllm_engine_config: Any,  # noqa: ANN401
        placement_group: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return the front end; the arguments are those of the running engine."""
        del vllm_engine_args, placement_group
        addresses = self.llm_config.experimental_configs[ADDRESSES]
        return attached(vllm_engine_config, addresses, self.recorder)


class AttachedServer(LLMServer):  # type: ignore[misc]
    """Also says what the engine did, by vLLM's own account of its steps."""

    _default_engine_cls = AttachedEngine

    async def slmeval_begin(self) -> None:
        """Forget the steps so far."""
        self._recorder.begin()

    async def slmeval_steps(self, requests: int) -> dict[str, Any]:
        """Return the steps since `slmeval_begin`, once `requests` requests are in them."""
        await self._recorder.settle(requests)
        steps = self._recorder.steps()
        return asdict(steps) | {"inter_token_s": list(steps.inter_token_s)}

    @property
    def _recorder(self) -> StepRecorder:
        engine = self.engine
        if not isinstance(engine, AttachedEngine):
            raise TypeError(f"attached to a {type(engine).__name__}")
        return engine.recorder
