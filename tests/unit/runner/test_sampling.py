"""Which items are scored, and which are shown."""

from collections import Counter

import pytest
from slmeval_runner.tasks.sampling import Drawn, DrawnBy, Item, sample, without


def item(text: str, label: str) -> Item[None]:
    return Item(text, text, label, None)


POOL = [item(f"text {n}", "abc"[n % 3]) for n in range(30)]


def examples(
    strategy: DrawnBy, count: int, pool: list[Item[None]] = POOL, seed: int = 1
) -> Drawn[None]:
    return Drawn(pool, strategy, count, seed=seed, task="intents")


class TestSample:
    def test_is_everything_without_a_limit(self) -> None:
        assert sample(POOL, None, seed=1, task="t") == POOL

    def test_is_everything_when_the_limit_is_not_reached(self) -> None:
        assert sample(POOL, 30, seed=1, task="t") == POOL

    def test_keeps_the_order_and_repeats_nothing(self) -> None:
        drawn = sample(POOL, 10, seed=1, task="t")
        assert len(drawn) == 10
        assert [one for one in POOL if one in drawn] == drawn

    def test_depends_on_seed_and_task_alone(self) -> None:
        drawn = sample(POOL, 10, seed=1, task="t")
        assert drawn == sample(POOL, 10, seed=1, task="t")
        assert drawn != sample(POOL, 10, seed=2, task="t")
        assert drawn != sample(POOL, 10, seed=1, task="u")


class TestOverlap:
    def test_leaves_out_texts_of_the_test_set_whatever_their_label(self) -> None:
        pool = [item("one", "a"), item("two", "a"), item("  two \n", "b")]
        assert without(pool, [item("two", "c")]) == [item("one", "a")]


class TestExamples:
    def test_fixed_are_the_first_ones_for_every_item(self) -> None:
        assert examples("Fixed", 4).for_item(0) == POOL[:4] == examples("Fixed", 4).for_item(9)

    @pytest.mark.parametrize("strategy", ["Random", "LabelBalanced"])
    def test_drawn_ones_differ_between_items_and_not_between_models(
        self, strategy: DrawnBy
    ) -> None:
        drawn = examples(strategy, 6)
        assert drawn.for_item(0) != drawn.for_item(1)
        assert drawn.for_item(0) == examples(strategy, 6).for_item(0)
        assert drawn.for_item(0) != examples(strategy, 6, seed=2).for_item(0)

    @pytest.mark.parametrize("strategy", ["Fixed", "Random", "LabelBalanced"])
    @pytest.mark.parametrize("count", [0, 1, 5, 30])
    def test_are_as_many_as_asked_and_all_different(self, strategy: DrawnBy, count: int) -> None:
        shown = examples(strategy, count).for_item(3)
        assert len(set(shown)) == count

    @pytest.mark.parametrize(("count", "spread"), [(6, [2, 2, 2]), (7, [2, 2, 3]), (2, [1, 1])])
    def test_balanced_ones_take_the_labels_in_turn(self, count: int, spread: list[int]) -> None:
        shown = Counter(one.label for one in examples("LabelBalanced", count).for_item(5))
        assert sorted(shown.values()) == spread

    def test_balanced_ones_go_on_with_other_labels_when_one_runs_out(self) -> None:
        pool = [item("rare", "a"), *(item(f"text {n}", "b") for n in range(9))]
        shown = examples("LabelBalanced", 6, pool).for_item(0)
        assert Counter(one.label for one in shown) == {"a": 1, "b": 5}
