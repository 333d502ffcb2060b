"""Where the runner's log lines go, and what each of them says about where it comes from."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from slmeval_api.logs import formatter
from slmeval_api.plan import LOG_FORMAT_VARIABLE, LOG_LEVEL_VARIABLE, ROOT_VARIABLE, Plan

from .hiding import hidden

OUTPUT_OF_CONTAINER = Path("/proc/1/fd/1")
"""What `kubectl logs` shows: the standard output of the container's first process."""
PRINTED = "slmeval_runner.printed"
"""Logger of the lines that a trial's processes print. The level is theirs, so all are passed on."""


def configure(
    plan: Plan | None = None, *, trial: str | None = None, to: Sequence[TextIO] = ()
) -> None:
    """Send log lines to the files `to`: this package's from the level asked for, others' warnings.

    As text a line says no more than which trial it is about: the rest is the same for all of a pod.

    Args:
        plan: what the process works on; None: it does not know yet.
        trial: the one trial that the process works on, if there is one.
        to: open files; none: standard error.

    """
    form = os.environ.get(LOG_FORMAT_VARIABLE, "text")
    context: dict[str, object] = {"trial": trial}
    if plan is not None and form == "json":
        context |= {
            "namespace": plan.namespace,
            "evaluation": plan.evaluation,
            "run": plan.run,
            "pool": plan.pool,
            "attempt": plan.attempt,
        }
    root = logging.getLogger()
    root.handlers[:] = [logging.StreamHandler(file) for file in to or [sys.stderr]]
    for handler in root.handlers:
        handler.setFormatter(formatter(form, context, hidden))
    root.setLevel(logging.WARNING)
    level = os.environ.get(LOG_LEVEL_VARIABLE, "info").upper()
    logging.getLogger("slmeval_runner").setLevel(level)
    logging.getLogger(PRINTED).setLevel(logging.DEBUG)


def output_of_container() -> TextIO | None:
    """Return the pod's own log, which lasts as the pod does; None: this is no pod of a run.

    Ray writes what its processes print to files of its session, where nobody looks for it.
    """
    if "KUBERNETES_SERVICE_HOST" not in os.environ or ROOT_VARIABLE in os.environ:
        return None
    try:
        return OUTPUT_OF_CONTAINER.open("a")
    except OSError as error:
        sys.stderr.write(f"no log lines to {OUTPUT_OF_CONTAINER}: {error}\n")
        return None
