"""The operator may die at any call, or get no answer: what it finds then leads to the same end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from builders import Json, a_model
from slmeval_api.conditions import Reason
from slmeval_api.objects import RUN_REQUESTED_AT
from unit.operator.fake_api import Died, unanswered
from unit.operator.stage import DEMO, Stage
from unit.operator.worlds import a_failure

Story = Callable[[Stage], Awaitable[None]]
MODELS = [a_model("big"), a_model("small")]


async def first_start(stage: Stage) -> None:
    """From the evaluation to a running attempt."""
    await stage.settle()


async def retry(stage: Stage) -> None:
    """One trial is measured, the attempt fails, the next one runs."""
    await first_start(stage)
    big, small = stage.trials
    stage.measure(big)
    stage.measure(small, failure=a_failure())
    stage.kuberay.end(stage.rayjobs[0], "Failed", reason="AppFailed")
    stage.hear()
    await stage.settle()


async def to_the_answer(stage: Stage) -> None:
    """And the next attempt measures the rest."""
    await retry(stage)
    stage.measure(list(stage.trials)[1], attempt=2)
    stage.kuberay.end(stage.rayjobs[1])
    stage.hear()
    await stage.settle()


async def edit(stage: Stage) -> None:
    """The user edits the evaluation while an attempt runs."""
    await first_start(stage)
    stage.edit(seed=2)
    stage.hear()
    await stage.settle()


async def suspend_and_resume(stage: Stage) -> None:
    """The user suspends the evaluation while an attempt runs, and resumes it."""
    await first_start(stage)
    for is_suspended in (True, False):
        stage.edit(suspend=is_suspended)
        stage.hear()
        await stage.settle()


async def again_by_hand_and_by_schedule(stage: Stage) -> None:
    """The user asks again when there is an answer, and then the schedule does; one run is kept."""
    stage.edit(schedule={"cron": "0 3 * * *", "successfulRunsHistoryLimit": 2})
    stage.hear()
    await to_the_answer(stage)
    body = stage.api.objects[DEMO]
    annotations = {RUN_REQUESTED_AT: "now"}
    stage.api.put_metadata(DEMO, body["metadata"] | {"annotations": annotations})
    stage.hear()
    await stage.settle()
    for name, trial in stage.trials.items():
        if trial.status.result is None:
            stage.measure(name)
    for job in stage.rayjobs:
        stage.kuberay.end(job)
    stage.hear()
    await stage.settle()
    stage.wait(15 * 3600)
    await stage.settle()


STORIES = {
    s.__name__: s for s in (to_the_answer, edit, suspend_and_resume, again_by_hand_and_by_schedule)
}
"""The first holds a first start and a retry."""


@dataclass(frozen=True)
class Trouble:
    """What happens to one call."""

    failure: Exception = field(default_factory=Died)
    is_done_first: bool = True


TROUBLES = {
    "dies when it is done": Trouble(),
    "dies before it is sent": Trouble(is_done_first=False),
    "no answer though it is done": Trouble(failure=unanswered()),
    "refused by a server in trouble": Trouble(failure=unanswered(), is_done_first=False),
}


async def told(story: Story, trouble: Trouble | None = None, *, at: int | None = None) -> Stage:
    """Return the stage after a story in which the operator has trouble with one call."""
    stage = Stage(models=MODELS)
    if trouble is not None:
        stage.api.fails_at, stage.api.failure = at, trouble.failure
        stage.api.is_done_first = trouble.is_done_first
    await story(stage)
    return stage


def without_events(everything: list[Json]) -> list[Json]:
    """Return all objects but events: a state that lasted shorter was told of by fewer of them."""
    return [o for o in everything if o.get("kind") != "Event"]


class TestTroubleWithAnyCallChangesNothing:
    @pytest.mark.parametrize("trouble", list(TROUBLES))
    @pytest.mark.parametrize("name", list(STORIES))
    async def test_of_the_end(self, name: str, trouble: str) -> None:
        undisturbed = await told(STORIES[name])
        end = without_events(undisturbed.everything())
        for call in range(1, undisturbed.api.calls + 1):
            stage = await told(STORIES[name], TROUBLES[trouble], at=call)
            assert without_events(stage.everything()) == end, f"trouble with call {call}"
            assert stage.kuberay.most_at_work == 1, f"trouble with call {call}"
            stage.boot()
            assert await stage.reconcile() == []


class TestTheStoriesAreWhatTheySay:
    async def test_the_first_start_makes_one_rayjob(self) -> None:
        stage = await told(first_start)
        assert (len(stage.runs), len(stage.trials), len(stage.rayjobs)) == (1, 2, 1)

    async def test_the_retry_makes_a_second_one(self) -> None:
        stage = await told(retry)
        assert [a.number for a in stage.runs[0].status.attempts] == [1, 2]

    async def test_the_answer_is_whole(self) -> None:
        stage = await told(to_the_answer)
        assert stage.reason == Reason.MEASURED
        assert stage.api.names_of("pods") == []

    async def test_the_edit_leaves_the_newer_rayjob_alone(self) -> None:
        stage = await told(edit)
        assert len(stage.runs) == 2
        assert stage.rayjobs == [stage.runs[1].status.attempts[0].name]

    async def test_asking_again_makes_two_runs_more_and_keeps_the_newest_answers(self) -> None:
        stage = await told(again_by_hand_and_by_schedule)
        assert [r.spec.trigger.reason for r in stage.runs] == ["Changed", "Requested", "Scheduled"]

    async def test_resuming_goes_on_with_the_same_rayjob(self) -> None:
        stage = await told(suspend_and_resume)
        assert (len(stage.runs), len(stage.rayjobs)) == (1, 1)
        assert stage.reason == Reason.PENDING
