"""A trial's process on a worker: runs the trial, and streams what it has to say."""

import asyncio
import logging
import queue
import threading
from collections.abc import Iterator
from typing import Literal, NamedTuple

from slmeval_api.plan import Plan, PlannedTrial, TrialReport
from slmeval_api.result import Progress

from slmeval_runner import logs
from slmeval_runner.devices.monitor import open_monitor
from slmeval_runner.engines.base import Engine
from slmeval_runner.engines.simulated import SimulatedEngine
from slmeval_runner.failures import TrialError
from slmeval_runner.folders import Folders
from slmeval_runner.results import failed_result
from slmeval_runner.times import timestamp, utc_now
from slmeval_runner.trial import TrialRun

log = logging.getLogger(__name__)


class Word(NamedTuple):
    """What a trial's process says: a TrialReport as JSON text, and whether it is the last."""

    kind: Literal["progress", "result"]
    report: str


class TrialProcess:
    """Ray makes an actor of it. It holds one trial's engine, and ends with it."""

    def run(self, plan_json: str, trial_name: str) -> Iterator[Word]:
        """Yield the trial's progress, and its result last.

        The trial has an event loop of its own in another thread, so that yielding to Ray never
        waits for it, nor it for Ray. Nothing is yielded while a workload is being measured.
        """
        logs.configure()
        words = queue.SimpleQueue[Word | None]()
        error = list[BaseException]()

        def work() -> None:
            try:
                asyncio.run(run_trial(Plan.model_validate_json(plan_json), trial_name, words))
            except BaseException as problem:  # noqa: BLE001 - raised again in the other thread
                error.append(problem)
            finally:
                words.put(None)

        thread = threading.Thread(target=work, name="trial", daemon=True)
        thread.start()
        while word := words.get():
            yield word
        thread.join()
        if error:
            raise error[0]


async def run_trial(plan: Plan, name: str, words: "queue.SimpleQueue[Word | None]") -> None:
    """Run the trial `name` of `plan` and put its words into `words`."""
    trial = next(trial for trial in plan.trials if trial.name == name)

    def emit(progress: Progress) -> None:
        words.put(Word("progress", _text(TrialReport(progress=progress))))

    emit(Progress(stage="Starting", attempt=plan.attempt, updated_at=timestamp(utc_now())))
    try:
        engine = engine_for(plan, trial)
    except TrialError as error:
        moment = timestamp(utc_now())
        result = failed_result(
            error.failure, attempt=plan.attempt, started_at=moment, completed_at=moment
        )
        words.put(Word("result", _text(TrialReport(result=result))))
        return
    monitor = open_monitor(plan.gpus_per_worker > 0 and plan.engine == "vllm")
    run = TrialRun(plan, trial, engine, folders=Folders(), emit=emit, monitor=monitor)
    try:
        result = await run.run()
    finally:
        monitor.close()
    text = _text(TrialReport(result=result))
    if isinstance(engine, SimulatedEngine) and engine.fault == "invalid-report":
        text = text[:-1] + ',"conditions":[]}'  # the reporter must refuse it
    words.put(Word("result", text))


def _text(report: TrialReport) -> str:
    return report.model_dump_json(by_alias=True, exclude_none=True)


def engine_for(plan: Plan, trial: PlannedTrial) -> Engine:
    """Return the engine that the plan asks for, not started."""
    if plan.engine == "simulated":
        return SimulatedEngine.from_environment(trial.model.name, plan.attempt)
    from slmeval_runner.engines.vllm import VllmEngine

    return VllmEngine(has_gpu=plan.gpus_per_worker > 0)
