"""The kind http: both ways with the same requests, every gate, and the difference.

Endpoint and generator are made up here; tests/cpu has real ones.
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from builders import a_load
from runner_builders import FakeClock
from slmeval_api.result import WorkloadResult
from slmeval_api.workload import Workload
from slmeval_runner.devices.monitor import Monitor, NoDevice
from slmeval_runner.devices.readings import DeviceReadings
from slmeval_runner.engines.base import Outcome, Pacing, Request, Steps
from slmeval_runner.engines.simulated import SimulatedEngine, SimulatedTokenizer
from slmeval_runner.failures import EngineFailed
from slmeval_runner.folders import Folders
from slmeval_runner.serving import generator
from slmeval_runner.serving.endpoint import Endpoint
from slmeval_runner.serving.generator import Generated, Target
from slmeval_runner.workloads import http
from slmeval_runner.workloads.http import in_order
from slmeval_runner.workloads.measure import measure
from slmeval_runner.workloads.points import Bench

STEPS = Steps(
    count=9, inter_token_s=[0.1], peak_running=2, peak_waiting=0, peak_kv_cache=0.5, preemptions=0
)


class Words(SimulatedTokenizer):
    """A tokenizer that reads what it wrote."""

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(f"w{number}" for number in ids)

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        return [int(word[1:]) for word in text.split()]


class FakeEndpoint:
    """An endpoint whose engine took 9 steps for anything."""

    url, model, start_s = "http://127.0.0.1:1", "small", 12.5

    def __init__(self, sender: "FakeGenerator | None" = None) -> None:
        self.asked = list[int]()
        self.generator = sender or FakeGenerator()

    async def begin(self) -> None:
        """Forget nothing."""

    async def steps(self, requests: int) -> Steps:
        self.asked.append(requests)
        return STEPS


class FakeGenerator:
    """Sends nothing: each of its requests takes 2 s, one after the other in each slot."""

    def __init__(self, **faults: Any) -> None:
        self.faults = faults
        self.sent = list[tuple[list[Request], Pacing, Target]]()

    async def generate(
        self, requests: Sequence[Request], pacing: Pacing, target: Target, folder: Path
    ) -> Generated:
        assert folder.name.startswith("http")
        self.sent.append((list(requests), pacing, target))
        slots = pacing.in_flight or len(requests)
        pause = self.faults.get("pause", 0.0)
        lengths = sorted((len(r.prompt_token_ids), r.max_tokens) for r in requests)
        outcomes = [
            self._outcome(inputs, outputs, start=(n // slots) * (2.0 + pause), target=target)
            for n, (inputs, outputs) in enumerate(lengths)
        ]
        lost = self.faults.get("lost", 0)
        gone = Outcome(is_finished=False, prompt_tokens=0, output_tokens=0)
        kept = outcomes[: len(outcomes) - lost]
        return Generated(
            outcomes=(*kept, *[gone] * lost),
            finished=len(kept),
            late_s=tuple(self.faults.get("late", 0.0) for _ in kept) if pacing.offsets_s else (),
            cpu_share=self.faults.get("cpu_share", 0.25),
            report='{"request_totals":{}}',
            errors=("HTTP 503",) if lost else (),
        )

    def _outcome(self, inputs: int, outputs: int, start: float, target: Target) -> Outcome:
        return Outcome(
            is_finished=True,
            prompt_tokens=inputs,
            output_tokens=outputs - self.faults.get("fewer", 0),
            cached_tokens=self.faults.get("cached", 0),
            arrival_s=start,
            first_token_s=start + 1.0 if target.is_streaming else None,
            last_token_s=start + 2.0,
        )


class SimulatedWithText(SimulatedEngine):
    """The simulated engine, whose prompts can be written as text."""

    def __init__(self, clock: FakeClock, **options: Any) -> None:
        super().__init__("small", sleep=clock.sleep_async, monotonic=clock.monotonic, **options)
        self.tokenizer = Words()


class Watching(NoDevice):
    """A monitor that sees 50 J in every set."""

    def end(self) -> DeviceReadings:
        return DeviceReadings(energy_j=50.0)


@pytest.fixture(autouse=True)
def _version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "version", lambda: "GuideLLM 9.9")


async def measured(
    sender: FakeGenerator | None = None,
    engine: SimulatedEngine | None = None,
    endpoint: FakeEndpoint | None = None,
    told: list[str] | None = None,
    monitor: Monitor | None = None,
    **load: Any,
) -> WorkloadResult:
    front = endpoint or FakeEndpoint(sender)

    async def give() -> Endpoint:
        return cast("Endpoint", front)

    lines: list[str] = [] if told is None else told
    bench = Bench(
        engine=engine or SimulatedWithText(FakeClock()),
        monitor=monitor or NoDevice(),
        card=None,
        tell=lines.append,
        endpoint=give,
    )
    workload = Workload.from_json_data(a_load("http", **load))
    return await measure(workload, bench, max_model_len=8192, seed=1, folders=Folders())


class TestBothWays:
    async def test_get_the_same_requests_in_turns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sender, engine = FakeGenerator(), SimulatedWithText(FakeClock())
        sets = list[list[Request]]()
        serve = engine.serve

        async def recorded(requests: Sequence[Request], pacing: Pacing) -> Any:
            sets.append(list(requests))
            return await serve(requests, pacing)

        monkeypatch.setattr(engine, "serve", recorded)
        told = list[str]()
        await measured(sender, engine, told=told, repetitions=2, warmupRequests=3)
        assert [requests for requests, _, _ in sender.sent] == sets
        assert [len(requests) for requests in sets] == [3, 4, 4]
        assert told == [
            "over HTTP, warm-up",
            "the engine itself, warm-up",
            "repetition 1, over HTTP of 2",
            "repetition 1, the engine itself of 2",
            "repetition 2, over HTTP of 2",
            "repetition 2, the engine itself of 2",
        ]

    async def test_are_sent_the_text_of_the_tokens(self) -> None:
        sender = FakeGenerator()
        await measured(sender, warmupRequests=1)
        for requests, _, target in sender.sent:
            assert (target.model, target.is_streaming) == ("small", True)
            for request in requests:
                assert request.text is not None
                read = Words().encode(request.text, with_special_tokens=False)
                assert read == request.prompt_token_ids

    async def test_are_compared(self) -> None:
        result = await measured(endpoint=(endpoint := FakeEndpoint()))
        assert result.failure is None
        assert result.figures is not None
        # 4 requests, 2 in flight, 2 s each: 4 s a set.
        assert result.figures.repetition_seconds == ["4", "4", "4"]
        assert result.figures.requests_per_second == "1"
        assert result.figures.time_to_first_token_seconds is not None
        assert result.figures.time_to_first_token_seconds.p50 == "1"
        assert result.figures.engine is not None
        assert result.figures.engine.steps == 27
        compared = result.http
        assert compared is not None
        assert (compared.generator, compared.start_seconds) == ("GuideLLM 9.9", "12.5")
        assert compared.generator_cpu_percent == "25"
        assert compared.report == '{"request_totals":{}}'
        ratio = 1.0 / float(compared.engine.requests_per_second)
        assert float(compared.requests_per_second_ratio) == pytest.approx(ratio, abs=1e-4)
        added = 2.0 - float(compared.engine.latency_seconds.p50)
        assert float(compared.added_latency_seconds) == pytest.approx(added, abs=1e-5)
        assert endpoint.asked == [8, 4, 4, 4]

    async def test_are_watched_where_nothing_but_the_requests_is_in_the_time(self) -> None:
        result = await measured(monitor=Watching())
        assert result.figures is not None
        assert result.figures.device is None
        assert result.http is not None
        assert result.http.engine.device is not None
        assert result.http.engine.device.energy_joules == "150"  # 3 sets of 50 J

    async def test_without_streaming_have_no_first_token(self) -> None:
        result = await measured(streaming=False)
        assert result.failure is None
        assert result.figures is not None
        assert result.figures.time_to_first_token_seconds is None
        assert result.figures.time_per_output_token_seconds is None
        assert result.http is not None
        assert result.http.added_time_to_first_token_seconds is None
        assert result.http.engine.time_to_first_token_seconds is not None

    async def test_get_the_same_arrivals(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sender, engine = FakeGenerator(), SimulatedWithText(FakeClock())
        paces = list[Pacing]()
        serve = engine.serve

        async def recorded(requests: Sequence[Request], pacing: Pacing) -> Any:
            paces.append(pacing)
            return await serve(requests, pacing)

        monkeypatch.setattr(engine, "serve", recorded)
        await measured(sender, engine, concurrency=None, requestsPerSecond="0.1", requests=20)
        assert [pacing for _, pacing, _ in sender.sent] == paces
        assert paces[1].offsets_s is not None


class TestGates:
    @pytest.mark.parametrize(
        ("faults", "message"),
        [
            ({"lost": 1}, r"over HTTP: 3 of 4 requests finished"),
            ({"lost": 4}, r"none of 4 requests over HTTP was answered.*HTTP 503"),
            ({"fewer": 1}, r"over HTTP: 4 of 4 requests had another number of output tokens"),
            ({"cached": 16}, r"over HTTP: 64 prompt tokens came from the prefix cache"),
            ({"cpu_share": 0.95}, r"the load generator used 95% of a core"),
            ({"pause": 1.0}, r"over HTTP: the engine waited for its client 20.0% of the time"),
        ],
    )
    async def test_refuse_what_the_generator_did(
        self, faults: dict[str, Any], message: str
    ) -> None:
        result = await measured(FakeGenerator(**faults), warmupRequests=0)
        assert result.figures is None
        assert result.http is None
        assert result.failure is not None
        assert result.failure.reason == "MeasurementInvalid"
        assert re.search(message, result.failure.message), result.failure.message

    async def test_refuse_arrivals_that_were_late(self) -> None:
        result = await measured(
            FakeGenerator(late=0.5),
            concurrency=None,
            requestsPerSecond="0.1",
            requests=20,
        )
        assert result.failure is not None
        assert "waited for its client" in result.failure.message

    async def test_refuse_what_the_engine_did(self) -> None:
        engine = SimulatedWithText(FakeClock(), fault="wrong-tokens")
        result = await measured(engine=engine)
        assert result.failure is not None
        assert "the engine itself" in result.failure.message

    async def test_an_engine_that_stopped_is_no_failure_of_http(self) -> None:
        class Stopped(SimulatedWithText):
            async def check_running(self) -> None:
                raise EngineFailed("vLLM stopped")

        with pytest.raises(EngineFailed):
            await measured(engine=Stopped(FakeClock()))

    async def test_an_engine_that_stops_meanwhile_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Dying(SimulatedWithText):
            looks = 0

            async def check_running(self) -> None:
                self.looks += 1
                if self.looks > 2:
                    raise EngineFailed("vLLM stopped")

        ended: list[str] = []

        class Hanging(FakeGenerator):
            async def generate(self, *_: object) -> Generated:
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.append("the generator")
                raise AssertionError

        monkeypatch.setattr(http, "WATCH_S", 0.01)
        with pytest.raises(EngineFailed):
            await measured(Hanging(), Dying(FakeClock()), warmupRequests=0)
        await asyncio.sleep(0)
        assert ended == ["the generator"]

    async def test_an_engine_without_an_endpoint_says_what_to_do(self) -> None:
        bench = Bench(
            engine=SimulatedWithText(FakeClock()),
            monitor=NoDevice(),
            card=None,
            tell=lambda _: None,
        )
        workload = Workload.from_json_data(a_load("http"))
        result = await measure(workload, bench, max_model_len=8192, seed=1, folders=Folders())
        assert result.failure is not None
        assert "leave workloads of the kind http out" in result.failure.message


class TestTheOrderOfOutcomes:
    def test_is_that_of_requests_of_their_lengths(self) -> None:
        requests = [
            Request(prompt_token_ids=[1] * inputs, max_tokens=outputs)
            for inputs, outputs in [(9, 1), (5, 7), (5, 2)]
        ]
        sorted_outcomes = [
            Outcome(is_finished=True, prompt_tokens=inputs, output_tokens=outputs)
            for inputs, outputs in [(5, 2), (5, 7), (9, 1)]
        ]
        placed = in_order(sorted_outcomes, requests)
        assert [(o.prompt_tokens, o.output_tokens) for o in placed] == [(9, 1), (5, 7), (5, 2)]
