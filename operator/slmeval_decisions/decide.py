"""One evaluation's world in, everything that should be done about it out. Pure.

May be called any number of times, after any crash; a world in which everything is as it should be
gives a plan that writes nothing.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from slmeval_api.conditions import ConditionType, Reason, condition, has_ended, is_true
from slmeval_api.evaluation import Evaluation, RunRef
from slmeval_api.run import Run, RunPool, RunStatus
from slmeval_api.trial import Trial

from .attempts import PoolDecision, PoolSituation, attempts_of, decide_pool, overdue
from .comparison import comparisons
from .judging import report_on
from .names import rayjob_name
from .objects import desired_run, desired_trials
from .question import Problem, problem_of
from .runs import Runs, runs_of
from .statuses import (
    StatusWrite,
    deleted_standing,
    evaluation_status,
    run_status,
    trial_standing,
    trial_status,
)
from .story import News, news_of
from .turns import holder_of
from .verdict import Standing, State, refused, superseded
from .world import World

SOON_S = 5.0
"""Next look while pods are on their way in or out."""
LATER_S = 30.0
"""Next look while trials run: only deadlines can have passed."""
LATEST_S = 300.0
"""Next look while a time of the schedule is far off: the clock may be changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """An attempt that is to be made: the RayJob of a cluster."""

    run: Run
    pool: RunPool
    number: int
    """1 for the first."""
    unfinished: tuple[Trial, ...]
    """What it has to measure, at least one."""
    all_trials: tuple[str, ...]
    """Names of all trials of the run on this pool: the reporter's Role serves every attempt."""
    evaluation_uid: str

    @property
    def rayjob(self) -> str:
        """The name of its RayJob."""
        return rayjob_name(self.run.meta.name, self.pool.name, self.number)


@dataclass(slots=True, kw_only=True)
class Plan:
    """What to do, in this order."""

    create: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[NewAttempt] = field(default_factory=list)
    suspend: list[tuple[str, bool]] = field(default_factory=list)
    delete_jobs: list[str] = field(default_factory=list)
    overdue: dict[str, timedelta] = field(default_factory=dict)
    """RayJobs that should hold no pod and do. Removed by us if they do for too long."""
    statuses: list[StatusWrite] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    delete_runs: list[str] = field(default_factory=list)
    look_again_s: float | None = None


def decide(world: World) -> Plan:
    """Return what to do about `world`."""
    plan = Plan(overdue=overdue(world.rayjobs, world.pods))
    if world.evaluation is None or world.evaluation.meta.is_being_deleted:
        # Deletion is the garbage collector's work; only pods that it cannot reach are ours.
        plan.look_again_s = SOON_S if world.pods else None
        return plan
    evaluation = world.evaluation
    runs = runs_of(evaluation, world.runs, world.now)
    written = dict[str, RunStatus]()
    for run in sorted(world.runs, key=lambda r: r.spec.number):  # the order of turns on a pool
        if not run.meta.is_being_deleted:
            is_superseded = run.meta.uid in runs.stopped
            is_current = run is runs.current
            written[run.meta.name] = _plan_run(
                world, run, plan, is_superseded=is_superseded, is_current=is_current
            )
    plan.delete_runs += runs.forgotten
    standing = _evaluation_standing(world, evaluation, runs, plan, written)
    _write_evaluation(world, evaluation, standing, runs=runs, plan=plan, written=written)
    plan.news = news_of(world, plan.statuses)
    plan.look_again_s = _next_look(world, runs, plan)
    return plan


