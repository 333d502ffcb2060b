"""What a type of task is: how its rows are read, asked and judged.

All the rest is the same for every type and stands in `prepared`: few-shot examples, prompts, what
fits the context, denominators, intervals.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from slmeval_api.result import MetricName, TaskResult

from slmeval_runner.engines.base import Outcome, Request, Tokenizer
from slmeval_runner.items import Row

Content = TypeVar("Content")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a task asks of the engine about the items that fit the context."""

    items: int
    requests: list[Request]
    result: Callable[[Sequence[Outcome]], TaskResult]
    """Return the scores, of the outcomes of `requests` in their order. Raises TrialError."""
    records: Callable[[Sequence[Outcome]], Iterable[Mapping[str, Any]]]
    """Return everything that is to be kept about each item, as JSON objects."""


class PreparedTask(Protocol):
    """A task whose items are known, and that needs a tokenizer to ask about them."""

    def ask(self, tokenizer: Tokenizer, *, max_model_len: int) -> Asked:
        """Return what to ask; items are never cut. Raises TaskUnusable: none fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The model writes its answer, greedily."""

    max_tokens: int
    """The most it may take, unless the task says otherwise. A token holds at least a byte, so the
    bytes of the longest answer that is allowed, and one, are always enough."""
    choices: tuple[str, ...] = ()
    """Not empty: it can write nothing but one of these."""
    json_schema: str | None = None
    """Not None: it can write nothing but JSON of this schema."""

    @property
    def is_held(self) -> bool:
        """Whether the engine holds the model to what is allowed."""
        return bool(self.choices) or self.json_schema is not None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The model writes nothing: its answer is the most probable of these, none of which is empty.

    Probabilities are products over all tokens of a candidate, without any for its end.
    """

    candidates: tuple[str, ...]


Form = Written | Chosen


@dataclass(frozen=True, slots=True)
class Judged(Generic[Content, Answer]):
    """An item and what became of it."""

    content: Content
    answer: Answer | None
    """None: unanswered."""
    score: float
    """Between 0 and 1; 0 where there is no answer."""
    confidence: float | None = None
    """Probability of the answer among the candidates; None: it was written."""


class TaskType(ABC, Generic[Content, Answer]):
    """One type of task with the options of one task. Pure.

    `Content` is what an item holds, `Answer` what a model's answer says once it is read.
    """

    metric: ClassVar[MetricName]
    """What `score` is the mean of."""
    cue: str
    """The word before an answer in plain text."""
    end: ClassVar[str] = "\n\n"
    """What ends a free answer in plain text: a next example would follow."""

    @abstractmethod
    def read(self, row: Row) -> Content:
        """Return an item's content. Raises TaskUnusable, by way of `row`."""

    def text(self, content: Content) -> str:
        """Return the input: two items with the same one are the same item."""
        return self.question(content)

    def label(self, content: Content) -> str | None:
        """Return the label that examples are balanced by; None: there is none."""
        del content
        return None

    @abstractmethod
    def instruction(self) -> str:
        """Return what the model is told to do, once, in front."""

    @abstractmethod
    def question(self, content: Content) -> str:
        """Return how an item is put to the model."""

    @abstractmethod
    def answer(self, content: Content) -> str:
        """Return a right answer, as the model should write it."""

    @abstractmethod
    def form(self, content: Content) -> Form:
        """Return how the answer is asked for."""

    @abstractmethod
    def parse(self, written: str, content: Content) -> Answer | None:
        """Return what `written` says; None: it cannot be read. Whatever it holds, never raises."""

    @abstractmethod
    def score(self, answer: Answer, content: Content) -> float:
        """Return how right `answer` is, between 0 and 1."""

    def metrics(self, judged: Sequence[Judged[Content, Answer]]) -> Mapping[MetricName, float]:
        """Return further figures over all items, at least one; those without a meaning absent."""
        del judged
        return {}

    def guesses(self, content: Content) -> int | None:
        """Return how many answers a guess would be drawn from; None: there is no list of them."""
        del content
        return None
