"""A figure held against that of an earlier run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from slmeval_api.gate import Gate, Regression, SpeedGate
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_api.workload import MAX_REPETITIONS

from .alike import refuse_other_load, refuse_other_prompts, remark
from .evidence import of_growth
from .figures import (
    RATE,
    loaded_of,
    name_of_score,
    name_of_speed,
    result_of,
    times_of,
    too_few,
)
from .judged import Judged, Untold
from .loads import Loaded
from .lost import left_out, lost, pairs_of

HUNDRED = 100  # percent
MOST_NAMED = 5
TOLERANCE = 0.02
TOLERANCE_PERCENT = 2.0


class Candidate(NamedTuple):
    """What a run was asked to measure."""

    model: str
    pool: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A run with its trials."""

    run: Run
    trials: Sequence[Trial]

    @property
    def name(self) -> str:
        """The run's."""
        return self.run.meta.name

    @property
    def candidates(self) -> list[Candidate]:
        """Each model on each pool, also one whose trial somebody deleted."""
        asked = self.run.spec
        return [Candidate(m.name, p.name) for m in asked.question.models for p in asked.pools]

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
        changes = remark(base.run, before, measured, trial, fatal={"engine"})
        pairs = pairs_of(gate.score, base.run, before, measured, trial)
        return Judged(
            evidence=lost(pairs),
            limit=limit,
            is_upper=True,
            what=f"{name_of_score(gate.score)} is lower by",
            demanded=demanded,
            counted="items",
            base=base.name,
            remark=left_out(gate.score, before, pairs) + changes,
        )
    if gate.speed is None:
        raise Untold("it names neither score nor speed")
    changes = remark(base.run, before, measured, trial, fatal={"engine", "device"})
    refuse_other_load(gate.speed, base.run, measured)
    then, now = _at_the_same_load(gate.speed, before, trial, base.name)
    refuse_other_prompts(gate.speed, base.run, then.figures, now.figures)
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
        base=base.name,
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