def _plan_run(
    world: World, run: Run, plan: Plan, *, is_superseded: bool, is_current: bool
) -> RunStatus:
    """Add to `plan` what `run` needs; return its status as it will then stand."""
    uid = world.evaluation.meta.uid if world.evaluation else ""
    desired = desired_trials(run, uid)
    trials = {n: t for n, t in world.trials_of(run).items() if n in desired}
    missing = [name for name in desired if name not in trials]
    is_over = has_ended(run.status.conditions)
    if missing and not is_superseded and not is_over:
        plan.create += [desired[name] for name in missing if _may_make(world, name)]
    standings = dict[str, Standing]()
    for pool in run.spec.pools:
        situation = _situation(world, run, pool, trials, plan, is_superseded=is_superseded)
        decision = decide_pool(situation)
        if missing:  # all trials first: an attempt's Role names them
            decision = replace(decision, start_attempt=None)
        _carry_out(decision, situation, plan, evaluation_uid=uid)
        for trial in situation.trials:
            standings[trial.meta.name] = trial_standing(
                trial,
                decision.standing,
                engine=pool.spec.engine,
                attempt=situation.attempts_made,
            )
    was_measured = is_true(run.status.conditions, ConditionType.SUCCEEDED)
    if missing and is_over and not was_measured:
        return run.status  # somebody deleted a trial of it, which may be the one that failed
    for name in missing:
        if was_measured:
            standings[name] = deleted_standing(run, desired[name]["spec"]["pool"])
        elif is_superseded:
            standings[name] = superseded()
        else:
            standings[name] = _to_be_made(world, name, "the trial")
    in_order = {name: standings[name] for name in desired}
    return _write_run(world, run, in_order, plan, is_current=is_current)


def _may_make(world: World, name: str) -> bool:
    """Return whether the API server was not asked yet, or may be asked again."""
    refusal = world.refusals.get(name)
    return refusal is None or refusal.is_due


def _to_be_made(world: World, name: str, what: str) -> Standing:
    refusal = world.refusals.get(name)
    if refusal is not None:
        return refused(refusal, what)
    message = f"{what.capitalize()} is being made."
    return Standing(state=State.IN_PROGRESS, reason=Reason.PENDING, message=message)


def _situation(
    world: World,
    run: Run,
    pool: RunPool,
    trials: dict[str, Trial],
    plan: Plan,
    *,
    is_superseded: bool,
) -> PoolSituation:
    planned = [a.rayjob for a in plan.attempts if a.pool.name == pool.name]
    return PoolSituation(
        run=run,
        pool=pool,
        trials=tuple(t for t in trials.values() if t.spec.pool == pool.name),
        jobs=tuple(j for j in world.jobs_of(run) if j.pool == pool.name),
        pods=tuple(p for p in world.pods if p.pool == pool.name),
        is_suspended=world.evaluation is not None and world.evaluation.spec.suspend,
        is_superseded=is_superseded,
        holder=holder_of(world, run, pool.name, planned=planned),
        refusals=world.refusals,
        now=world.now,
    )


def _carry_out(
    decision: PoolDecision, s: PoolSituation, plan: Plan, *, evaluation_uid: str
) -> None:
    if decision.start_attempt is not None:
        plan.attempts.append(
            NewAttempt(
                run=s.run,
                pool=s.pool,
                number=decision.start_attempt,
                unfinished=tuple(s.unfinished),
                all_trials=tuple(t.meta.name for t in s.trials),
                evaluation_uid=evaluation_uid,
            )
        )
    if decision.suspend is not None:
        plan.suspend.append(decision.suspend)
    plan.delete_jobs += decision.delete_jobs


def _write_run(
    world: World, run: Run, standings: dict[str, Standing], plan: Plan, *, is_current: bool
) -> RunStatus:
    """Add the statuses of `run` and its trials that differ from what is stored.

    Args:
        world: what is stored.
        run: the run.
        standings: where its trials stand, by name, in the run's order.
        plan: what the statuses are added to.
        is_current: whether the evaluation's gates are about it.

    """
    made = world.trials_of(run)
    trials = {name: made[name] for name in standings if name in made}
    compared = comparisons(run, list(trials.values()))
    for name, trial in trials.items():
        after = trial_status(trial, standings[name], world.now, comparison=compared.get(name))
        before = trial.status
        if (before.conditions, before.observed_generation) != (
            after.conditions,
            after.observed_generation,
        ):
            plan.statuses.append(StatusWrite(info=Trial.info, name=name, status=after))
    status = run_status(
        run,
        standings,
        attempts=attempts_of(run, world.jobs_of(run), pods=world.pods, now=world.now),
        now=world.now,
        compared=compared,
        measured=list(trials.values()),
        gates=report_on(
            run,
            world,
            is_current=is_current,
            ends=all(s.has_ended and s.reason != Reason.SUPERSEDED for s in standings.values()),
        ),
    )
    if status != run.status:
        plan.statuses.append(StatusWrite(info=Run.info, name=run.meta.name, status=status))
    return status


