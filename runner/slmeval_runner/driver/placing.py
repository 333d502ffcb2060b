"""Which trial starts on which worker and GPUs, and when. Pure.

A trial's process is made only when a worker has room for it: one that waited there would spend its
deadline waiting.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from slmeval_api.plan import Plan, PlannedTrial


class Placement(NamedTuple):
    """A trial, the worker that it starts on, and its GPUs there."""

    trial: PlannedTrial
    node: str
    gpus: tuple[int, ...]
    """Positions among the worker's GPUs, from 0; none in a pool without."""


def gpus_needed(plan: Plan, trial: PlannedTrial) -> int:
    """Return the GPUs that `trial` takes; 0 in a pool without."""
    return trial.model.engine.tensor_parallel_size if plan.gpus_per_worker else 0


def fits_any_worker(plan: Plan, trial: PlannedTrial) -> bool:
    """Return whether a worker of the pool, empty, has room for `trial`."""
    return gpus_needed(plan, trial) <= plan.gpus_per_worker or not plan.gpus_per_worker


def placements(
    plan: Plan,
    waiting: Sequence[PlannedTrial],
    running: Collection[Placement],
    nodes: Collection[str],
) -> list[Placement]:
    """Return what to start now, in the plan's order, each on the lowest GPUs that are free.

    Args:
        plan: GPUs of a worker.
        waiting: trials that were not started, each of which fits an empty worker.
        running: those of the trials that run.
        nodes: workers that are there.

    """
    has_gpus = plan.gpus_per_worker > 0
    slots = range(plan.gpus_per_worker or 1)  # without GPUs, a worker has room for one trial
    taken = {(held.node, slot) for held in running for slot in (held.gpus or (0,))}
    free = {node: [s for s in slots if (node, s) not in taken] for node in sorted(nodes)}
    placed = list[Placement]()
    for trial in waiting:
        needed = gpus_needed(plan, trial) or 1
        node = next((node for node, left in free.items() if len(left) >= needed), None)
        if node is not None:
            mine, free[node] = free[node][:needed], free[node][needed:]
            placed.append(Placement(trial, node, tuple(mine) if has_gpus else ()))
    return placed
