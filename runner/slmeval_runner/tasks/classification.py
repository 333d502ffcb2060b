"""Classification: one label of a known set for each text. The metric is accuracy."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from slmeval_api.base import decimal_string
from slmeval_api.result import TaskResult
from slmeval_api.task import ClassificationTask, Task

from slmeval_runner.engines.base import Outcome, Request, Tokenizer
from slmeval_runner.failures import MeasurementInvalid, TaskUnusable, TrialError
from slmeval_runner.folders import Folders
from slmeval_runner.items import Item, load
from slmeval_runner.stats import macro_f1, score

from .base import Prepared, Questions
from .parsing import constrained_label, free_label
from .sampling import Examples, sample, without_overlap
from .wording import prompt_ids

FREE_MARGIN_TOKENS = 8


class Classification:
    """The type of task."""

    def prepare(self, task: Task, *, seed: int, folders: Folders) -> Prepared:
        """Return the task with its items; few-shot examples are never items of the test set."""
        labels = task.classification.labels
        test = load(task.data.test, task.data.fields, labels, folders)
        contents = [test.content]
        pool = list[Item]()
        if task.data.train:
            train = load(task.data.train, task.data.fields, labels, folders)
            contents.append(train.content)
            pool = without_overlap(train.items, test.items)
        shots = task.few_shot
        if len(pool) < shots.count:
            raise TaskUnusable(
                f"fewShot.count is {shots.count}, but {task.data.train} has only {len(pool)} items "
                "that are not in the test set too: lower fewShot.count or add training items"
            )
        return PreparedClassification(
            task=task,
            items=sample(test.items, task.limit, seed=seed, task=task.name),
            examples=Examples(pool, shots.strategy, shots.count, seed=seed, task=task.name),
            data_digest=_digest(contents),
        )

    def failed(self, task: Task, error: TrialError) -> TaskResult:
        """Return a result without a score."""
        return TaskResult(
            name=task.name, type="classification", metric="accuracy", failure=error.failure
        )


def _digest(contents: Sequence[bytes]) -> str:
    """Return the digest over the digests of test and train file, in this order."""
    parts = b"".join(hashlib.sha256(content).digest() for content in contents)
    return f"sha256:{hashlib.sha256(parts).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedClassification:
    """A task whose items were read and drawn."""

    task: Task
    items: list[Item]
    examples: Examples
    data_digest: str

    def questions(self, tokenizer: Tokenizer, *, max_model_len: int) -> Questions:
        """Return a request for each item that fits the context; items are never cut."""
        classification = self.task.classification
        max_tokens = answer_tokens(classification, tokenizer)
        requests, expected = list[Request](), list[str]()
        for number, item in enumerate(self.items):
            shown = self.examples.for_item(number)
            ids = prompt_ids(classification, shown, item.text, tokenizer)
            if len(ids) + max_tokens > max_model_len:
                continue
            requests.append(_request(classification, ids, max_tokens, item.label))
            expected.append(item.label)
        if not requests:
            raise TaskUnusable(
                f"none of the {len(self.items)} items fits the context of {max_model_len} tokens: "
                "lower fewShot.count, shorten the texts, or raise the model's engine.maxModelLen"
            )
        skipped = len(self.items) - len(requests)
        return Questions(requests=requests, expected=expected, skipped_too_long=skipped)

    def result(
        self, questions: Questions, outcomes: Sequence[Outcome], *, seconds: float
    ) -> TaskResult:
        """Return accuracy with both denominators; what is no label counts as wrong.

        Raises:
            MeasurementInvalid: the engine was to give nothing but labels, and gave something else.

        """
        self._check_choices(outcomes)
        given = [self._label(outcome) for outcome in outcomes]
        expected = questions.expected
        right = sum(label == known for label, known in zip(given, expected, strict=True))
        answered = sum(label is not None for label in given)
        commonest = Counter(expected).most_common(1)[0][1]
        return TaskResult(
            name=self.task.name,
            type="classification",
            metric="accuracy",
            items=len(expected),
            answered=answered,
            skipped_too_long=questions.skipped_too_long,
            score=score(right, len(expected)),
            score_of_answered=score(right, answered) if answered else None,
            macro_f1=decimal_string(macro_f1(expected, given)),
            majority_score=decimal_string(commonest / len(expected)),
            data_digest=self.data_digest,
            seconds=decimal_string(seconds),
        )

    def _check_choices(self, outcomes: Sequence[Outcome]) -> None:
        if self.task.classification.answer == "Free":
            return
        others = [o.text for o in outcomes if o.is_finished and self._label(o) is None]
        if others:
            raise MeasurementInvalid(
                f"{len(others)} of {len(outcomes)} answers are no label, the first "
                f"{others[0][:64]!r}, though answer is Constrained: the engine does not hold to "
                "choices with this model; set answer: Free, or name a pool with a newer image"
            )

    def _label(self, outcome: Outcome) -> str | None:
        classification = self.task.classification
        is_free = classification.answer == "Free"
        read = free_label if is_free else constrained_label
        return read(outcome.text, classification.labels) if outcome.is_finished else None


def answer_tokens(task: ClassificationTask, tokenizer: Tokenizer) -> int:
    """Return the most tokens that an answer may take.

    Constrained: one a byte of the longest label, since the engine may spell it in any way, and
    one for the end. Free: the longest label, twice, and some more for what is let pass around it.
    """
    if task.answer == "Constrained":
        return max(len(label.encode()) for label in task.labels) + 1
    longest = max(len(tokenizer.encode(x, with_special_tokens=False)) for x in task.labels)
    return 2 * longest + FREE_MARGIN_TOKENS


def _request(task: ClassificationTask, ids: list[int], max_tokens: int, expected: str) -> Request:
    choices = tuple(task.labels) if task.answer == "Constrained" else ()
    return Request(prompt_token_ids=ids, max_tokens=max_tokens, choices=choices, expected=expected)
