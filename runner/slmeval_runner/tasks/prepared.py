"""A task from its data to its scores: what is the same for every type of task."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from slmeval_api.base import decimal_string
from slmeval_api.result import (
    ITEM_BEST,
    ITEM_SKIPPED,
    ITEM_UNANSWERED,
    EmbeddingFacts,
    TaskItems,
    TaskMetric,
    TaskOutcomes,
    TaskResult,
)
from slmeval_api.task import Task

from slmeval_runner.engines.base import Outcome, Request, Tokenizer
from slmeval_runner.failures import MeasurementInvalid, TaskUnusable
from slmeval_runner.files import digest_of
from slmeval_runner.folders import Folders
from slmeval_runner.items import Row
from slmeval_runner.sources import load
from slmeval_runner.stats import score

from .base import Asked, Chosen, Form, Judged, TaskType, Written
from .choosing import Tree, continued, shares, tree_of
from .outcomes import dealt, guessed, outcomes_of, tokens_of
from .sampling import Drawn, Examples, Item, distinct, sample, without
from .similar import EmbeddingModel, Similar, embedding_model
from .wording import Prompt, Shown, encoded, prompt_of

SHOWN_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An item that fits the context, and what is asked of the engine about it."""

    item: Item[Any]
    prompt: Prompt
    form: Form
    requests: list[Request]
    """One, or for candidates one a branching."""
    tree: Tree | None = None
    """None: the answer is written."""

    def log_probabilities(self, outcomes: Sequence[Outcome]) -> dict[str, float] | None:
        """Return that of each candidate, of finished outcomes; None: the answer is written."""
        if self.tree is None or not isinstance(self.form, Chosen):
            return None
        logs = self.tree.log_probabilities([o.next_log_probabilities for o in outcomes])
        return dict(zip(self.form.candidates, logs, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What a task asks of the engine."""

    asked: list[Question]
    """In the items' order; those that do not fit the context are left out."""

    @property
    def requests(self) -> list[Request]:
        """All of them, in order."""
        return [request for question in self.asked for request in question.requests]


def prepare(task: Task, type_: TaskType[Any, Any], *, seed: int, folders: Folders) -> "Prepared":
    """Return the task with its items, before any engine runs. Raises TaskUnusable."""
    data, shots = task.data, task.few_shot
    if data is None:
        raise RuntimeError(f"task {task.name} has no data: the API server lets none of these pass")
    test, test_digest = _load(type_, data.test, data.fields, folders)
    train, digests = list[Item[Any]](), [test_digest]
    if data.train:
        train, train_digest = _load(type_, data.train, data.fields, folders)
        digests.append(train_digest)
    pool, apart = without(train, test), without(test, train)
    items = apart if data.overlap == "Drop" else test
    if not items:
        raise TaskUnusable(
            f"every item of {data.test} is in {data.train} too, and data.overlap is Drop: take "
            "another test set"
        )
    items = sample(items, task.limit, seed=seed, task=task.name)
    model = None
    if shots.embedding_model is not None and shots.count:
        model = embedding_model(shots.embedding_model, folders)
    return Prepared(
        task=task,
        type=type_,
        items=items,
        examples=_examples(task, pool, items, model, seed=seed),
        embedding_model=model.facts if model else None,
        also_in_train=len(test) - len(apart),
        data_digest=digest_of(b"".join(digests)),
    )


def _examples(
    task: Task,
    pool: Sequence[Item[Any]],
    items: Sequence[Item[Any]],
    model: EmbeddingModel | None,
    *,
    seed: int,
) -> Examples[Any]:
    """Return the examples of each item. `pool` is what they may be. Raises TaskUnusable."""
    count, strategy = task.few_shot.count, task.few_shot.strategy
    if model is not None:
        pool = distinct(pool)  # else copies of one text would be all that is near
    if len(pool) < count:
        raise TaskUnusable(
            f"fewShot.count is {count}, but {task.data and task.data.train} has only {len(pool)} "
            f"{'different ' if model else ''}items that are not in the test set too: lower "
            "fewShot.count or add training items"
        )
    if model is not None:
        return Similar(pool, items, count, model)
    if strategy is None or strategy == "Similar":  # of Similar no examples are asked
        strategy = "LabelBalanced" if task.is_labelled else "Random"
    return Drawn(pool, strategy, count, seed=seed, task=task.name)


def _load(
    type_: TaskType[Any, Any], source: str, fields: Mapping[str, str], folders: Folders
) -> tuple[list[Item[Any]], bytes]:
    """Return the items of a source, and its SHA-256."""
    table = load(source, folders)
    items, places = list[Item[Any]](), dict[str, str]()
    for where, values in table.rows:
        row = Row(values, where, fields)
        found = type_.read(row)
        name = _name(row) if "id" in fields else str(len(items))
        if name in places:
            raise TaskUnusable(
                f"{where}: the id {name[:SHOWN_CHARACTERS]!r} stands at {places[name]} too: ids "
                "must differ; correct one, or drop data.fields.id"
            )
        places[name] = where
        items.append(Item(name, type_.text(found), type_.label(found), found))
    return items, table.digest


def _name(row: Row) -> str:
    value = row.value("id")
    return str(value) if isinstance(value, int) else row.text("id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A task whose items were read and drawn."""

    task: Task
    type: TaskType[Any, Any]
    items: list[Item[Any]]
    examples: Examples[Any]
    also_in_train: int
    data_digest: str
    embedding_model: EmbeddingFacts | None = None

    def ask(self, tokenizer: Tokenizer, *, max_model_len: int) -> Asked:
        """Return what to ask, and how it is judged. Raises TaskUnusable, as `questions`."""
        questions = self.questions(tokenizer, max_model_len=max_model_len)
        return Asked(
            items=len(questions.asked),
            requests=questions.requests,
            result=partial(self.result, questions),
            records=partial(self.records, questions),
        )

    def questions(self, tokenizer: Tokenizer, *, max_model_len: int) -> Questions:
        """Return what to ask about each item that fits the context; items are never cut.

        Raises:
            TaskUnusable: none fits, or the candidates cannot be told apart.

        """
        asked = list[Question]()
        prompts = [self._prompt(place, item, tokenizer) for place, item in enumerate(self.items)]
        for item, prompt, ids in zip(self.items, prompts, encoded(prompts, tokenizer), strict=True):
            form = self.type.form(item.content)
            question = (
                self._choosing(
                    item, form, prompt, continued(prompt, ids, form.candidates, tokenizer)
                )
                if isinstance(form, Chosen)
                else self._writing(item, form, prompt, ids)
            )
            longest = max(len(r.prompt_token_ids) + r.max_tokens for r in question.requests)
            if longest <= max_model_len:
                asked.append(question)
        if not asked:
            raise TaskUnusable(
                f"none of the {len(self.items)} items fits the context of {max_model_len} tokens: "
                "lower fewShot.count, shorten the texts, or raise the model's engine.maxModelLen"
            )
        return Questions(asked=asked)

    def _prompt(self, number: int, item: Item[Any], tokenizer: Tokenizer) -> Prompt:
        shown = [
            Shown(self.type.question(example.content), self.type.answer(example.content))
            for example in self.examples.for_item(number)
        ]
        question = self.type.question(item.content)
        return prompt_of(self.type.instruction(), shown, question, self.type.cue, tokenizer)

    def _writing(self, item: Item[Any], form: Written, prompt: Prompt, ids: list[int]) -> Question:
        is_open = not (prompt.is_chat or form.is_held)
        request = Request(
            prompt_token_ids=ids,
            max_tokens=self.task.max_output_tokens or form.max_tokens,
            choices=form.choices,
            json_schema=form.json_schema,
            stop=(self.type.end,) if is_open else (),
            expected=self.type.answer(item.content),
        )
        return Question(item=item, prompt=prompt, form=form, requests=[request])

    def _choosing(
        self, item: Item[Any], form: Chosen, prompt: Prompt, ways: Sequence[Sequence[int]]
    ) -> Question:
        tree = tree_of(ways)
        if tree is None:
            raise TaskUnusable(
                "with this model's tokenizer one of the candidates begins another "
                f"({', '.join(form.candidates)[:SHOWN_CHARACTERS]}), so that it could never be "
                "less probable: set answer: Constrained"
            )
        right = form.candidates.index(self.type.answer(item.content))
        return Question(
            item=item, prompt=prompt, form=form, requests=tree.requests(right), tree=tree
        )

    def result(self, questions: Questions, outcomes: Sequence[Outcome]) -> TaskResult:
        """Return the scores, of the outcomes of all requests in their order.

        Raises:
            MeasurementInvalid: the engine was to write nothing but what is allowed, and did not.

        """
        judged = [self._judged(question, own) for question, own in _each(questions, outcomes)]
        self._check_held(questions, judged, outcomes)
        answered = [one.score for one in judged if one.answer is not None]
        return TaskResult(
            name=self.task.name,
            type=self.task.kind,
            metric=self.type.metric,
            held_out=self.task.held_out,
            items=TaskItems(
                asked=len(judged),
                answered=len(answered),
                cut_short=self._cut_short(questions, outcomes),
                skipped_too_long=len(self.items) - len(judged),
                also_in_train=self.also_in_train,
            ),
            tokens=tokens_of(outcomes),
            score=score([one.score for one in judged]),
            score_of_answered=score(answered) if answered else None,
            metrics=[
                TaskMetric(name=name, value=decimal_string(value))
                for name, value in self.type.metrics(judged).items()
            ],
            majority_score=self._majority(judged),
            random_score=guessed([self.type.guesses(one.content) for one in judged]),
            outcomes=self._outcomes(questions, judged),
            data_digest=self.data_digest,
            embedding_model=self.embedding_model,
        )

    def records(
        self, questions: Questions, outcomes: Sequence[Outcome]
    ) -> Iterator[dict[str, Any]]:
        """Yield everything about each item, in the items' order; of a skipped one its input."""
        asked = {
            question.item.name: (question, own) for question, own in _each(questions, outcomes)
        }
        for item in self.items:
            known = {
                "id": item.name,
                "input": item.text,
                "expected": self.type.answer(item.content),
            }
            if item.name not in asked:
                yield {**known, "skipped": "TooLong"}
                continue
            question, own = asked[item.name]
            judged = self._judged(question, own)
            yield {
                **known,
                "prompt": question.prompt.text,
                "promptTokens": own[0].prompt_tokens,
                **self._said(question, own),
                "answer": None if judged.answer is None else _plain(judged.answer),
                "score": judged.score,
            }

    def _said(self, question: Question, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        if question.tree is None:
            return {"output": outcomes[0].text, "finishReason": outcomes[0].finish_reason}
        is_finished = all(outcome.is_finished for outcome in outcomes)
        return {"logProbabilities": question.log_probabilities(outcomes) if is_finished else None}

    def _judged(self, question: Question, outcomes: Sequence[Outcome]) -> Judged[Any, Any]:
        content = question.item.content
        if not all(outcome.is_finished for outcome in outcomes):
            return Judged(content, None, 0.0)
        written, confidence = outcomes[0].text, None
        logs = question.log_probabilities(outcomes)
        if logs is not None:
            written = max(logs, key=logs.__getitem__)
            confidence = max(shares(list(logs.values())))
        answer = self.type.parse(written, content)
        if answer is None:
            return Judged(content, None, 0.0)
        return Judged(content, answer, self.type.score(answer, content), confidence)

    def _check_held(
        self,
        questions: Questions,
        judged: Sequence[Judged[Any, Any]],
        outcomes: Sequence[Outcome],
    ) -> None:
        """Raise MeasurementInvalid if the engine let something else be written than it was told."""
        others = [
            own[0].text
            for one, (question, own) in zip(judged, _each(questions, outcomes), strict=True)
            if isinstance(question.form, Written) and question.form.is_held
            if own[0].is_finished and own[0].finish_reason == "stop" and one.answer is None
        ]
        if others:
            raise MeasurementInvalid(
                f"{len(others)} of {len(judged)} answers are not as allowed, the first "
                f"{others[0][:SHOWN_CHARACTERS]!r}, though answer is Constrained: the engine does "
                "not hold to it with this model; set answer: Free, or name a pool with a newer "
                "image"
            )

    def _cut_short(self, questions: Questions, outcomes: Sequence[Outcome]) -> int:
        return sum(
            question.tree is None and own[0].finish_reason == "length"
            for question, own in _each(questions, outcomes)
        )

    def _majority(self, judged: Sequence[Judged[Any, Any]]) -> str | None:
        answers = Counter(self.type.answer(one.content) for one in judged)
        commonest, times = answers.most_common(1)[0]
        if times == 1 and len(judged) > 1:
            return None
        return decimal_string(sum(self._score_of(commonest, judged)) / len(judged))

    def _score_of(self, written: str, judged: Iterable[Judged[Any, Any]]) -> Iterable[float]:
        for one in judged:
            answer = self.type.parse(written, one.content)
            yield 0.0 if answer is None else self.type.score(answer, one.content)

    def _outcomes(self, questions: Questions, judged: Sequence[Judged[Any, Any]]) -> TaskOutcomes:
        by_name = {
            question.item.name: (
                ITEM_UNANSWERED if one.answer is None else round(ITEM_BEST * one.score)
            )
            for question, one in zip(questions.asked, judged, strict=True)
        }
        return outcomes_of(
            [[item.name, item.text, self.type.answer(item.content)] for item in self.items],
            [by_name.get(item.name, ITEM_SKIPPED) for item in self.items],
        )


def _each(
    questions: Questions, outcomes: Sequence[Outcome]
) -> Iterator[tuple[Question, Sequence[Outcome]]]:
    """Yield each question with the outcomes of its own requests."""
    counts = (len(question.requests) for question in questions.asked)
    return zip(questions.asked, dealt(outcomes, counts), strict=True)


def _plain(answer: Any) -> Any:  # noqa: ANN401 - whatever the type's answers are
    """Return an answer as JSON has it: sets as sorted lists, numbers as text."""
    if isinstance(answer, frozenset):
        return sorted(answer)
    return answer if isinstance(answer, str) else str(answer)
