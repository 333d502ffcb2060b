"""One real API server for the session, with our CRDs and one namespace."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiserver import NoApiServerError, api_server
from cluster_client import Kubectl, Objects
from helm import Helm
from tools import ROOT, is_promised, tool


def _serve(folder: Path) -> Iterator[Kubectl]:
    try:
        with api_server(folder, may_build=is_promised("api")) as kubeconfig:
            binary = tool("kubectl")
            assert binary, "kubectl is built together with kube-apiserver"
            yield Kubectl(binary, kubeconfig)
    except NoApiServerError as error:
        pytest.skip(str(error))


def _wait_until_discovered(kubectl: Kubectl) -> None:
    """Return when clients find our kinds, which is a moment after they are established."""
    deadline = time.monotonic() + 30
    while "slmpools" not in kubectl("api-resources", "--api-group=slmeval.dev"):
        assert time.monotonic() < deadline, "the API server does not offer our kinds"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Return kubectl for a server that has our CRDs and the namespace `team`."""
    for kubectl in _serve(tmp_path_factory.mktemp("apiserver")):
        kubectl("apply", "--server-side", "--warnings-as-errors", "-f", str(ROOT / "crds"))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        _wait_until_discovered(kubectl)
        kubectl("create", "namespace", "team")
        yield kubectl


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Return kubectl for a server of this module's own, without our CRDs."""
    yield from _serve(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def objects(kubectl: Kubectl) -> Objects:
    """Return a client of our kinds, as administrator."""
    return Objects.of(kubectl.kubeconfig)


@pytest.fixture(scope="session")
def helm() -> Helm:
    binary = tool("helm")
    if not binary:
        pytest.skip("helm is not built: `python3 hack/cluster build helm`, or put one on PATH")
    return Helm(binary)
