"""Where the runner's processes find plan, models, data, cache and each other's files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slmeval_api.plan import (
    ARTIFACT_FOLDER,
    CACHE_FOLDER,
    CLAIM_FOLDER,
    CONFIGMAP_FOLDER,
    IMAGE_FOLDER,
    ROOT_VARIABLE,
)


def place(folder: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where `folder`, a mount of a pod, is: below the root that the environment names."""
    return Path(environment.get(ROOT_VARIABLE, "/"), folder.lstrip("/"))


def image_root(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that paths of the image begin at: in a pod the root itself."""
    return place(IMAGE_FOLDER, environment) if ROOT_VARIABLE in environment else Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The mounts of a worker; tests and benchmarks give others."""

    claims: Path = field(default_factory=lambda: place(CLAIM_FOLDER))
    configmaps: Path = field(default_factory=lambda: place(CONFIGMAP_FOLDER))
    cache: Path = field(default_factory=lambda: place(CACHE_FOLDER))
    artifacts: Path = field(default_factory=lambda: place(ARTIFACT_FOLDER))
    image: Path = field(default_factory=image_root)
    samples: Path = Path(__file__).parent / "samples"