def _evaluation_standing(
    world: World,
    evaluation: Evaluation,
    runs: Runs,
    plan: Plan,
    written: dict[str, RunStatus],
) -> Standing:
    """Return where the evaluation stands; adds the run that is due to `plan`."""
    due, current = runs.next, runs.current
    if due is None:
        newest = written[current.meta.name] if current else None
        return _with_schedule(runs.problem, _standing_of(newest))
    problem = problem_of(evaluation.spec.question, world.pools)
    if problem is not None:
        return Standing(state=State.STALLED, reason=problem.reason, message=problem.message)
    if due.waits_for is not None:
        message = f"The run of the edit starts when run {due.waits_for.meta.name} has ended."
        return Standing(state=State.IN_PROGRESS, reason=Reason.PENDING, message=message)
    run = desired_run(evaluation, dict(world.pools), due)
    name: str = run["metadata"]["name"]
    if _may_make(world, name):
        plan.create.append(run)
    return _to_be_made(world, name, "the run")


def _with_schedule(problem: Problem | None, standing: Standing) -> Standing:
    """Return the standing of the newest run; once it has ended, a schedule without times stalls."""
    if problem is None or not standing.has_ended:
        return standing
    message = f"{problem.message} The newest run: {standing.message}"
    return Standing(state=State.STALLED, reason=problem.reason, message=message)


def _standing_of(status: RunStatus | None) -> Standing:
    """Return the standing that a run's conditions say; None: it is not stored yet."""
    ready = condition(status.conditions, ConditionType.READY) if status else None
    if status is None or ready is None:
        return Standing(
            state=State.IN_PROGRESS, reason=Reason.PENDING, message="The run is being made."
        )
    if ready.reason == Reason.GATES_FAILED:
        return Standing(state=State.GATED, reason=ready.reason, message=ready.message)
    flags = {
        State.SUCCEEDED: ConditionType.SUCCEEDED,
        State.FAILED: ConditionType.FAILED,
        State.STALLED: ConditionType.STALLED,
        State.IN_PROGRESS: ConditionType.RECONCILING,
    }
    state = next((s for s, t in flags.items() if is_true(status.conditions, t)), State.WAITING)
    return Standing(state=state, reason=ready.reason, message=ready.message)


def _last_success(evaluation: Evaluation, runs: dict[str, RunStatus]) -> RunRef | None:
    """Return the newest run that succeeded, also one that is gone by now."""
    best = evaluation.status.last_successful_run
    for name, status in runs.items():
        when = status.completion_time
        is_better = (
            best is None or best.completion_time is None or (when or "") > (best.completion_time)
        )
        if when and is_true(status.conditions, ConditionType.SUCCEEDED) and is_better:
            best = RunRef(name=name, completion_time=when)
    return best


def _write_evaluation(
    world: World,
    evaluation: Evaluation,
    standing: Standing,
    *,
    runs: Runs,
    plan: Plan,
    written: dict[str, RunStatus],
) -> None:
    """Add the status of the evaluation to `plan`, and its news, where they differ from before."""
    shown = runs.current or (runs.next.waits_for if runs.next else None)
    status = evaluation_status(
        evaluation,
        standing,
        shown=(shown.meta.name, written[shown.meta.name]) if shown else None,
        last_success=_last_success(evaluation, written),
        request=runs.newest.spec.trigger.request if runs.newest else None,
        schedule=runs.times.status if runs.times else None,
        now=world.now,
    )
    if status != evaluation.status:
        plan.statuses.append(
            StatusWrite(info=Evaluation.info, name=evaluation.meta.name, status=status)
        )


def _next_look(world: World, runs: Runs, plan: Plan) -> float | None:
    """Return when time alone could change the decision; None: only an event can."""
    running = [j for j in world.rayjobs if j.outcome == "Running"]
    is_starting = any(j.stage != "Running" for j in running) or any(p.blocker for p in world.pods)
    delay_s = None
    if plan.attempts or plan.create or plan.overdue or is_starting:
        delay_s = SOON_S
    elif running or world.pods or world.refusals:
        delay_s = LATER_S
    if runs.times is None or runs.times.next is None:
        return delay_s
    return min(delay_s or LATEST_S, (runs.times.next - world.now).total_seconds())
