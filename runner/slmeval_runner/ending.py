"""The end of a process without a cluster: nobody else would end it when its starter has died."""

import os
import sys
import threading
from collections.abc import Callable


def when_input_ends(act: Callable[[], object]) -> None:
    """Call `act`, in a thread, once standard input ends: whoever started this process has gone."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        act()

    threading.Thread(target=wait, name="input", daemon=True).start()
