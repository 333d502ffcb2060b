"""Which runs an evaluation's gates hold against each other. Pure."""

from slmeval_api.conditions import has_ended
from slmeval_api.gate import GateReport
from slmeval_api.run import Run

from .gates.good import last_good
from .gates.regressions import Baselines, Measured
from .gates.report import digest_of, judge
from .world import World


def report_on(run: Run, world: World, *, is_current: bool, ends: bool) -> GateReport | None:
    """Return what comes of the gates in `run`; None: nothing is judged, or not yet.

    A run is judged when it ends, also one that a newer one has overtaken: else it would pass for
    one that failed none. Gates that were edited since judge the newest run alone. What was judged
    by the same gates stays as it is: the run that it was held against may be gone by now.

    Args:
        run: the run, as it is stored.
        world: what is stored.
        is_current: whether it is the evaluation's newest, and asks what that asks.
        ends: whether all of it has ended by now, and not because a newer run took its place.

    """
    stored = run.status.gates
    gates = world.evaluation.spec.gates if world.evaluation else []
    if not is_current and (stored or has_ended(run.status.conditions)):
        return stored
    if not gates or not ends:
        return None
    if stored is not None and stored.digest == digest_of(gates):
        return stored
    others = [r for r in world.runs if r.meta.uid != run.meta.uid]
    measured = {r.meta.name: _measured(r, world) for r in others}
    good = last_good(r for r in others if r.spec.number < run.spec.number)
    baselines = Baselines(last_good=measured[good.meta.name] if good else None, by_name=measured)
    return judge(gates, _measured(run, world), baselines)


def _measured(run: Run, world: World) -> Measured:
    return Measured(run, list(world.trials_of(run).values()))
