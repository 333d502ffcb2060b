"""Helm, and a chart rendered with values."""

import pytest
from helm import Helm
from tools import tool


@pytest.fixture(scope="session")
def helm() -> Helm:
    binary = tool("helm")
    if not binary:
        pytest.skip("helm is not built: `python3 hack/cluster build helm`, or put one on PATH")
    return Helm(binary)
