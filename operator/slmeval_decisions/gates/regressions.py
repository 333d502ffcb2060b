"""A figure held against that of an earlier run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from slmeval_api.gate import Gate, Regression, ScoreGate, SpeedGate
from slmeval_api.result import TaskResult
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_api.workload import MAX_REPETITIONS, Workload

from slmeval_decisions.comparison import Facts, differences, facts_of
from slmeval_decisions.scores import differences_of, estimate_of

from .evidence import Evidence, of_growth
from .figures import (
    RATE,
    loaded_of,
    name_of_score,
    name_of_speed,
    result_of,
    score_of,
    task_of,
    tasks_of,
    times_of,
    too_few,
)
from .judged import Judged, Untold
from .loads import Loaded

HUNDRED = 100  # percent
MOST_NAMED = 5
TOLERANCE = 0.02
TOLERANCE_PERCENT = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A run with its trials."""

    run: Run
    trials: Sequence[Trial]

    @property
    def name(self) -> str:
        """The run's."""
        return self.run.meta.name

    def trial(self, model: str, pool: str) -> Trial | None:
        """Return the trial of a model on a pool."""
        named = (t for t in self.trials if (t.spec.model.name, t.spec.pool) == (model, pool))
        return next(named, None)


@dataclass(frozen=True, slots=True)
class Baselines:
    """What a run may be held against."""

    last_good: Measured | None
    """The newest run before it that succeeded and failed no gate."""
    by_name: dict[str, Measured]
    """Every other run of the evaluation."""

    def of(self, regression: Regression) -> Measured:
        """Return the run that is meant. Raises Untold."""
        name = regression.baseline
        if name is None:
            if self.last_good is None:
                raise Untold("there is no run before it that succeeded and failed no gate")
            return self.last_good
        if name not in self.by_name:
            known = ", ".join(list(self.by_name)[-MOST_NAMED:]) or "none"
            raise Untold(
                f"there is no other run {name} of this evaluation; the newest are: {known}"
            )
        return self.by_name[name]


def tolerance_of(gate: Gate, regression: Regression) -> float:
    """Return how much worse the figure may be: of a score, or percent of a speed."""
    if gate.score is not None:
        return TOLERANCE if regression.tolerance is None else float(regression.tolerance)
    percent = regression.tolerance_percent
    return TOLERANCE_PERCENT if percent is None else float(percent)


def held_against(gate: Gate, measured: Run, trial: Trial, base: Measured, limit: float) -> Judged:
    """Return how much worse the figure of `gate` is than in `base`, held against `limit`.

    Args:
        gate: what is judged.
        measured: the run.
        trial: of it.
        base: the run that it is held against.
        limit: as tolerance_of says.

    Raises:
        Untold: the two cannot be compared, or the figure's uncertainty is not known.

    """
    before = base.trial(trial.spec.model.name, trial.spec.pool)
    if before is None:
        raise Untold(f"run {base.name} has not measured it")
    result_of(before)
    unit = "%" if gate.speed is not None else ""
    demanded = f"at most {limit:.4g}{unit} than in run {base.name}"
    if gate.score is not None:
        changes = _changes(base.run, before, measured, trial, fatal={"engine"})
        return Judged(
            evidence=_lost(gate.score, before, trial, base.name),
            limit=limit,
            is_upper=True,
            what=f"{name_of_score(gate.score)} is lower by",
            demanded=demanded,
            counted="items",
            remark=changes,
        )
    if gate.speed is None:
        raise Untold("it names neither score nor speed")
    changes = _changes(base.run, before, measured, trial, fatal={"engine", "device"})
    _refuse_other_load(gate.speed, base.run, measured)
    then, now = _at_the_same_load(gate.speed, before, trial, base.name)
    evidence = of_growth(times_of(gate.speed, then.figures), times_of(gate.speed, now.figures))
    if evidence is None:
        raise too_few(gate.speed)
    is_rate = gate.speed.figure == RATE
    return Judged(
        evidence=evidence,
        limit=_log_of_percent(limit, is_rate=is_rate),
        is_upper=True,
        what=f"{name_of_speed(gate.speed, then.load)} is worse by",
        demanded=demanded,
        counted="repetitions",
        most=MAX_REPETITIONS,
        unit=unit,
        show=(lambda log: -100 * math.expm1(-log))
        if is_rate
        else (lambda log: 100 * math.expm1(log)),
        remark=changes,
    )


