"""Intervals of gates, against scipy's."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import log
from scipy import stats
from slmeval_decisions.gates.evidence import T_95, Evidence, needed, of_growth, of_times, quantile

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
        asked = needed(Evidence(0.3, 0.3 - 0.62, 0.3 + 0.62, 10), limit)  # sigma 1, ten of them
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
        assert told < needed(few._replace(freedom=float("inf")), limit=0.04, most=200)  # type: ignore[operator]

    def test_is_more_than_there_were(self) -> None:
        assert needed(Evidence(1.0, 0.9, 1.1, 5), 0.0) == 6

    def test_is_not_told_on_the_limit_itself(self) -> None:
        assert needed(Evidence(1.0, 0.9, 1.1, 5), 1.0) is None
        assert needed(Evidence(1.0, 0.9, 1.1, 5), 1.00001) is None
