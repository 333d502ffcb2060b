"""Keeping an item out of its own few-shot prompt. Knows tasks by their methods only.

The harness leaves the item out of the examples only where examples come from the test split, and
only where both rows are equal: a task that has nothing but a validation split, or whose examples
are prepared in another way, shows the model the answer (lm-evaluation-harness#4145).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from slmeval_runner.failures import TaskUnusable

READ_ERRORS = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What reading an example can raise that was written by hand and lacks an item's columns."""


class Guard:
    """Takes the place of a task's drawing of examples. `prevented` counts what it kept out.

    Another item's examples stay what they were: the example that stands in is not drawn, but the
    first of the pool that is not there yet.
    """

    def __init__(self, task: Any) -> None:  # noqa: ANN401 - the harness has no types for us
        """Install it on `task`, which draws for one item at a time."""
        self.prevented = 0
        self._task = task
        self._sample = task.sampler.sample
        self._context = task.fewshot_context
        self._seen = ""
        task.sampler.sample = self._drawn
        task.fewshot_context = self._of_item

    def _of_item(self, doc: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        self._seen = self._as_seen(doc)
        return self._context(doc, *args, **options)

    def _drawn(self, n: int, *args: Any, **options: Any) -> Sequence[Any]:  # noqa: ANN401
        drawn = list(self._sample(n, *args, **options))
        kept = [example for example in drawn if self._as_seen(example) != self._seen]
        if len(kept) == len(drawn):
            return drawn
        self.prevented += 1
        others = self._others(drawn)
        kept += [example for _, example in zip(range(n - len(kept)), others, strict=False)]
        if len(kept) < n:
            raise TaskUnusable(
                f"lmEval.numFewShot is {n}, but the task has fewer examples that are not the item "
                "itself: lower it"
            )
        return kept

    def _others(self, drawn: Sequence[Any]) -> Iterator[Any]:
        for example in self._task.sampler.df:
            if example not in drawn and self._as_seen(example) != self._seen:
                yield example

    def _as_seen(self, doc: Any) -> str:  # noqa: ANN401
        """Return an item as the model sees it: rows may differ in what it does not see."""
        task = self._task
        try:
            choices = task.doc_to_choice(doc) if task.config.doc_to_choice is not None else None
            return repr((task.doc_to_text(doc), choices))
        except READ_ERRORS:
            return repr(doc)
