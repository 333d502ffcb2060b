"""`python -m slmeval_runner.driver`: wired up from arguments and environment."""

import argparse
import logging
import os
import shutil
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
    ROOT_VARIABLE,
    Plan,
)

from slmeval_runner import logs
from slmeval_runner.ending import when_input_ends
from slmeval_runner.folders import place
from slmeval_runner.plans import read_plan

from .loop import Driver
from .processes import OwnRay, Processes, RayProcesses
from .reports import Reports

log = logging.getLogger(__name__)

REPORTER_LIMIT_S = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when every trial has a report that is written, whatever it says.

    An error that nobody expected ends the process with 1, as Python does it.
    """
    parser = argparse.ArgumentParser(prog="slmeval_runner.driver", description=__doc__)
    parser.add_argument("--plan", type=Path, default=place(PLAN_FOLDER) / PLAN_FILE)
    parser.add_argument("--reports", type=Path, default=place(REPORT_FOLDER))
    parser.add_argument("--finished", type=Path, default=place(FINISHED_FOLDER))
    parser.add_argument(
        "--reporter-limit",
        type=float,
        default=REPORTER_LIMIT_S,
        metavar="SECONDS",
        help="longest wait, at the end, for the reporter to apply the last reports",
    )
    parser.add_argument(
        "--own-ray",
        type=int,
        metavar="CPUS",
        help="start a Ray of this machine alone, with so many CPUs, instead of joining a cluster; "
        f"end with standard input, and then remove the folder that {ROOT_VARIABLE} names",
    )
    args = parser.parse_args(argv)
    if args.own_ray is not None and ROOT_VARIABLE not in os.environ:
        parser.error(f"--own-ray needs {ROOT_VARIABLE} in the environment")
    # Ray keeps a job's output in a file; in a pod, `kubectl logs` of the head shows it too.
    plan = read_plan(args.plan)
    logs.configure(plan, to=[file for file in (sys.stderr, logs.output_of_container()) if file])
    reports = Reports(reports=args.reports, finished=args.finished)
    if args.own_ray is None:
        _drive(plan, RayProcesses(plan), reports, reporter_limit_s=args.reporter_limit)
    else:
        _drive_own(plan, reports, cpus=args.own_ray, reporter_limit_s=args.reporter_limit)
    return 0


def _drive(plan: Plan, processes: Processes, reports: Reports, *, reporter_limit_s: float) -> None:
    driver = Driver(plan, processes, reports)
    driver.run()
    driver.await_reporter(reporter_limit_s)


def _drive_own(plan: Plan, reports: Reports, *, cpus: int, reporter_limit_s: float) -> None:
    """Do it in a Ray that is ended with this process, however it is asked to end."""
    is_orphan = threading.Event()

    def end() -> None:
        is_orphan.set()
        os.kill(os.getpid(), signal.SIGTERM)

    when_input_ends(end)
    try:
        processes = RayProcesses(plan, OwnRay(cpus, place("/ray")))
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # in Ray's place
        try:
            _drive(plan, processes, reports, reporter_limit_s=reporter_limit_s)
        finally:
            processes.close()
    finally:
        if is_orphan.is_set():
            shutil.rmtree(os.environ[ROOT_VARIABLE], ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
