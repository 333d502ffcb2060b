"""Which models are told apart by their scores."""

import base64
import random
import zlib
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import pytest
from slmeval_api.result import ITEM_SKIPPED as SKIPPED
from slmeval_api.result import ITEM_UNANSWERED as UNANSWERED
from slmeval_api.run import MAX_COMPARISONS, ScoreComparison
from slmeval_api.trial import Trial
from slmeval_decisions.scores import estimate_of, score_comparisons
from unit.operator.worlds import a_trial, result_json

Json = dict[str, Any]
DIGEST = "sha256:" + "0" * 64


def packed(scores: Sequence[int]) -> str:
    return base64.b64encode(zlib.compress(bytes(scores))).decode()


def task_json(name: str, scores: Sequence[int], **overrides: object) -> Json:
    score = {"value": "0.5", "low": "0.4", "high": "0.6", "n": len(scores)}
    return {
        "name": name,
        "type": "classification",
        "metric": "accuracy",
        "score": score,
        "outcomes": {"itemsDigest": DIGEST, "scores": packed(scores)},
        **overrides,
    }


def trial_of(model: str, pool: str = "gpu", **tasks: Sequence[int]) -> Trial:
    return _trial(model, pool, tasks)


def _trial(model: str, pool: str, tasks: Mapping[str, Sequence[int]]) -> Trial:
    made = [task_json(name, scores) for name, scores in tasks.items()]
    return a_trial(model, pool=pool, result=result_json(tasks=made))


def compared(**models: Mapping[str, Sequence[int]]) -> list[ScoreComparison]:
    return score_comparisons([_trial(name, "gpu", tasks) for name, tasks in models.items()])


RIGHT, WRONG = 250, 0


class TestTwoModels:
    def test_that_answer_alike_are_tied(self) -> None:
        (found,) = compared(a={"t": [RIGHT, WRONG] * 10}, b={"t": [RIGHT, WRONG] * 10})
        assert (found.difference, found.p_value, found.is_tied, found.items) == ("0", "1", True, 20)
        assert float(found.low) < 0 < float(found.high)

    def test_of_which_one_is_better_are_told_apart_whatever_their_order(self) -> None:
        good, bad = {"t": [RIGHT] * 90 + [WRONG] * 10}, {"t": [RIGHT] * 60 + [WRONG] * 40}
        (found,), (turned,) = compared(a=good, b=bad), compared(a=bad, b=good)
        assert (found.model, found.against, found.task, found.pool) == ("a", "b", None, "gpu")
        assert (turned.model, turned.against) == ("b", "a")
        assert found.difference == turned.difference == "0.3"
        assert (found.low, found.high) == (turned.low, turned.high)
        assert 0 < float(found.low) < 0.3 < float(found.high)
        assert not found.is_tied

    def test_have_mcnemars_exact_p_value(self) -> None:
        """9 items of 20 differ, 8 of them one way."""
        from scipy.stats import binomtest

        first = [RIGHT] * 8 + [WRONG] + [RIGHT] * 11
        second = [WRONG] * 8 + [RIGHT] + [RIGHT] * 11
        (found,) = compared(a={"t": first}, b={"t": second})
        assert float(found.p_value) == pytest.approx(binomtest(1, 9).pvalue, abs=1e-6)

    def test_are_compared_on_the_items_that_both_were_asked(self) -> None:
        first = [SKIPPED, RIGHT, UNANSWERED, RIGHT]
        (found,) = compared(a={"t": first}, b={"t": [RIGHT, RIGHT, WRONG, SKIPPED]})
        assert (found.items, found.difference) == (2, "0")

    def test_on_several_tasks_are_compared_over_all_and_one_by_one(self) -> None:
        first = {"x": [RIGHT] * 30, "y": [RIGHT, WRONG] * 50}
        second = {"x": [WRONG] * 30, "y": [RIGHT, WRONG] * 50}
        over_all, x, y = compared(a=first, b=second)
        assert (over_all.task, over_all.difference, over_all.items) == (None, "0.5", 130)
        assert (x.task, x.difference, x.is_tied) == ("x", "1", False)
        assert (y.task, y.difference, y.is_tied) == ("y", "0", True)


