"""Log lines as key=value, on standard error."""

import logging
import sys
import time


def configure(level: int = logging.INFO) -> None:
    """Send this package's log lines to standard error; other libraries' from warning on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter(
            "time=%(asctime)s.%(msecs)03dZ level=%(levelname)s logger=%(name)s %(message)s",
            datefmt="%Y-%m-%dT%H:%M:%S",
        )
    )
    handler.formatter.converter = _utc  # type: ignore[union-attr]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("slmeval_runner").setLevel(level)


def _utc(seconds: float | None) -> time.struct_time:
    return time.gmtime(seconds)
