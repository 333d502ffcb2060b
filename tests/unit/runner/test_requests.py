"""Requests for measuring speed: random ones, spread lengths, the user's own, and arrivals."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import a_load
from runner_builders import workload_of, write_lines
from slmeval_api.workload import Workload
from slmeval_runner.engines.base import Request
from slmeval_runner.engines.simulated import SimulatedTokenizer
from slmeval_runner.failures import MeasurementInvalid
from slmeval_runner.folders import Folders
from slmeval_runner.workloads.requests import WARMUP, RequestSource


class FewWords(SimulatedTokenizer):
    """A tokenizer of 1,000 words."""

    vocabulary = range(100, 1100)


def a_source(
    seed: int = 1,
    workload: str = "chat",
    *,
    context: int = 8192,
    folders: Folders | None = None,
    tokenizer: SimulatedTokenizer | None = None,
    **batch: Any,
) -> RequestSource:
    return RequestSource(
        workload_of(**batch).load,
        tokenizer or FewWords(),
        seed=seed,
        workload=workload,
        max_model_len=context,
        folders=folders or Folders(),
    )


def prompts(requests: list[Request]) -> list[tuple[int, ...]]:
    return [tuple(request.prompt_token_ids) for request in requests]


class TestRandomRequests:
    def test_have_exactly_the_lengths_that_were_asked(self) -> None:
        taken = a_source(inputTokens=37, outputTokens=5).take(50, "repetition 1")
        assert {(len(r.prompt_token_ids), r.max_tokens, r.is_exact) for r in taken} == {
            (37, 5, True)
        }

    def test_hold_nothing_but_the_vocabulary(self) -> None:
        used = {token for prompt in prompts(a_source().take(50, "x")) for token in prompt}
        assert used <= set(FewWords.vocabulary)

    def test_are_the_same_for_the_same_seed_and_name(self) -> None:
        assert a_source().take(5, "x") == a_source().take(5, "x")

    @pytest.mark.parametrize(
        "other", [a_source(seed=2), a_source(workload="other")], ids=["seed", "workload"]
    )
    def test_differ_with(self, other: RequestSource) -> None:
        assert a_source().take(5, "x") != other.take(5, "x")

    def test_differ_among_themselves_repetitions_and_warm_up(self) -> None:
        source = a_source()
        drawn = [p for purpose in (WARMUP, "1", "2") for p in prompts(source.take(200, purpose))]
        assert len(set(drawn)) == 600

    def test_differ_even_where_chance_would_repeat_them(self) -> None:
        source = a_source(inputTokens=1)
        assert len({*prompts(source.take(250, "1")), *prompts(source.take(250, "2"))}) == 500

    def test_are_refused_when_there_are_too_few_of_that_length(self) -> None:
        with pytest.raises(MeasurementInvalid, match=r"501 different prompts.*only 1000.*inputTok"):
            a_source(inputTokens=1).take(501, "1")

    def test_are_refused_when_they_do_not_fit_the_context(self) -> None:
        with pytest.raises(MeasurementInvalid, match=r"100 \+ outputTokens 29 = 129 .* has 128"):
            a_source(inputTokens=100, outputTokens=29, context=128)


class TestSpreadLengths:
    source = a_source(inputTokens=100, outputTokens=20, lengthSpreadPercent=50)
    taken = source.take(2000, "x")

    def test_stay_within_the_spread_and_reach_both_ends(self) -> None:
        inputs = {len(request.prompt_token_ids) for request in self.taken}
        outputs = {request.max_tokens for request in self.taken}
        assert (min(inputs), max(inputs)) == (50, 150)
        assert (min(outputs), max(outputs)) == (10, 30)

    def test_have_the_mean_that_was_asked(self) -> None:
        mean = sum(len(request.prompt_token_ids) for request in self.taken) / len(self.taken)
        assert mean == pytest.approx(100, abs=3)  # the deviation of a mean of 2,000 is 0.65

    def test_are_the_same_for_every_model_of_a_run(self) -> None:
        asked: dict[str, Any] = {"inputTokens": 100, "outputTokens": 20, "lengthSpreadPercent": 50}
        mine, other = (
            a_source(tokenizer=tokenizer, **asked).take(50, "x")
            for tokenizer in (FewWords(), SimulatedTokenizer())
        )
        assert prompts(mine) != prompts(other)
        assert [len(r.prompt_token_ids) for r in mine] == [len(r.prompt_token_ids) for r in other]

    def test_must_fit_the_context_at_their_longest(self) -> None:
        with pytest.raises(MeasurementInvalid, match="50% longer, = 180 tokens"):
            a_source(inputTokens=100, outputTokens=20, lengthSpreadPercent=50, context=179)


def own(tmp_path: Path, *rows: Any, context: int = 8192, **batch: Any) -> RequestSource:
    file = write_lines(tmp_path / "p.jsonl", *(json.dumps(row) for row in rows))
    asked = {"inputTokens": None, "prompts": {"source": f"file://{file}"}, **batch}
    return a_source(context=context, **asked)


class TestOnesOwnPrompts:
    def test_are_taken_in_turns_from_where_the_last_set_ended(self, tmp_path: Path) -> None:
        source = own(tmp_path, *({"prompt": word} for word in ("a", "b", "c")))
        first, second = source.take(2, "1"), source.take(4, "2")
        all_three = prompts(first) + prompts(second)[:1]
        assert len(set(all_three)) == 3
        assert prompts(second)[1:] == all_three

    def test_say_how_many_tokens_to_generate(self, tmp_path: Path) -> None:
        source = own(tmp_path, {"prompt": "a", "outputTokens": 9}, {"prompt": "b"})
        assert [request.max_tokens for request in source.take(2, "1")] == [9, 4]
        assert source.lengths == (2, None)  # a word and the begin token; 9 and 4

    def test_are_never_sent_as_warm_up(self, tmp_path: Path) -> None:
        source = own(tmp_path, {"prompt": "a b c d e f g h"})
        warm, measured = source.take(3, WARMUP), source.take(3, "1")
        assert {len(r.prompt_token_ids) for r in warm} == {9}
        assert not set(prompts(warm)) & set(prompts(measured))

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ({"text": "a"}, r"line 1: column 'prompt' must be a text.*not null"),
            ({"prompt": " "}, "must be a text that is not empty"),
            ({"prompt": "a", "outputTokens": 0}, "column 'outputTokens' must be a whole number"),
            ({"prompt": "a", "outputTokens": True}, "must be a whole number"),
            ({"prompt": [{"role": "user"}]}, "list of {role, content}"),
            ({"prompt": [{"role": "user", "content": "x"}]}, "no chat template"),
        ],
    )
    def test_are_refused_with_the_line(self, tmp_path: Path, row: Any, words: str) -> None:
        with pytest.raises(MeasurementInvalid, match=words):
            own(tmp_path, row)

    def test_are_refused_when_one_does_not_fit(self, tmp_path: Path) -> None:
        with pytest.raises(
            MeasurementInvalid, match=r"1 of 2 prompts do not fit.*prompt 2.* has 9"
        ):
            own(tmp_path, {"prompt": "a"}, {"prompt": "a b c d"}, context=8)

    def test_are_missed_by_name(self) -> None:
        with pytest.raises(MeasurementInvalid, match=r"prompts: file:///none/p\.jsonl: no file"):
            a_source(inputTokens=None, prompts={"source": "file:///none/p.jsonl"})


class TestArrivals:
    def test_begin_at_once_and_come_at_the_rate_asked(self) -> None:
        moments = a_source().arrivals(5000, 4.0, "1")
        assert moments[0] == 0.0
        assert list(moments) == sorted(moments)
        assert 4999 / moments[-1] == pytest.approx(4.0, rel=0.05)  # deviation 1.4%

    def test_have_gaps_as_spread_as_a_poisson_process(self) -> None:
        moments = a_source().arrivals(5000, 4.0, "1")
        gaps = [b - a for a, b in itertools.pairwise(moments)]
        mean = sum(gaps) / len(gaps)
        deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
        assert deviation / mean == pytest.approx(1.0, rel=0.1)  # of an exponential: exactly 1

    def test_are_the_same_for_the_same_seed_and_others_in_another_repetition(self) -> None:
        assert a_source().arrivals(9, 4.0, "1") == a_source().arrivals(9, 4.0, "1")
        assert a_source().arrivals(9, 4.0, "1") != a_source().arrivals(9, 4.0, "2")


class Pairs(SimulatedTokenizer):
    """A tokenizer that reads two letters in a row of its alphabet as one token, as BPE would."""

    letters = "abcdefghij"
    vocabulary = range(110)  # 0 to 9: a letter, from 10: two letters

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self._text(number) for number in ids)

    def _text(self, number: int) -> str:
        if number < 10:
            return self.letters[number]
        first, second = divmod(number - 10, 10)
        return self.letters[first] + self.letters[second]

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        digits = [self.letters.index(letter) for letter in text]
        ids = list[int]()
        while digits:
            first, *rest = digits
            follows = bool(rest) and rest[0] == first + 1
            ids.append(10 + 10 * first + rest[0] if follows else first)
            digits = rest[1:] if follows else rest
        return ids


class Unreadable(SimulatedTokenizer):
    """A tokenizer that reads whatever it wrote as one token."""

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        return [100, 101] if with_special_tokens else [100]


def an_http_source(tokenizer: SimulatedTokenizer, **load: Any) -> RequestSource:
    workload = Workload.from_json_data(a_load("http", **load))
    return RequestSource(
        workload.load, tokenizer, seed=1, workload="chat", max_model_len=8192, folders=Folders()
    )


class TestRequestsOverHttp:
    def test_have_a_text_that_a_server_reads_as_exactly_these_tokens(self) -> None:
        tokenizer = Pairs()
        taken = an_http_source(tokenizer, inputTokens=40).take(50, "repetition 1")
        assert {len(r.prompt_token_ids) for r in taken} == {40}
        for request in taken:
            assert request.text is not None
            read = tokenizer.encode(request.text, with_special_tokens=False)
            assert read == request.prompt_token_ids

    def test_differ(self) -> None:
        taken = an_http_source(Pairs(), inputTokens=40).take(50, "repetition 1")
        assert len({request.text for request in taken}) == 50

    def test_of_other_kinds_have_none(self) -> None:
        assert {request.text for request in a_source().take(3, "repetition 1")} == {None}

    def test_that_no_text_stands_for_are_refused(self) -> None:
        with pytest.raises(MeasurementInvalid, match="no random text of exactly 16 tokens"):
            an_http_source(Unreadable()).take(1, "repetition 1")

    def test_of_ones_own_are_refused_if_they_become_others(self, tmp_path: Path) -> None:
        path = write_lines(tmp_path / "p.jsonl", '{"prompt": "ab"}')
        with pytest.raises(MeasurementInvalid, match="prompt 1 becomes other tokens"):
            an_http_source(Unreadable(), inputTokens=None, prompts={"source": f"file://{path}"})


class TestOwnRequestsOfOtherFormats:
    def test_may_be_csv_whose_empty_cells_take_the_workloads_length(self, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "p.csv", "prompt,outputTokens", "a b,7", "c,")
        source = a_source(inputTokens=None, prompts={"source": f"file://{file}"}, outputTokens=3)
        assert [request.max_tokens for request in source.take(2, "1")] == [7, 3]

    def test_must_have_a_number_for_a_length(self, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "p.csv", "prompt,outputTokens", "a b,seven")
        with pytest.raises(MeasurementInvalid, match="row 1: column 'outputTokens' must be a whol"):
            a_source(inputTokens=None, prompts={"source": f"file://{file}"})
