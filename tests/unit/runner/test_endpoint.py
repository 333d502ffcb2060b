"""The endpoint's process as the trial sees it. A script of ours stands in for Ray Serve."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from slmeval_runner.engines.base import Attachment
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.serving import endpoint as module
from slmeval_runner.serving.endpoint import Endpoint, environment, free_port

ATTACHMENT = Attachment(
    model="/models/small", arguments={"dtype": "auto"}, addresses={"input_address": "ipc://in"}
)
ANSWERS = """
import json, sys
asked = json.loads(sys.stdin.readline())
print(json.dumps({"url": f"http://127.0.0.1:{asked['port']}/{asked['name']}"}), flush=True)
for line in sys.stdin:
    steps = dict(count=int(line), inter_token_s=[0.5], peak_running=2, peak_waiting=1,
                 peak_kv_cache=0.25, preemptions=0) if line.strip() != "begin" else {}
    print(json.dumps(steps), flush=True)
"""
DIES = """
import sys
sys.stdin.readline()
print("replica: out of memory", file=sys.stderr)
sys.exit(1)
"""
HANGS = """
import sys, time
sys.stdin.readline()
print("waiting for a node", file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.fixture
def served_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what makes a script the process of every endpoint."""
    path = tmp_path / "serve.py"
    monkeypatch.setattr(module, "COMMAND", (sys.executable, str(path)))

    def write(script: str) -> None:
        path.write_text(script)

    return write


class TestAnEndpoint:
    async def test_is_started_asked_and_ended(self, served_by: Callable[[str], None]) -> None:
        served_by(ANSWERS)
        endpoint = await Endpoint.start(ATTACHMENT, "small")
        assert endpoint.url.endswith("/small")
        assert endpoint.model == "small"
        assert endpoint.start_s > 0
        await endpoint.begin()
        steps = await endpoint.steps(7)
        assert (steps.count, steps.peak_running, list(steps.inter_token_s)) == (7, 2, [0.5])
        await endpoint.stop()
        await endpoint.stop()  # does nothing
        with pytest.raises(MeasurementInvalid, match=r"Ray Serve.*ended"):
            await endpoint.begin()

    async def test_that_dies_is_told_with_its_last_words(
        self, served_by: Callable[[str], None]
    ) -> None:
        served_by(DIES)
        with pytest.raises(MeasurementInvalid, match=r"ended.*replica: out of memory") as raised:
            await Endpoint.start(ATTACHMENT, "small")
        assert raised.value.failure.may_pass

    async def test_that_does_not_get_ready_is_ended(
        self, served_by: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        served_by(HANGS)
        monkeypatch.setattr(module, "START_LIMIT_S", 1.0)
        monkeypatch.setattr(module, "END_LIMIT_S", 0.1)
        with pytest.raises(MeasurementInvalid, match=r"within 1 s.*waiting for a node"):
            await Endpoint.start(ATTACHMENT, "small")


class TestItsSurroundings:
    def test_know_nothing_of_the_jobs_cluster(self) -> None:
        given = {
            "RAY_ADDRESS": "head:6379",
            "RAY_JOB_ID": "01",
            "RAY_worker_niceness": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
            "CUDA_VISIBLE_DEVICES": "GPU-1",
        }
        assert environment(given) == {
            "RAY_worker_niceness": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
            "CUDA_VISIBLE_DEVICES": "GPU-1",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            "SLMEVAL_LOG_FORMAT": "text",
        }

    def test_have_a_port_of_their_own(self) -> None:
        assert 1024 <= free_port() <= 65535

    def test_end_without_a_question(self, tmp_path: Path) -> None:
        code = os.spawnve(
            os.P_WAIT,
            sys.executable,
            [sys.executable, "-c", "import slmeval_runner.serving.__main__ as m; raise SystemExit("
             "m.main())"],
            dict(os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert code == 0
