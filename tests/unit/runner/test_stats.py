"""Statistics, against numbers worked out by hand."""

import math
import random

import pytest
from slmeval_runner.stats import (
    binary_metrics,
    confidence_metrics,
    macro_f1,
    nearest_rank,
    quantiles,
    score,
    set_f1,
    sets_metrics,
    suite_score,
    variation_percent,
)


class TestNearestRank:
    @pytest.mark.parametrize(("q", "expected"), [(5, 15), (30, 20), (40, 20), (50, 35), (100, 50)])
    def test_gives_the_textbook_example(self, q: int, expected: int) -> None:
        assert nearest_rank([50, 15, 40, 20, 35], q) == expected

    def test_never_interpolates(self) -> None:
        assert nearest_rank([1.0, 2.0], 50) == 1.0

    def test_of_one_sample_is_that_sample(self) -> None:
        assert nearest_rank([0.25], 99) == 0.25

    @pytest.mark.parametrize("q", [0, -1, 100.1])
    def test_refuses_a_percentage_that_there_is_none_of(self, q: float) -> None:
        with pytest.raises(ValueError, match=r"\(0, 100\]"):
            nearest_rank([1.0], q)

    @pytest.mark.parametrize("samples", [[], [math.nan], [1.0, math.inf]])
    def test_refuses_samples_that_have_no_order(self, samples: list[float]) -> None:
        with pytest.raises(ValueError, match="finite"):
            nearest_rank(samples, 50)

    def test_leaves_its_samples_as_they_were(self) -> None:
        samples = [3.0, 1.0, 2.0]
        nearest_rank(samples, 50)
        assert samples == [3.0, 1.0, 2.0]


class TestQuantiles:
    def test_of_one_to_a_hundred_are_the_ranks_themselves(self) -> None:
        found = quantiles([[float(n) for n in range(100, 0, -1)]])
        assert (found.n, found.p50, found.p90, found.p95, found.p99) == (
            100,
            "50",
            "90",
            "95",
            "99",
        )

    def test_of_several_repetitions_are_over_all_and_of_each(self) -> None:
        found = quantiles([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        assert (found.n, found.p50, found.p99) == (6, "3", "6")
        assert (found.repetition_p50, found.repetition_p99) == (["2", "5"], ["3", "6"])

    def test_of_one_repetition_say_nothing_of_how_far_several_differ(self) -> None:
        assert quantiles([[1.0, 2.0]]).repetition_p50 == []


class TestVariation:
    def test_is_the_sample_deviation_over_the_mean(self) -> None:
        found = variation_percent([9.0, 10.0, 11.0])
        assert found == pytest.approx(10.0)

    def test_of_equal_repetitions_is_zero(self) -> None:
        assert variation_percent([2.0, 2.0]) == 0.0

    def test_of_one_repetition_is_unknown_not_zero(self) -> None:
        assert variation_percent([2.0]) is None


class TestScore:
    def test_has_the_wilson_interval_of_the_literature(self) -> None:
        """15 of 148, from Wallis (2013): [0.0623, 0.1605] without continuity correction."""
        found = score([1.0] * 15 + [0.0] * 133)
        assert (found.n, found.value) == (148, "0.101351")
        assert float(found.low) == pytest.approx(0.0624, abs=1e-3)
        assert float(found.high) == pytest.approx(0.1605, abs=1e-3)

    def test_of_none_right_still_has_an_upper_end(self) -> None:
        """z²/(n + z²) with z = 1.959964 and n = 10."""
        found = score([0.0] * 10)
        assert (found.value, found.low) == ("0", "0")
        assert float(found.high) == pytest.approx(3.8415 / 13.8415, abs=1e-4)

    def test_of_parts_is_the_bootstraps_and_the_same_each_time(self) -> None:
        values = [0.2, 0.4, 0.6, 0.8] * 25
        found = score(values)
        assert found == score(values)
        assert found.value == "0.5"
        # Normal theory: 0.5 ± 1.96 × 0.2236 / 10.
        assert float(found.low) == pytest.approx(0.456, abs=0.006)
        assert float(found.high) == pytest.approx(0.544, abs=0.006)

    @pytest.mark.parametrize("values", [[0.5], [0.5] * 20])
    def test_of_parts_that_are_all_the_same_is_not_a_point(self, values: list[float]) -> None:
        found = score(values)
        assert float(found.low) < 0.5 < float(found.high)

    def test_of_two_unlike_parts_holds_its_mean(self) -> None:
        found = score([0.25, 0.5])
        assert float(found.low) <= float(found.value) <= float(found.high)


class TestSuiteScore:
    def test_counts_each_task_the_same(self) -> None:
        tasks = [score([1.0] * 10), score([0.0] * 90 + [1.0] * 10)]
        found = suite_score(tasks)
        assert (found.value, found.n) == ("0.55", 110)

    def test_of_one_task_is_its_own(self) -> None:
        task = score([1.0] * 7 + [0.0] * 3)
        assert suite_score([task]) == task

    def test_of_like_tasks_is_narrower_by_the_root_of_their_number(self) -> None:
        task = score([1.0] * 50 + [0.0] * 50)
        found = suite_score([task] * 4)
        half = float(task.high) - float(task.value)
        assert float(found.high) - 0.5 == pytest.approx(half / 2, abs=1e-5)

    def test_of_perfect_tasks_still_has_a_lower_end(self) -> None:
        assert float(suite_score([score([1.0] * 10)] * 2).low) < 0.95


class TestSets:
    @pytest.mark.parametrize(
        ("expected", "given", "f1"),
        [("ab", "ab", 1.0), ("ab", "bc", 0.5), ("a", "", 0.0), ("", "a", 0.0), ("", "", 1.0)],
    )
    def test_f1_of_one_item(self, expected: str, given: str, f1: float) -> None:
        assert set_f1(set(expected), set(given)) == f1

    def test_over_all_items_are_as_worked_out_by_hand(self) -> None:
        """a: 1 right, 1 missed, F1 2/3. b: 1 right, 1 too many, F1 2/3. c is given only.

        Micro: 2 right, 2 too many, 1 missed: 4/7.
        """
        found = sets_metrics([{"a"}, {"a", "b"}, set()], [{"a"}, {"b", "c"}, {"b"}])
        assert found["microF1"] == pytest.approx(4 / 7)
        assert found["macroF1"] == pytest.approx(2 / 3)

    def test_over_all_items_are_those_of_scikit_learn(self) -> None:
        from sklearn.metrics import f1_score

        draw = random.Random(3)
        known = [[draw.random() < 0.4 for _ in "abcde"] for _ in range(50)]
        given = [[draw.random() < 0.4 for _ in "abcde"] for _ in range(50)]
        sets = [
            [{m for m, is_in in zip("abcde", row, strict=True) if is_in} for row in rows]
            for rows in (known, given)
        ]
        assert sets_metrics(*sets) == pytest.approx(
            {f"{a}F1": f1_score(known, given, average=a) for a in ("micro", "macro")}
        )

    def test_with_nothing_to_find_are_zero(self) -> None:
        assert sets_metrics([set()], [set()]) == {"microF1": 0.0, "macroF1": 0.0}
        assert sets_metrics([set()], [{"a"}]) == {"microF1": 0.0, "macroF1": 0.0}


class TestBinary:
    def test_are_as_worked_out_by_hand(self) -> None:
        """2 right, 1 too many, 1 missed."""
        found = binary_metrics([True, True, True, False], [True, True, False, True])
        assert found == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3})

    def test_without_any_are_zero(self) -> None:
        assert binary_metrics([True], [False]) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


