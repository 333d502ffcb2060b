"""Statistics, against numbers worked out by hand."""

import math

import pytest
from slmeval_runner.stats import macro_f1, nearest_rank, quantiles, score, variation_percent


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
        found = quantiles([float(n) for n in range(100, 0, -1)])
        assert (found.n, found.p50, found.p90, found.p95, found.p99) == (
            100,
            "50",
            "90",
            "95",
            "99",
        )


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
        found = score(15, 148)
        assert (found.n, found.value) == (148, "0.101351")
        assert float(found.low) == pytest.approx(0.0624, abs=1e-3)
        assert float(found.high) == pytest.approx(0.1605, abs=1e-3)

    def test_of_none_right_still_has_an_upper_end(self) -> None:
        """z²/(n + z²) with z = 1.959964 and n = 10."""
        found = score(0, 10)
        assert (found.value, found.low) == ("0", "0")
        assert float(found.high) == pytest.approx(3.8415 / 13.8415, abs=1e-4)


class TestMacroF1:
    def test_is_the_mean_over_the_labels_that_occur(self) -> None:
        """a: precision 1/2, recall 1, F1 2/3. b: precision 1, recall 1/2, F1 2/3."""
        assert macro_f1(["a", "b", "b"], ["a", "a", "b"]) == pytest.approx(2 / 3)

    def test_counts_an_unanswered_item_as_wrong(self) -> None:
        """a: precision 1, recall 1/2, F1 2/3. b: F1 1."""
        assert macro_f1(["a", "a", "b"], ["a", None, "b"]) == pytest.approx((2 / 3 + 1) / 2)

    def test_does_not_average_over_a_label_that_is_only_given(self) -> None:
        assert macro_f1(["a", "a"], ["a", "z"]) == pytest.approx(2 / 3)
