"""Which runs an evaluation's gates hold against each other. Pure."""

from slmeval_api.conditions import ConditionType, is_true
from slmeval_api.gate import GateReport
from slmeval_api.run import Run

from .gates.regressions import Baselines, Measured
from .gates.report import digest_of, judge
from .world import World


def report_on(run: Run, world: World, *, is_current: bool, has_ended: bool) -> GateReport | None:
    """Return what comes of the gates in `run`; None: nothing is judged, or not yet.

    A run that another has followed keeps what was said of it, and so does one that was judged by
    the same gates: the run that it was held against may be gone by now.
    """
    stored = run.status.gates
    if not is_current:
        return stored
    gates = world.evaluation.spec.gates if world.evaluation else []
    if not gates or not has_ended:
        return None
    if stored is not None and stored.digest == digest_of(gates):
        return stored
    others = sorted(
        (r for r in world.runs if r.meta.uid != run.meta.uid), key=lambda r: r.spec.number
    )
    measured = {r.meta.name: _measured(r, world) for r in others}
    good = [r for r in others if r.spec.number < run.spec.number and _is_good(r)]
    baselines = Baselines(
        last_good=measured[good[-1].meta.name] if good else None, by_name=measured
    )
    return judge(gates, _measured(run, world), baselines)


def _measured(run: Run, world: World) -> Measured:
    return Measured(run, list(world.trials_of(run).values()))


def _is_good(run: Run) -> bool:
    """Return whether everything was measured and no gate failed."""
    is_whole = is_true(run.status.conditions, ConditionType.SUCCEEDED)
    return is_whole and (run.status.gates is None or run.status.gates.failed == 0)
