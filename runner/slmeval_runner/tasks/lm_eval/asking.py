"""An item's requests to the engine, and what their outcomes answer. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slmeval_runner.engines.base import Outcome, Request
from slmeval_runner.tasks.choosing import Tree, branched

from .encoding import Answer, Continuation, Generation, Wanted, cut_at_stops

REQUEST_TOKENS = 64
"""What a request takes whose prompt is in the prefix cache, in tokens that are read: the rest of a
block (of 16 tokens on a GPU, 128 on a CPU), and a step. It need not be exact: letters and sentences
are far from where it decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the engine about one item."""

    wanted: list[Wanted]
    requests: list[Request]
    tree: Tree | None
    """Of its continuations, in their order; its branchings are the first requests. None: there is
    a request for each of `wanted`."""

    @property
    def tokens(self) -> int:
        """Tokens of the longest thing that is asked, answer included: what must fit the context.

        However it is asked: a continuation is read with its last token, as in the harness.
        """
        return max(
            len(one.before_ids) + len(one.ids) + 1
            if isinstance(one, Continuation)
            else len(one.prompt_ids) + one.max_tokens
            for one in self.wanted
        )

    def written(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return the outcomes that are texts."""
        return [
            outcome
            for request, outcome in zip(self.requests, outcomes, strict=True)
            if not request.next_token_ids and request.scored_from is None
        ]

    def answers(self, outcomes: Sequence[Outcome]) -> list[Answer] | None:
        """Return the answer to each of `wanted`; None: not all requests were finished."""
        if not all(outcome.is_finished for outcome in outcomes):
            return None
        first = len(self.tree.branchings) if self.tree else 0
        ways, singles = iter(self.tree.ways if self.tree else ()), iter(outcomes[first:])
        answers = list[Answer]()
        for one in self.wanted:
            if isinstance(one, Generation):
                answers.append(cut_at_stops(next(singles).text, one.stop))
            elif self.tree:
                answers.append(_along(next(ways), outcomes))
            else:
                scored = next(singles)
                answers.append(
                    _sum(scored.prompt_log_probabilities, scored.highest_log_probabilities)
                )
        return answers


def question_of(wanted: list[Wanted], *, right: int | None, text: Any) -> Question:  # noqa: ANN401
    """Return how `wanted` is asked with the least to read.

    Args:
        wanted: of one item, in order.
        right: which of them is the right one; None: there is no such. For the simulated engine.
        text: the right answer where it is written.

    """
    continuations = [one for one in wanted if isinstance(one, Continuation)]
    tree = _tree(continuations)
    requests = tree.requests(right) if tree else []
    for place, one in enumerate(wanted):
        if isinstance(one, Generation):
            requests.append(
                Request(
                    prompt_token_ids=one.prompt_ids,
                    max_tokens=one.max_tokens,
                    stop=tuple(one.stop),
                    shows_special_tokens=True,
                    expected=str(text),
                )
            )
        elif not tree:
            requests.append(
                Request(
                    prompt_token_ids=[*one.before_ids, *one.ids],
                    max_tokens=1,
                    scored_from=len(one.before_ids),
                    expected=str(place) if place == right else None,
                )
            )
    return Question(wanted=wanted, requests=requests, tree=tree)


def _tree(continuations: Sequence[Continuation]) -> Tree | None:
    """Return the tree if asking next tokens means less to read than every continuation whole.

    What several begin with is then read from the prefix cache; continuations that are read whole
    never are.
    """
    heads = [tuple(one.before_ids) for one in continuations]
    tree = branched(heads, [one.ids for one in continuations])
    whole = sum(len(one.before_ids) + len(one.ids) for one in continuations)
    by_branchings = sum(map(len, set(heads))) + REQUEST_TOKENS * (
        len(tree.branchings) - len(set(heads))
    )
    return tree if by_branchings < whole else None


def _along(way: Sequence[tuple[int, int]], branchings: Sequence[Outcome]) -> tuple[float, bool]:
    return _sum(
        [branchings[at].next_log_probabilities[which] for at, which in way],
        [branchings[at].highest_log_probabilities[0] for at, _ in way],
    )


def _sum(found: Sequence[float], highest: Sequence[float]) -> tuple[float, bool]:
    """Return the sum over a continuation's tokens, and whether each is the most probable one.

    One that is as probable as another counts, as in the harness.
    """
    is_greedy = all(one >= top for one, top in zip(found, highest, strict=True))
    return math.fsum(found), is_greedy
