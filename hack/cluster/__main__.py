# SPDX-License-Identifier: Apache-2.0
"""`python3 hack/cluster COMMAND`: a real single-node Kubernetes with KubeRay on this machine."""

import sys
from pathlib import Path

# Run as a folder, Python looks for modules in this folder; the package is named from the top.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from hack.cluster.embedded.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
