"""What a time of the schedule does when it comes: at work, beside a request, after a pause."""

import pytest
from unit.operator.stage import DEMO, KEY, Stage
from unit.operator.test_runs import (
    EVERY_DAY_AT_THREE,
    answered,
    at_rest,
    measured,
    request,
    triggers,
)

DAY_S = 24 * 3600


class TestATimeThatComesWhileARunIsOnItsWay:
    async def test_is_looked_at_within_the_shortest_deadline(self) -> None:
        schedule = {
            "cron": "* * * * *",
            "concurrencyPolicy": "Replace",
            "startingDeadlineSeconds": 10,
        }
        stage = Stage(schedule=schedule)
        await stage.settle()
        stage.wait(17)
        for _ in range(50):
            await at_rest(stage)
            again_s = await stage.reconciler.evaluation(KEY)
            assert again_s is not None
            stage.wait(again_s)
        assert stage.events("ScheduleMissed") == []
        assert stage.runs[-1].spec.number > 10

    @pytest.mark.parametrize("policy", ["Replace", "Allow"])
    async def test_does_not_wait_with_a_request_and_answers_it(self, policy: str) -> None:
        stage = Stage(schedule={"cron": "0 * * * *", "concurrencyPolicy": policy})
        await stage.settle()
        request(stage, "now")
        await at_rest(stage)
        stage.wait(3600)
        await at_rest(stage)
        assert triggers(stage) == ["Changed", "Scheduled"]
        assert stage.evaluation.status.last_handled_request == "now"
        await measured(stage)
        assert triggers(stage) == ["Changed", "Scheduled"]


class TestARequestThatWasAnswered:
    async def test_and_whose_annotation_was_removed_is_not_asked_again_by_the_same_value(
        self,
    ) -> None:
        stage = await answered(schedule={"cron": EVERY_DAY_AT_THREE})
        request(stage, "a")
        await measured(await at_rest(stage))
        metadata = stage.api.objects[DEMO]["metadata"]
        stage.api.put_metadata(DEMO, metadata | {"annotations": {}})
        stage.wait(DAY_S)
        await measured(await at_rest(stage))
        request(stage, "a")
        await at_rest(stage)
        assert triggers(stage) == ["Changed", "Requested", "Scheduled"]
        assert stage.evaluation.status.last_handled_request == "a"


POLICIES = pytest.mark.parametrize("policy", ["Forbid", "Replace", "Allow"])


def daily(policy: str) -> dict[str, str]:
    return {"cron": EVERY_DAY_AT_THREE, "concurrencyPolicy": policy}


class TestATimeThatPassesDuringASuspension:
    @POLICIES
    async def test_is_made_up_for_once(self, policy: str) -> None:
        stage = await answered(schedule=daily(policy))
        stage.edit(suspend=True)
        await at_rest(stage)
        stage.wait(3 * DAY_S)
        stage.edit(suspend=False)
        await measured(await at_rest(stage))
        stage.boot()
        await at_rest(stage)
        assert triggers(stage) == ["Changed", "Scheduled"]

    @POLICIES
    async def test_is_answered_by_the_run_that_was_stopped_half_way(self, policy: str) -> None:
        stage = Stage(schedule=daily(policy))
        await stage.settle()
        stage.edit(suspend=True)
        await at_rest(stage)
        stage.wait(DAY_S)
        await at_rest(stage)
        stage.edit(suspend=False)
        await measured(await at_rest(stage))
        assert triggers(stage) == ["Changed"]
        stage.wait(DAY_S)
        await at_rest(stage)
        assert triggers(stage) == ["Changed", "Scheduled"]

    @POLICIES
    async def test_is_answered_by_the_run_of_a_later_edit(self, policy: str) -> None:
        stage = await answered(schedule=daily(policy))
        stage.edit(suspend=True)
        await at_rest(stage)
        stage.wait(DAY_S)
        stage.edit(seed=2)
        await at_rest(stage)
        stage.edit(suspend=False)
        await measured(await measured(await at_rest(stage)))
        assert triggers(stage) == ["Changed", "Changed"]

    async def test_is_answered_by_a_run_that_began_since_and_has_ended(self) -> None:
        stage = await answered(schedule=daily("Forbid") | {"suspend": True})
        stage.wait(DAY_S)
        stage.edit(seed=2)
        await measured(await at_rest(stage))
        stage.edit(schedule=daily("Forbid"))
        await at_rest(stage)
        assert triggers(stage) == ["Changed", "Changed"]
