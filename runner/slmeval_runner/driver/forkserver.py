"""`python -m slmeval_runner.driver.forkserver`: imports the engine once and serves forks of that.

A process of its own beside the worker's Ray actor, because vLLM inside a Ray actor starts its core
by `spawn`, which imports everything again. multiprocessing's own fork server would run the
`__main__` of whoever asks, here Ray's worker, again in each child; it keeps an import that fails to
itself, and how long one took.
"""

import argparse
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from slmeval_api.plan import Plan

from slmeval_runner import logs

from .forks import ForkServer
from .preload import import_engine


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the other side of the commands is closed; return 0."""
    parser = argparse.ArgumentParser(prog="slmeval_runner.driver.forkserver", description=__doc__)
    parser.add_argument("--commands", type=int, required=True, help="descriptor of a socket")
    parser.add_argument("--events", type=int, required=True, help="descriptor of a pipe")
    args = parser.parse_args(argv)
    commands = Connection(args.commands)
    plan = Plan.model_validate_json(commands.recv())
    logs.configure(plan)
    import_engine(plan)
    ForkServer(plan, commands=commands, events=Connection(args.events, readable=False)).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
