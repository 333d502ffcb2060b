"""A month of a schedule on a clock that is turned by hand, against CronJob's rules told anew."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slmeval_api.conditions import Reason
from unit.operator.stage import Stage
from unit.operator.worlds import NOW

HOUR = timedelta(hours=1)
MONTH = 30 * 24
"""Hours."""
EVERY_DAY_AT_THREE = "0 3 * * *"


@dataclass(frozen=True)
class Month:
    """What happens in it. Hours count from NOW, when the evaluation is made."""

    policy: str = "Forbid"
    deadline_hours: int | None = None
    run_hours: int = 2
    """How long each run takes."""
    outages: tuple[range, ...] = ()
    """Hours at which the operator is down."""
    paused: range = range(0)
    """Hours at which the schedule is suspended."""

    def is_up(self, hour: int) -> bool:
        return not any(hour in outage for outage in self.outages)


def daily(month: Month) -> list[datetime]:
    """Return the times of EVERY_DAY_AT_THREE: counted by hand, with no library."""
    hours = [NOW + HOUR * hour for hour in range(1, MONTH + 1)]
    return [when for when in hours if when.hour == 3]


def by_the_rules(month: Month) -> list[tuple[int, datetime]]:
    """Return at which hour which time starts a run, by the documented rules of a CronJob.

    The run of the evaluation's first hour is not the schedule's, and is in the way like any other.
    """
    started, last = list[tuple[int, datetime]](), NOW
    ends = [month.run_hours]
    for hour in range(1, MONTH + 1):
        if not month.is_up(hour) or hour in month.paused:
            continue
        now = NOW + HOUR * hour
        earliest = last
        if month.deadline_hours is not None:
            earliest = max(last, now - HOUR * month.deadline_hours - timedelta(seconds=1))
        open_times = [t for t in daily(month) if earliest < t <= now]
        if month.paused and hour == month.paused.stop and any(end > hour for end in ends):
            last = now  # not CronJob's rule: the run that is on its way stands for them
            continue
        if not open_times:
            continue
        if month.policy == "Forbid" and any(end > hour for end in ends):
            continue
        if month.policy == "Replace":
            ends = [min(end, hour) for end in ends]
        last = open_times[-1]
        started.append((hour, last))
        ends.append(hour + month.run_hours)
    return started


@dataclass
class Calendar:
    """Plays a month on a stage and notes which runs were started for which times."""

    month: Month
    stage: Stage
    started: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)

    async def play(self) -> list[tuple[int, datetime]]:
        await self._look(0)
        for hour in range(1, MONTH + 1):
            self.stage.wait(3600)
            self._pause(hour)
            self._measure(hour)
            if not self.month.is_up(hour):
                continue
            if not self.month.is_up(hour - 1):
                self.stage.boot()
            await self._look(hour)
        return list(self.started.values())

    def _pause(self, hour: int) -> None:
        for edge, is_paused in ((self.month.paused.start, True), (self.month.paused.stop, False)):
            if self.month.paused and hour == edge:
                schedule = self.stage.evaluation.spec.schedule
                assert schedule is not None
                self.stage.edit(schedule=schedule.to_json_data() | {"suspend": is_paused})

    def _measure(self, hour: int) -> None:
        """Let the runner finish the runs that are old enough; it needs no operator."""
        for trial in self.stage.api.of("slmtrials"):
            run = trial["spec"]["run"]
            is_done = hour - self.ages.get(run, hour) >= self.month.run_hours
            if is_done and "result" not in trial["status"]:
                self.stage.measure(trial["metadata"]["name"])
                for job in self.stage.rayjobs:
                    if job.startswith(run):
                        self.stage.kuberay.end(job)
        self.stage.kuberay.step()
        self.stage.kuberay.step()

    async def _look(self, hour: int) -> None:
        self.stage.hear()
        await self.stage.settle()
        for run in self.stage.api.of("slmruns"):
            name, trigger = run["metadata"]["name"], run["spec"]["trigger"]
            self.ages.setdefault(name, hour)
            if trigger["reason"] == "Scheduled" and name not in self.started:
                self.started[name] = hour, datetime.fromisoformat(trigger["scheduledTime"])


async def played(month: Month) -> tuple[Stage, list[tuple[int, datetime]]]:
    schedule: dict[str, Any] = {"cron": EVERY_DAY_AT_THREE, "concurrencyPolicy": month.policy}
    if month.deadline_hours is not None:
        schedule["startingDeadlineSeconds"] = month.deadline_hours * 3600
    stage = Stage(schedule=schedule, deadlineSeconds=7 * 24 * 3600)
    return stage, await Calendar(month, stage).play()


MONTHS = {
    "quiet": Month(),
    "an outage over three times": Month(outages=(range(100, 170),)),
    "an outage with a deadline": Month(outages=(range(100, 170),), deadline_hours=4),
    "an outage that ends within the deadline": Month(outages=(range(100, 113),), deadline_hours=4),
    "runs of thirty hours wait for each other": Month(run_hours=30),
    "runs of thirty hours, and a deadline": Month(run_hours=30, deadline_hours=2),
    "runs of thirty hours replace each other": Month(run_hours=30, policy="Replace"),
    "runs of thirty hours beside each other": Month(run_hours=30, policy="Allow"),
    "a week of pause is made up for once": Month(paused=range(200, 368)),
    "a pause ends while a run is on its way": Month(paused=range(62, 89), run_hours=30),
    "two outages and a pause": Month(
        outages=(range(30, 60), range(300, 420)), paused=range(100, 200), run_hours=5
    ),
}


class TestAMonth:
    @pytest.mark.parametrize("name", list(MONTHS))
    async def test_has_the_runs_that_the_rules_of_cronjob_give(self, name: str) -> None:
        month = MONTHS[name]
        stage, started = await played(month)
        assert started == by_the_rules(month)
        assert len(started) >= 10  # it is a month
        assert stage.kuberay.most_at_work == 1

    @given(
        policy=st.sampled_from(["Forbid", "Replace"]),
        deadline_hours=st.sampled_from([None, 1, 6, 30]),
        run_hours=st.integers(1, 40),
        outage=st.tuples(st.integers(2, 600), st.integers(1, 90)),
    )
    @settings(
        max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    async def test_also_one_that_nobody_thought_of(
        self, policy: str, deadline_hours: int | None, run_hours: int, outage: tuple[int, int]
    ) -> None:
        down = range(outage[0], outage[0] + outage[1])
        month = Month(policy, deadline_hours, run_hours, (down,))
        _, started = await played(month)
        assert started == by_the_rules(month)

    async def test_keeps_the_history_that_is_asked_for(self) -> None:
        stage, started = await played(Month())
        assert len(stage.runs) == 3
        numbers = [run.spec.number for run in stage.runs]
        assert numbers == [len(started) - 1, len(started), len(started) + 1]
        assert {t.spec.run for t in stage.trials.values()} == {r.meta.name for r in stage.runs}
        assert stage.reason == Reason.MEASURED
