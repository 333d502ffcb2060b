"""The most probable of several texts, against a model whose probabilities are known."""

import math
import random
from collections.abc import Sequence

import pytest
from slmeval_runner.engines.base import MAX_NEXT
from slmeval_runner.tasks.choosing import branched, continued, shares, tree_of
from slmeval_runner.tasks.wording import Prompt

from .test_prepared import CharacterTokenizer


def log_probability(before: Sequence[int], token: int) -> float:
    """Return that of a made-up model, which looks at everything before."""
    return -5.0 * random.Random(str((*before, token))).random() - 0.1


def whole(sequence: Sequence[int], start: int) -> float:
    return math.fsum(
        log_probability(sequence[:n], sequence[n]) for n in range(start, len(sequence))
    )


def answered(sequences: list[list[int]]) -> list[float]:
    tree = tree_of(sequences)
    assert tree is not None
    found = [[log_probability(b.prompt_ids, t) for t in b.next_ids] for b in tree.branchings]
    return tree.log_probabilities(found)


class TestTrees:
    def test_of_letters_are_one_branching(self) -> None:
        tree = tree_of([[1, 2, 10], [1, 2, 11], [1, 2, 12]])
        assert tree is not None
        assert tree.branchings == [([1, 2], (10, 11, 12))]

    def test_do_not_score_what_all_have_in_common(self) -> None:
        tree = tree_of([[1, 2, 7, 10], [1, 2, 7, 11]])
        assert tree is not None
        assert tree.branchings == [([1, 2, 7], (10, 11))]

    def test_ask_once_where_several_part(self) -> None:
        tree = tree_of([[1, 5, 6], [1, 5, 7], [1, 8]])
        assert tree is not None
        assert tree.branchings == [([1], (5, 8)), ([1, 5], (6, 7))]

    def test_split_what_has_too_many_next_tokens(self) -> None:
        tree = tree_of([[1, n] for n in range(2, MAX_NEXT + 5)])
        assert tree is not None
        assert [len(b.next_ids) for b in tree.branchings] == [MAX_NEXT, 3]

    def test_are_none_where_one_sequence_begins_another(self) -> None:
        assert tree_of([[1, 2], [1, 2, 3], [1, 4]]) is None
        assert tree_of([[1, 2], [1, 2]]) is None

    @pytest.mark.parametrize("seed", range(20))
    def test_give_the_log_probabilities_of_whole_sequences(self, seed: int) -> None:
        draw = random.Random(seed)
        ends = {tuple(draw.choices(range(3), k=4)) for _ in range(12)}
        sequences = [[100, 101, *end] for end in sorted(ends)]
        common = next(n for n in range(9) if len({s[n] for s in sequences}) > 1)
        assert answered(sequences) == pytest.approx([whole(s, common) for s in sequences])


class TestBranchings:
    def test_leave_nothing_out_and_may_have_prompts_of_their_own(self) -> None:
        heads, tails = [(1, 2), (1, 2), (9,)], [[3, 4], [3, 5], [3]]
        tree = branched(heads, tails)
        assert [(b.prompt_ids, b.next_ids) for b in tree.branchings] == [
            ([1, 2], (3,)),
            ([1, 2, 3], (4, 5)),
            ([9], (3,)),
        ]
        found = [
            [log_probability(b.prompt_ids, token) for token in b.next_ids] for b in tree.branchings
        ]
        assert tree.log_probabilities(found) == pytest.approx(
            [whole([*head, *tail], len(head)) for head, tail in zip(heads, tails, strict=True)]
        )

    def test_let_one_begin_another(self) -> None:
        tree = branched([(1,), (1,)], [[2], [2, 3]])
        assert tree.ways == [[(0, 0)], [(0, 0), (1, 0)]]


class MergingTokenizer(CharacterTokenizer):
    """Puts two dots into one token, so that what follows changes the end of what was before."""

    def encode(self, text: str, *, with_special_tokens: bool) -> list[int]:
        return super().encode(
            text.replace("..", "\N{TWO DOT LEADER}"), with_special_tokens=with_special_tokens
        )


class TestContinued:
    @pytest.mark.parametrize("length", [3, 5_000])
    @pytest.mark.parametrize("is_chat", [True, False])
    def test_is_the_prompt_with_each_candidate(self, length: int, *, is_chat: bool) -> None:
        prompt = Prompt("x" * length + ":", is_chat)
        tokenizer = CharacterTokenizer()
        found = continued(prompt, prompt.encode(tokenizer), ["yes", "no"], tokenizer)
        assert found == [prompt.encode(tokenizer, "yes"), prompt.encode(tokenizer, "no")]

    @pytest.mark.parametrize("length", [3, 5_000])
    def test_lets_tokens_reach_across(self, length: int) -> None:
        prompt = Prompt("x" * length + ".", is_chat=True)
        tokenizer = MergingTokenizer()
        found = continued(prompt, prompt.encode(tokenizer), [".a", "b"], tokenizer)
        assert found == [prompt.encode(tokenizer, ".a"), prompt.encode(tokenizer, "b")]
        assert len(found[0]) == len(found[1])

    def test_takes_the_whole_prompt_where_its_end_shows_to_matter(self) -> None:
        prompt = Prompt("." * 1_001, is_chat=True)  # the tail begins in the middle of a pair
        tokenizer = MergingTokenizer()
        assert continued(prompt, prompt.encode(tokenizer), ["a", "."], tokenizer) == [
            prompt.encode(tokenizer, "a"),
            prompt.encode(tokenizer, "."),
        ]


class TestShares:
    def test_are_those_of_the_candidates_alone(self) -> None:
        assert shares([math.log(0.1), math.log(0.3)]) == pytest.approx([0.25, 0.75])

    def test_bear_very_improbable_candidates(self) -> None:
        assert shares([-5_000.0, -5_001.0])[0] == pytest.approx(1 / (1 + math.exp(-1)))
