# SPDX-License-Identifier: Apache-2.0
"""What to build: the images' names, and the arguments that the Dockerfile takes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from .console import output_of

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("operator", "runner", "runner-demo")
# The demo runner holds all that the runner holds; the plain one is for clusters with GPUs.
DEFAULT_TARGETS = ("operator", "runner-demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One call of the tool."""

    targets: tuple[str, ...]
    registry: str
    tag: str
    variant: str
    version: str
    revision: str

    def image(self, target: str) -> str:
        """Return the name under which `target` is stored and loaded."""
        return f"{self.registry}/{target}:{self.tag}"

    @property
    def build_args(self) -> list[str]:
        """Return the options that docker and buildah share."""
        values = {
            "RUNNER_VARIANT": self.variant,
            "VERSION": self.version,
            "REVISION": self.revision,
        }
        return [
            word for name, value in values.items() for word in ("--build-arg", f"{name}={value}")
        ]


def version() -> str:
    """Return the version that pyproject.toml states."""
    with (ROOT / "pyproject.toml").open("rb") as stream:
        return str(tomllib.load(stream)["project"]["version"])


def revision() -> str:
    """Return git's HEAD, with `-dirty` if files differ from it; `unknown` outside a clone."""
    head = output_of(["git", "-C", ROOT, "rev-parse", "HEAD"])
    if head is None:
        return "unknown"
    changed = output_of(["git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no"])
    return f"{head}-dirty" if changed else head


def cache_folder(environment: dict[str, str]) -> Path:
    """Return SLMEVAL_CACHE, by default ~/.cache/slmeval."""
    return Path(environment.get("SLMEVAL_CACHE") or Path.home() / ".cache/slmeval").absolute()
