"""A task of the harness from its prompts to its scores, by the engine's requests.

A log-probability is a sum over all tokens of a continuation, each asked as a next token: what
several continuations begin with is asked once, and read from the prefix cache. Four letters are one
request, where the harness sends four prompts that its engine reads to their ends.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from slmeval_api.base import decimal_string
from slmeval_api.result import LmEvalFacts, TaskItems, TaskMetric, TaskResult
from slmeval_api.task import Task
from slmeval_api.task_types import LmEvalTask

from slmeval_runner.engines.base import Outcome, Request, Tokenizer
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.stats import score
from slmeval_runner.tasks.base import Asked
from slmeval_runner.tasks.choosing import Tree, branched
from slmeval_runner.tasks.outcomes import (
    BEST,
    SKIPPED,
    UNANSWERED,
    digest_of,
    outcomes_of,
    tokens_of,
)

from .encoding import Answer, Continuation, Generation, Wanted, cut_at_stops
from .harness import HarnessTask, Item

MAX_METRICS = 12


def load(task: Task, asked: LmEvalTask, *, seed: int, manager: Any = None) -> "Prepared":  # noqa: ANN401
    """Return the task with its items' prompts. `manager` as of HarnessTask. Raises TaskUnusable."""
    harness = HarnessTask(
        asked.task,
        num_few_shot=asked.num_few_shot,
        limit=task.limit,
        seed=seed,
        manager=manager,
    )
    return Prepared(task=task, harness=harness, seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An item that fits the context, and what is asked of the engine about it."""

    item: Item
    wanted: list[Wanted]
    tree: Tree
    """Of its continuations, in their order; its branchings are the first requests."""
    requests: list[Request]

    def answers(self, outcomes: Sequence[Outcome]) -> list[Answer] | None:
        """Return the answer to each of `wanted`; None: not all requests were finished."""
        if not all(outcome.is_finished for outcome in outcomes):
            return None
        branchings = outcomes[: len(self.tree.branchings)]
        texts = iter(outcomes[len(self.tree.branchings) :])
        ways = iter(self.tree.ways)
        return [
            _likelihood(next(ways), branchings)
            if isinstance(one, Continuation)
            else cut_at_stops(next(texts).text, one.stop)
            for one in self.wanted
        ]


def _likelihood(
    way: Sequence[tuple[int, int]], branchings: Sequence[Outcome]
) -> tuple[float, bool]:
    """Return the sum over a continuation's tokens, and whether each is the most probable one.

    One that is as probable as another counts, as in the harness.
    """
    found = [branchings[at].next_log_probabilities[which] for at, which in way]
    highest = [branchings[at].highest_log_probability for at, _ in way]
    is_greedy = all(top is not None and one >= top for one, top in zip(found, highest, strict=True))
    return math.fsum(found), is_greedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A task of the harness whose prompts are made."""

    task: Task
    harness: HarnessTask
    seed: int

    def ask(self, tokenizer: Tokenizer, *, max_model_len: int) -> Asked:
        """Return what to ask about each item that fits the context; items are never cut.

        The harness would cut them at the left, examples first, and score what is left
        (lm-evaluation-harness#3421).

        Raises:
            TaskUnusable: none fits, or this model's tokenizer cannot ask it.

        """
        questions = list[Question]()
        for item in self.harness.items:
            question = self._question(item, tokenizer)
            longest = max(len(r.prompt_token_ids) + r.max_tokens for r in question.requests)
            if longest <= max_model_len:
                questions.append(question)
        if not questions:
            raise TaskUnusable(
                f"none of the {len(self.harness.items)} items fits the context of {max_model_len} "
                "tokens with the room that the task leaves for an answer: lower "
                "lmEval.numFewShot, or raise the model's engine.maxModelLen"
            )
        requests = [request for question in questions for request in question.requests]
        return Asked(
            items=len(questions), requests=requests, result=partial(self.result, questions)
        )

    def _question(self, item: Item, tokenizer: Tokenizer) -> Question:
        wanted = self.harness.wanted(item, tokenizer)
        tree = branched(
            [tuple(one.before_ids) for one in wanted if isinstance(one, Continuation)],
            [one.ids for one in wanted if isinstance(one, Continuation)],
        )
        right = self.harness.right_instance(item)
        expected = dict[int, int]() if right is None else dict(tree.ways[right])
        requests = [
            Request(
                prompt_token_ids=branching.prompt_ids,
                max_tokens=1,
                next_token_ids=branching.next_ids,
                expected=str(branching.next_ids[expected[at]]) if at in expected else None,
            )
            for at, branching in enumerate(tree.branchings)
        ]
        requests += [
            Request(
                prompt_token_ids=one.prompt_ids,
                max_tokens=one.max_tokens,
                stop=tuple(one.stop),
                shows_special_tokens=True,
                expected=str(item.right),
            )
            for one in wanted
            if isinstance(one, Generation)
        ]
        return Question(item=item, wanted=wanted, tree=tree, requests=requests)

    def result(self, questions: Sequence[Question], outcomes: Sequence[Outcome]) -> TaskResult:
        """Return the scores, of the outcomes of all requests in their order.

        Raises:
            TaskUnusable: the harness's metric is none that has an interval.

        """
        answered, cut_short, start = list[tuple[Item, list[Answer]]](), 0, 0
        for question in questions:
            end = start + len(question.requests)
            some = outcomes[start:end]
            answers = question.answers(some)
            if answers is not None:
                answered.append((question.item, answers))
            written = some[len(question.tree.branchings) :]
            cut_short += any(outcome.finish_reason == "length" for outcome in written)
            start = end
        if not answered:
            raise TaskUnusable(
                f"{self.harness.name}: the engine finished none of {len(questions)} items: see "
                "the worker's log"
            )
        first, *others = self.harness.scores(answered)
        value_of = dict(zip((item.number for item, _ in answered), first.values, strict=True))
        values = [value_of.get(question.item.number, 0.0) for question in questions]
        return TaskResult(
            name=self.task.name,
            type=self.task.kind,
            metric=first.name,
            held_out=self.task.held_out,
            items=TaskItems(
                asked=len(questions),
                answered=len(answered),
                cut_short=cut_short,
                skipped_too_long=len(self.harness.items) - len(questions),
            ),
            tokens=tokens_of(outcomes),
            score=score(values),
            score_of_answered=score(first.values),
            metrics=[
                TaskMetric(name=one.name, value=decimal_string(sum(one.values) / len(questions)))
                for one in others[:MAX_METRICS]
            ],
            random_score=self._guessed(questions),
            outcomes=outcomes_of(
                [item.identity for item in self.harness.items],
                self._bytes(questions, value_of),
            ),
            lm_eval=self._facts(),
        )

    def _guessed(self, questions: Sequence[Question]) -> str | None:
        counts = [self.harness.choices(question.item) for question in questions]
        known = [count for count in counts if count]
        if len(known) < len(counts):
            return None
        return decimal_string(sum(1.0 / count for count in known) / len(known))

    def _bytes(self, questions: Sequence[Question], value_of: dict[int, float]) -> list[int]:
        asked = {question.item.number for question in questions}
        return [
            round(BEST * value_of[item.number])
            if item.number in value_of
            else (UNANSWERED if item.number in asked else SKIPPED)
            for item in self.harness.items
        ]

    def _facts(self) -> LmEvalFacts:
        harness = self.harness
        asked = [
            harness.version,
            harness.name,
            harness.task_version,
            harness.num_few_shot,
            self.seed,
            [[item.identity, item.asked] for item in harness.items],
        ]
        return LmEvalFacts(
            version=harness.version,
            task_version=harness.task_version[:128],
            num_few_shot=harness.num_few_shot,
            seed=self.seed,
            task_digest=digest_of(json.dumps(asked, sort_keys=True, default=str).encode()),
            leaks_prevented=harness.leaks_prevented,
        )
