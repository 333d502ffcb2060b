"""What the driver of an attempt is told, and on how many workers. Pure."""

from collections.abc import Sequence

from slmeval_api.plan import Plan, PlannedTrial
from slmeval_api.run import Run, RunPool
from slmeval_api.trial import Trial


def desired_plan(
    run: Run, pool: RunPool, trials: Sequence[Trial], *, number: int, image: str
) -> Plan:
    """Return what the driver of the attempt is told."""
    question = run.spec.question
    gpus = pool.spec.gpus.per_worker if pool.spec.gpus else 0
    return Plan(
        namespace=run.meta.namespace or "",
        evaluation=run.spec.evaluation,
        run=run.meta.name,
        pool=pool.name,
        attempt=number,
        engine=pool.spec.engine,
        gpus_per_worker=gpus,
        workers=workers_needed(pool, [t.spec.model.engine.tensor_parallel_size for t in trials]),
        image=image,
        seed=question.seed,
        trial_deadline_seconds=question.trial_deadline_seconds,
        workloads=list(question.workloads),
        tasks=list(question.tasks),
        artifacts=question.artifacts,
        trials=[PlannedTrial(name=t.meta.name, model=t.spec.model) for t in trials],
    )


def workers_needed(pool: RunPool, gpus_asked: Sequence[int]) -> int:
    """Return how many workers can be busy at once: no more are asked for than have work.

    Args:
        pool: where.
        gpus_asked: GPUs of each unfinished trial, shape (n,), n >= 1.

    """
    per_worker = pool.spec.gpus.per_worker if pool.spec.gpus else 1
    free = list[int]()  # GPUs left on each worker, filled first-fit
    for gpus in sorted(gpus_asked, reverse=True):
        size = min(gpus, per_worker)
        index = next((i for i, left in enumerate(free) if left >= size), None)
        if index is None:
            free.append(per_worker - size)
        else:
            free[index] -= size
    return min(pool.spec.workers, len(free))
