# SPDX-License-Identifier: Apache-2.0
"""`python3 hack/gpu_node COMMAND`; docs/guides/gpu-node.md tells the way."""

import sys
from pathlib import Path

# Run as a folder, Python looks for modules in this folder; the package is named from the top.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from hack.gpu_node.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
