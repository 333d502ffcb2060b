# SPDX-License-Identifier: Apache-2.0
"""`python3 hack/cluster COMMAND`: a real single-node Kubernetes with KubeRay on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from embedded.cli import main  # noqa: E402 - the folder above must be on the path first

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
