"""Intervals of gates, against scipy's."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import log
from scipy import stats
from slmeval_decisions.gates.evidence import (
    NORMAL_95,
    T_80,
    T_95,
    needed,
    needed_in_both,
    of_growth,
    of_interval,
    of_times,
    quantile,
)

TIMES = st.lists(st.floats(0.01, 100), min_size=2, max_size=20)


class TestStudentsT:
    def test_is_that_of_tables(self) -> None:
        wanted = [stats.t.ppf(0.975, freedom) for freedom in range(1, len(T_95) + 1)]
        assert pytest.approx(wanted, abs=0.0005) == list(T_95)

    def test_between_two_degrees_is_the_wider_one(self) -> None:
        assert quantile(3.99) == quantile(3)
        assert (quantile(0.2), quantile(1e9)) == (T_95[0], T_95[-1])


class TestOneRun:
    @given(TIMES)
    def test_has_the_interval_of_a_mean_of_logarithms(self, times: list[float]) -> None:
        found = of_times(times)
        assert found is not None
        logs = log(times)
        assert found.value == pytest.approx(logs.mean())
        half = stats.t.ppf(0.975, len(times) - 1) * stats.sem(logs)
        assert found.high - found.value == pytest.approx(half, rel=1e-3, abs=1e-9)
        assert found.n == len(times)

    def test_of_one_repetition_has_none(self) -> None:
        assert of_times([1.0]) is None


class TestTwoRuns:
    @given(TIMES, TIMES)
    def test_have_welchs_interval_or_a_little_more(
        self, before: list[float], after: list[float]
    ) -> None:
        found = of_growth(before, after)
        assert found is not None
        assert found.value == pytest.approx(log(after).mean() - log(before).mean(), abs=1e-9)
        if min(log(before).std(), log(after).std()) < 1e-6:
            return  # scipy warns of lost digits
        wanted = stats.ttest_ind(log(after), log(before), equal_var=False)
        low, high = wanted.confidence_interval(0.95)
        assert found.low <= low + 1e-3 * (high - low)
        assert found.high >= high - 1e-3 * (high - low)

    def test_that_are_equal_in_all_repetitions_differ_by_nothing(self) -> None:
        found = of_growth([2.0, 2.0], [2.0, 2.0])
        assert found is not None
        assert found[:4] == (0.0, 0.0, 0.0, 2)

    def test_of_which_one_has_one_repetition_tell_nothing(self) -> None:
        assert of_growth([1.0, 1.1], [1.0]) is None


class TestTheNumberThatIsNeeded:
    def test_tells_in_four_of_five_runs(self) -> None:
        rng = random.Random(3)
        limit, sigma = 0.0, 1.0
        asked = needed(of_interval(0.3, 0.3 - 0.62, 0.3 + 0.62, 10), limit)  # sigma 1, ten of them
        assert asked is not None
        told = 0
        for _ in range(500):
            values = [rng.gauss(0.3, sigma) for _ in range(asked)]
            mean = sum(values) / asked
            told += mean - 1.96 * sigma / asked**0.5 > limit
        assert 0.75 <= told / 500 <= 0.86

    def test_of_repetitions_knows_that_more_of_them_are_surer_of_their_spread(self) -> None:
        few = of_times([1.0, 1.02, 0.98])
        assert few is not None
        told = needed(few, limit=0.04, most=20)
        assert told is not None
        alike = needed(of_interval(*few[:4]), limit=0.04, most=200)
        assert alike is not None
        assert told < alike

    def test_is_more_than_there_were(self) -> None:
        assert needed(of_interval(1.0, 0.9, 1.1, 5), 0.0) == 6

    def test_is_not_told_on_the_limit_itself(self) -> None:
        assert needed(of_interval(1.0, 0.9, 1.1, 5), 1.0) is None
        assert needed(of_interval(1.0, 0.9, 1.1, 5), 1.00001) is None

    def test_is_by_the_side_of_the_interval_that_faces_the_limit(self) -> None:
        def above(low: float) -> int | None:
            return needed(of_interval(0.9, low, 0.92, 100), 0.85)

        near, far = above(0.84), above(0.7)
        assert near is not None
        assert far is not None
        assert near < far


class TestTheNumberThatIsNeededOfTwoRuns:
    STEADY, UNSTEADY = (2.0, 2.01, 1.99), (2.0, 2.09, 1.91)
    LIMIT = 0.05

    def test_is_of_the_later_one_the_earlier_one_being_what_it_is(self) -> None:
        found = of_growth(self.STEADY, self.UNSTEADY)
        assert found is not None
        n = needed(found, self.LIMIT, most=20)
        assert n is not None
        spreads = [log(times).var(ddof=1) for times in (self.STEADY, self.UNSTEADY)]
        squares = spreads[0] / 3, spreads[1] / n
        freedom = sum(squares) ** 2 / (squares[0] ** 2 / 2 + squares[1] ** 2 / (n - 1))
        half = quantile(freedom) * sum(squares) ** 0.5
        assert found.value + half + T_80 * squares[1] ** 0.5 <= self.LIMIT
        assert found.outlook(n - 1).high + T_80 * (spreads[1] / (n - 1)) ** 0.5 > self.LIMIT

    def test_is_none_where_the_earlier_one_alone_is_too_unsure(self) -> None:
        found = of_growth(self.UNSTEADY, self.STEADY)
        assert found is not None
        assert needed(found, self.LIMIT, most=20) is None
        both = needed_in_both(found, self.LIMIT, most=20)
        assert both is not None
        assert 3 < both < 20

    def test_is_none_of_both_for_what_is_of_one_run(self) -> None:
        assert needed_in_both(of_interval(1.0, 0.9, 1.1, 5), 0.95) is None


class TestAnIntervalOfMoreObservations:
    def test_has_quarter_the_number_at_twice_the_width(self) -> None:
        assert of_interval(0.5, 0.3, 0.6, 100).outlook(400) == pytest.approx(
            (0.4, 0.55, 0.15 / NORMAL_95 / 2)
        )

    @given(TIMES, TIMES)
    def test_of_the_number_that_there_is_is_the_one_that_there_is(
        self, before: list[float], after: list[float]
    ) -> None:
        for found in (of_times(after), of_growth(before, after)):
            assert found is not None
            assert found.outlook(found.n)[:2] == (found.low, found.high)
