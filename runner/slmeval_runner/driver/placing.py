"""Which trial starts on which worker, and when. Pure.

A trial's process is made only when a worker has room for it: one that waited inside Ray would
spend its deadline waiting.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from slmeval_api.plan import Plan, PlannedTrial

RAY_RESOLUTION = 10_000
"""Ray counts resources in ten-thousandths."""


class Placement(NamedTuple):
    """A trial and the worker that it starts on."""

    trial: PlannedTrial
    node: str


def gpus_needed(plan: Plan, trial: PlannedTrial) -> int:
    """Return the GPUs that `trial` takes; 0 in a pool without."""
    return trial.model.engine.tensor_parallel_size if plan.gpus_per_worker else 0


def share_of_worker(plan: Plan, trial: PlannedTrial) -> float:
    """Return the part of a worker that `trial` takes: all of it, or its GPUs' part.

    Rounded down to what Ray can count, so that as many trials as a worker has room for fit.
    """
    if not plan.gpus_per_worker:
        return 1.0
    share = gpus_needed(plan, trial) * RAY_RESOLUTION // plan.gpus_per_worker
    return share / RAY_RESOLUTION


def fits_any_worker(plan: Plan, trial: PlannedTrial) -> bool:
    """Return whether a worker of the pool, empty, has room for `trial`."""
    return gpus_needed(plan, trial) <= plan.gpus_per_worker or not plan.gpus_per_worker


def placements(
    plan: Plan,
    waiting: Sequence[PlannedTrial],
    running: Mapping[str, str],
    nodes: Collection[str],
) -> list[Placement]:
    """Return what to start now, in the plan's order.

    Args:
        plan: GPUs of a worker, and the trials.
        waiting: trials that were not started, each of which fits an empty worker.
        running: node of each trial that runs, by trial name.
        nodes: workers that are there.

    """
    slots = plan.gpus_per_worker or 1
    free = Counter(dict.fromkeys(sorted(nodes), slots))
    by_name = {trial.name: trial for trial in plan.trials}
    for name, node in running.items():
        free[node] -= gpus_needed(plan, by_name[name]) or 1
    placed = list[Placement]()
    for waits in waiting:
        needed = gpus_needed(plan, waits) or 1
        fitting = [node for node in sorted(nodes) if free[node] >= needed]
        if fitting:
            free[fitting[0]] -= needed
            placed.append(Placement(waits, fitting[0]))
    return placed
