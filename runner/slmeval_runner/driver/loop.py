"""The driver's work: ask what is finished, run the rest, write what they say."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from slmeval_api.plan import Plan, PlannedTrial, TrialReport
from slmeval_api.result import Failure, Progress

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
            "plan run=%s pool=%s attempt=%d trials=%d to_measure=%d",
            self._plan.run, self._plan.pool, self._plan.attempt,
            len(self._plan.trials), len(self._waiting),
        )  # fmt: skip
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
                log.error("the reporter did not apply everything trials=%s", ",".join(unapplied))
                return False
            self._sleep(0.5)
        return True

    def _to_measure(self) -> list[PlannedTrial]:
        """Return the trials that have no final result, neither in the cluster nor in this pod."""
        while (finished := self._reports.finished()) is None:
            self._remind("waiting for the reporter to say which trials are finished")
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
            self._fail(
                trial.name,
                failure(
                    "ModelUnusable",
                    f"engine.tensorParallelSize is {gpus_needed(self._plan, trial)}, but a worker "
                    f"of pool {self._plan.pool} has {self._plan.gpus_per_worker} GPUs: lower it, "
                    "or name a pool with more gpus.perWorker",
                ),
                started_at=timestamp(self._now()),
            )

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
            self._remind("waiting for workers to join the Ray cluster")
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
            log.info("started trial=%s node=%s gpus=%s", trial.name, placement.node, gpus)

    def _events(self) -> list[Event]:
        if not self._running:
            self._sleep(POLL_S)
            return []
        return list(self._processes.wait(POLL_S))

    def _take(self, event: Event) -> None:
        started = self._running[event.trial]
        match event.what:
            case Word(_, report) if len(report.encode()) > REPORT_LIMIT_BYTES:
                self._forget(event.trial, "report too long")
                self._fail(event.trial, _too_long(report), started_at=started.started_at)
            case Word(kind, report):
                self._reports.write(event.trial, report)
                if kind == "result":
                    self._forget(event.trial, "result")
            case Died(message):
                self._forget(event.trial, "died")
                self._fail(event.trial, _lost(message), started_at=started.started_at)
            case Crashed(message):
                self._forget(event.trial, "crashed")
                self._fail(event.trial, _crashed(message), started_at=started.started_at)

    def _forget(self, trial: str, why: str) -> None:
        self._processes.end(trial)
        took_s = self._monotonic() - self._running.pop(trial).at_s
        log.info("ended trial=%s why=%s seconds=%.1f", trial, why, took_s)

    def _end_overdue(self) -> None:
        limit_s = self._plan.trial_deadline_seconds
        now_s = self._monotonic()
        for name in [n for n, s in self._running.items() if now_s - s.at_s > limit_s]:
            started_at = self._running[name].started_at
            self._forget(name, "deadline")
            text = (
                f"the trial took longer than spec.trialDeadlineSeconds, {limit_s} s: raise it, or "
                "ask for less (requests, output tokens, repetitions, items)"
            )
            self._fail(name, failure("TrialDeadlineExceeded", text), started_at=started_at)

    def _fail(self, trial: str, cause: Failure, *, started_at: str) -> None:
        log.error("failed trial=%s reason=%s message=%r", trial, cause.reason, cause.message)
        result = failed_result(
            cause,
            attempt=self._plan.attempt,
            started_at=started_at,
            completed_at=timestamp(self._now()),
        )
        self._write(trial, TrialReport(result=result))

    def _write(self, trial: str, report: TrialReport) -> None:
        self._reports.write(trial, report.model_dump_json(by_alias=True, exclude_none=True))


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
        "the trial stopped with an error that it did not expect; the worker's log has all of it: "
        + " ".join(message.split())[-800:],
    )
