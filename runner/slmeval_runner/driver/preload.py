"""What the fork server imports before it serves."""

import logging
import os
import time

from slmeval_api.plan import Plan

log = logging.getLogger(__name__)


def import_engine(plan: Plan) -> None:
    """Import the engine of `plan`, and log when that was done, how long it took, and what it left.

    What cannot be imported is logged and left to the trials, whose own import fails in the same
    way and is reported.
    """
    begun_s = time.monotonic()
    if plan.engine == "vllm":
        try:
            from slmeval_runner.engines.vllm import import_libraries

            import_libraries()
        except ImportError:
            log.exception("The engine cannot be imported, or not all of it")
    seconds = time.monotonic() - begun_s
    # Importing vLLM starts no thread of Python's. What is counted beyond 1 are pools of numeric
    # libraries (OpenBLAS), which prepare themselves for a fork; with OMP_NUM_THREADS at 1, as on a
    # worker with GPUs, there are none.
    where = {"engine": plan.engine, "seconds": round(seconds, 1)}
    log.info("The engine is imported; this process has %d threads", threads(), extra=where)


def threads() -> int:
    """Return the number of this process's threads, those of libraries included."""
    return len(os.listdir("/proc/self/task"))
