"""A figure of one run, held against atLeast or atMost."""

import math

from slmeval_api.gate import Gate, ScoreGate, SpeedGate
from slmeval_api.trial import Trial
from slmeval_api.workload import MAX_REPETITIONS

from .evidence import of_interval, of_times
from .figures import (
    RATE,
    loaded_of,
    name_of_score,
    name_of_speed,
    score_of,
    times_of,
    too_few,
)
from .judged import Judged, Untold


def held(gate: Gate, trial: Trial, limit: float, *, is_least: bool) -> Judged:
    """Return the figure of `gate` held against `limit`, its atLeast or its atMost.

    Raises:
        Untold: there is no such figure, or its uncertainty is not known.

    """
    demanded = f"{'at least' if is_least else 'at most'} {limit:.4g}"
    if gate.score is not None:
        return _score(gate.score, trial, limit, demanded, is_least=is_least)
    if gate.speed is not None:
        return _speed(gate.speed, trial, limit, demanded, is_least=is_least)
    raise Untold("it names neither score nor speed")


def _score(gate: ScoreGate, trial: Trial, limit: float, demanded: str, *, is_least: bool) -> Judged:
    score = score_of(gate, trial)
    return Judged(
        evidence=of_interval(float(score.value), float(score.low), float(score.high), score.n),
        limit=limit,
        is_upper=not is_least,
        what=name_of_score(gate),
        demanded=demanded,
        counted="items",
    )


def _speed(gate: SpeedGate, trial: Trial, limit: float, demanded: str, *, is_least: bool) -> Judged:
    there = loaded_of(gate, trial, gate.load)
    evidence = of_times(times_of(gate, there.figures))
    if evidence is None:
        raise too_few(gate)
    is_rate = gate.figure == RATE
    if limit == 0:
        log = math.inf if is_rate else -math.inf
    else:
        log = -math.log(limit) if is_rate else math.log(limit)
    return Judged(
        evidence=evidence,
        limit=log,
        is_upper=is_least == is_rate,  # the scale is that of times: more a second is less
        what=name_of_speed(gate, there.load),
        demanded=demanded,
        counted="repetitions",
        most=MAX_REPETITIONS,
        show=(lambda log_s: math.exp(-log_s)) if is_rate else math.exp,
    )
