"""The kind http with nothing made up: vLLM, Ray Serve's endpoint in front of it, and GuideLLM.

Runs where vLLM and GuideLLM are installed; SLMEVAL_TEST_MODEL names the model's folder.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import Json, a_load
from runner_builders import a_plan
from slmeval_api.plan import TrialReport
from slmeval_api.result import TrialResult, WorkloadResult
from slmeval_runner.devices.monitor import NoDevice
from slmeval_runner.engines.vllm import VllmEngine
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.folders import Folders
from slmeval_runner.serving import generator
from slmeval_runner.trial import TrialRun
from tools import cache

MODEL = Path(os.environ.get("SLMEVAL_TEST_MODEL", cache() / "models/smollm2-135m-instruct"))


def has_generator() -> bool:
    try:
        generator.version()
    except MeasurementInvalid:
        return False
    return True


pytestmark = [
    pytest.mark.skipif(not has_generator(), reason="GuideLLM is not installed for this Python"),
    pytest.mark.skipif(
        not (MODEL / "config.json").is_file(),
        reason=f"no model in {MODEL}: set SLMEVAL_TEST_MODEL or run hack/demo_model.py",
    ),
    pytest.mark.filterwarnings("default"),
]

LOAD: Json = {"requests": 8, "inputTokens": 64, "outputTokens": 12, "warmupRequests": 2}
WORKLOADS = [
    a_load("http", name="chat", **LOAD, concurrency=4, repetitions=2),
    a_load("batch", name="batch", **LOAD, repetitions=1),
    a_load("http", name="whole", **LOAD, concurrency=2, streaming=False, repetitions=1),
    a_load(
        "http",
        name="open",
        **LOAD | {"lengthSpreadPercent": 50, "requests": 24},
        concurrency=None,
        requestsPerSecond="1.5",
        repetitions=1,
    ),
]


def children(pid: int) -> str:
    done = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "args="], stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout


def run_trial() -> tuple[TrialResult, list[str]]:
    told = list[str]()
    model = {
        "name": "smollm2",
        "source": f"file://{MODEL}",
        "engine": {"dtype": "float32", "enforceEager": True, "maxModelLen": 1024},
    }

    def tell(report: TrialReport) -> None:
        if report.progress:
            told.append(report.progress.detail or report.progress.stage)

    plan = a_plan(
        engine="vllm", workloads=WORKLOADS, tasks=[], trials=[{"name": "t", "model": model}]
    )
    run = TrialRun(
        plan,
        plan.trials[0],
        VllmEngine(has_gpu=False),
        folders=Folders(),
        tell=tell,
        monitor=NoDevice(),
    )
    return asyncio.run(run.run()), told


@pytest.fixture(scope="module")
def tried() -> Iterator[tuple[TrialResult, list[str]]]:
    with pytest.MonkeyPatch.context() as patch:  # for processes that the trial starts
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        yield run_trial()


@pytest.fixture
def workloads(tried: tuple[TrialResult, list[str]]) -> dict[str, WorkloadResult]:
    return {workload.name: workload for workload in tried[0].workloads}


class TestOverHttp:
    def test_everything_is_measured_and_reported_in_the_order_that_was_asked(
        self, tried: tuple[TrialResult, list[str]]
    ) -> None:
        result, _ = tried
        assert [w.failure for w in result.workloads] == [None] * 4
        assert [w.name for w in result.workloads] == ["chat", "batch", "whole", "open"]

    def test_it_is_measured_last_for_ray_serve_would_cost_the_others_something(
        self, tried: tuple[TrialResult, list[str]]
    ) -> None:
        _, told = tried
        batch = next(n for n, line in enumerate(told) if line.startswith("batch:"))
        assert batch < told.index("starting Ray Serve")

    def test_the_same_work_was_done_on_both_ways(
        self, workloads: dict[str, WorkloadResult]
    ) -> None:
        chat = workloads["chat"]
        assert chat.figures is not None
        assert chat.http is not None
        for side in (chat.figures, chat.http.engine):
            assert (side.requests, side.input_tokens, side.output_tokens) == (16, 1024, 192)
            assert side.engine is not None
            assert 1 <= side.engine.peak_running <= 4

    def test_what_the_client_saw_is_more_than_what_the_engine_did(
        self, workloads: dict[str, WorkloadResult]
    ) -> None:
        chat = workloads["chat"]
        assert chat.figures is not None
        assert chat.figures.time_to_first_token_seconds is not None
        assert chat.figures.queue_seconds is None  # a client cannot see it
        assert chat.http is not None
        assert chat.http.generator.startswith("GuideLLM ")
        ratio = float(chat.figures.requests_per_second) / float(
            chat.http.engine.requests_per_second
        )
        assert float(chat.http.requests_per_second_ratio) == pytest.approx(ratio, abs=1e-3)

    def test_the_generators_own_report_agrees(self, workloads: dict[str, WorkloadResult]) -> None:
        whole = workloads["whole"]  # one repetition: the report is of all requests
        assert whole.http is not None
        assert whole.figures is not None
        report = json.loads(whole.http.report)
        assert report["request_totals"]["successful"] == 8
        median = report["request_latency"]["median"]
        assert float(whole.figures.latency_seconds.p50) == pytest.approx(median, rel=0.5)
        assert float(whole.figures.latency_seconds.p90) == pytest.approx(
            report["request_latency"]["percentiles"]["p90"], rel=0.02
        )

    def test_an_answer_that_comes_whole_has_no_first_token(
        self, workloads: dict[str, WorkloadResult]
    ) -> None:
        whole = workloads["whole"]
        assert whole.figures is not None
        assert whole.figures.time_to_first_token_seconds is None
        assert whole.figures.time_per_output_token_seconds is None
        assert whole.http is not None
        assert whole.http.added_time_to_first_token_seconds is None

    def test_users_of_their_own_arrive_alike_on_both_ways(
        self, workloads: dict[str, WorkloadResult]
    ) -> None:
        opened = workloads["open"]
        assert opened.figures is not None
        assert opened.http is not None
        assert opened.figures.input_tokens == opened.http.engine.input_tokens
        seconds = float(opened.figures.seconds), float(opened.http.engine.seconds)
        assert seconds[0] == pytest.approx(seconds[1], rel=0.2)

    def test_nothing_of_it_stays(self, tried: tuple[TrialResult, list[str]]) -> None:
        left = children(os.getpid())
        assert "serving" not in left
        assert "raylet" not in left
        assert "EngineCore" not in left
