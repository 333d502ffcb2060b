"""The times of a schedule: cron's words, time zones, changed clocks, and what names no time."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from slmeval_api.schedule import CRON, MACROS, Clock, Schedule

START = datetime(2026, 1, 1, tzinfo=UTC)


def times(cron: str, zone: str, first: str, count: int) -> list[str]:
    """Return the next times after a date, as UTC texts."""
    clock, when, found = Clock(Schedule(cron=cron, time_zone=zone)), instant(first), []
    for _ in range(count):
        when = clock.after(when)
        found.append(when.strftime("%m-%d %H:%M"))
    return found


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestTimes:
    def test_are_those_of_the_five_fields(self) -> None:
        assert times("30 3 * * 1", "Etc/UTC", "2026-11-01", 3) == [
            "11-02 03:30",
            "11-09 03:30",
            "11-16 03:30",
        ]
        assert times("0 6-18/6 1,15 * *", "Etc/UTC", "2026-11-01", 4) == [
            "11-01 06:00",
            "11-01 12:00",
            "11-01 18:00",
            "11-15 06:00",
        ]

    def test_are_of_either_field_of_days_where_both_are_restricted(self) -> None:
        assert times("0 0 13 * FRI", "Etc/UTC", "2026-11-01", 3) == [
            "11-06 00:00",
            "11-13 00:00",
            "11-20 00:00",
        ]

    @pytest.mark.parametrize("macro", sorted(MACROS))
    def test_have_names(self, macro: str) -> None:
        named = times(macro, "Etc/UTC", "2026-11-01", 2)
        assert named == times(MACROS[macro], "Etc/UTC", "2026-11-01", 2)

    def test_follow_the_clock_of_the_zone(self) -> None:
        assert times("0 3 * * *", "Europe/Berlin", "2026-10-24T12:00", 2) == [
            "10-25 02:00",
            "10-26 02:00",
        ]
        assert times("0 3 * * *", "Europe/Berlin", "2026-10-23T12:00", 1) == ["10-24 01:00"]

    def test_that_the_clock_skips_come_as_soon_as_it_has(self) -> None:
        assert times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2) == [
            "03-29 01:00",
            "03-30 00:30",
        ]

    def test_that_come_twice_count_once(self) -> None:
        assert times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2) == [
            "10-25 00:30",
            "10-26 01:30",
        ]
        assert times("30 1 * * *", "America/New_York", "2026-11-01T05:29", 2) == [
            "11-01 05:30",
            "11-02 06:30",
        ]

    def test_of_every_hour_come_in_the_hour_that_is_there_twice_as_well(self) -> None:
        assert times("30 * * * *", "Europe/Berlin", "2026-10-25T00:00", 3) == [
            "10-25 00:30",
            "10-25 01:30",
            "10-25 02:30",
        ]


CRONS = ("30 2 * * *", "*/7 * * * *", "0 1-4 * * *", "15 * 29 2 *", "0 0 1,25 * MON", "@weekly")
ZONES = ("Etc/UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
CHANGES = tuple(
    instant(text) for text in ("2026-03-29T01:00", "2026-10-25T01:00", "2026-11-01T06:00")
)


class TestTheNewestTime:
    @given(
        cron=st.sampled_from(CRONS),
        zone=st.sampled_from(ZONES),
        near=st.sampled_from(CHANGES),
        minutes=st.integers(-400, 400),
        back=st.integers(1, 600),
    )
    def test_is_the_last_that_counting_forward_meets(
        self, cron: str, zone: str, near: datetime, minutes: int, back: int
    ) -> None:
        clock = Clock(Schedule(cron=cron, time_zone=zone))
        until = near + timedelta(minutes=minutes)
        since = until - timedelta(minutes=back)
        met, when = None, clock.after(since)
        while when <= until:
            met, when = when, clock.after(when)
        assert clock.last(since=since, until=until) == met

    def test_after_years_is_found_at_once(self) -> None:
        clock = Clock(Schedule(cron="* * * * *", time_zone="Europe/Berlin"))
        until = datetime(2026, 10, 25, 1, 10, 30, tzinfo=UTC)
        found = clock.last(since=datetime(1990, 1, 1, tzinfo=UTC), until=until)
        assert found == until.replace(second=0)


class TestWhatNamesNoTime:
    @pytest.mark.parametrize(
        "cron",
        ["60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8", "0 0 * *",
         "* * * * * *", "@every 1h", "0 0 L * *", "0 0 * * MON#2", "0 0 * * */0",
         "tomorrow", "TZ=UTC 0 0 * * *"],
    )  # fmt: skip
    def test_is_refused_by_its_form_with_an_example(self, cron: str) -> None:
        with pytest.raises(ValidationError, match=r"five fields.*'0 3 \* \* 1'"):
            Schedule(cron=cron)

    @pytest.mark.parametrize("cron", ["5-2 * * * *", "0 0 31 2 *", "0 0 30 FEB *"])
    def test_is_found_out_by_arithmetic(self, cron: str) -> None:
        with pytest.raises(ValueError, match=rf"spec.schedule.cron: '{re.escape(cron)}' names no"):
            Clock(Schedule(cron=cron))

    def test_is_a_zone_that_nobody_knows(self) -> None:
        with pytest.raises(ValueError, match=r"spec.schedule.timeZone: 'Mars/Olympus'.*IANA"):
            Clock(Schedule(cron="@daily", time_zone="Mars/Olympus"))

    @pytest.mark.parametrize("zone", ["../../etc/passwd", "Europe/", " UTC", ""])
    def test_is_a_zone_of_another_form(self, zone: str) -> None:
        with pytest.raises(ValidationError):
            Schedule(cron="@daily", time_zone=zone)

    @pytest.mark.parametrize("cron", ["0 0 */2 * 1", "0 0 1 * */3"])
    def test_is_what_crons_read_differently(self, cron: str) -> None:
        with pytest.raises(ValueError, match="some crons read as both"):
            Clock(Schedule(cron=cron))

    @pytest.mark.parametrize("cron", ["0 0 * * 1/2", "0 0 * * SUN,MON/3", "0 0 1-7 * 3/4"])
    def test_is_a_step_through_the_week_without_an_end(self, cron: str) -> None:
        with pytest.raises(ValueError, match="Saturday for some crons and Sunday for some"):
            Clock(Schedule(cron=cron))

    @pytest.mark.parametrize("cron", ["10-10/5 0 * * *", "0 0 * * FRI-FRI/2"])
    def test_is_a_step_in_a_range_of_one(self, cron: str) -> None:
        with pytest.raises(ValueError, match="alone and some as all from there on"):
            Clock(Schedule(cron=cron))

    def test_leaves_what_all_read_alike(self) -> None:
        for cron in (
            *("0 0 */2 * *", "0 0 1-31/2 * 1", "*/5 */2 * * *"),
            *("0 0 * * 1-6/2", "0 0 * * */2", "5/10 3/6 1/7 * *", "0-10/5 1-11/2 * * *"),
        ):
            Clock(Schedule(cron=cron))


class TestTheRule:
    def test_can_stand_in_cel_between_quotes(self) -> None:
        assert "'" not in CRON
        assert json.loads(json.dumps(CRON)) == CRON
