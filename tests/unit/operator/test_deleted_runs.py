"""A run is deleted while it measures: what it leaves behind is not its replacement's."""

from typing import Any

import pytest
from slmeval_api.conditions import Reason
from unit.operator.fake_api import Place
from unit.operator.stage import Stage
from unit.operator.test_runs import at_rest, measured


async def left_behind(**spec: Any) -> Stage:
    """Return a stage on which the first run is gone, and all that it made is still there."""
    stage = Stage(**spec)
    await stage.settle()
    stage.api.is_collector_slow = True
    stage.api.remove(run_of(stage))
    stage.hear()
    await stage.reconcile()
    return stage


async def collected(stage: Stage) -> Stage:
    """Return the stage once the garbage collector and KubeRay have caught up."""
    stage.api.is_collector_slow = False
    stage.api.collect()
    return await at_rest(stage)


def run_of(stage: Stage) -> Place:
    """Return where the newest run is."""
    return "slmruns", "team", stage.runs[-1].meta.name


class TestItsReplacement:
    @pytest.mark.parametrize("backoff_limit", [0, 2])
    async def test_has_all_its_attempts_left(self, backoff_limit: int) -> None:
        stage = await left_behind(backoffLimit=backoff_limit)
        for _ in range(3):
            stage.hear()
            await stage.reconcile()
            stage.kuberay.step()
        assert [run.status.attempts for run in stage.runs] == [[]]
        await collected(stage)
        (run,) = stage.runs
        assert [(a.number, a.outcome) for a in run.status.attempts] == [(1, "Running")]
        assert [
            job["metadata"]["ownerReferences"][0]["uid"] for job in stage.api.of("rayjobs")
        ] == [run.meta.uid]
        assert stage.kuberay.most_at_work == 1
        await measured(stage)
        assert stage.reason == Reason.MEASURED

    async def test_waits_until_kuberay_has_let_go_of_the_rayjob(self) -> None:
        stage = await left_behind(backoffLimit=0)
        stage.kuberay.is_up = False
        await collected(stage)
        assert [run.status.attempts for run in stage.runs] == [[]]
        assert stage.reason == Reason.PENDING
        stage.kuberay.is_up = True
        await at_rest(stage)
        assert [a.outcome for a in stage.runs[0].status.attempts] == ["Running"]

    async def test_has_another_number_while_the_deleted_one_is_still_there(self) -> None:
        stage = Stage(backoffLimit=0)
        await stage.settle()
        place = run_of(stage)
        meta = stage.api.objects[place]["metadata"]
        stage.api.put_metadata(place, meta | {"finalizers": ["foregroundDeletion"]})
        stage.api.remove(place)
        await at_rest(stage)
        assert [run.spec.number for run in stage.runs] == [1, 2]
        stage.api.vanish(place)
        await at_rest(stage)
        (run,) = stage.runs
        assert [(a.number, a.outcome) for a in run.status.attempts] == [(1, "Running")]
        assert stage.kuberay.most_at_work == 1
