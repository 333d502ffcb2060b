"""Where an evaluation's schedule stands: which of its times is due, by CronJob's rules. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slmeval_api.conditions import Reason, has_ended
from slmeval_api.evaluation import Evaluation
from slmeval_api.run import Run
from slmeval_api.schedule import Clock, Schedule, ScheduleStatus

from .conditions import timestamp
from .observed import instant
from .question import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times of a schedule that matter now."""

    schedule: Schedule
    since: datetime
    """Earlier ones do not count: nobody had seen this schedule."""
    last: datetime | None
    """The newest that a run was started for."""
    missed: datetime | None
    """The newest that passed by its startingDeadlineSeconds."""
    due: datetime | None
    """The newest that has come, and that a run may still be started for."""
    next: datetime | None
    """The first that is still to come; None: the schedule is suspended."""

    @property
    def status(self) -> ScheduleStatus:
        """What is stored of it."""
        return ScheduleStatus(
            schedule=self.schedule.text,
            since=timestamp(self.since),
            last_schedule_time=timestamp(self.last) if self.last else None,
            last_missed_time=timestamp(self.missed) if self.missed else None,
            next_schedule_time=timestamp(self.next) if self.next else None,
        )


def times_of(
    evaluation: Evaluation, runs: Sequence[Run], *, current: Run | None, now: datetime
) -> Times | Problem | None:
    """Return the times of the schedule, or why it names none; None: there is no schedule.

    Args:
        evaluation: with what was stored of its schedule.
        runs: its runs; each says which time it was started for.
        current: the one that asks what the evaluation asks now; None: it is still to be made.
        now: the time.

    """
    schedule, stored = evaluation.spec.schedule, evaluation.status.schedule
    if schedule is None:
        return None
    try:
        clock = Clock(schedule)
    except ValueError as error:
        return Problem(reason=Reason.INVALID_SCHEDULE, message=str(error))
    since = _since(evaluation, schedule, now)
    started = [instant(r.spec.trigger.scheduled_time) for r in runs]
    last = _newest(instant(stored.last_schedule_time) if stored else None, *started)
    missed = instant(stored.last_missed_time) if stored else None
    if schedule.suspend or evaluation.spec.suspend:
        return Times(schedule=schedule, since=since, last=last, missed=missed, due=None, next=None)
    if _is_resumed(evaluation, schedule) and current and not has_ended(current.status.conditions):
        since = now  # it measures from now on, and so answers what passed meanwhile
    asked = instant(current.meta.created) if current else None
    answered = _newest(since, last, missed, asked) or since
    due = clock.last(since=answered, until=now) if answered < now else None
    late = schedule.starting_deadline_seconds
    if due is not None and late is not None and now - due > timedelta(seconds=late):
        missed, due = due, None
    return Times(
        schedule=schedule, since=since, last=last, missed=missed, due=due, next=clock.after(now)
    )


def _since(evaluation: Evaluation, schedule: Schedule, now: datetime) -> datetime:
    """Return from when on the schedule's times count.

    That of a new evaluation counts from its creation, as a CronJob's does. One that was added or
    changed later counts from when it was first seen: else it would begin with a time of last week.
    """
    stored = evaluation.status.schedule
    if stored is not None and stored.schedule == schedule.text:
        return instant(stored.since) or now
    is_new = evaluation.status.observed_generation == 0
    return (instant(evaluation.meta.created) if is_new else None) or now


def _is_resumed(evaluation: Evaluation, schedule: Schedule) -> bool:
    """Return whether the schedule was suspended when it was last looked at."""
    stored = evaluation.status.schedule
    if stored is None or stored.schedule != schedule.text:
        return False
    return stored.next_schedule_time is None


def _newest(*times: datetime | None) -> datetime | None:
    return max((t for t in times if t is not None), default=None)
