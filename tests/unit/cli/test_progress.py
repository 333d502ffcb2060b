"""Where an evaluation stands, and the time left, worked out by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_status import progress, result
from cli_builders import (
    BROKEN,
    BUSY,
    DONE,
    STUCK,
    a_stored_trial,
    a_verdict,
    conditions,
    gated,
    measured,
    stored,
)
from slmeval_cli.answer import Answer, Name
from slmeval_cli.exits import ExitCode
from slmeval_cli.progress import (
    End,
    counts_of,
    elapsed_s,
    end_of,
    headline,
    time_left_s,
    trials_of,
)
from slmeval_cli.reading import read_bodies

Json = dict[str, Any]
START = datetime(2026, 11, 1, tzinfo=UTC)


def answer_of(*trials: Json, **standing: Any) -> Answer:
    return read_bodies(Name("team", "demo"), stored(*trials, **standing)).answer


def stamp(second: int) -> str:
    return (START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ended(model: str, begin: int, end: int, *, pool: str = "gpu", **words: Any) -> Json:
    times = result(startedAt=stamp(begin), completedAt=stamp(end))
    return a_stored_trial(model, pool, result=times, **words)


def running(
    model: str, stage: str = "Measuring", *, pool: str = "gpu", reason: str = "Running"
) -> Json:
    return a_stored_trial(model, pool, states=BUSY, reason=reason, progress=progress(stage))


def waiting(model: str, *, pool: str = "gpu") -> Json:
    return a_stored_trial(model, pool, states=BUSY, reason="Pending", message="Its turn comes.")


def left(*trials: Json, at: int) -> float | None:
    return time_left_s(answer_of(*trials), START + timedelta(seconds=at))


class TestTimeLeft:
    def test_is_unknown_until_a_trial_of_the_pool_was_measured(self) -> None:
        assert left(running("a"), waiting("b"), at=50) is None

    def test_one_after_the_other(self) -> None:
        """100 s each, two to come, 30 s since the last end: 170 s."""
        assert left(ended("a", 0, 100), running("b"), waiting("c"), at=130) == 170

    def test_several_at_a_time_go_in_rounds(self) -> None:
        """100 s each; three to come, two at a time: two rounds."""
        trials = [ended("a", 0, 100), running("b"), running("c"), waiting("d")]
        assert left(*trials, at=100) == 200

    def test_the_mean_counts(self) -> None:
        assert left(ended("a", 0, 100), ended("b", 100, 400), running("c"), at=400) == 200

    def test_the_slowest_pool_counts(self) -> None:
        fast = [ended("a", 0, 10), running("b")]
        slow = [ended("a", 0, 60, pool="slow"), running("b", pool="slow")]
        assert left(*fast, *slow, at=60) == 60

    def test_one_pool_that_is_unknown_makes_all_unknown(self) -> None:
        assert left(ended("a", 0, 10), running("b"), running("a", pool="slow"), at=20) is None

    def test_is_never_below_zero(self) -> None:
        assert left(ended("a", 0, 10), running("b"), at=500) == 0

    def test_is_unknown_while_nothing_is_being_measured(self) -> None:
        assert left(ended("a", 0, 10), waiting("b"), at=20) is None

    def test_a_stale_progress_is_nothing_being_measured(self) -> None:
        assert left(ended("a", 0, 10), running("b", reason="Retrying"), at=20) is None

    def test_after_the_end_there_is_none(self) -> None:
        assert left(ended("a", 0, 10), at=20) is None

    def test_a_trial_that_failed_before_it_began_takes_no_time(self) -> None:
        lost = a_stored_trial("a", states=BROKEN, reason="AttemptsExhausted")
        assert left(lost, running("b"), at=20) is None


class TestHowItStands:
    def test_by_its_conditions(self) -> None:
        ends = {End.OPEN: BUSY, End.STALLED: STUCK, End.SUCCEEDED: DONE, End.FAILED: BROKEN}
        assert {end_of(answer_of(states=states)): states for states in ends.values()} == ends

    def test_a_status_of_an_older_question_is_no_end(self) -> None:
        bodies = stored()
        bodies[0]["metadata"]["generation"] = 2
        assert end_of(read_bodies(Name("team", "demo"), bodies).answer) == End.OPEN

    def test_counts_before_there_are_trials(self) -> None:
        assert (
            counts_of(answer_of(models=[{"name": n, "source": "file:///m"} for n in "ab"])) == "0/2"
        )

    def test_time_stands_still_after_the_end(self) -> None:
        bodies = stored()
        bodies[1]["status"]["completionTime"] = stamp(90)
        answer = read_bodies(Name("team", "demo"), bodies).answer
        assert elapsed_s(answer, START + timedelta(hours=5)) == 90

    def test_in_one_line(self) -> None:
        trials = [ended("a", 0, 100), running("b")]
        answer = answer_of(*trials, states=BUSY, reason="Running", message="Being measured.")
        assert headline(answer, START + timedelta(seconds=120)) == (
            "team/demo: Running: Being measured. | 1/2 ended | 2m00s elapsed | about 1m20s left"
        )


class TestGates:
    @pytest.mark.parametrize(
        ("outcomes", "end", "code"),
        [
            (["Passed"], End.SUCCEEDED, ExitCode.OK),
            (["Passed", "Failed", "Inconclusive"], End.GATED, ExitCode.FAILED),
            (["Passed", "Inconclusive"], End.UNSURE, ExitCode.UNSURE),
        ],
    )
    def test_say_how_a_run_ends_that_was_measured(
        self, outcomes: list[str], end: End, code: ExitCode
    ) -> None:
        bodies = gated(stored(measured("small")), *map(a_verdict, outcomes))
        found = end_of(read_bodies(Name("team", "demo"), bodies).answer)
        assert (found, found.exit_code, found.is_final) == (end, code, True)


class TestARunThatWasAskedForByHand:
    @pytest.mark.parametrize("states", [DONE, BROKEN])
    def test_has_not_ended_before_it_was_started(self, states: dict[str, str]) -> None:
        bodies = stored(measured("small"), states=states)
        bodies[0]["metadata"]["annotations"] = {"slmeval.dev/run-requested-at": "now"}
        assert end_of(read_bodies(Name("team", "demo"), bodies).answer) == End.OPEN
        bodies[0]["status"]["lastHandledRequest"] = "now"
        assert end_of(read_bodies(Name("team", "demo"), bodies).answer) != End.OPEN

    def test_and_cannot_be_started_is_stalled(self) -> None:
        bodies = stored(measured("small"), states=STUCK)
        bodies[0]["metadata"]["annotations"] = {"slmeval.dev/run-requested-at": "now"}
        assert end_of(read_bodies(Name("team", "demo"), bodies).answer) == End.STALLED


class TestATrialsLine:
    def test_says_stage_and_part(self) -> None:
        body = running("a")
        body["status"]["progress"] |= {"detail": "chat, repetition 2 of 3", "attempt": 2}
        assert [str(t) for t in trials_of(answer_of(body))] == [
            "a on gpu: Measuring (attempt 2): chat, repetition 2 of 3"
        ]

    def test_of_a_wait_says_why(self) -> None:
        assert [str(t) for t in trials_of(answer_of(waiting("a")))] == [
            "a on gpu: Pending: Its turn comes."
        ]

    def test_of_a_good_end_is_short(self) -> None:
        assert [str(t) for t in trials_of(answer_of(ended("a", 0, 1)))] == ["a on gpu: Measured"]

    def test_before_the_operator_has_looked(self) -> None:
        body = waiting("a")
        body["status"]["conditions"] = conditions({}, "Pending")
        assert [str(t) for t in trials_of(answer_of(body))] == ["a on gpu: Pending"]