class TestConfidence:
    def test_figures_are_as_worked_out_by_hand(self) -> None:
        """Of 2 × 2 pairs of a right and a wrong one, the right one is surer in 3."""
        found = confidence_metrics([0.9, 0.6, 0.8, 0.3], [True, True, False, False])
        assert found["auroc"] == pytest.approx(3 / 4)
        assert found["brierScore"] == pytest.approx((0.01 + 0.16 + 0.64 + 0.09) / 4)
        assert found["expectedCalibrationError"] == pytest.approx((0.1 + 0.4 + 0.8 + 0.3) / 4)

    def test_bins_hold_what_is_alike_and_certainty_is_in_the_last(self) -> None:
        """0.95 and 1.0 are one bin: (1 - 0.95) + (0 - 1.0) = -0.95 of 2."""
        found = confidence_metrics([0.95, 1.0], [True, False])
        assert found["expectedCalibrationError"] == pytest.approx(0.95 / 2)

    def test_of_answers_that_are_all_right_have_no_auroc(self) -> None:
        found = confidence_metrics([0.9, 0.8], [True, True])
        assert "auroc" not in found
        assert found["brierScore"] == pytest.approx(0.025)


class TestMacroF1:
    def test_is_the_mean_over_the_labels_that_occur(self) -> None:
        """a: precision 1/2, recall 1, F1 2/3. b: precision 1, recall 1/2, F1 2/3."""
        assert macro_f1(["a", "b", "b"], ["a", "a", "b"]) == pytest.approx(2 / 3)

    def test_counts_an_unanswered_item_as_wrong(self) -> None:
        """a: precision 1, recall 1/2, F1 2/3. b: F1 1."""
        assert macro_f1(["a", "a", "b"], ["a", None, "b"]) == pytest.approx((2 / 3 + 1) / 2)

    def test_does_not_average_over_a_label_that_is_only_given(self) -> None:
        assert macro_f1(["a", "a"], ["a", "z"]) == pytest.approx(2 / 3)
