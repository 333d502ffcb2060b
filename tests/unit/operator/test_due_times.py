"""What a time of the schedule does when it comes: at work, beside a request, after a pause."""

from unit.operator.stage import KEY, Stage
from unit.operator.test_runs import at_rest


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
