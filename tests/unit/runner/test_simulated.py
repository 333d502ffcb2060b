"""The simulated engine: predictable, and failing only when told to."""

import pytest
from runner_builders import FakeClock, a_simulated_engine
from slmeval_api.model import EngineOptions
from slmeval_runner.engines.base import Request
from slmeval_runner.engines.simulated import SLOTS, SimulatedEngine, fault_for
from slmeval_runner.failures import EngineFailed


def requests(count: int, tokens: int = 10) -> list[Request]:
    return [
        Request(prompt_token_ids=[200 + n] * 8, max_tokens=tokens, is_exact=True)
        for n in range(count)
    ]


class TestTimings:
    async def test_sleep_exactly_as_long_as_they_say(self) -> None:
        clock = FakeClock()
        engine = a_simulated_engine(clock)
        served = await engine.serve(requests(10))
        assert clock.now_s == pytest.approx(served.finished_s)

    async def test_come_in_waves_of_the_slots(self) -> None:
        engine = a_simulated_engine(FakeClock())
        one = await engine.serve(requests(SLOTS))
        two = await engine.serve(requests(SLOTS + 1))
        assert two.seconds == pytest.approx(2 * one.seconds, rel=0.05)

    async def test_grow_with_the_output(self) -> None:
        engine = a_simulated_engine(FakeClock())
        assert (await engine.serve(requests(1, tokens=1000))).seconds > 1.0

    async def test_follow_the_name_alone(self) -> None:
        first = await a_simulated_engine(FakeClock(), "a").serve(requests(5))
        again = await a_simulated_engine(FakeClock(), "a").serve(requests(5))
        other = await a_simulated_engine(FakeClock(), "b").serve(requests(5))
        assert first == again
        assert first.seconds != other.seconds

    async def test_keep_a_whole_small_evaluation_under_two_seconds(self) -> None:
        clock = FakeClock()
        engine = a_simulated_engine(clock)
        await engine.start(None, EngineOptions())
        begun_s = clock.now_s
        for _ in range(3):
            await engine.serve(requests(100, tokens=128))
        assert clock.now_s - begun_s < 2.0

    async def test_follow_the_context_that_was_asked(self) -> None:
        facts = await a_simulated_engine(FakeClock()).start(None, EngineOptions(max_model_len=64))
        assert facts.max_model_len == 64


class TestAnswers:
    async def answers(self, name: str, choices: tuple[str, ...]) -> list[str]:
        engine = a_simulated_engine(FakeClock(), name)
        asked = [
            Request(prompt_token_ids=[n], max_tokens=4, choices=choices, expected="abc"[n % 3])
            for n in range(600)
        ]
        return [outcome.text for outcome in (await engine.serve(asked)).outcomes]

    @pytest.mark.parametrize("name", ["a", "b", "c", "d"])
    async def test_are_right_for_a_share_that_the_name_draws(self, name: str) -> None:
        given = await self.answers(name, ("a", "b", "c"))
        right = sum(text == "abc"[n % 3] for n, text in enumerate(given)) / 600
        assert 0.55 < right < 1.0
        assert set(given) == {"a", "b", "c"}
        assert given == await self.answers(name, ("a", "b", "c"))

    async def test_are_sometimes_no_label_when_free(self) -> None:
        given = await self.answers("a", ())
        assert 0.02 < sum(text == "I am not sure." for text in given) / 600 < 0.09

    async def test_are_always_of_a_schema_that_is_demanded(self) -> None:
        schema = '{"type": "array"}'
        asked = [
            Request(prompt_token_ids=[n], max_tokens=4, json_schema=schema, expected='["a"]')
            for n in range(600)
        ]
        served = await a_simulated_engine(FakeClock(), "a").serve(asked)
        assert {outcome.text for outcome in served.outcomes} == {'["a"]', "[]"}


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "model", "attempt", "fault"),
        [
            (None, "a", 1, None),
            ("", "a", 1, None),
            ("crash", "a", 3, "crash"),
            ("crash:a", "a", 1, "crash"),
            ("crash:b", "a", 1, None),
            ("hang@1", "a", 1, "hang"),
            ("hang@1", "a", 2, None),
            ("flaky:a@2", "a", 2, "flaky"),
        ],
    )
    def test_hit_whom_they_name(
        self, text: str | None, model: str, attempt: int, fault: str | None
    ) -> None:
        assert fault_for(model, attempt, text) == fault

    @pytest.mark.parametrize("text", ["explode", "crash@x", ":a"])
    def test_that_cannot_be_read_are_said_not_ignored(self, text: str) -> None:
        with pytest.raises(EngineFailed, match=r"spec\.env"):
            fault_for("a", 1, text)

    def test_come_from_the_workers_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIMULATED_FAULT", "cache-hit:a")
        assert SimulatedEngine.from_environment("a", 1).fault == "cache-hit"
        assert SimulatedEngine.from_environment("b", 1).fault is None

    @pytest.mark.parametrize(("fault", "may_pass"), [("start", False), ("flaky", True)])
    async def test_of_the_start_say_whether_they_pass(self, fault: str, may_pass: bool) -> None:
        with pytest.raises(EngineFailed) as caught:
            await a_simulated_engine(FakeClock(), fault=fault).start(None, EngineOptions())
        assert caught.value.may_pass is may_pass
