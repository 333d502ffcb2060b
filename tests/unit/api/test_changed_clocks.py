"""The times of a schedule where clocks are changed: in every zone, held against each minute."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from slmeval_api.schedule import Clock, Schedule

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
YEARS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)

FOLLOWING: dict[str, Callable[[datetime], bool]] = {
    "0 * * * SAT": lambda t: t.minute == 0 and t.weekday() == 5,
    "0 */2 * * *": lambda t: t.minute == 0 and t.hour % 2 == 0,
    "* 3 * * *": lambda t: t.hour == 3,
    "0 * 1-28 * *": lambda t: t.minute == 0 and t.day <= 28,
}
"""What counts as often as the clock shows it."""
ONCE: dict[str, Callable[[datetime], bool]] = {
    "30 2 * * *": lambda t: (t.hour, t.minute) == (2, 30),
    "0,45 0-3,23 * * *": lambda t: t.minute in (0, 45) and t.hour in (0, 1, 2, 3, 23),
}
"""What counts once a day, also if the clock skips it or shows it twice."""


def shown(when: datetime, zone: ZoneInfo) -> datetime:
    return when.astimezone(zone).replace(tzinfo=None)


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the first minute after each change of the clock."""
    when, end = YEARS
    while when < end:
        later = when + 7 * DAY
        if shown(later, zone) - shown(when, zone) != 7 * DAY:
            low, high = when, later
            while high - low > MINUTE:
                middle = low + (high - low) // MINUTE // 2 * MINUTE
                if shown(middle, zone) - shown(when, zone) == middle - when:
                    low = middle
                else:
                    high = middle
            yield high
        when = later


def alike() -> dict[tuple[tuple[datetime, datetime], ...], str]:
    """Return a zone for each way in which clocks are changed: what they show before and after."""
    found = {}
    for name in sorted(available_timezones() - {"Factory", "localtime"}):
        zone = ZoneInfo(name)
        key = tuple((shown(t - MINUTE, zone), shown(t, zone)) for t in changes(zone))
        found[key] = name
    return found


def by_each_minute(cron: str, zone: ZoneInfo, minutes: list[datetime]) -> list[datetime]:
    """Return the times among `minutes`, but for the first, by looking at the clock at each."""
    found = []
    for (_, before), (when, now) in pairwise((m, m.astimezone(zone)) for m in minutes):
        if cron in FOLLOWING:
            counts = FOLLOWING[cron](now.replace(tzinfo=None))
        else:
            passed = now.replace(tzinfo=None) - before.replace(tzinfo=None)
            ago = [n * MINUTE for n in range(passed // MINUTE)]  # empty if it was put back
            counts = not now.fold and any(ONCE[cron](now.replace(tzinfo=None) - n) for n in ago)
        if counts:
            found.append(when)
    return found


ZONES = alike()


@pytest.mark.parametrize("name", ZONES.values())
def test_times_are_those_that_a_look_at_the_clock_each_minute_finds(name: str) -> None:
    zone = ZoneInfo(name)
    for change in changes(zone):
        minutes = [change + n * MINUTE for n in range(-5 * 60, 25 * 60)]
        start, end = minutes[0], minutes[-1]
        for cron in (*FOLLOWING, *ONCE):
            clock = Clock(Schedule(cron=cron, time_zone=name))
            there = by_each_minute(cron, zone, minutes)
            forward, when = [], clock.after(start)
            while when <= end:
                forward.append(when)
                when = clock.after(when)
            assert forward == there, (cron, change)
            backward, until = [], end
            while (newest := clock.last(since=start, until=until)) is not None:
                backward.append(newest)
                until = newest - timedelta(seconds=1)
            assert backward[::-1] == there, (cron, change)


def test_every_zone_that_changes_its_clock_is_looked_at() -> None:
    assert len(ZONES) > 15
    assert sum(len(change) for change in ZONES) > 80


@pytest.mark.parametrize(
    ("cron", "zone", "when", "comes"),
    [
        ("0 * * * SAT", "America/Nuuk", "2027-03-28T04:01", "2027-04-03T01:00"),
        ("* 3 * * *", "Pacific/Chatham", "2027-04-03T14:01", "2027-04-03T14:15"),
        ("0 0 * * *", "Pacific/Apia", "2011-12-29T10:01", "2011-12-30T10:00"),
        ("30 23 28 2 *", "Etc/UTC", "2026-03-01T00:00", "2027-02-28T23:30"),
        ("0 0 29 2 *", "Etc/UTC", "2096-02-29T00:00", "2104-02-29T00:00"),
    ],
)
def test_the_next_time_is_found_however_far_it_is(
    cron: str, zone: str, when: str, comes: str
) -> None:
    clock = Clock(Schedule(cron=cron, time_zone=zone))
    start, next_time = (datetime.fromisoformat(t).replace(tzinfo=UTC) for t in (when, comes))
    assert clock.after(start) == next_time
    assert clock.last(since=start, until=next_time) == next_time
    assert clock.last(since=start, until=next_time - MINUTE) is None
