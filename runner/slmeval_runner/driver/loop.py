"""The driver's work: ask what is finished, run the rest, write what they say."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError
from slmeval_api.plan import Plan, PlannedTrial, TrialReport
from slmeval_api.result import Failure, Progress, TrialResult

from slmeval_runner.failures import failure
from slmeval_runner.files import REPORT_LIMIT_BYTES
from slmeval_runner.results import failed_result
from slmeval_runner.times import timestamp, utc_now

from .events import Crashed, Died, Event, Word
from .placing import Placement, fits_any_worker, gpus_needed, placements
from .processes import Processes
from .reports import Reports

log = logging.getLogger(__name__)

POLL_S = 1.0
REMIND_S = 30.0


@dataclass(slots=True, kw_only=True)
class _Started:
    placement: Placement
    at_s: float
    started_at: str
    partial: str = ""
    """The last report of what was measured so far."""


class Driver:
    """One attempt's trials, from the plan to a written report for each."""

    def __init__(
        self,
        plan: Plan,
        processes: Processes,
        reports: Reports,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._plan = plan
        self._processes = processes
        self._reports = reports
        self._monotonic = monotonic
        self._now = now
        self._sleep = sleep
        self._waiting = list[PlannedTrial]()
        self._running = dict[str, _Started]()
        self._reminded_s = float("-inf")

    def run(self) -> None:
        """Return once every trial has a result that is written."""
        self._waiting = self._to_measure()
        log.info(
            "%d of %d trials are to be measured",
            len(self._waiting),
            len(self._plan.trials),
            extra={
                "run": self._plan.run,
                "pool": self._plan.pool,
                "attempt": self._plan.attempt,
                "engine": self._plan.engine,
            },
        )
        self._refuse_too_large()
        self._say_queued()
        while self._waiting or self._running:
            self._start_what_fits()
            for event in self._events():
                self._take(event)
            self._end_overdue()

    def await_reporter(self, limit_s: float) -> bool:
        """Return whether the reporter brought all reports to the API server within `limit_s`."""
        end_s = self._monotonic() + limit_s
        while unapplied := self._reports.unapplied():
            if self._monotonic() >= end_s:
                log.error("The reporter did not apply the reports of %s", ", ".join(unapplied))
                return False
            self._sleep(0.5)
        return True

    def _to_measure(self) -> list[PlannedTrial]:
        """Return the trials that have no final result, neither in the cluster nor in this pod."""
        while (finished := self._reports.finished()) is None:
            self._remind("Waiting for the reporter to say which trials are finished")
            self._sleep(POLL_S)
        attempt = self._plan.attempt
        return [
            trial
            for trial in self._plan.trials
            if trial.name not in finished and not self._reports.has_final(trial.name, attempt)
        ]

    def _remind(self, text: str) -> None:
        now_s = self._monotonic()
        if now_s - self._reminded_s >= REMIND_S:
            self._reminded_s = now_s
            log.info("%s", text)

    def _refuse_too_large(self) -> None:
        for trial in [t for t in self._waiting if not fits_any_worker(self._plan, t)]:
            self._waiting.remove(trial)
            cause = failure(
                "ModelUnusable",
                f"engine.tensorParallelSize is {gpus_needed(self._plan, trial)}, but a worker of "
                f"pool {self._plan.pool} has {self._plan.gpus_per_worker} GPUs: lower it, or name "
                "a pool with more gpus.perWorker",
            )
            why = {"trial": trial.name, "reason": cause.reason, "error": cause.message}
            log.error("A trial is not started", extra=why)
            self._fail(trial.name, cause, started_at=timestamp(self._now()))

    def _say_queued(self) -> None:
        """Write that trials wait their turn; in later attempts they keep their last failure."""
        if self._plan.attempt == 1:
            for trial in self._waiting:
                self._tell(trial.name, "Queued")

    def _tell(self, trial: str, stage: Literal["Queued", "Starting"]) -> None:
        moment = timestamp(self._now())
        progress = Progress(stage=stage, attempt=self._plan.attempt, updated_at=moment)
        self._write(trial, TrialReport(progress=progress))

    def _start_what_fits(self) -> None:
        if not self._waiting:
            return
        nodes = self._processes.nodes()
        if not nodes:
            self._remind("Waiting for workers to join the Ray cluster")
        running = [started.placement for started in self._running.values()]
        for placement in placements(self._plan, self._waiting, running, nodes):
            trial = placement.trial
            self._waiting.remove(trial)
            self._running[trial.name] = _Started(
                placement=placement, at_s=self._monotonic(), started_at=timestamp(self._now())
            )
            self._tell(trial.name, "Starting")
            self._processes.start(placement)
            gpus = ",".join(map(str, placement.gpus))
            where = {"trial": trial.name, "node": placement.node, "gpus": gpus or None}
            log.info("A trial is started", extra=where)

    def _events(self) -> list[Event]:
        if not self._running:
            self._sleep(POLL_S)
            return []
        return list(self._processes.wait(POLL_S))

    def _take(self, event: Event) -> None:
        match event.what:
            case Word(_, report) if len(report.encode()) > REPORT_LIMIT_BYTES:
                self._end(event.trial, _too_long(report))
            case Word("partial", report):
                self._running[event.trial].partial = report
            case Word("result", report):
                self._finish(event.trial, report)
            case Word(_, report):
                self._reports.write(event.trial, report)
            case Died(message):
                self._end(event.trial, _lost(message))
            case Crashed(message):
                self._end(event.trial, _crashed(message))

    def _finish(self, trial: str, report: str) -> None:
        """Write a trial's own result; one that failed gets what the trial printed last."""
        result = _result_in(report)
        if result is None or result.failure is None:  # None: the reporter refuses it, and says so
            self._reports.write(trial, report)
            self._forget(trial, "The trial has its result")
            return
        lines = self._forget(trial, "The trial failed", result.failure)
        result = result.model_copy(update={"last_lines": list(lines) or None})
        self._write(trial, TrialReport(result=result))

    def _end(self, trial: str, cause: Failure) -> None:
        """End a trial that will say nothing more; write why, and what it had measured."""
        started = self._running[trial]
        lines = self._forget(trial, "The trial is ended", cause)
        self._fail(
            trial,
            cause,
            started_at=started.started_at,
            measured=_result_in(started.partial),
            last_lines=lines,
        )

    def _forget(self, trial: str, text: str, cause: Failure | None = None) -> Sequence[str]:
        """Free the trial's GPUs; return what it printed last."""
        lines = self._processes.end(trial)
        took_s = round(self._monotonic() - self._running.pop(trial).at_s, 1)
        where = {"trial": trial, "seconds": took_s}
        if cause is None:
            log.info("%s", text, extra=where)
        else:
            why = {"reason": cause.reason, "error": cause.message}
            log.error("%s", text, extra=where | why)
        return lines

    def _end_overdue(self) -> None:
        limit_s = self._plan.trial_deadline_seconds
        now_s = self._monotonic()
        for name in [n for n, s in self._running.items() if now_s - s.at_s > limit_s]:
            text = (
                f"the trial took longer than spec.trialDeadlineSeconds, {limit_s} s: raise it, or "
                "ask for less (requests, output tokens, repetitions, items)"
            )
            self._end(name, failure("TrialDeadlineExceeded", text))

    def _fail(
        self,
        trial: str,
        cause: Failure,
        *,
        started_at: str,
        measured: TrialResult | None = None,
        last_lines: Sequence[str] = (),
    ) -> None:
        now = timestamp(self._now())
        result = measured or failed_result(
            cause, attempt=self._plan.attempt, started_at=started_at, completed_at=now
        )
        ended = {"failure": cause, "completed_at": now, "last_lines": list(last_lines) or None}
        result = result.model_copy(update=ended)
        self._write(trial, TrialReport(result=result))

    def _write(self, trial: str, report: TrialReport) -> None:
        self._reports.write(trial, report.model_dump_json(by_alias=True, exclude_none=True))


def _result_in(report: str) -> TrialResult | None:
    """Return the result in a report; None: there is none, or none that is of its form."""
    try:
        return TrialReport.model_validate_json(report).result
    except ValidationError:
        return None


def _lost(message: str) -> Failure:
    return failure(
        "WorkerLost",
        "the trial's process died; if its pod or its node ran out of memory, raise the pool's "
        "workerResources.memory, or lower engine.maxModelLen or the model's size. What is known: "
        + " ".join(message.split())[:800],
        may_pass=True,
    )


def _too_long(report: str) -> Failure:
    return failure(
        "EngineFailed",
        f"the trial's report has {len(report.encode())} bytes, the limit is {REPORT_LIMIT_BYTES}: "
        "ask for fewer workloads and tasks in one evaluation",
    )


def _crashed(message: str) -> Failure:
    return failure(
        "EngineFailed",
        "the trial stopped with an error that it did not expect; the worker's log has all of it, "
        "status.result.lastLines its end: " + " ".join(message.split())[-800:],
    )
