"""`slmeval watch` and `slmeval wait`: to the end, through broken connections, with exit codes."""

import re
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import pytest
from api_status import progress
from cli_builders import (
    BROKEN,
    BUSY,
    DONE,
    STUCK,
    FakeCluster,
    Ticking,
    a_stored_trial,
    a_verdict,
    gated,
    slmeval,
    stored,
)
from slmeval_cli.answer import Name
from slmeval_cli.calls import Event, Listed
from slmeval_cli.commands.wait import seconds_of
from slmeval_cli.exits import ClusterError, ExitCode, UnreachableError
from slmeval_cli.following import states, until_end
from slmeval_cli.progress import End, end_of
from slmeval_cli.reading import read_bodies
from typer import BadParameter

Json = dict[str, Any]


def at(states: dict[str, str], reason: str = "Running", **trial: Any) -> list[Json]:
    """Return the objects while the one trial stands so."""
    return stored(
        a_stored_trial("small", states=states, reason=reason, **trial), states=states, reason=reason
    )


class Scripted(FakeCluster):
    """A fake whose objects become the next of `scenes` each time that trials are listed.

    The last scene stays, but for what watches change of it; an error at the end stays as well.
    """

    def __init__(self, *scenes: list[Json] | ClusterError) -> None:
        super().__init__(bodies=next(scene for scene in scenes if isinstance(scene, list)))
        self.scenes = list(scenes)

    def listed(self, plural: str, namespace: str | None, selector: str = "") -> Listed:
        if plural == "slmtrials" and self.scenes:
            scene = self.scenes[0]
            if len(self.scenes) > 1 or isinstance(scene, list):
                self.scenes.pop(0)
            if isinstance(scene, ClusterError):
                raise scene
            self.bodies = scene
        return super().listed(plural, namespace, selector)


ONGOING = at(BUSY, progress=progress("Measuring"))
GOOD, BAD = at(DONE, "Measured"), at(BROKEN, "TrialsFailed")


class TestWatchOnAPipe:
    def test_writes_each_change_once_and_ends_with_the_evaluation(self) -> None:
        answer = slmeval("watch", "demo", cluster=Scripted(ONGOING, ONGOING, ONGOING, GOOD))
        assert answer.exit_code == ExitCode.OK
        lines = answer.stdout.splitlines()
        assert lines[:2] == [
            "[10m00s] team/demo: Running: In words. | 0/1 ended | 10m00s elapsed",
            "[10m00s] small on gpu: Measuring",
        ]
        # Which of both comes first is up to the cluster: evaluation and trial are two objects.
        assert {
            "[10m00s] team/demo: Measured: In words. | 1/1 ended | 10m00s elapsed",
            "[10m00s] small on gpu: Measured",
        } <= set(lines[2:])
        assert len(set(lines)) == len(lines)
        assert answer.stderr == "`slmeval results demo` shows what was measured.\n"

    def test_a_failed_end_is_exit_code_1(self) -> None:
        assert slmeval("watch", "demo", cluster=Scripted(ONGOING, BAD)).exit_code == ExitCode.FAILED

    def test_an_evaluation_that_has_ended_already(self) -> None:
        assert slmeval("watch", "demo", cluster=Scripted(GOOD)).exit_code == ExitCode.OK

    def test_a_change_that_a_watch_brings_is_shown(self) -> None:
        cluster = Scripted(ONGOING)
        trial = a_stored_trial("small", states=BUSY, reason="Running", progress=progress("Scoring"))
        cluster.events = {
            "slmtrials": [[Event(False, trial)]],
            "slmevaluations": [[], [], [Event(False, GOOD[0])]],
        }
        answer = slmeval("watch", "demo", cluster=cluster)
        assert "small on gpu: Scoring" in answer.stdout

    def test_no_control_character_of_a_detail_is_written(self) -> None:
        scene = at(BUSY, progress=progress("Measuring") | {"detail": "\x1b[2Jgone\nx"})
        answer = slmeval("watch", "demo", cluster=Scripted(scene, GOOD))
        assert "\x1b" not in answer.output
        assert "Measuring: \N{REPLACEMENT CHARACTER}[2Jgone x" in answer.output


class TestWatchOnATerminal:
    def test_shows_a_table_in_place(self) -> None:
        env = {"FORCE_COLOR": "1", "COLUMNS": "100", "TERM": "xterm"}
        answer = slmeval("watch", "demo", cluster=Scripted(ONGOING, GOOD), env=env)
        assert answer.exit_code == ExitCode.OK
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", answer.stdout)
        assert "MODEL   POOL   STAGE" in text
        assert "Measuring" in text


