"""Finds the programs that a tier needs, and says what to do where one is missing."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def cache() -> Path:
    """Return the folder that `hack/cluster` builds into."""
    return Path(os.environ.get("SLMEVAL_CACHE", Path.home() / ".cache/slmeval"))


def tool(name: str) -> Path | None:
    """Return the program `name` from the cache, else from PATH; None: it is nowhere."""
    built = cache() / "bin" / name
    if built.exists():
        return built
    found = shutil.which(name)
    return Path(found) if found else None


def is_promised(tier: str) -> bool:
    """Return whether SLMEVAL_TIERS says that `tier` must run."""
    return tier in promised_tiers()


def promised_tiers() -> tuple[str, ...]:
    """Return the tiers that SLMEVAL_TIERS names, for example "unit,chart,api"."""
    names = os.environ.get("SLMEVAL_TIERS", "").split(",")
    return tuple(name.strip() for name in names if name.strip())
