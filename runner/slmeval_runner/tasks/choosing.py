"""The most probable of several texts, by as few short requests as there are. Pure.

What all candidates have in common, prompt included, says nothing about which is best and is not
scored. The rest is a tree, whose branchings are asked one request each: how probable is each next
token? Four letters are one request, since they part at their first token; the engine reads what
requests have in common from its prefix cache.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from slmeval_runner.engines.base import MAX_NEXT, Request, Tokenizer

from .wording import Prompt

TAIL_CHARACTERS = 256
"""How much of a prompt is tokenized again with each candidate after it."""
TAIL_TOKENS = 8
"""Tokens at a prompt's end that a candidate after it is let change."""


class Branching(NamedTuple):
    """A place where candidates part: a prompt, and the tokens that may come next."""

    prompt_ids: list[int]
    next_ids: tuple[int, ...]


class Tree(NamedTuple):
    """The branchings of some candidates, and each candidate's way through them."""

    branchings: list[Branching]
    ways: list[list[tuple[int, int]]]
    """For each candidate, (branching, which of its next ids), in order."""

    def log_probabilities(self, found: Sequence[Sequence[float]]) -> list[float]:
        """Return that of each candidate, but for what all have in common.

        `found` has those of every branching's next ids, in order.
        """
        return [math.fsum(found[at][which] for at, which in way) for way in self.ways]

    def requests(self, right: int | None) -> list[Request]:
        """Return what asks each branching, in order.

        `right` is the right candidate's place, for the simulated engine; None: there is none.
        """
        expected = dict[int, int]() if right is None else dict(self.ways[right])
        return [
            Request(
                prompt_token_ids=branching.prompt_ids,
                max_tokens=1,
                next_token_ids=branching.next_ids,
                expected=str(branching.next_ids[expected[at]]) if at in expected else None,
            )
            for at, branching in enumerate(self.branchings)
        ]


def tree_of(sequences: Sequence[Sequence[int]]) -> Tree | None:
    """Return the tree of `sequences`, at least two; None where one of them begins another or is it.

    That one could never be less probable than the other: there would be nothing to choose.
    """
    common = _common(sequences)
    if len({tuple(sequence) for sequence in sequences}) < len(sequences):
        return None
    tails = [tuple(sequence[common:]) for sequence in sequences]
    begun = {tail[:place] for tail in tails for place in range(len(tail))}
    if not begun.isdisjoint(tails):
        return None
    return branched([tuple(sequences[0][:common])] * len(tails), tails)


def branched(heads: Sequence[tuple[int, ...]], tails: Sequence[Sequence[int]]) -> Tree:
    """Return the tree of all tokens of each of `tails`, each after its own one of `heads`.

    Nothing is left out, so that a way's sum is the log-probability of the tail after its head.
    """
    ids_at = dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]]()
    for head, tail in zip(heads, tails, strict=True):
        for place, token in enumerate(tail):
            after = ids_at.setdefault((head, tuple(tail[:place])), [])
            if token not in after:
                after.append(token)
    branchings = list[Branching]()
    place_of = dict[tuple[tuple[int, ...], tuple[int, ...], int], tuple[int, int]]()
    for (head, path), after in ids_at.items():
        for first in range(0, len(after), MAX_NEXT):
            some = tuple(after[first : first + MAX_NEXT])
            for which, token in enumerate(some):
                place_of[head, path, token] = (len(branchings), which)
            branchings.append(Branching([*head, *path], some))
    ways = [
        [place_of[head, tuple(tail[:place]), token] for place, token in enumerate(tail)]
        for head, tail in zip(heads, tails, strict=True)
    ]
    return Tree(branchings, ways)


def _common(sequences: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all begin with."""
    shortest = min(map(len, sequences))
    first = sequences[0]
    for place in range(shortest):
        if any(sequence[place] != first[place] for sequence in sequences):
            return place
    return shortest


def continued(
    prompt: Prompt, ids: list[int], candidates: Sequence[str], tokenizer: Tokenizer
) -> list[list[int]]:
    """Return the ids of the prompt with each candidate after it, as the tokenizer puts them.

    `ids` are those of the prompt alone.
    Candidates are tokenized with the end of the prompt before them, for tokens may reach across;
    with all of it only where that end shows to matter.
    """
    tail = Prompt(prompt.text[-TAIL_CHARACTERS:], is_chat=True)
    tail_ids = tail.encode(tokenizer)
    same = min(TAIL_TOKENS, len(tail_ids), len(ids))
    before = "" if prompt.is_chat else " "
    if len(prompt.text) > TAIL_CHARACTERS and ids[-same:] == tail_ids[-same:]:
        ends = [tail.encode(tokenizer, f"{before}{candidate}") for candidate in candidates]
        kept = _common([tail_ids, *ends])
        if len(tail_ids) - kept < same:
            head = ids[: len(ids) - (len(tail_ids) - kept)]
            return [[*head, *end[kept:]] for end in ends]
    return [prompt.encode(tokenizer, candidate) for candidate in candidates]


def shares(log_probabilities: Sequence[float]) -> list[float]:
    """Return the probability of each candidate among all of them (softmax)."""
    highest = max(log_probabilities)
    weights = [math.exp(value - highest) for value in log_probabilities]
    total = math.fsum(weights)
    return [weight / total for weight in weights]
