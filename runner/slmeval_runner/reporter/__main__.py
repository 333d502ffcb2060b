"""`python -m slmeval_runner.reporter`: wired up from arguments and environment."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from slmeval_api.plan import (
    FINISHED_FOLDER,
    PLAN_FILE,
    PLAN_FOLDER,
    REPORT_FOLDER,
    STATUS_FOLDER,
)

from slmeval_runner import logs
from slmeval_runner.ending import when_input_ends
from slmeval_runner.folders import place
from slmeval_runner.plans import read_plan

from .folder import FolderTrials
from .loop import Reporter
from .trials import ClusterTrials, Trials


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM, then return 0."""
    parser = argparse.ArgumentParser(prog="slmeval_runner.reporter", description=__doc__)
    parser.add_argument("--plan", type=Path, default=place(PLAN_FOLDER) / PLAN_FILE)
    parser.add_argument("--reports", type=Path, default=place(REPORT_FOLDER))
    parser.add_argument("--finished", type=Path, default=place(FINISHED_FOLDER))
    parser.add_argument(
        "--no-cluster",
        action="store_true",
        help=f"keep statuses as files in {STATUS_FOLDER}, and end with standard input",
    )
    args = parser.parse_args(argv)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    plan = read_plan(args.plan)
    logs.configure(plan)
    if args.no_cluster:
        when_input_ends(stop.set)
        trials: Trials = FolderTrials(place(STATUS_FOLDER))
    else:
        trials = ClusterTrials.in_pod(plan.namespace)
    reporter = Reporter(plan, trials, reports=args.reports, finished=args.finished)
    reporter.run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
