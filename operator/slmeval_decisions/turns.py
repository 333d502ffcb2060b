"""Whose turn it is on a pool: the runs of one evaluation measure there one at a time. Pure."""

from collections.abc import Iterable

from slmeval_api.run import Run

from .observed import RayJob
from .world import World


def holder_of(world: World, run: Run, pool: str, *, planned: Iterable[str]) -> str | None:
    """Return the RayJob that has the pool before `run` may start an attempt there.

    It may have no pods: they are still to come, or it is suspended and goes on when the evaluation
    does. What is left of a deleted run of the same name has it too, until its names are free.

    Args:
        world: what there is.
        run: the run that waits.
        pool: the pool's name.
        planned: RayJobs of runs before it that are to be made on the pool.

    Returns:
        Its name; None: the pool is free for `run`.

    """
    others = (j for j in world.rayjobs if j.pool == pool and not j.is_of(run))
    holding = (j.name for j in others if j.run == run.meta.name or _holds(world, j))
    return min([*holding, *planned], default=None)


def _holds(world: World, job: RayJob) -> bool:
    """Return whether a RayJob runs, or will: nobody resumes that of a run that is gone or going."""
    has_run = any(job.is_of(r) for r in world.runs if not r.meta.is_being_deleted)
    return job.is_at_work and (has_run or not job.is_suspend_asked)
