"""The order of a trial: data, model, engine, warm-up, workloads, tasks, summary.

Independent of engine and of Ray. Speed is measured before accuracy, on prompts that share
nothing, while the engine's prefix cache is on as users have it; that no measured prompt came from
the cache is checked by its counters. Then the tasks may profit from it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from slmeval_api.base import decimal_string
from slmeval_api.plan import Plan, PlannedTrial
from slmeval_api.result import (
    Failure,
    Progress,
    Provenance,
    StartSeconds,
    TaskResult,
    TrialResult,
    WorkloadResult,
)
from slmeval_api.task import Task

from slmeval_runner.engines.base import Engine, EngineFacts, Request
from slmeval_runner.failures import EngineFailed, MeasurementInvalid, TaskUnusable, TrialError, cut
from slmeval_runner.folders import Folders
from slmeval_runner.models import LocatedModel, locate
from slmeval_runner.provenance import provenance
from slmeval_runner.results import first_failure, summary_of
from slmeval_runner.tasks import type_of
from slmeval_runner.tasks.base import Prepared
from slmeval_runner.times import timestamp, utc_now
from slmeval_runner.workloads import batch

WARMUP_TOKENS = 8
DETAIL_LIMIT = 256
Emit = Callable[[Progress], None]
Stage = Literal["LoadingModel", "StartingEngine", "WarmingUp", "Measuring", "Scoring"]


@dataclass(slots=True)
class _Start:
    """How long each part of the start took; None: not reached, or there was none."""

    waited_s: float | None = None
    total_s: float | None = None
    model_s: float | None = None
    facts: EngineFacts | None = None

    def seconds(self) -> StartSeconds | None:
        if self.total_s is None or self.facts is None:
            return None
        return StartSeconds(
            total=decimal_string(self.total_s + (self.waited_s or 0.0), digits=3),
            libraries=_seconds(_sum(self.waited_s, self.facts.libraries_s)),
            model=_seconds(self.model_s),
            engine=_seconds(self.facts.start_s),
        )


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _seconds(value: float | None) -> str | None:
    return None if value is None else decimal_string(value, digits=3)


@dataclass(slots=True)
class _Parts:
    """What was measured so far; it is reported also when the trial ends early."""

    workloads: list[WorkloadResult] = field(default_factory=list)
    tasks: dict[str, TaskResult] = field(default_factory=dict)
    prepared: dict[str, Prepared] = field(default_factory=dict)
    located: LocatedModel | None = None
    start: _Start = field(default_factory=_Start)


class TrialRun:
    """One trial, in the process that holds its engine."""

    def __init__(
        self,
        plan: Plan,
        trial: PlannedTrial,
        engine: Engine,
        *,
        folders: Folders,
        emit: Emit,
        waited_s: float | None = None,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it ready to run.

        Args:
            plan: what is asked of every trial.
            trial: this one.
            engine: not started.
            folders: where models and data are.
            emit: takes the progress.
            waited_s: seconds that the trial waited for this process, whose libraries may have had
                to be imported first; they count as part of the start. None: nobody knows.
            now: wall clock.
            monotonic: clock for durations.

        """
        self._plan = plan
        self._trial = trial
        self._engine = engine
        self._folders = folders
        self._emit = emit
        self._now = now
        self._monotonic = monotonic
        self._parts = _Parts(start=_Start(waited_s=waited_s))

    async def run(self) -> TrialResult:
        """Return everything that could be measured, and why the rest could not."""
        started_at, started_s = timestamp(self._now()), self._monotonic()
        failure: Failure | None = None
        try:
            self._tell("LoadingModel", self._trial.model.source)
            self._prepare_tasks()
            if self._plan.workloads or self._parts.prepared:  # else a GPU would run for nothing
                await self._start(started_s)
                await self._measure()
                await self._score()
        except TrialError as error:
            failure = error.failure
        finally:
            await self._engine.stop()
        parts, tasks = self._parts, self._tasks_in_order()
        facts = parts.start.facts
        return TrialResult(
            attempt=self._plan.attempt,
            started_at=started_at,
            completed_at=timestamp(self._now()),
            summary=summary_of(parts.workloads, tasks if len(tasks) == len(self._asked) else []),
            start_seconds=parts.start.seconds(),
            workloads=parts.workloads,
            tasks=tasks,
            provenance=self._provenance(facts) if facts else None,
            failure=failure or first_failure(parts.workloads, tasks),
        )

    @property
    def _asked(self) -> list[Task]:
        return self._plan.tasks

    def _tasks_in_order(self) -> list[TaskResult]:
        done = self._parts.tasks
        return [done[task.name] for task in self._asked if task.name in done]

    def _provenance(self, facts: EngineFacts) -> Provenance:
        return provenance(
            self._plan,
            located=self._parts.located,
            arguments=facts.arguments,
            versions=facts.versions,
        )

    def _tell(self, stage: Stage, detail: str | None = None) -> None:
        self._emit(
            Progress(
                stage=stage,
                detail=None if detail is None else cut(detail, DETAIL_LIMIT),
                attempt=self._plan.attempt,
                updated_at=timestamp(self._now()),
            )
        )

    def _tell_measuring(self, workload: str, part: str) -> None:
        self._tell("Measuring", f"{workload}: {part}")

    async def _start(self, started_s: float) -> None:
        """Find the model, start the engine and warm it."""
        start, entry = self._parts.start, self._trial.model
        if self._plan.engine != "simulated":
            begun_s = self._monotonic()
            self._parts.located = await asyncio.to_thread(locate, entry, self._folders)
            start.model_s = self._monotonic() - begun_s
        self._tell("StartingEngine")
        folder = self._parts.located.folder if self._parts.located else None
        start.facts = await self._engine.start(folder, entry.engine)
        self._tell("WarmingUp")
        ids = list(self._engine.tokenizer.vocabulary[:WARMUP_TOKENS])
        await self._engine.generate([Request(prompt_token_ids=ids, max_tokens=1, is_exact=True)])
        start.total_s = self._monotonic() - started_s

    def _prepare_tasks(self) -> None:
        """Read all data before a GPU is used: what is wrong with it is known in a second."""
        for task in self._asked:
            kind = type_of(task)
            try:
                self._parts.prepared[task.name] = kind.prepare(
                    task, seed=self._plan.seed, folders=self._folders
                )
            except TaskUnusable as error:
                self._parts.tasks[task.name] = kind.failed(task, error)

    async def _measure(self) -> None:
        facts = self._facts
        for workload in self._plan.workloads:
            result = await batch.measure(
                workload,
                self._engine,
                max_model_len=facts.max_model_len,
                seed=self._plan.seed,
                tell=partial(self._tell_measuring, workload.name),
            )
            self._parts.workloads.append(result)

    async def _score(self) -> None:
        for task in self._asked:
            prepared = self._parts.prepared.get(task.name)
            if prepared is None:
                continue
            try:
                self._parts.tasks[task.name] = await self._one_task(task, prepared)
            except (TaskUnusable, MeasurementInvalid) as error:
                self._parts.tasks[task.name] = type_of(task).failed(task, error)

    async def _one_task(self, task: Task, prepared: Prepared) -> TaskResult:
        self._tell("Scoring", task.name)
        questions = await asyncio.to_thread(
            prepared.questions, self._engine.tokenizer, max_model_len=self._facts.max_model_len
        )
        served = await self._engine.generate(questions.requests)
        if len(served.outcomes) != len(questions.requests):
            raise EngineFailed(
                f"the engine answered {len(served.outcomes)} of {len(questions.requests)} items "
                f"of task {task.name}: see the worker's log"
            )
        return prepared.result(questions, served.outcomes, seconds=served.seconds)

    @property
    def _facts(self) -> EngineFacts:
        facts = self._parts.start.facts
        if facts is None:
            raise RuntimeError("the engine is used before it was started")
        return facts
