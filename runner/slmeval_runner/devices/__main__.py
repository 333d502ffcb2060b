"""`python -m slmeval_runner.devices`: what can be read of this machine's GPUs, as JSON.

Start it beside something that keeps the GPU busy, or alone for an idle GPU's readings.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict

from slmeval_runner import logs

from .facts import gpus
from .monitor import INTERVAL_S, open_monitor


def main(argv: Sequence[str] | None = None) -> int:
    """Watch for some seconds and print; 1 if there was nothing to watch."""
    parser = argparse.ArgumentParser(prog="slmeval_runner.devices", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to watch")
    parser.add_argument(
        "--interval", type=float, default=INTERVAL_S, metavar="SECONDS", help="between samples"
    )
    parser.add_argument(
        "--facts", action="store_true", help="only say which GPUs there are, also if there are none"
    )
    args = parser.parse_args(argv)
    device = gpus()
    if args.facts:
        sys.stdout.write(json.dumps(asdict(device)) + "\n")
        return 0
    with closing(open_monitor(True, interval_s=args.interval)) as monitor:
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        monitor.begin()
        time.sleep(args.seconds)
        readings = monitor.end()
        seconds, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    found = {
        "device": asdict(device),
        "seconds": round(seconds, 3),
        "monitor_cpu_share": round(cpu_s / seconds, 5),  # this process does nothing else
        "readings": asdict(readings),
        "is_throttled": readings.is_throttled,
        "throttled_by": readings.throttled_by,
    }
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return 0 if readings.samples else 1


if __name__ == "__main__":
    logs.configure()
    sys.exit(main())
