"""Which items are scored and which are shown as examples. Pure, and the same for every model."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

Content = TypeVar("Content")
DrawnBy = Literal["Fixed", "Random", "LabelBalanced"]


class Item(NamedTuple, Generic[Content]):
    """An item of a task."""

    name: str
    """Tells it apart from the others of its file."""
    text: str
    """Its input."""
    label: str | None
    """What examples are balanced by; None: nothing."""
    content: Content


def sample(
    items: Sequence[Item[Content]], limit: int | None, *, seed: int, task: str
) -> list[Item[Content]]:
    """Return at most `limit` of `items`, in their order; the same for the same seed and name."""
    if limit is None or limit >= len(items):
        return list(items)
    chosen = random.Random(f"{seed}/{task}/items").sample(range(len(items)), limit)
    return [items[index] for index in sorted(chosen)]


def without(items: Sequence[Item[Content]], others: Sequence[Item[Content]]) -> list[Item[Content]]:
    """Return the items whose input is that of none of `others`, blank space aside."""
    known = {_normal(item.text) for item in others}
    return [item for item in items if _normal(item.text) not in known]


def distinct(items: Sequence[Item[Content]]) -> list[Item[Content]]:
    """Return the first of the items with the same input, blank space aside."""
    first = dict[str, Item[Content]]()
    for item in items:
        first.setdefault(_normal(item.text), item)
    return list(first.values())


def _normal(text: str) -> str:
    return " ".join(text.split())


class Examples(Protocol[Content]):
    """The worked examples for each item."""

    def for_item(self, number: int) -> list[Item[Content]]:
        """Return the examples for the item with that number, all different."""


class Drawn(Generic[Content]):
    """Examples that are drawn for each item, or the first ones."""

    def __init__(
        self, pool: Sequence[Item[Content]], strategy: DrawnBy, count: int, *, seed: int, task: str
    ) -> None:
        self._pool = list(pool)
        self._strategy = strategy
        self._count = count
        self._seed = f"{seed}/{task}/examples"
        self._by_label = defaultdict[str, list[Item[Content]]](list)
        for item in self._pool:
            self._by_label[item.label or ""].append(item)

    def for_item(self, number: int) -> list[Item[Content]]:
        """Return the examples for the item with that number: `count`, all different."""
        if self._strategy == "Fixed":
            return self._pool[: self._count]
        generator = random.Random(f"{self._seed}/{number}")
        if self._strategy == "Random":
            return generator.sample(self._pool, self._count)
        return self._balanced(generator)

    def _balanced(self, generator: random.Random) -> list[Item[Content]]:
        """Return examples of one label after the other, until there are enough; then shuffled."""
        left = {
            label: generator.sample(items, len(items))
            for label, items in sorted(self._by_label.items())
        }
        chosen = list[Item[Content]]()
        while len(chosen) < self._count:
            labels = [label for label in left if left[label]]
            generator.shuffle(labels)
            chosen += [left[label].pop() for label in labels[: self._count - len(chosen)]]
        generator.shuffle(chosen)
        return chosen
