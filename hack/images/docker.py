# SPDX-License-Identifier: Apache-2.0
"""Build with a Docker engine: plain `docker build`, nothing of ours but the arguments."""

from __future__ import annotations

import os

from .console import output_of, run, say, step
from .plan import ROOT, Plan


def answers() -> bool:
    """Return whether a Docker engine can be reached."""
    return bool(output_of(["docker", "version", "--format", "{{.Server.Version}}"]))


def build(plan: Plan) -> None:
    """Build every target of `plan` into the engine's own store."""
    for target in plan.targets:
        image = plan.image(target)
        with step(f"docker build {image}"):
            run(
                ["docker", "build", "--target", target, "--tag", image, *plan.build_args, ROOT],
                env={**os.environ, "DOCKER_BUILDKIT": "1"},
                remedy="The Dockerfile's own output above says which step failed.",
            )
        say(f"  load it:  kind load docker-image {image}    or:  docker push {image}")
