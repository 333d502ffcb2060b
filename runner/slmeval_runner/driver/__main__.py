"""`python -m slmeval_runner.driver`: wired up from arguments and environment."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from slmeval_api.plan import FINISHED_FOLDER, PLAN_FILE, PLAN_FOLDER, REPORT_FOLDER

from slmeval_runner import logs
from slmeval_runner.plans import read_plan

from .loop import Driver
from .processes import RayProcesses
from .reports import Reports

log = logging.getLogger(__name__)

REPORTER_LIMIT_S = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when every trial has a report that is written, whatever it says.

    An error that nobody expected ends the process with 1, as Python does it.
    """
    env = os.environ
    parser = argparse.ArgumentParser(prog="slmeval_runner.driver", description=__doc__)
    parser.add_argument(
        "--plan", type=Path, default=env.get("SLMEVAL_PLAN", f"{PLAN_FOLDER}/{PLAN_FILE}")
    )
    parser.add_argument("--reports", type=Path, default=env.get("SLMEVAL_REPORTS", REPORT_FOLDER))
    parser.add_argument(
        "--finished", type=Path, default=env.get("SLMEVAL_FINISHED", FINISHED_FOLDER)
    )
    parser.add_argument(
        "--reporter-limit",
        type=float,
        default=REPORTER_LIMIT_S,
        metavar="SECONDS",
        help="longest wait, at the end, for the reporter to apply the last reports",
    )
    args = parser.parse_args(argv)
    # Ray keeps a job's output in a file; in a pod, `kubectl logs` of the head shows it too.
    plan = read_plan(args.plan)
    files = [sys.stderr, logs.output_of_container()]
    logs.configure(plan, to=[file for file in files if file])
    driver = Driver(plan, RayProcesses(plan), Reports(reports=args.reports, finished=args.finished))
    driver.run()
    driver.await_reporter(args.reporter_limit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
