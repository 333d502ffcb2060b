"""Log lines as key=value, on standard error."""

import logging
import sys
import time
from pathlib import Path

FORM = "time=%(asctime)s.%(msecs)03dZ level=%(levelname)s logger=%(name)s %(message)s"


def configure(level: int = logging.INFO, *, also: Path | None = None) -> None:
    """Send this package's log lines to standard error; other libraries' from warning on.

    Args:
        level: of this package's lines.
        also: a second file for the same lines; one that cannot be opened is left out.

    """
    formatter = logging.Formatter(FORM, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if also:
        try:
            handlers.append(logging.StreamHandler(also.open("a")))
        except OSError as error:
            sys.stderr.write(f"no log lines to {also}: {error}\n")
    for handler in handlers:
        handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(logging.WARNING)
    logging.getLogger("slmeval_runner").setLevel(level)
