"""The order of a trial: data, model, engine, warm-up, workloads, tasks, tuning, summary.

Independent of engine and of Ray. Speed is measured before accuracy, on prompts that share
nothing, while the engine's prefix cache is on as users have it; that no measured prompt came from
the cache is checked by its counters. Then the tasks may profit from it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from slmeval_api.base import decimal_string
from slmeval_api.model import EngineOptions
from slmeval_api.plan import Plan, PlannedTrial, TrialReport
from slmeval_api.result import (
    Ceilings,
    EngineReport,
    Failure,
    Progress,
    Provenance,
    StartSeconds,
    SuiteScores,
    TaskResult,
    TrialResult,
    TuningResult,
    WorkloadResult,
)
from slmeval_api.task import Task
from slmeval_api.workload import Workload

from slmeval_runner.artifacts import artifacts_of, keep_result
from slmeval_runner.devices.monitor import Monitor
from slmeval_runner.engines.base import (
    CeilingFacts,
    Engine,
    EngineFacts,
    EngineMemory,
    Outcome,
    Request,
    StartParts,
)
from slmeval_runner.failures import (
    ArtifactsUnwritable,
    EngineFailed,
    MeasurementInvalid,
    TaskUnusable,
    TrialError,
    cut,
)
from slmeval_runner.folders import Folders
from slmeval_runner.models import LocatedModel, locate
from slmeval_runner.provenance import provenance
from slmeval_runner.results import first_failure, summary_of
from slmeval_runner.serving.endpoint import Endpoint
from slmeval_runner.tasks import failed, prepared_of
from slmeval_runner.tasks.base import Asked, PreparedTask
from slmeval_runner.tasks.outcomes import dealt
from slmeval_runner.tasks.suite import suite_of
from slmeval_runner.times import CLOCK, Clock, timestamp
from slmeval_runner.tuning import differing, tune
from slmeval_runner.workloads.figures import Card
from slmeval_runner.workloads.measure import measure
from slmeval_runner.workloads.points import Bench, no_endpoint

WARMUP_TOKENS = 8
DETAIL_LIMIT = 256
DEADLINE_MARGIN_S = 30.0
"""Left of the trial's deadline when the search for arguments ends, to get the result out."""
Tell = Callable[[TrialReport], None]
Stage = Literal["LoadingModel", "StartingEngine", "WarmingUp", "Measuring", "Scoring", "Tuning"]


@dataclass(slots=True)
class _Start:
    """How long each part of the start took; None: not reached, or there was none."""

    waited_s: float | None = None
    tasks_s: float = 0.0
    total_s: float | None = None
    model_s: float | None = None
    warmup_s: float | None = None
    facts: EngineFacts | None = None

    def seconds(self) -> StartSeconds | None:
        if self.total_s is None or self.facts is None:
            return None
        parts = self.facts.parts or StartParts()
        return StartSeconds(
            total=decimal_string(self.total_s + (self.waited_s or 0.0), digits=3),
            libraries=_seconds(_sum(self.waited_s, self.facts.libraries_s)),
            model=_seconds(self.model_s),
            process=_seconds(parts.process_s),
            device=_seconds(parts.device_s),
            weights=_seconds(parts.weights_s),
            compile=_seconds(parts.compile_s),
            kv_cache=_seconds(parts.kv_cache_s),
            graphs=_seconds(parts.graphs_s),
            engine=_seconds(self.facts.start_s),
            warmup=_seconds(self.warmup_s),
        )


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _seconds(value: float | None) -> str | None:
    return None if value is None else decimal_string(value, digits=3)


def _engine_report(memory: EngineMemory) -> EngineReport:
    return EngineReport(
        parameters=memory.parameters,
        weights_bytes=memory.weights_bytes,
        kv_cache_tokens=memory.kv_cache_tokens,
        kv_cache_bytes=memory.kv_cache_bytes,
    )


def _ceilings(facts: CeilingFacts) -> Ceilings:
    return Ceilings(
        teraflops_per_second=decimal_string(facts.flops_per_s / 1e12, digits=1),
        gigabytes_per_second=decimal_string(facts.bytes_per_s / 1e9, digits=1),
    )


