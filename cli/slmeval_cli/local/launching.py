"""What an attempt is started with on this machine. Pure."""

from collections.abc import Mapping
from pathlib import Path

from slmeval_decisions.decide import NewAttempt
from slmeval_decisions.plans import desired_plan

from slmeval_cli.answer import Body

from .asked import Asked
from .data import files_in
from .fitting import cpus_of, trials_at_once
from .here import Launch, Site


def launch_of(
    new: NewAttempt, asked: Asked, site: Site, *, reported: Mapping[str, Body], log: Path
) -> Launch:
    """Return what the processes of `new` are started with.

    Args:
        new: the attempt.
        asked: the question and its pool.
        site: where.
        reported: what the runner has said of each trial, by name.
        log: where they write.

    """
    plan = desired_plan(new.run, new.pool, new.unfinished, number=new.number, image="")
    _, at_once = trials_at_once(asked, site.machine)
    # The machine is one worker, with the GPUs of as many as it stands for: a second one would
    # need a Ray node of its own, and import the engine again.
    here = {"workers": 1, "gpus_per_worker": plan.gpus_per_worker * at_once}
    written = asked.spec.artifacts.claim if asked.spec.artifacts else None
    return Launch(
        plan=plan.model_copy(update=here),
        cpus=cpus_of(asked.pool.spec),
        site=site,
        statuses={trial.name: reported[trial.name] for trial in plan.trials},
        configmaps={name: files_in(body) for name, body in asked.configmaps.items()},
        artifacts=site.claims[written] if written else None,
        # Those of Secrets are this environment's own.
        env={v.name: v.value for v in asked.pool.spec.env if v.value is not None},
        log=log,
    )
