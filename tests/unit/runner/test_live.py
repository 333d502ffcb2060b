"""The engine's own metrics, from a trial's process to the worker's port; over real sockets."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families
from slmeval_runner.live import serving, socket_of
from slmeval_runner.live.answering import Answering
from slmeval_runner.live.serving import TrialsCollector, serve

MODELS = {"t1": "small", "t2": "large"}


@pytest.fixture
def engine() -> Iterator[None]:
    """What vLLM would have in its process: REGISTRY is the process's own."""
    made = (
        Gauge("vllm:num_requests_running", "Running.", ("model_name",)),
        Counter("vllm:prompt_tokens", "Tokens.", ("model_name",)),
        Histogram("vllm:e2e_request_latency_seconds", "Latency.", buckets=(1.0,)),
    )
    made[0].labels("/m").set(3)
    made[1].labels("/m").inc(40)
    made[2].observe(0.5)
    yield
    for one in made:
        REGISTRY.unregister(one)


def collector(folder: Path) -> TrialsCollector:
    return TrialsCollector(folder, models=MODELS, pool="gpu")


def found(folder: Path) -> dict[str, list[dict[str, str]]]:
    return {
        sample.name: [one.labels for one in family.samples if one.name == sample.name]
        for family in collector(folder).collect()
        for sample in family.samples
    }


@pytest.mark.usefixtures("engine")
class TestWhatTrialsSay:
    def test_is_put_together_with_their_names(self, tmp_path: Path) -> None:
        answering = [Answering(socket_of(tmp_path / "live", name)) for name in MODELS]
        labels = found(tmp_path / "live")
        for one in answering:
            one.stop()
        assert labels["vllm:num_requests_running"] == [
            {"model_name": "/m", "trial": "t1", "model": "small", "pool": "gpu"},
            {"model_name": "/m", "trial": "t2", "model": "large", "pool": "gpu"},
        ]
        assert len(labels["vllm:e2e_request_latency_seconds_bucket"]) == 4  # 1 and +Inf, of two
        assert all(name.startswith("vllm:") for name in labels)

    def test_is_nothing_before_a_trial_and_after_it(self, tmp_path: Path) -> None:
        assert found(tmp_path) == {}
        Answering(socket_of(tmp_path, "t1")).stop()
        assert found(tmp_path) == {}
        assert list(tmp_path.iterdir()) == []

    def test_is_that_of_the_others_when_one_was_killed_or_hangs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(serving, "ANSWER_LIMIT_S", 0.2)
        answering = Answering(socket_of(tmp_path, "t2"))
        with socket.socket(socket.AF_UNIX) as hung:
            hung.bind(str(socket_of(tmp_path, "t1")))
            refused = found(tmp_path)
            hung.listen()
            silent = found(tmp_path)
        answering.stop()
        for labels in (refused, silent):
            assert [one["trial"] for one in labels["vllm:num_requests_running"]] == ["t2"]

    def test_is_not_asked_of_what_is_no_trial_of_the_plan(self, tmp_path: Path) -> None:
        answering = Answering(socket_of(tmp_path, "somebody"))
        assert found(tmp_path) == {}
        answering.stop()

    def test_goes_on_where_a_killed_process_left_its_socket(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(socket_of(tmp_path, "t1")))
        answering = Answering(socket_of(tmp_path, "t1"))
        assert "vllm:num_requests_running" in found(tmp_path)
        answering.stop()

    def test_is_served_over_http(self, tmp_path: Path) -> None:
        answering = Answering(socket_of(tmp_path, "t1"))
        port = serve(collector(tmp_path), 0)
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/metrics",
            headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"},
        )
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            text = answer.read().decode()
        answering.stop()
        values = {
            (sample.name, sample.labels.get("trial")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert values["vllm:prompt_tokens_total", "t1"] == 40
        assert not [name for name, _ in values if name.endswith("_created")]


class TestAPortThatIsTaken:
    def test_keeps_no_trial_from_running(self, tmp_path: Path) -> None:
        with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
            assert serve(collector(tmp_path), taken.getsockname()[1]) is None
        assert not [t for t in threading.enumerate() if t.name == "live-metrics"]
