"""Flux's and Argo CD's own code, and every state that our objects can reach."""

import asyncio

import pytest
from builders import Json
from judges import Judges

from .states import record


@pytest.fixture(scope="session")
def judges() -> Judges:
    """Return the judges; skip where they are not built."""
    found = Judges.for_tier("gitops")
    if found is None:
        pytest.skip("not built: `python3 hack/cluster build gitops-verdicts`")
    return found


@pytest.fixture(scope="session")
def recorded() -> dict[str, list[Json]]:
    """Return each version of each of our objects in each scene."""
    return asyncio.run(record())
