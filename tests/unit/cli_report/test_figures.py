"""Numbers for people: digits, units, and what None stays."""

from decimal import Decimal

import pytest
from slmeval_api.result import Score
from slmeval_cli.report.figures import (
    asked,
    decimals,
    fixed,
    gib,
    interval,
    listed,
    milliseconds,
    moment,
    p_value,
    score,
    score_decimals,
    significant,
    speed,
)


def a_score(value: str, low: str, high: str) -> Score:
    return Score(value=value, low=low, high=high, n=200)


class TestDigitsFollowTheUncertainty:
    @pytest.mark.parametrize(
        ("half", "places"),
        [
            ("0.0354", 3),  # two digits of 354
            ("0.0356", 2),  # one digit of 356
            ("0.0999", 2),
            ("0.1", 2),
            ("0.5", 1),
            ("35", 0),
            ("40", -1),
        ],
    )
    def test_by_the_rule_of_the_particle_data_group(self, half: str, places: int) -> None:
        assert decimals(Decimal(half)) == places

    def test_a_column_has_the_decimals_of_its_least_sure_score(self) -> None:
        sure, unsure = a_score("0.9", "0.88", "0.92"), a_score("0.5", "0.43", "0.57")
        assert score_decimals([sure, None, unsure]) == 2
        assert score_decimals([sure]) == 3

    def test_a_score_without_any_spread_has_three_decimals_and_no_more(self) -> None:
        assert score_decimals([a_score("1", "1", "1")]) == 3
        assert score_decimals([]) == 3

    def test_a_score_and_its_interval(self) -> None:
        value = a_score("0.731481", "0.664", "0.7899")
        assert score(value, 2) == "0.73"
        assert interval(value, 2) == "0.66 to 0.79"

    @pytest.mark.parametrize(
        ("variation", "text"),
        [(None, "41.3"), ("0.1", "41.3"), ("0", "41.3"), ("12.9", "41"), ("60", "41")],
    )
    def test_a_speed_has_two_digits_when_its_repetitions_differ(
        self, variation: str | None, text: str
    ) -> None:
        assert speed("41.273", variation) == text


class TestNotMeasuredIsNotZero:
    def test_none_stays_none_everywhere(self) -> None:
        assert significant(None) is None
        assert speed(None, "1") is None
        assert score(None, 2) is None
        assert interval(None, 2) is None
        assert milliseconds(None) is None
        assert gib(None) is None
        assert moment(None) is None
        assert asked(None) is None

    def test_zero_is_zero(self) -> None:
        assert significant("0.000") == "0"
        assert speed("0", "3") == "0"


class TestTextsOfNumbers:
    @pytest.mark.parametrize(
        ("figure", "text"),
        [("66345.2", "66,300"), ("108.4", "108"), ("0.0123456", "0.0123"), ("999.9", "1,000")],
    )
    def test_three_significant_digits(self, figure: str, text: str) -> None:
        assert significant(figure) == text

    def test_there_is_no_negative_zero(self) -> None:
        assert fixed("-0.001", 2) == "0.00"
        assert fixed("-0.018", 3) == "-0.018"

    def test_what_was_set_stands_as_it_was_written(self) -> None:
        assert asked("16.0") == "16"
        assert asked("1000") == "1,000"
        assert asked("11.313708") == "11.3"

    def test_units_are_converted(self) -> None:
        assert milliseconds("0.04187") == "41.9"
        assert gib(80 * 2**30) == "80.0"

    def test_small_probabilities_are_bounded_and_not_zero(self) -> None:
        assert p_value("0.000000001") == "< 0.001"
        assert p_value("0.0421") == "0.042"

    def test_times_have_their_zone(self) -> None:
        assert moment("2026-11-02T08:41:30Z") == "2026-11-02 08:41 UTC"

    def test_lists(self) -> None:
        assert listed([]) == ""
        assert listed(["a"]) == "a"
        assert listed(["a", "b", "c"]) == "a, b and c"
