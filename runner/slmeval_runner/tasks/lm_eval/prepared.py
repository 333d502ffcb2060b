"""A task of the harness from its prompts to its scores, by the engine's requests."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from slmeval_api.base import decimal_string
from slmeval_api.result import (
    ITEM_BEST,
    ITEM_SKIPPED,
    ITEM_UNANSWERED,
    LmEvalFacts,
    TaskItems,
    TaskMetric,
    TaskResult,
)
from slmeval_api.task import Task
from slmeval_api.task_types import LmEvalTask

from slmeval_runner.engines.base import Outcome, Tokenizer
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.files import digest_of
from slmeval_runner.stats import score
from slmeval_runner.tasks.base import Asked
from slmeval_runner.tasks.outcomes import (
    dealt,
    guessed,
    outcomes_of,
    tokens_of,
)

from .asking import Question, question_of
from .encoding import Answer, Wanted
from .harness import HarnessTask, Item, Scores

MAX_METRICS = 12
ENCODED_TOGETHER = 128
"""Items: enough for all cores, few enough for the memory that their texts' encodings take."""


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


class AskedItem(NamedTuple):
    """An item that fits the context, and what is asked about it."""

    item: Item
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A task of the harness whose prompts are made."""

    task: Task
    harness: HarnessTask
    seed: int

    def ask(self, tokenizer: Tokenizer, *, max_model_len: int) -> Asked:
        """Return what to ask, and how it is judged. Raises TaskUnusable, as `questions`."""
        questions = self.questions(tokenizer, max_model_len=max_model_len)
        return Asked(
            items=len(questions),
            requests=[request for asked in questions for request in asked.question.requests],
            result=partial(self.result, questions),
            records=partial(self.records, questions),
        )

    def questions(self, tokenizer: Tokenizer, *, max_model_len: int) -> list[AskedItem]:
        """Return what to ask about each item that fits the context; items are never cut.

        The harness would cut them at the left, examples first, and score what is left
        (lm-evaluation-harness#3421).

        Raises:
            TaskUnusable: none fits, or this model's tokenizer cannot ask it.

        """
        questions = list[AskedItem]()
        for item, wanted in self._wanted(tokenizer):
            right = self.harness.right_instance(item)
            question = question_of(wanted, right=right, text=item.right)
            if question.tokens <= max_model_len:
                questions.append(AskedItem(item, question))
        if not questions:
            raise TaskUnusable(
                f"none of the {len(self.harness.items)} items fits the context of {max_model_len} "
                "tokens with the room that the task leaves for an answer: lower "
                "lmEval.numFewShot, or raise the model's engine.maxModelLen"
            )
        return questions

    def _wanted(self, tokenizer: Tokenizer) -> Iterator[tuple[Item, list[Wanted]]]:
        items = self.harness.items
        for first in range(0, len(items), ENCODED_TOGETHER):
            some = items[first : first + ENCODED_TOGETHER]
            yield from zip(some, self.harness.wanted(some, tokenizer), strict=True)

    def result(self, questions: Sequence[AskedItem], outcomes: Sequence[Outcome]) -> TaskResult:
        """Return the scores, of the outcomes of all requests in their order.

        Raises:
            TaskUnusable: the harness's metric is none that has an interval.

        """
        answered, cut_short = list[tuple[Item, list[Answer]]](), 0
        for (item, question), own in _each(questions, outcomes):
            answers = question.answers(own)
            if answers is not None:
                answered.append((item, answers))
            written = question.written(own)
            cut_short += any(outcome.finish_reason == "length" for outcome in written)
        if not answered:
            raise TaskUnusable(
                f"{self.harness.name}: the engine finished none of {len(questions)} items: see "
                "the worker's log"
            )
        first, *others = self.harness.scores(answered)
        value_of = dict(zip((item.number for item, _ in answered), first.values, strict=True))
        values = [value_of.get(asked.item.number, 0.0) for asked in questions]
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
            random_score=guessed([self.harness.choices(asked.item) for asked in questions]),
            outcomes=outcomes_of(
                [item.identity for item in self.harness.items],
                self._bytes(questions, value_of),
            ),
            lm_eval=self._facts(),
        )

    def records(
        self, questions: Sequence[AskedItem], outcomes: Sequence[Outcome]
    ) -> Iterator[dict[str, Any]]:
        """Yield everything about each item, in the items' order; of a skipped one its document.

        `answers` are to what was `asked`, in order: texts, or log-probability and whether each
        token was the likeliest.
        """
        answers = {
            item.number: question.answers(own)
            for (item, question), own in _each(questions, outcomes)
        }
        for item in self.harness.items:
            known = {"id": str(item.number), "input": item.doc, "expected": item.right}
            if item.number not in answers:
                yield {**known, "skipped": "TooLong"}
                continue
            given = answers[item.number]
            yield {
                **known,
                "asked": item.asked[0],
                "answers": given,
                **{one.name: one.values[0] for one in self._scores_of(item, given)},
            }

    def _scores_of(self, item: Item, given: list[Answer] | None) -> list[Scores]:
        """Return the item's own scores; none where the harness cannot tell: the result says why."""
        try:
            return [] if given is None else self.harness.scores([(item, given)])
        except TaskUnusable:
            return []

    def _bytes(self, questions: Sequence[AskedItem], value_of: dict[int, float]) -> list[int]:
        there = {asked.item.number for asked in questions}
        return [
            round(ITEM_BEST * value_of[item.number])
            if item.number in value_of
            else (ITEM_UNANSWERED if item.number in there else ITEM_SKIPPED)
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


def _each(
    questions: Sequence[AskedItem], outcomes: Sequence[Outcome]
) -> Iterator[tuple[AskedItem, Sequence[Outcome]]]:
    """Yield each question with the outcomes of its own requests."""
    counts = (len(asked.question.requests) for asked in questions)
    return zip(questions, dealt(outcomes, counts), strict=True)
