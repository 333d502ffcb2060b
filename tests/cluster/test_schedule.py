"""Asked again: every minute while the operator is killed, and by hand."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .installation import Installation, evaluation
from .kube import (
    Body,
    apply,
    condition,
    get,
    has_ended,
    items,
    kubectl,
    run,
    wait_ended,
    wait_for,
)

MINUTE = timedelta(minutes=1)
TICKS = 3


def _runs(namespace: str, reason: str) -> list[Body]:
    found = sorted(items("slmruns", namespace), key=lambda one: one["spec"]["number"])
    return [one for one in found if one["spec"]["trigger"]["reason"] == reason]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class TestEveryMinute:
    def test_one_run_for_each_time_though_the_operator_is_killed_between_and_at_them(
        self, operator: Installation, namespace: str
    ) -> None:
        schedule = {
            "cron": "* * * * *",
            "concurrencyPolicy": "Allow",  # else a run that takes more than a minute is in the way
            "successfulRunsHistoryLimit": 20,
        }
        apply(evaluation(namespace, schedule=schedule))
        wait_for("the first run", lambda: _runs(namespace, "Changed"))
        began = datetime.now(UTC)
        while len(_runs(namespace, "Scheduled")) < TICKS:
            # In the middle of a minute, and so late in it that its end finds no operator.
            for second in (25, 57):
                time.sleep((second - datetime.now(UTC).second) % 60)
                operator.kill()
            assert datetime.now(UTC) - began < (TICKS + 2) * MINUTE
        suspended = json.dumps({"spec": {"schedule": {"suspend": True}}})
        kubectl("patch", "slmeval", "demo", "-n", namespace, "--type=merge", "-p", suspended)
        wait_for("the end of the schedule", lambda: self._next(namespace) is None, seconds=60)
        runs = _runs(namespace, "Scheduled")
        times = [_time(one["spec"]["trigger"]["scheduledTime"]) for one in runs]
        assert times == [times[0] + MINUTE * i for i in range(len(times))]
        for one, meant in zip(runs, times, strict=True):
            late = _time(one["metadata"]["creationTimestamp"]) - meant
            assert timedelta(0) <= late < MINUTE
        status = get("slmeval", "demo", namespace)["status"]["schedule"]
        assert _time(status["lastScheduleTime"]) == times[-1]

        wait_for("all runs to end", lambda: all(map(has_ended, items("slmruns", namespace))))
        body = wait_ended("demo", namespace)
        assert condition(body, "Succeeded")["status"] == "True"
        numbers = [one["spec"]["number"] for one in items("slmruns", namespace)]
        assert sorted(numbers) == list(range(1, len(times) + 2))
        trials = items("slmtrials", namespace)
        assert len(trials) == len(numbers)
        assert all("failure" not in trial["status"]["result"] for trial in trials)
        assert len(items("rayjobs", namespace)) == len(numbers)  # no attempt was made twice

    def _next(self, namespace: str) -> str | None:
        found: str | None = get("slmeval", "demo", namespace)["status"]["schedule"].get(
            "nextScheduleTime"
        )
        return found


class TestByHand:
    def test_run_now_measures_the_same_question_again(
        self, installed: Installation, namespace: str
    ) -> None:
        # One run is kept, so that the operator has to forget the other.
        question = evaluation(
            namespace, schedule={"cron": "@yearly", "successfulRunsHistoryLimit": 1}
        )
        apply(question)
        first = wait_ended("demo", namespace)["status"]["currentRun"]["name"]
        slmeval = str(Path(sys.executable).with_name("slmeval"))
        run(slmeval, "run-now", "demo", "-n", namespace)
        run(slmeval, "wait", "demo", "-n", namespace, "--timeout", "5m")
        status = get("slmeval", "demo", namespace)["status"]
        second = status["currentRun"]["name"]
        assert second != first
        assert status["lastSuccessfulRun"]["name"] == second
        wait_for("one run", lambda: len(items("slmruns", namespace)) == 1, seconds=60)
        wait_for("its trial", lambda: len(items("slmtrials", namespace)) == 1, seconds=60)
        # An apply of the same file starts nothing, and takes nothing back.
        apply(question)
        time.sleep(5)
        assert get("slmeval", "demo", namespace)["status"]["currentRun"]["name"] == second