def _at_the_same_load(
    gate: SpeedGate, before: Trial, after: Trial, base: str
) -> tuple[Loaded, Loaded]:
    """Return what two runs showed at the load that the earlier one is judged at."""
    then = loaded_of(gate, before, gate.load)
    try:
        now = loaded_of(gate, after, then.load)
    except Untold as error:
        if gate.load is not None or then.load is None:
            raise
        advice = "name load"
        if then.is_met is not None:
            advice = "a search comes by other rates each time: name requestsPerSecond, and load"
        raise Untold(f"{error}, where run {base} is judged: {advice}") from error
    if gate.figure == RATE and gate.load is None and then.is_met and not now.is_met:
        raise Untold(
            f"workload {gate.workload} met its objectives at {then.load} in run {base} and no "
            "longer does, and the highest rate that does has no interval: demand it by atLeast, "
            "or name load"
        )
    return then, now


def _log_of_percent(percent: float, *, is_rate: bool) -> float:
    """Return by how much the logarithm of a time grows when its figure is worse by `percent`."""
    if not is_rate:
        return math.log1p(percent / HUNDRED)
    return -math.log1p(-percent / HUNDRED) if percent < HUNDRED else math.inf


def _lost(gate: ScoreGate, before: Trial, after: Trial, base: str) -> Evidence:
    """Return by how much a score is lower than before, item by item where that is known."""
    scores = score_of(gate, before), score_of(gate, after)
    each = [_lost_of_task(task, before, base) for task in tasks_of(gate, after)]
    known = [lost for lost in each if lost]
    if len(known) == len(each):
        found = estimate_of(known)
        return Evidence(found.difference, found.low, found.high, found.items)
    # Of two intervals as of independent samples (MOVER: Zou and Donner 2008).
    (old, old_low, old_high), (new, new_low, new_high) = (
        (float(score.value), float(score.low), float(score.high)) for score in scores
    )
    lost = old - new
    low = lost - math.hypot(old - old_low, new_high - new)
    high = lost + math.hypot(old_high - old, new - new_low)
    return Evidence(lost, low, high, min(score.n for score in scores))


def _lost_of_task(new: TaskResult, before: Trial, base: str) -> list[float] | None:
    """Return what each item has lost; None: the items' scores were not kept."""
    old = task_of(result_of(before), new.name)
    if old is None or old.outcomes is None or new.outcomes is None:
        return None
    if old.outcomes.items_digest != new.outcomes.items_digest:
        raise Untold(f"the items of task {new.name} are not those of run {base}")
    return differences_of(old, new)


def _changes(before: Run, old: Trial, after: Run, new: Trial, *, fatal: set[str]) -> str:
    """Return what a difference may be due to, as a remark. Raises Untold for one that is fatal."""
    facts = _facts(before, old), _facts(after, new)
    keys = differences(*facts)
    told = [f"{key.field} was {facts[0][key]}, is {facts[1][key]}" for key in keys]
    if fatal & {key.field for key in keys}:
        raise Untold(f"not comparable with run {before.meta.name}: {', '.join(told)}")
    if old.spec.model != new.spec.model:
        told.append(f"the entry of model {new.spec.model.name} was changed")
    return f" (since then: {', '.join(told)})" if told else ""


def _facts(run: Run, trial: Trial) -> Facts:
    pool = next((p for p in run.spec.pools if p.name == trial.spec.pool), None)
    provenance = result_of(trial).provenance
    return facts_of(provenance, pool) if provenance and pool else {}


def _refuse_other_load(gate: SpeedGate, before: Run, after: Run) -> None:
    loads = [_load(gate.workload, run) for run in (before, after)]
    if None in loads or loads[0] != loads[1]:
        raise Untold(f"workload {gate.workload} was another one in run {before.meta.name}")


def _load(name: str, run: Run) -> Workload | None:
    """Return a workload as a run asked it, however often it was to be repeated."""
    for workload in run.spec.question.workloads:
        if workload.name == name:
            load = workload.load.model_copy(update={"repetitions": 1})
            return workload.model_copy(update={workload.kind: load})
    return None
