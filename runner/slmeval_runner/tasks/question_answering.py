"""Question answering: an answer in words, from a context or without one."""

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from slmeval_api.result import MetricName
from slmeval_api.task_types import QuestionAnsweringTask

from slmeval_runner.failures import TaskUnusable
from slmeval_runner.items import Row

from .base import Form, Judged, TaskType, Written
from .parsing import first_line
from .reading import context_of, with_context

MAX_TOKENS = 64
UNANSWERABLE = "unanswerable"
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class Asked(NamedTuple):
    """A question and its right answers."""

    context: str | None
    question: str
    answers: list[str]
    """Empty: it has none."""


class QuestionAnswering(TaskType[Asked, str]):
    """See the module. An answer of nothing says that there is none."""

    metric = "f1"
    cue = "Answer"

    def __init__(self, options: QuestionAnsweringTask) -> None:
        self._options = options

    def read(self, row: Row) -> Asked:
        """Return context, question and answers."""
        answers = row.texts("answers")
        if not answers and not self._options.unanswerable:
            raise TaskUnusable(
                f"{row.where}: answers is empty: set unanswerable: true if some questions of this "
                "task have none, or correct it"
            )
        return Asked(context_of(row), row.text("question"), answers)

    def instruction(self) -> str:
        """Return it, with the word for a question without an answer."""
        told = self._options.instruction or "Answer the question in as few words as possible."
        if not self._options.unanswerable:
            return told
        return f"{told} If it has no answer, write: {UNANSWERABLE}"

    def question(self, content: Asked) -> str:
        """Return the question with its context."""
        return with_context(content.context, content.question)

    def answer(self, content: Asked) -> str:
        """Return the first right answer."""
        return content.answers[0] if content.answers else UNANSWERABLE

    def form(self, content: Asked) -> Form:
        """Return a short text."""
        del content
        return Written(max_tokens=MAX_TOKENS)

    def parse(self, written: str, content: Asked) -> str | None:
        """Return the first line."""
        del content
        line = first_line(written)
        if self._options.unanswerable and normal(line) == UNANSWERABLE:
            return ""
        return line or None

    def score(self, answer: str, content: Asked) -> float:
        """Return token F1 against the right answer that is nearest."""
        if not content.answers or not answer:
            return float(not content.answers and not answer)
        return max(token_f1(right, answer) for right in content.answers)

    def metrics(self, judged: Sequence[Judged[Asked, str]]) -> Mapping[MetricName, float]:
        """Return exact match, and the scores of questions with and without an answer."""
        exact = [_is_exact(j.answer, j.content.answers) for j in judged]
        found: dict[MetricName, float] = {"exactMatch": sum(exact) / len(exact)}
        having = [j.score for j in judged if j.content.answers]
        lacking = [j.score for j in judged if not j.content.answers]
        if having and lacking:
            found["answerableF1"] = sum(having) / len(having)
            found["unanswerableAccuracy"] = sum(lacking) / len(lacking)
        return found


def _is_exact(answer: str | None, answers: Sequence[str]) -> bool:
    if answer is None:
        return False
    if not answers or not answer:
        return not answers and not answer
    return normal(answer) in [normal(right) for right in answers]


def normal(text: str) -> str:
    """Return `text` as SQuAD compares it: lower case, no ASCII punctuation, no articles.

    Source: the evaluation script of SQuAD 2.0 (Rajpurkar et al. 2018), `normalize_answer`.
    """
    bare = text.lower().translate(_NO_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def token_f1(right: str, answer: str) -> float:
    """Return F1 of the words that two answers have in common, after `normal`.

    Where one has no word left, whether the other has none either. Source: SQuAD 2.0's `compute_f1`.
    """
    known, given = normal(right).split(), normal(answer).split()
    if not known or not given:
        return float(known == given)
    same = sum((Counter(known) & Counter(given)).values())
    return 2 * same / (len(known) + len(given))