class TestABrokenConnection:
    def test_is_made_again(self) -> None:
        gone = UnreachableError("The cluster cannot be reached.")
        cluster = Scripted(ONGOING, gone, gone, gone, GOOD)
        assert slmeval("wait", "demo", cluster=cluster).exit_code == ExitCode.OK

    def test_for_two_minutes_and_not_for_ever(self) -> None:
        gone = UnreachableError("The cluster cannot be reached.")
        answer = slmeval("wait", "demo", cluster=Scripted(ONGOING, gone))
        assert (answer.exit_code, answer.stderr) == (
            ExitCode.CLUSTER,
            "Error: The cluster cannot be reached.\n",
        )

    def test_after_a_long_watch_is_made_again_as_well(self) -> None:
        class AnHourLater(Scripted):
            """A fake whose watches take as long as 300 s would, by the clock that it is given."""

            def watched(self, *args: Any, **kwargs: Any) -> Iterator[Event]:
                clock.seconds += 300
                return super().watched(*args, **kwargs)

        clock = Ticking()
        gone = UnreachableError("The cluster cannot be reached.")
        cluster = AnHourLater(ONGOING, ONGOING, gone, GOOD)
        answers = states(cluster, "demo", monotonic=clock, tick_s=0.005)
        with closing(answers):
            assert any(end_of(answer) == End.SUCCEEDED for answer in islice(answers, 400))

    def test_at_the_very_beginning_is_an_error_at_once(self) -> None:
        cluster = FakeCluster(error=UnreachableError("It cannot be reached.", "Check it."))
        answer = slmeval("wait", "demo", cluster=cluster)
        assert (answer.exit_code, len(cluster.calls)) == (ExitCode.CLUSTER, 1)

    def test_a_right_that_is_taken_away_ends_it(self) -> None:
        cluster = Scripted(ONGOING, ClusterError("The cluster forbids it."))
        assert slmeval("watch", "demo", cluster=cluster).exit_code == ExitCode.CLUSTER


class TestTheEvaluationIsDeletedMeanwhile:
    def test_that_is_said(self) -> None:
        cluster = Scripted(ONGOING)
        cluster.events = {"slmevaluations": [[Event(True, ONGOING[0])]]}
        answer = slmeval("wait", "demo", cluster=cluster)
        assert answer.exit_code == ExitCode.USAGE
        assert answer.stderr == "Error: There is no SLMEvaluation team/demo; there are: none.\n"


class TestWait:
    @pytest.mark.parametrize(
        ("scene", "goal", "code"),
        [
            (GOOD, "success", ExitCode.OK),
            (GOOD, "complete", ExitCode.OK),
            (BAD, "success", ExitCode.FAILED),
            (BAD, "complete", ExitCode.OK),
        ],
    )
    def test_ends_with_what_was_waited_for(self, scene: Any, goal: str, code: int) -> None:
        answer = slmeval("wait", "demo", "--for", goal, cluster=Scripted(ONGOING, scene))
        assert answer.exit_code == code

    @pytest.mark.parametrize("command", ["wait", "watch"])
    def test_tells_what_keeps_gates_from_being_met(self, command: str) -> None:
        scene = gated(GOOD, a_verdict("Inconclusive"))
        answer = slmeval(command, "demo", cluster=Scripted(ONGOING, scene))
        assert answer.exit_code == ExitCode.UNSURE
        assert "GatesJudged: In words." in answer.stdout

    @pytest.mark.parametrize("goal", ["success", "complete"])
    def test_gives_up_what_stays_stalled(self, goal: str) -> None:
        stuck = at(STUCK, "PoolNotFound", message="Correct the name.")
        answer = slmeval("wait", "demo", "--for", goal, cluster=Scripted(stuck))
        assert answer.exit_code == ExitCode.FAILED
        assert answer.stdout.startswith("team/demo: PoolNotFound: In words.")

    def test_what_is_stalled_for_a_moment_goes_on(self) -> None:
        stuck, good = (
            read_bodies(Name("team", "demo"), scene).answer
            for scene in (at(STUCK, "PoolNotFound"), GOOD)
        )
        looks = [stuck] * 10 + [good]
        ends = [end for _, end in until_end(iter(looks), monotonic=Ticking())]
        assert ends == [End.STALLED] * 10 + [End.SUCCEEDED]

    def test_has_its_own_exit_code_when_the_time_is_over(self) -> None:
        answer = slmeval("wait", "demo", "--timeout", "20s", cluster=Scripted(ONGOING))
        assert answer.exit_code == ExitCode.TIMED_OUT
        assert answer.stderr == (
            "Error: team/demo has not ended within 20s: Running: In words. "
            "It goes on: `slmeval watch demo` shows it.\n"
        )

    def test_of_none_there_is_a_usage_error(self) -> None:
        assert slmeval("wait", "nope", cluster=Scripted(GOOD)).exit_code == ExitCode.USAGE


class TestTimeSpans:
    @pytest.mark.parametrize(
        ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("0s", 0)]
    )
    def test_as_people_write_them(self, text: str, seconds: int) -> None:
        assert seconds_of(text) == seconds

    @pytest.mark.parametrize("text", ["", "90", "2 h", "-1s", "1.5h", "h", "9" * 40 + "h", "1m2h"])
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(BadParameter):
            seconds_of(text)

    def test_on_the_command_line_it_is_a_usage_error(self) -> None:
        answer = slmeval("wait", "demo", "--timeout", "soon", cluster=Scripted(GOOD))
        assert answer.exit_code == ExitCode.USAGE
        assert "write 90s, 30m, 2h or 1h30m" in answer.stderr
