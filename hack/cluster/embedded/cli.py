# SPDX-License-Identifier: Apache-2.0
"""Commands and their arguments; what they do lives in the modules of the same names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import up as up_module
from .errors import ClusterError
from .layout import here


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python3 hack/cluster")
    parser.add_argument("command")
    args = parser.parse_args(argv)
    try:
        up_module.up(here())
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0
