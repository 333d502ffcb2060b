"""When a question is asked again: CronJob's words, and the arithmetic of their times."""

import re
from datetime import UTC, datetime, timedelta
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
HIDDEN_BY_A_CHANGE = timedelta(hours=3)
"""Longer than any clock is put back."""


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
            "spring comes as soon as it has; one that comes twice in autumn counts once, unless "
            "minute or hour begin with *. Default Etc/UTC."
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
            "True: no run starts by the schedule; those that are on their way go on. Default false."
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

    Arithmetic by cronsim, which follows Debian's cron where the clock is changed: what is said of
    `Schedule.time_zone` is its rule.
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
        self._cron = MACROS.get(schedule.cron.lower(), schedule.cron).replace("?", "*")
        _refuse_ambiguous(self._cron)
        try:
            self.after(datetime(2026, 1, 1, tzinfo=UTC))
        except (CronSimError, StopIteration) as error:
            raise ValueError(
                f"spec.schedule.cron: {schedule.cron!r} names no time"
                f"{f' ({error})' if str(error) else ''}: write five fields, as '0 3 * * 1' for "
                "Mondays at three, with ranges that go up and days that exist."
            ) from error

    def after(self, when: datetime) -> datetime:
        """Return the first time after `when`."""
        times = CronSim(self._cron, when.astimezone(self._zone))
        # In the hour that comes twice, cronsim begins with the first of the two.
        return next(t for t in (one.astimezone(UTC) for one in times) if t > when)

    def last(self, *, since: datetime, until: datetime) -> datetime | None:
        """Return the newest time after `since` and not after `until`; None: there is none."""
        # Backwards, cronsim jumps over an hour that comes twice; forward it does not.
        start = (until - HIDDEN_BY_A_CHANGE).astimezone(self._zone)
        before = next(CronSim(self._cron, start, reverse=True)).astimezone(UTC)
        found, time = None, self.after(max(since, before - timedelta(seconds=1)))
        while time <= until:
            found, time = time, self.after(time)
        return found


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
