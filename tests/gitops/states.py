"""Every state that our objects can reach, each played by the operator itself on a stage.

Nothing is stored: a state that the operator spells in another way tomorrow is judged tomorrow.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, get_args

from builders import Json, a_model, pool_body
from slmeval_api.result import Failure
from slmeval_operator.store import MEASURED
from unit.operator.stage import Stage
from unit.operator.test_runs import HOLDS, SLOW, at_rest, at_speed, request
from unit.operator.worlds import UNSCHEDULABLE, a_failure, progress_json


class Recorder(Stage):
    """Keeps each version of each of our objects that its API server ever had."""

    def __init__(self, **more: Any) -> None:
        self.versions: list[Json] = []
        super().__init__(**more)

    def boot(self) -> None:
        """Start the operator anew."""
        self._note()
        super().boot()

    def hear(self) -> bool:
        """Take what the watches tell."""
        self._note()
        return super().hear()

    def _note(self) -> None:
        news = self.api.news
        self.versions += [b for kind, b, is_gone in news if kind in MEASURED and not is_gone]


async def started(**spec: Any) -> Recorder:
    """Return a stage on which the first attempt runs."""
    stage = Recorder(**spec)
    await stage.settle()
    return stage


async def measured(**spec: Any) -> Recorder:
    """Run, and measure everything."""
    stage = await started(**spec)
    for name in stage.trials:
        stage.api.set_status(("slmtrials", "team", name), progress=progress_json())
    await at_rest(stage)
    await at_speed(stage, 2.0)
    return stage


async def on_a_pool(**pool: Any) -> Recorder:
    """Measure everything on a pool with some fields."""
    stage = Recorder(with_pool=False)
    stage.api.put("slmpools", pool_body(**pool))
    await at_rest(stage)
    await at_speed(stage, 2.0)
    return stage


async def blocked(**pod: Any) -> Recorder:
    """Have pods that do not start; KubeRay gives up at last."""
    stage = await started()
    (job,) = stage.rayjobs
    stage.kuberay.block(job, **pod)
    stage.wait(10)
    await at_rest(stage)
    stage.kuberay.end(job, "Failed", reason="PreRunningDeadlineExceeded")
    await at_rest(stage)
    return stage


def _waiting(reason: str) -> Json:
    container = {"name": "worker", "image": "r:1", "state": {"waiting": {"reason": reason}}}
    return {"phase": "Pending", "containerStatuses": [container]}


async def failed(reason: str) -> Recorder:
    """Have a trial whose runner says that it failed for good."""
    stage = await started()
    for name in stage.trials:
        stage.measure(name, failure=a_failure(reason, may_pass=False))
    return await ended(stage, "Complete")


async def ended(stage: Recorder, how: str, **status: Any) -> Recorder:
    """Let the attempt end."""
    stage.kuberay.end(stage.rayjobs[-1], how, **status)
    await at_rest(stage)
    return stage


async def attempt_ended(how: str, reason: str, **spec: Any) -> Recorder:
    """Have an attempt that ends without any result."""
    return await ended(await started(**spec), how, reason=reason)


async def edited(**spec: Any) -> Recorder:
    """Edit what is being measured."""
    stage = await started(**spec)
    stage.edit(seed=2)
    await at_rest(stage)
    return stage


async def suspended() -> Recorder:
    """Suspend and resume."""
    stage = await started()
    for is_suspended in (True, False):
        stage.edit(suspend=is_suspended)
        await at_rest(stage)
    return stage


async def suspended_at_its_end() -> Recorder:
    """Suspend what is measured already: it stays as good as it was."""
    stage = await measured()
    stage.edit(suspend=True)
    await at_rest(stage)
    return stage


async def without_a_pool() -> Recorder:
    """Name a pool that comes later."""
    stage = Recorder(with_pool=False)
    await stage.settle()
    stage.api.put("slmpools", pool_body())
    await at_rest(stage)
    return stage


async def refused(plural: str, words: str) -> Recorder:
    """Have an API server that refuses a kind."""
    stage = Recorder()
    stage.api.refusals[plural] = words
    await stage.settle()
    return stage


async def asked_again() -> Recorder:
    """Ask the measured question by hand and by schedule."""
    stage = await measured(schedule={"cron": "0 3 * * *"})
    request(stage, "now")
    await at_speed(await at_rest(stage), 2.0)
    stage.wait(24 * 3600)
    await at_speed(await at_rest(stage), 2.0)
    return stage


async def compared(seconds: float) -> Recorder:
    """Hold a second run against the first, which took two seconds."""
    stage = await measured(gates=[HOLDS])
    request(stage, "again")
    await at_speed(await at_rest(stage), seconds)
    return stage


async def deleted() -> Recorder:
    """Delete it in the foreground: it is there until all that it owns is gone."""
    stage = await measured()
    for place in [p for p in stage.api.objects if p[0] in MEASURED]:
        meta = stage.api.objects[place]["metadata"]
        stage.api.put_metadata(place, meta | {"finalizers": ["foregroundDeletion"]})
        stage.api.remove(place)
    await at_rest(stage)
    return stage


SCENES: dict[str, Callable[[], Awaitable[Recorder]]] = {
    "measured": measured,
    "simulated": partial(on_a_pool, engine="simulated"),
    "no node fits": partial(blocked, **UNSCHEDULABLE),
    "no image": partial(blocked, **_waiting("ImagePullBackOff")),
    "a container dies": partial(blocked, **_waiting("CrashLoopBackOff")),
    **{
        f"a trial fails: {reason}": partial(failed, reason)
        for reason in get_args(Failure.model_fields["reason"].annotation)
    },
    "a retry": partial(attempt_ended, "Failed", "AppFailed"),
    "the last attempt failed": partial(attempt_ended, "Failed", "AppFailed", backoffLimit=0),
    "too late": partial(attempt_ended, "Failed", "DeadlineExceeded"),
    "KubeRay refuses": partial(attempt_ended, "ValidationFailed", "ValidationFailed"),
    "an edit": edited,
    "an edit that waits": partial(edited, onChange="Wait"),
    "suspended": suspended,
    "made suspended": partial(started, suspend=True),
    "suspended at its end": suspended_at_its_end,
    "no such pool": without_a_pool,
    "too few GPUs": partial(started, models=[a_model(engine={"tensorParallelSize": 4})]),
    "a schedule without times": partial(measured, schedule={"cron": "0 0 31 2 *"}),
    **{
        f"the server refuses {plural}": partial(refused, plural, "exceeded quota")
        for plural in ("slmruns", "slmtrials", "rayjobs")
    },
    "a namespace that goes": partial(refused, "slmruns", "namespace team is being terminated"),
    "a namespace that goes later": partial(refused, "rayjobs", "it is being terminated"),
    "asked again": asked_again,
    "a gate fails": partial(measured, gates=[SLOW]),
    "a gate is met": partial(compared, 2.0),
    "a gate cannot be told": partial(measured, gates=[HOLDS]),
    "it got slower": partial(compared, 2.5),
    "deleted": deleted,
}


async def record() -> dict[str, list[Json]]:
    """Return each version of each of our objects in each scene."""
    return {name: (await scene()).versions for name, scene in SCENES.items()}
