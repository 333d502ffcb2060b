"""A trial's process on a worker: a fork of the fork server, without Ray. Runs the trial."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import closing

from slmeval_api.plan import Plan, PlannedTrial, TrialReport
from slmeval_api.result import Progress

from slmeval_runner.devices.monitor import open_monitor
from slmeval_runner.engines.base import Engine
from slmeval_runner.engines.simulated import SimulatedEngine
from slmeval_runner.failures import TrialError
from slmeval_runner.folders import Folders
from slmeval_runner.hiding import hidden
from slmeval_runner.live import FOLDER, socket_of
from slmeval_runner.results import failed_result
from slmeval_runner.times import timestamp, utc_now
from slmeval_runner.trial import TrialRun

from .events import Crashed, Word

log = logging.getLogger(__name__)

VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"


def run_and_say(
    plan: Plan,
    name: str,
    *,
    gpus: Sequence[int],
    waited_s: float,
    say: Callable[[Word | Crashed], None],
) -> int:
    """Run the trial `name` of `plan` to its last word; return the process's exit code.

    Args:
        plan: of this attempt.
        name: of the trial.
        gpus: its GPUs, as positions among those that CUDA_VISIBLE_DEVICES names; none: all.
        waited_s: seconds from the trial's start to this process.
        say: takes each word, the result or the error last.

    """
    try:
        if gpus:
            os.environ[VISIBLE_DEVICES] = visible_devices(os.environ.get(VISIBLE_DEVICES), gpus)
        asyncio.run(run_trial(plan, name, waited_s=waited_s, say=say))
    except Exception as error:
        log.exception("The trial stopped with an error that nobody expected")
        say(Crashed(hidden(f"{type(error).__name__}: {error}")))
        return 1
    return 0


def visible_devices(given: str | None, gpus: Sequence[int]) -> str:
    """Return the value of CUDA_VISIBLE_DEVICES that leaves `gpus` of those that `given` names.

    Args:
        given: the value for all of the worker, numbers or UUIDs; None: CUDA's own numbers.
        gpus: positions in that list.

    Raises:
        IndexError: `given` names fewer GPUs.

    """
    if given is None:
        return ",".join(map(str, gpus))
    names = [name.strip() for name in given.split(",") if name.strip()]
    return ",".join(names[gpu] for gpu in gpus)


async def run_trial(
    plan: Plan, name: str, *, say: Callable[[Word], None], waited_s: float | None = None
) -> None:
    """Run the trial `name` of `plan`; `say` gets its progress and parts, and its result last."""
    trial = next(trial for trial in plan.trials if trial.name == name)

    def tell(report: TrialReport) -> None:
        if report.progress is None:
            say(Word("partial", _text(report)))
            return
        log.info("%s", " ".join(filter(None, (report.progress.stage, report.progress.detail))))
        say(Word("progress", _text(report)))

    starting = Progress(stage="Starting", attempt=plan.attempt, updated_at=timestamp(utc_now()))
    tell(TrialReport(progress=starting))
    try:
        engine = engine_for(plan, trial)
    except TrialError as error:
        moment = timestamp(utc_now())
        result = failed_result(
            error.failure, attempt=plan.attempt, started_at=moment, completed_at=moment
        )
        say(Word("result", _text(TrialReport(result=result))))
        return
    monitor = open_monitor(plan.gpus_per_worker > 0 and plan.engine == "vllm")
    with closing(monitor):
        run = TrialRun(
            plan,
            trial,
            engine,
            folders=Folders(),
            tell=tell,
            monitor=monitor,
            waited_s=waited_s,
        )
        text = _text(TrialReport(result=await run.run()))
    if isinstance(engine, SimulatedEngine) and engine.fault == "invalid-report":
        text = text[:-1] + ',"conditions":[]}'  # the reporter must refuse it
    say(Word("result", text))


def _text(report: TrialReport) -> str:
    """Return what leaves this process, the only one on its way that knows the Secrets' values."""
    return hidden(report.model_dump_json(by_alias=True, exclude_none=True))


def engine_for(plan: Plan, trial: PlannedTrial) -> Engine:
    """Return the engine that the plan asks for, not started."""
    if plan.engine == "simulated":
        return SimulatedEngine.from_environment(trial.model.name, plan.attempt)
    from slmeval_runner.engines.vllm import VllmEngine

    live = socket_of(FOLDER, trial.name)
    return VllmEngine(has_gpu=plan.gpus_per_worker > 0, live=live)
