"""All verdicts on a run."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from slmeval_api.base import decimal_string
from slmeval_api.gate import MAX_VERDICTS, Demand, Gate, GateReport, GateVerdict, Outcome
from slmeval_api.trial import Trial

from .judged import Judged, Untold
from .limits import held
from .regressions import Baselines, Candidate, Measured, held_against, tolerance_of

ORDER: tuple[Outcome, ...] = ("Failed", "Inconclusive", "Passed")


def digest_of(gates: Sequence[Gate]) -> str:
    """Return a digest that is equal for equal gates."""
    text = json.dumps([gate.to_json_data() for gate in gates], sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def judge(gates: Sequence[Gate], measured: Measured, baselines: Baselines) -> GateReport:
    """Return what comes of `gates` in a run that has ended."""
    found = [
        verdict
        for gate in gates
        for candidate in measured.candidates
        if _is_meant(gate, candidate)
        for verdict in _of_gate(gate, measured, candidate, baselines)
    ]
    found.sort(key=lambda verdict: ORDER.index(verdict.outcome))
    counts = {outcome: sum(v.outcome == outcome for v in found) for outcome in ORDER}
    asks_last_good = any(g.regression and g.regression.baseline is None for g in gates)
    last_good = baselines.last_good if asks_last_good else None
    return GateReport(
        digest=digest_of(gates),
        baseline=last_good.name if last_good else None,
        passed=counts["Passed"],
        failed=counts["Failed"],
        inconclusive=counts["Inconclusive"],
        verdicts=found[:MAX_VERDICTS],
    )


def _is_meant(gate: Gate, candidate: Candidate) -> bool:
    model, pool = candidate
    return model in (gate.models or [model]) and pool in (gate.pools or [pool])


def _of_gate(
    gate: Gate, measured: Measured, candidate: Candidate, baselines: Baselines
) -> Iterator[GateVerdict]:
    """Yield a verdict on each demand of the gate."""
    verdict = partial(_verdict, gate, candidate, measured.trial(*candidate))
    limits: tuple[tuple[Demand, str | None], ...] = (
        ("atLeast", gate.at_least),
        ("atMost", gate.at_most),
    )
    for demand, text in limits:
        if text is not None:
            limit = float(text)
            is_least = demand == "atLeast"
            yield verdict(demand, limit, partial(held, gate, limit=limit, is_least=is_least))
    regression = gate.regression
    if regression is not None:
        limit = tolerance_of(gate, regression)

        def against(trial: Trial) -> Judged:
            return held_against(gate, measured.run, trial, baselines.of(regression), limit)

        yield verdict("regression", limit, against)


def _verdict(
    gate: Gate,
    candidate: Candidate,
    trial: Trial | None,
    demand: Demand,
    limit: float,
    judged: Callable[[Trial], Judged],
) -> GateVerdict:
    found, words = None, "its SLMTrial was deleted: ask anew, by slmeval run-now"
    if trial is not None:
        try:
            found = judged(trial)
        except Untold as error:
            words = str(error)
    numbers = [_text(number) for number in found.shown] if found else [None] * 3
    return GateVerdict(
        gate=gate.name,
        demand=demand,
        model=candidate.model,
        pool=candidate.pool,
        outcome=found.outcome if found else "Inconclusive",
        value=numbers[0],
        low=numbers[1],
        high=numbers[2],
        limit=decimal_string(limit),
        needed=found.needed if found else None,
        message=f"{gate.name}, {candidate.model} on {candidate.pool}: "
        f"{found.words if found else words}.",
    )


def _text(number: float) -> str | None:
    """Return a number as it is stored; None: the interval of so few data has no bound."""
    try:
        return decimal_string(number)
    except ValueError:
        return None
