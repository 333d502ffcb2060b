"""Where a worker finds models, data and its cache."""

from dataclasses import dataclass
from pathlib import Path

from slmeval_api.plan import ARTIFACT_FOLDER, CACHE_FOLDER, CLAIM_FOLDER, CONFIGMAP_FOLDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The mounts of a worker pod; tests and benchmarks give others."""

    claims: Path = Path(CLAIM_FOLDER)
    configmaps: Path = Path(CONFIGMAP_FOLDER)
    cache: Path = Path(CACHE_FOLDER)
    artifacts: Path = Path(ARTIFACT_FOLDER)
    samples: Path = Path(__file__).parent / "samples"