class TestNothingIsCompared:
    def test_across_pools(self) -> None:
        trials = [trial_of("a", "gpu", t=[RIGHT] * 9), trial_of("b", "cpu", t=[RIGHT] * 9)]
        assert score_comparisons(trials) == []

    def test_of_other_items(self) -> None:
        other = {"itemsDigest": "sha256:" + "1" * 64, "scores": packed([RIGHT])}
        trial = a_trial("b", result=result_json(tasks=[task_json("t", [RIGHT], outcomes=other)]))
        assert score_comparisons([trial_of("a", t=[RIGHT]), trial]) == []

    def test_over_all_tasks_where_one_has_no_scores(self) -> None:
        found = compared(a={"x": [RIGHT] * 9, "y": [RIGHT] * 9}, b={"x": [RIGHT] * 9})
        assert [one.task for one in found] == ["x"]

    @pytest.mark.parametrize("scores", ["AAAA", packed([RIGHT])[:-4]])
    def test_that_nobody_can_read(self, scores: str) -> None:
        broken = {"itemsDigest": DIGEST, "scores": scores}
        trial = a_trial("b", result=result_json(tasks=[task_json("t", [RIGHT], outcomes=broken)]))
        assert score_comparisons([trial_of("a", t=[RIGHT]), trial]) == []

    def test_without_results(self) -> None:
        assert score_comparisons([a_trial("a"), a_trial("b", result=result_json())]) == []


class TestMany:
    def test_are_corrected_for_their_number_by_holm(self) -> None:
        models = {f"m{n}": {"t": [RIGHT] * n + [WRONG] * (20 - n)} for n in (5, 12, 20)}
        found = compared(**models)
        raw = sorted(float(one.p_value) for one in found)
        by_hand = [3 * raw[0], max(3 * raw[0], 2 * raw[1]), max(2 * raw[1], raw[2])]
        adjusted = sorted(float(one.adjusted_p_value) for one in found)
        assert adjusted == pytest.approx(by_hand, abs=1e-5)

    def test_models_are_compared_with_the_best_alone(self) -> None:
        models = {f"m{n}": {"t": [RIGHT] * n + [WRONG] * (63 - n)} for n in range(64)}
        found = compared(**models)
        assert len(found) == 63
        assert {one.model for one in found} == {"m63"}

    def test_tasks_leave_room_for_the_comparisons_over_all(self) -> None:
        tasks = {f"t{n}": [RIGHT, WRONG] for n in range(64)}
        found = compared(**{f"m{n}": tasks for n in range(7)})
        assert len(found) == 21
        assert len(found) <= MAX_COMPARISONS


class TestTheInterval:
    def test_agrees_with_a_paired_bootstrap(self) -> None:
        import numpy as np

        draw = random.Random(5)
        tasks = [
            [draw.choice([-1.0, 0.0, 0.0, 0.0, 1.0, 1.0]) for _ in range(200)],
            [draw.gauss(0.1, 0.2) for _ in range(150)],
        ]
        found = estimate_of(tasks)
        rng = np.random.default_rng(1)
        means = np.mean(
            [np.mean(rng.choice(each, (20_000, len(each))), axis=1) for each in tasks], axis=0
        )
        low, high = np.quantile(means, [0.025, 0.975])
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.004)
        assert found.difference == pytest.approx(mean(mean(each) for each in tasks))

    @pytest.mark.parametrize(("items", "better", "worse"), [(20, 0.3, 0.1), (200, 0.05, 0.02)])
    def test_holds_the_truth_as_often_as_it_says(
        self, items: int, better: float, worse: float
    ) -> None:
        draw = random.Random(7)
        weights = [better, worse, 1 - better - worse]
        held = 0
        for _ in range(2_000):
            found = estimate_of([draw.choices([1.0, -1.0, 0.0], weights, k=items)])
            held += found.low <= better - worse <= found.high
        assert held / 2_000 == pytest.approx(0.95, abs=0.025)

    def test_tells_models_that_are_equally_good_apart_no_oftener_than_it_says(self) -> None:
        draw = random.Random(11)
        apart = 0
        for _ in range(500):
            tasks = [draw.choices([1.0, -1.0, 0.0], [0.1, 0.1, 0.8], k=50) for _ in range(4)]
            apart += estimate_of(tasks).p_value < 0.05
        assert apart / 500 < 0.07
