"""The engine's own metrics while a trial runs, on one port of the worker's pod.

vLLM counts them in any case, in the trial's process. That process answers at a socket of its own,
and the worker's host, which measures nothing, puts those of all trials together and serves them.
"""

from pathlib import Path

from slmeval_runner.folders import place

FOLDER = place("/tmp/slmeval-live")
"""Where trials of a worker's pod answer."""
SUFFIX = ".sock"


def socket_of(folder: Path, trial: str) -> Path:
    """Return where the process of `trial` answers."""
    return folder / f"{trial}{SUFFIX}"
