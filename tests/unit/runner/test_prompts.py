"""Prompts for measuring speed."""

import itertools

import pytest
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.prompts import PromptSource

VOCABULARY = range(100, 1100)


def a_source(tokens: int = 16, seed: int = 1, workload: str = "chat") -> PromptSource:
    return PromptSource(VOCABULARY, tokens=tokens, seed=seed, workload=workload)


class TestPrompts:
    def test_have_exactly_the_length_that_was_asked(self) -> None:
        assert {len(prompt) for prompt in a_source(tokens=37).take(50, "repetition 1")} == {37}

    def test_hold_nothing_but_the_vocabulary(self) -> None:
        used = set(itertools.chain.from_iterable(a_source().take(50, "repetition 1")))
        assert used <= set(VOCABULARY)

    def test_are_the_same_for_the_same_seed_and_name(self) -> None:
        assert a_source().take(5, "x") == a_source().take(5, "x")

    @pytest.mark.parametrize(
        "other", [a_source(seed=2), a_source(workload="other")], ids=["seed", "workload"]
    )
    def test_differ_with(self, other: PromptSource) -> None:
        assert a_source().take(5, "x") != other.take(5, "x")

    def test_differ_among_requests_repetitions_and_warm_up(self) -> None:
        source = a_source()
        drawn = [p for purpose in ("warm-up", "1", "2") for p in source.take(200, purpose)]
        assert len({tuple(prompt) for prompt in drawn}) == 600

    def test_differ_even_where_chance_would_repeat_them(self) -> None:
        source = a_source(tokens=1)
        drawn = source.take(250, "1") + source.take(250, "2")
        assert len({tuple(prompt) for prompt in drawn}) == 500

    def test_are_refused_when_there_are_too_few_of_that_length(self) -> None:
        with pytest.raises(MeasurementInvalid, match=r"501 different prompts.*only 1000.*inputTok"):
            a_source(tokens=1).take(501, "1")
