"""`python -m slmeval_runner.reporter`: wired up from arguments and environment."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from slmeval_api.plan import FINISHED_FOLDER, PLAN_FILE, PLAN_FOLDER, REPORT_FOLDER

from slmeval_runner import logs
from slmeval_runner.plans import read_plan

from .loop import Reporter
from .trials import ClusterTrials


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM, then return 0."""
    parser = argparse.ArgumentParser(prog="slmeval_runner.reporter", description=__doc__)
    env = os.environ
    parser.add_argument(
        "--plan", type=Path, default=env.get("SLMEVAL_PLAN", f"{PLAN_FOLDER}/{PLAN_FILE}")
    )
    parser.add_argument("--reports", type=Path, default=env.get("SLMEVAL_REPORTS", REPORT_FOLDER))
    parser.add_argument(
        "--finished", type=Path, default=env.get("SLMEVAL_FINISHED", FINISHED_FOLDER)
    )
    args = parser.parse_args(argv)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    plan = read_plan(args.plan)
    logs.configure(plan)
    reporter = Reporter(
        plan, ClusterTrials.in_pod(plan.namespace), reports=args.reports, finished=args.finished
    )
    reporter.run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
