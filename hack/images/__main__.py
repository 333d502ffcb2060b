# SPDX-License-Identifier: Apache-2.0
"""`python3 hack/images COMMAND`: build the container images, or their dependency locks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hack.images.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
