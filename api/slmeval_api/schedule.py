"""When a question is asked again: CronJob's words, and the arithmetic of their times."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from .base import ApiModel, Rule, Text256, Timestamp, demand, rules

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
DAYS = "SUN|MON|TUE|WED|THU|FRI|SAT"


def _field(value: str) -> str:
    """Return the pattern of a field: values, ranges and steps, separated by commas."""
    part = rf"(\*|\?|({value})(-({value}))?)(/[1-9][0-9]?)?"
    return rf"{part}(,{part})*"


_FIELDS = (
    "[0-5]?[0-9]",
    "[01]?[0-9]|2[0-3]",
    "0?[1-9]|[12][0-9]|3[01]",
    f"0?[1-9]|1[0-2]|{MONTHS}",
    f"[0-7]|{DAYS}",
)
CRON = rf"(?i)^({'|'.join(MACROS)}|{' +'.join(_field(value) for value in _FIELDS)})$"
IS_CRON = Rule(
    f"self.cron.matches(r'{CRON}')",
    "cron must be five fields in a CronJob's form, as '0 3 * * 1' for Mondays at three (minute "
    "0-59, hour 0-23, day of month 1-31, month 1-12, day of week 0-7), or one of "
    f"{', '.join(MACROS)}",
    lambda schedule: re.fullmatch(CRON, schedule.cron) is not None,
)
ZONE = r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"
MOST_DAYS = 20 * 366
"""Farther than any time that a cron names: February the 29th is eight years away at most."""


class Schedule(ApiModel):
    """When the question is asked again. The words are those of a Kubernetes CronJob."""

    model_config = ConfigDict(json_schema_extra=rules(IS_CRON))

    cron: Annotated[str, StringConstraints(min_length=1, max_length=180)] = Field(
        description=(
            "Minute, hour, day of month, month and day of week, as in a CronJob's schedule, or "
            "@hourly, @daily, @weekly, @monthly, @yearly. Where both fields of days are "
            "restricted, one of them is enough."
        )
    )
    time_zone: Annotated[str, StringConstraints(pattern=ZONE, max_length=64)] = Field(
        default="Etc/UTC",
        description=(
            "Name in the IANA time zone database, as Europe/Berlin. A time that the clock skips in "
            "spring comes as soon as it has; one that comes twice in autumn counts once. Where "
            "minute or hour begin with *, times count as often as the clock shows them. Default "
            "Etc/UTC."
        ),
    )
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = Field(
        default="Forbid",
        description=(
            "What happens when a run is on its way at that time. Forbid: the new one starts after "
            "it, if startingDeadlineSeconds is not over by then. Replace: it is stopped. Allow: "
            "both go on, and take turns on a pool. Default Forbid."
        ),
    )
    starting_deadline_seconds: Annotated[int, Field(ge=10, le=31_536_000)] | None = Field(
        default=None,
        description=(
            "How late a run may start, because the operator was down or a run was on its way. "
            "Later than that it is left out. Left out: any time. However many times were missed, "
            "one run makes up for them."
        ),
    )
    suspend: bool = Field(
        default=False,
        description=(
            "True: no run starts by the schedule; those that are on their way go on. False: one "
            "run makes up for the times that have passed, unless one of the same question has "
            "begun since or is on its way. Default false."
        ),
    )
    successful_runs_history_limit: Annotated[int, Field(ge=0, le=100)] = Field(
        default=3,
        description=(
            "Runs that succeeded and are kept, with their trials, whatever started them. The "
            "newest run is always kept. Default 3, also without a schedule."
        ),
    )
    failed_runs_history_limit: Annotated[int, Field(ge=0, le=100)] = Field(
        default=1,
        description=(
            "The same for runs that failed or were stopped. Default 1, also without a schedule."
        ),
    )

    @model_validator(mode="after")
    def _rules(self) -> "Schedule":
        return demand(self, IS_CRON)

    @property
    def text(self) -> str:
        """Which times it names: equal for equal ones."""
        return f"{self.cron} {self.time_zone}"


class ScheduleStatus(ApiModel):
    """Where the schedule stands."""

    schedule: Text256 | None = Field(
        default=None, description="The cron and time zone that these times are of."
    )
    since: Timestamp | None = Field(
        default=None, description="Times of that schedule count from then on."
    )
    last_schedule_time: Timestamp | None = Field(
        default=None, description="The newest time that a run was started for."
    )
    last_missed_time: Timestamp | None = Field(
        default=None, description="The newest time that passed by its startingDeadlineSeconds."
    )
    next_schedule_time: Timestamp | None = Field(
        default=None, description="The next time. Absent while the schedule is suspended."
    )


class Clock:
    """The times of a schedule. All are in UTC, whole seconds.

    cronsim reads the fields and no more: where a clock is changed, its own steps may never end.
    """

    def __init__(self, schedule: Schedule) -> None:
        """Take the schedule.

        Raises:
            ValueError: it has no times; the text names the field and says what to do.

        """
        try:
            self._zone = ZoneInfo(schedule.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"spec.schedule.timeZone: {schedule.time_zone!r} is not in the IANA time zone "
                "database: name one as Europe/Berlin or Etc/UTC."
            ) from error
        cron = MACROS.get(schedule.cron.lower(), schedule.cron).replace("?", "*")
        _refuse_ambiguous(cron)
        try:
            fields = CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(
                f"spec.schedule.cron: {schedule.cron!r} names no time ({error}): write five "
                "fields, as '0 3 * * 1' for Mondays at three, with ranges that go up and days "
                "that exist."
            ) from error
        self._months, self._is_day = fields.months, fields.match_day
        self._times = [time(h, m) for h in sorted(fields.hours) for m in sorted(fields.minutes)]
        self._follows = any(field.startswith("*") for field in cron.split()[:2])
        """Whether a time counts as often as the clock shows it: once, twice or never."""

    def after(self, when: datetime) -> datetime:
        """Return the first time after `when`."""
        first = [next((t for t in times if t > when), None) for times in self._around(when, 1)]
        return min(t for t in first if t is not None)

    def last(self, *, since: datetime, until: datetime) -> datetime | None:
        """Return the newest time after `since` and not after `until`; None: there is none."""
        newest = [next((t for t in times if t <= until), None) for times in self._around(until, -1)]
        return max((t for t in newest if t is not None and t > since), default=None)

    def _around(self, when: datetime, step: Literal[1, -1]) -> Iterator[Iterator[datetime]]:
        """Yield the times from `when` or a little before it, forward (1) or backward (-1).

        Those of what the clock shows a second time come apart, so that both are in order.
        """
        shown = self._shown(when)
        repeated = self._instant(shown, fold=1) - self._instant(shown, fold=0)
        for fold in (0, 1) if self._follows else (0,):
            named = self._named(shown - step * repeated, step)
            counted = (self._counted(one, fold) for one in named)
            yield (t for t in counted if t is not None)

    def _named(self, start: datetime, step: Literal[1, -1]) -> Iterator[datetime]:
        """Yield what the fields name on a clock that nobody changes, from `start` on, in order."""
        for days in range(MOST_DAYS):
            day = start.date() + timedelta(days=step * days)
            if day.month in self._months and self._is_day(day):
                named = (datetime.combine(day, one) for one in self._times[::step])
                yield from (t for t in named if days or (t - start) * step >= timedelta())

    def _counted(self, shown: datetime, fold: int) -> datetime | None:
        """Return the time that counts for what the clock is to show; None: there is none."""
        instant = self._instant(shown, fold)
        if self._shown(instant) == shown:
            return instant
        return None if self._follows else self._end_of_skip(shown)

    def _end_of_skip(self, shown: datetime) -> datetime:
        """Return when the clock passes by `shown`, which it skips."""
        start = self._instant(shown, fold=1)
        within = range(int((self._instant(shown, fold=0) - start).total_seconds()) + 1)
        seconds = bisect_left(
            within, True, key=lambda s: self._shown(start + timedelta(seconds=s)) > shown
        )
        return start + timedelta(seconds=seconds)

    def _shown(self, when: datetime) -> datetime:
        return when.astimezone(self._zone).replace(tzinfo=None)

    def _instant(self, shown: datetime, fold: int) -> datetime:
        return shown.replace(tzinfo=self._zone, fold=fold).astimezone(UTC)


def _refuse_ambiguous(cron: str) -> None:
    """Return unless implementations of cron disagree about what `cron` means.

    Raises:
        ValueError: they do.

    """
    days = [field for index, field in enumerate(cron.split()) if index in (2, 4)]
    stepped = [field for field in days if field.startswith("*/") and field != "*/1"]
    if stepped and not any(field == "*" for field in days):
        raise ValueError(
            f"spec.schedule.cron: {cron!r} has {stepped[0]!r} in one field of days and restricts "
            "the other, which some crons read as both and some as either. Make one of the two *, "
            "or list the days, as 1-31/2."
        )
    weekdays = cron.split()[4]
    if start := re.search(r"(?<![\w-])\w+(?=/)", weekdays):
        raise ValueError(
            f"spec.schedule.cron: {cron!r} steps through the week from {start[0]!r} to no end, "
            "which is Saturday for some crons and Sunday for some. Name the last day too, as "
            "1-6/2, or list the days, as 1,3,5."
        )
    if alone := re.search(r"(?<![\w-])(\w+)-\1/[0-9]+", cron):
        raise ValueError(
            f"spec.schedule.cron: {cron!r} has a step in {alone[0]!r}, which some crons read as "
            f"{alone[1]} alone and some as all from there on. Write {alone[1]}, or the last value."
        )
