"""A result with every field that a trial on a GPU has, measured by the real runner on fakes.

The engine is the simulated one with made-up facts of a GPU, NVML is a fake.
"""

import asyncio
from pathlib import Path
from typing import Any

from builders import a_load, a_model
from runner_builders import FakeClock, a_classification, a_plan
from slmeval_api.model import EngineOptions
from slmeval_api.result import TrialResult, WorkloadResult
from slmeval_runner.devices.readings import ClockEvent, DeviceReadings
from slmeval_runner.engines.base import (
    CeilingFacts,
    EngineFacts,
    EngineMemory,
    ModelShape,
    StartParts,
)
from slmeval_runner.engines.simulated import SimulatedEngine
from slmeval_runner.folders import Folders
from slmeval_runner.times import Clock
from slmeval_runner.trial import TrialRun
from slmeval_runner.workloads.http import comparison

SHAPE = ModelShape(
    layers=16, attention_heads=32, key_value_heads=8, head_size=64,
    embedding_parameters=262_668_288, parameters=1_235_814_400, has_own_output_layer=False,
    weight_bytes=2_471_628_800, kv_bytes_each=2,
)  # fmt: skip


class OnAGpu(SimulatedEngine):
    """The simulated engine, with facts as of a GPU."""

    async def start(self, model: Path | None, options: EngineOptions, **_: Any) -> EngineFacts:
        facts = await super().start(model, options)
        return EngineFacts(
            max_model_len=facts.max_model_len,
            libraries_s=0.1,
            start_s=14.0,
            parts=StartParts(
                process_s=2.0, device_s=1.0, weights_s=1.0, compile_s=5.0, kv_cache_s=0.1,
                graphs_s=4.9,
            ),
            memory=EngineMemory(
                parameters=SHAPE.parameters, weights_bytes=SHAPE.weight_bytes,
                kv_cache_tokens=2_277_312, kv_cache_bytes=74_622_959_616,
            ),
            shape=SHAPE,
            arguments=facts.arguments,
            versions={"cuda": "13.0"},
        )  # fmt: skip

    async def ceilings(self) -> CeilingFacts | None:
        return CeilingFacts(flops_per_s=7.9e14, bytes_per_s=2.9e12)


class Nvml:
    """A fake of NVML's monitor."""

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> DeviceReadings:
        return DeviceReadings(
            samples=10, energy_j=812.5, power_mean_w=650.0, power_peak_w=700.0,
            memory_peak_bytes=80_401_465_344, sm_clock_mean_mhz=1747.0, sm_clock_min_mhz=1500,
            temperature_peak_c=57,
            clock_events=(ClockEvent(reason="SwPowerCap", samples=8, share=0.8),),
        )  # fmt: skip

    def close(self) -> None:
        """Do nothing."""


def full_result() -> TrialResult:
    """Return it: all kinds of workload, one of them with a point that failed, a task, tuning."""
    clock = FakeClock()
    engine: dict[str, Any] = {"tune": True, "tuning": {"maxNumSeqs": [128, 1024]}}
    plan = a_plan(
        workloads=[
            a_load("batch", "all", requests=600, allowPrefixCaching=True),
            a_load("concurrency", "sweep", levels=[1, 8]),
            a_load(
                "rate",
                "promise",
                requestsPerSecond=["5", "2000"],
                objectives={"latencySeconds": "1"},
                outputTokens=400,
                requests=100,
            ),
        ],
        tasks=[a_classification()],
        trials=[{"name": "t", "model": a_model(engine=engine)}],
    )
    run = TrialRun(
        plan,
        plan.trials[0],
        OnAGpu("small", sleep=clock.sleep_async, monotonic=clock.monotonic),
        folders=Folders(),
        tell=lambda _: None,
        monitor=Nvml(),
        waited_s=0.02,
        clock=Clock(clock.now, clock.monotonic),
    )
    result = asyncio.run(run.run())
    return result.model_copy(update={"workloads": [*result.workloads, _over_http(result)]})


def _over_http(result: TrialResult) -> WorkloadResult:
    """Return the first workload as if it had been measured over HTTP as well."""
    batch = result.workloads[0]
    if batch.figures is None:
        raise ValueError(f"the first workload has no figures: {batch.failure}")
    compared = comparison(
        batch.figures,
        batch.figures,
        generator="GuideLLM 0.8.1",
        generator_cpu_share=0.5,
        report="{}",
        start_s=30.0,
    )
    return batch.model_copy(update={"name": "chat", "kind": "http", "http": compared})