@dataclass(slots=True)
class _Parts:
    """What was measured so far; it is reported also when the trial ends early."""

    measured: dict[str, WorkloadResult] = field(default_factory=dict)
    """Workloads by name."""
    tasks: dict[str, TaskResult] = field(default_factory=dict)
    prepared: dict[str, PreparedTask] = field(default_factory=dict)
    located: LocatedModel | None = None
    start: _Start = field(default_factory=_Start)
    ceilings: CeilingFacts | None = None
    suite: SuiteScores | None = None
    tuning: TuningResult | None = None


class TrialRun:
    """One trial, in the process that holds its engine."""

    def __init__(
        self,
        plan: Plan,
        trial: PlannedTrial,
        engine: Engine,
        *,
        folders: Folders,
        tell: Tell,
        monitor: Monitor,
        waited_s: float | None = None,
        clock: Clock = CLOCK,
    ) -> None:
        """Make it ready to run.

        Args:
            plan: what is asked of every trial.
            trial: this one.
            engine: not started.
            folders: where models and data are.
            tell: takes the progress and, after each part, a result with what was measured so far,
                which stands if this process is ended before its time.
            monitor: reads the devices while something is measured.
            waited_s: seconds that the trial waited for this process, whose libraries may have had
                to be imported first; they count as part of the start. None: nobody knows.
            clock: what times and durations are taken by; they count from here.

        """
        self._plan = plan
        self._trial = trial
        self._engine = engine
        self._folders = folders
        self._report = tell
        self._monitor = monitor
        self._now = clock.now
        self._monotonic = clock.monotonic
        self._parts = _Parts(start=_Start(waited_s=waited_s))
        self._endpoint: Endpoint | MeasurementInvalid | None = None
        self._artifacts = artifacts_of(plan, trial.name, folders)
        self._started_at = timestamp(clock.now())
        self._started_s = clock.monotonic()

    async def run(self) -> TrialResult:
        """Return everything that could be measured, and why the rest could not."""
        failure: Failure | None = None
        try:
            self._tell("LoadingModel", self._trial.model.source)
            await self._prepare_tasks()
            if self._artifacts:
                await asyncio.to_thread(self._artifacts.check)
            if self._plan.workloads or self._parts.prepared:  # else a GPU would run for nothing
                await self._start()
                await self._measure()
                await self._score()
                await self._tune()
        except TrialError as error:
            failure = error.failure
        finally:
            await self._stop_endpoint()
            await self._engine.stop()
        result = self._result(failure)
        try:
            await asyncio.to_thread(keep_result, self._plan, self._trial, result, self._folders)
        except ArtifactsUnwritable as error:  # what was measured stands
            return result.model_copy(update={"failure": result.failure or error.failure})
        return result

    def _result(self, failure: Failure | None = None) -> TrialResult:
        """Return what was measured so far, and `failure` or the first one of a part."""
        parts, tasks = self._parts, self._tasks_in_order()
        workloads = [
            parts.measured[w.name] for w in self._plan.workloads if w.name in parts.measured
        ]
        facts = parts.start.facts
        return TrialResult(
            attempt=self._plan.attempt,
            started_at=self._started_at,
            completed_at=timestamp(self._now()),
            summary=summary_of(workloads, parts.suite),
            start_seconds=parts.start.seconds(),
            engine=_engine_report(facts.memory) if facts and facts.memory else None,
            ceilings=_ceilings(parts.ceilings) if parts.ceilings else None,
            workloads=workloads,
            tasks=tasks,
            suite=parts.suite,
            tuning=parts.tuning,
            provenance=self._provenance(facts) if facts else None,
            failure=failure or first_failure(workloads, tasks),
        )

    def _tell_so_far(self) -> None:
        self._report(TrialReport(result=self._result()))

    @property
    def _asked(self) -> list[Task]:
        return self._plan.tasks

    @property
    def _most_in_flight(self) -> int | None:
        """Requests sent and not finished at a time; None: unknown, as where there are tasks."""
        loads = [workload.most_in_flight for workload in self._plan.workloads]
        known = [load for load in loads if load is not None]
        return max(known) if known and len(known) == len(loads) and not self._asked else None

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
        progress = Progress(
            stage=stage,
            detail=None if detail is None else cut(detail, DETAIL_LIMIT),
            attempt=self._plan.attempt,
            updated_at=timestamp(self._now()),
        )
        self._report(TrialReport(progress=progress))

    def _tell_measuring(self, workload: str, part: str) -> None:
        self._tell("Measuring", f"{workload}: {part}")

    async def _start(self) -> None:
        """Find the model, start the engine and warm it."""
        start, entry = self._parts.start, self._trial.model
        if self._plan.engine != "simulated":
            begun_s = self._monotonic()
            self._parts.located = await asyncio.to_thread(locate, entry, self._folders)
            start.model_s = self._monotonic() - begun_s
        self._tell("StartingEngine")
        folder = self._parts.located.folder if self._parts.located else None
        start.facts = await self._engine.start(
            folder,
            entry.engine,
            most_in_flight=self._most_in_flight,
            is_shared=any(workload.http for workload in self._plan.workloads),
        )
        self._tell("WarmingUp")
        ids = list(self._engine.tokenizer.vocabulary[:WARMUP_TOKENS])
        begun_s = self._monotonic()
        await self._engine.serve([Request(prompt_token_ids=ids, max_tokens=1, is_exact=True)])
        start.warmup_s = self._monotonic() - begun_s
        start.total_s = self._monotonic() - self._started_s - start.tasks_s
        self._tell_so_far()

    async def _prepare_tasks(self) -> None:
        """Read all data before a GPU is used: what is wrong with it is known in a second.

        Or in more, where it is downloaded: that is no part of the engine's start.
        """
        begun_s = self._monotonic()
        for task in self._asked:
            try:
                self._parts.prepared[task.name] = await asyncio.to_thread(
                    prepared_of, task, seed=self._plan.seed, folders=self._folders
                )
            except TaskUnusable as error:
                self._parts.tasks[task.name] = failed(task, error)
        self._parts.start.tasks_s = self._monotonic() - begun_s

    async def _measure(self) -> None:
        if not self._plan.workloads:
            return
        self._parts.ceilings = await self._engine.ceilings()
        # Those over HTTP last: Ray Serve beside the engine would cost the others something.
        for workload in sorted(self._plan.workloads, key=lambda w: w.http is not None):
            done = await self._one_workload(workload, self._facts)
            self._parts.measured[workload.name] = done
            self._tell_so_far()
        await self._stop_endpoint()

    async def _give_endpoint(self) -> Endpoint:
        """Return the engine's endpoint, or why there is none: an engine gets one try."""
        if self._endpoint is None:
            try:
                self._endpoint = await self._start_endpoint()
            except MeasurementInvalid as error:
                self._endpoint = error
        if isinstance(self._endpoint, MeasurementInvalid):
            raise self._endpoint
        return self._endpoint

    async def _start_endpoint(self) -> Endpoint:
        attachment = self._engine.attachment
        if attachment is None:
            return await no_endpoint()
        self._tell("Measuring", "starting Ray Serve")
        return await Endpoint.start(attachment, self._trial.model.name)

    async def _stop_endpoint(self) -> None:
        endpoint, self._endpoint = self._endpoint, None
        if isinstance(endpoint, Endpoint):
            await endpoint.stop()

    async def _one_workload(self, workload: Workload, facts: EngineFacts) -> WorkloadResult:
        ceilings, card = self._parts.ceilings, None
        if ceilings and facts.shape:
            card = Card(shape=facts.shape, ceilings=ceilings, gpus=facts.gpus)
        bench = Bench(
            engine=self._engine,
            endpoint=self._give_endpoint,
            monitor=self._monitor,
            card=card,
            tell=partial(self._tell_measuring, workload.name),
        )
        return await measure(
            workload,
            bench,
            max_model_len=facts.max_model_len,
            seed=self._plan.seed,
            folders=self._folders,
        )

    async def _tune(self) -> None:
        """Start the engine anew with other arguments, when all else is measured."""
        declared = self._trial.model.engine
        batches = [workload for workload in self._plan.workloads if workload.batch]
        if not declared.tune or not batches:
            return
        workload = batches[0]
        self._parts.tuning = await tune(
            declared,
            self._parts.measured[workload.name],
            partial(self._with_options, workload),
            resolved=self._facts.arguments,
            limit_s=self._left_s - DEADLINE_MARGIN_S,
            estimate_s=self._parts.start.total_s or 0.0,
            monotonic=self._monotonic,
        )

    @property
    def _left_s(self) -> float:
        """Seconds until the driver ends the trial, and with it all that was measured."""
        spent_s = self._monotonic() - self._started_s + (self._parts.start.waited_s or 0.0)
        return self._plan.trial_deadline_seconds - spent_s

    async def _with_options(
        self, workload: Workload, options: EngineOptions, repetitions: int
    ) -> WorkloadResult:
        self._tell(
            "Tuning",
            ", ".join(f"{a.name}={a.value}" for a in differing(self._trial.model.engine, options)),
        )
        await self._engine.stop()
        folder = self._parts.located.folder if self._parts.located else None
        facts = await self._engine.start(folder, options, most_in_flight=self._most_in_flight)
        load = workload.load.model_copy(update={"repetitions": repetitions})
        return await self._one_workload(workload.model_copy(update={workload.kind: load}), facts)

    async def _score(self) -> None:
        """Ask all tasks' questions together: the engine is never short of work between two."""
        asked = dict[str, Asked]()
        for task in self._asked:
            prepared = self._parts.prepared.get(task.name)
            if prepared is None:
                continue
            self._tell("Scoring", f"{task.name}: prompts")
            try:
                asked[task.name] = await asyncio.to_thread(
                    prepared.ask,
                    self._engine.tokenizer,
                    max_model_len=self._facts.max_model_len,
                )
            except TaskUnusable as error:
                self._parts.tasks[task.name] = failed(task, error)
        if not asked:
            return
        requests = [request for questions in asked.values() for request in questions.requests]
        items = sum(questions.items for questions in asked.values())
        self._tell("Scoring", f"{items} items of {', '.join(asked)}")
        served = await self._engine.serve(requests)
        if len(served.outcomes) != len(requests):
            raise EngineFailed(
                f"the engine answered {len(served.outcomes)} of {len(requests)} requests of the "
                "tasks: see the worker's log"
            )
        counts = (len(questions.requests) for questions in asked.values())
        outcomes_of = dict(zip(asked, dealt(served.outcomes, counts), strict=True))
        self._judge(asked, outcomes_of, seconds=served.seconds)
        self._tell_so_far()
        await asyncio.to_thread(self._keep, asked, outcomes_of)

    def _judge(
        self,
        asked: Mapping[str, Asked],
        outcomes_of: Mapping[str, Sequence[Outcome]],
        *,
        seconds: float,
    ) -> None:
        for task in self._asked:
            if task.name not in asked:
                continue
            try:
                done = asked[task.name].result(outcomes_of[task.name])
            except (MeasurementInvalid, TaskUnusable) as error:
                done = failed(task, error)
            self._parts.tasks[task.name] = done
        self._parts.suite = suite_of(self._tasks_in_order(), self._asked, seconds=seconds)

    def _keep(
        self, asked: Mapping[str, Asked], outcomes_of: Mapping[str, Sequence[Outcome]]
    ) -> None:
        """Write what was asked and answered; the scores stand whatever comes of it."""
        if self._artifacts is None:
            return
        self._tell("Scoring", "writing artifacts")
        for name, questions in asked.items():
            kept = self._artifacts.keep(name, questions.records(outcomes_of[name]))
            done = self._parts.tasks[name]
            self._parts.tasks[name] = done.model_copy(update={"artifact": kept})

    @property
    def _facts(self) -> EngineFacts:
        facts = self._parts.start.facts
        if facts is None:
            raise RuntimeError("the engine is used before it was started")
        return facts
