"""Tools delete what carries their mark and is not in git: what the operator makes never does."""

from builders import Json
from slmeval_operator.store import MEASURED
from unit.operator.stage import DEMO, Stage
from unit.operator.test_runs import at_rest, at_speed

MARKS = {
    "labels": {
        "app.kubernetes.io/instance": "slm-evaluations",
        "kustomize.toolkit.fluxcd.io/name": "slm-evaluations",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        "applyset.kubernetes.io/part-of": "applyset-slm",
    },
    "annotations": {
        "argocd.argoproj.io/tracking-id": "slm-evaluations:slmeval.dev/SLMEvaluation:team/demo",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    },
}


async def tracked() -> list[Json]:
    """Return all that is made for an evaluation that a tool has marked."""
    stage = Stage()
    stage.api.put_metadata(DEMO, stage.api.objects[DEMO]["metadata"] | MARKS)
    await at_rest(stage)
    objects = list(stage.api.objects.values())
    await at_speed(stage, 2.0)
    made = [*objects, *stage.api.objects.values()]
    return [b for b in made if b.get("kind") not in ("SLMEvaluation", "SLMPool")]


class TestWhatTheOperatorMakes:
    async def test_carries_no_mark_of_the_evaluation(self) -> None:
        made = await tracked()
        assert {"SLMRun", "SLMTrial", "RayJob", "ConfigMap", "Role"} <= {
            b.get("kind") for b in made
        }
        for place, marks in MARKS.items():
            for body in made:
                assert marks.keys().isdisjoint(body["metadata"].get(place) or {}), body["metadata"]

    async def test_goes_with_the_evaluation_and_holds_no_deletion_up(self) -> None:
        stage = Stage()
        await stage.settle()
        await at_speed(stage, 2.0)
        ours = [b for kind in MEASURED for b in stage.api.of(kind)]
        assert all("finalizers" not in b["metadata"] for b in ours)
        stage.api.remove(DEMO)
        await at_rest(stage)
        assert [b for kind in MEASURED for b in stage.api.of(kind)] == []
