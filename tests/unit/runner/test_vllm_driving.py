"""How requests are paced into vLLM, on fakes of its two engines. The real ones: tests/cpu."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from slmeval_runner.engines import vllm, vllm_driving
from slmeval_runner.engines.base import Pacing, Request, Steps
from slmeval_runner.engines.vllm import VllmEngine
from slmeval_runner.engines.vllm_driving import AsyncDriving, InProcessDriving
from slmeval_runner.engines.vllm_steps import StepRecorder
from slmeval_runner.failures import EngineFailed

SERVICE_S = 0.02


@pytest.fixture(autouse=True)
def without_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_driving, "_prompt", lambda request: request.prompt_token_ids)
    monkeypatch.setattr(vllm_driving, "_params", lambda request: request.max_tokens)


def requests(count: int) -> list[Request]:
    return [Request(prompt_token_ids=[n, n], max_tokens=3, is_exact=True) for n in range(count)]


def an_output(name: str, prompt: list[int], arrival: float) -> Any:
    now_s = time.monotonic()
    times = SimpleNamespace(
        arrival_time=arrival, scheduled_ts=now_s, first_token_ts=now_s, last_token_ts=now_s
    )
    answer = SimpleNamespace(finish_reason="length", token_ids=[1, 2, 3], text="")
    return SimpleNamespace(
        request_id=name,
        finished=True,
        outputs=[answer],
        prompt_token_ids=prompt,
        num_cached_tokens=0,
        metrics=times,
    )


def iteration(finished: int = 0) -> Any:
    return SimpleNamespace(
        num_preempted_reqs=1, inter_token_latencies_iter=[0.01, 0.02],
        finished_requests=[None] * finished,
    )  # fmt: skip


class FakeAsyncEngine:
    """Answers after SERVICE_S, and tells the recorder a moment later, as vLLM does."""

    def __init__(self, recorder: StepRecorder) -> None:
        self._recorder = recorder
        self.flying = self.most = 0

    async def generate(self, prompt: list[int], _: object, name: str) -> AsyncIterator[Any]:
        self.flying += 1
        self.most = max(self.most, self.flying)
        arrival = time.time()
        await asyncio.sleep(SERVICE_S)
        self.flying -= 1
        loop = asyncio.get_running_loop()
        loop.call_later(0.003, self._recorder.record, None, iteration(finished=1))
        yield an_output(name, prompt, arrival)


def an_async_driving() -> tuple[AsyncDriving, FakeAsyncEngine]:
    driving = AsyncDriving()
    engine = FakeAsyncEngine(driving._recorder)
    driving._engine = engine
    return driving, engine


class FakeEngine:
    """Steps SERVICE_S at a time; each step finishes all that was added."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, list[int], float]] = []
        self.most = 0

    def add_request(self, name: str, prompt: list[int], _: object, *, arrival_time: Any) -> None:
        self.waiting.append((name, prompt, arrival_time or time.time()))
        self.most = max(self.most, len(self.waiting))

    def has_unfinished_requests(self) -> bool:
        return bool(self.waiting)

    def step(self) -> list[Any]:
        time.sleep(SERVICE_S)
        done, self.waiting = self.waiting, []
        return [an_output(*each) for each in done]


def an_in_process_driving() -> tuple[InProcessDriving, FakeEngine]:
    driving, engine = InProcessDriving(), FakeEngine()
    driving._engine = engine
    return driving, engine


BOTH = pytest.mark.parametrize("make", [an_async_driving, an_in_process_driving])


class TestPacing:
    @BOTH
    async def test_all_at_once_keeps_the_order(self, make: Any) -> None:
        driving, engine = make()
        served = await driving.serve(requests(9), Pacing())
        assert engine.most == 9
        assert all(outcome.is_finished for outcome in served.outcomes)
        assert served.late_s == ()

    @BOTH
    async def test_no_more_are_in_flight_than_asked(self, make: Any) -> None:
        driving, engine = make()
        served = await driving.serve(requests(9), Pacing(in_flight=3))
        assert engine.most == 3
        assert len(served.outcomes) == 9
        assert served.seconds >= 3 * SERVICE_S

    @BOTH
    async def test_each_is_sent_when_it_is_due_and_counts_from_then(self, make: Any) -> None:
        driving, _ = make()
        offsets = (0.0, 0.05, 0.1)
        served = await driving.serve(requests(3), Pacing(offsets_s=offsets))
        assert len(served.late_s) == 3
        for offset, outcome in zip(offsets, served.outcomes, strict=True):
            assert outcome.arrival_s is not None
            assert outcome.arrival_s - served.submitted_s >= offset - 0.005
        assert served.seconds >= 0.1

    async def test_the_in_process_engine_counts_a_wait_for_its_step(self) -> None:
        """Two requests are due while the first one's step is under way: they arrived then."""
        driving, _ = an_in_process_driving()
        served = await driving.serve(requests(3), Pacing(offsets_s=(0.0, 0.005, 0.006)))
        arrivals = [(o.arrival_s or 0.0) - served.submitted_s for o in served.outcomes]
        assert arrivals == pytest.approx([0.0, 0.005, 0.006], abs=0.002)

    async def test_the_last_step_is_waited_for(self) -> None:
        driving, _ = an_async_driving()
        served = await driving.serve(requests(2), Pacing())
        assert served.steps is not None
        assert served.steps.count == 2
        assert len(served.steps.inter_token_s) == 4


class TestTheRecorder:
    def test_adds_up_and_forgets(self) -> None:
        recorder = StepRecorder()
        scheduler = SimpleNamespace(num_running_reqs=7, num_waiting_reqs=2, kv_cache_usage=0.5)
        recorder.record(scheduler, iteration(finished=3))
        recorder.record(None, iteration())
        recorder.record(scheduler, None)
        found = recorder.steps()
        assert found == Steps(
            count=2, inter_token_s=found.inter_token_s, peak_running=7, peak_waiting=2,
            peak_kv_cache=0.5, preemptions=2,
        )  # fmt: skip
        assert list(found.inter_token_s) == [0.01, 0.02, 0.01, 0.02]
        assert recorder.finished == 3
        recorder.begin()
        assert recorder.steps().count == 0
        assert len(found.inter_token_s) == 4  # what was handed out stays


class Forgetful:
    """Empties its cache at the n-th time of asking."""

    def __init__(self, at: int) -> None:
        self.left = at

    async def forget(self) -> bool:
        self.left -= 1
        return self.left <= 0


class TestForgetting:
    async def test_waits_for_the_blocks_of_the_last_set(self) -> None:
        engine = VllmEngine(has_gpu=True)
        engine._driving = driving = Forgetful(at=3)  # type: ignore[assignment]
        await engine.forget()
        assert driving.left == 0

    async def test_is_refused_when_it_never_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vllm, "FORGET_TURNS", 2)
        engine = VllmEngine(has_gpu=True)
        engine._driving = Forgetful(at=9)  # type: ignore[assignment]
        with pytest.raises(EngineFailed, match="did not empty its prefix cache"):
            await engine.forget()
