"""One real API server for the session, with our CRDs and one namespace."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from apiserver import NoApiServerError, api_server
from cluster_client import Kubectl, Objects
from tools import ROOT, is_promised, tool


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    try:
        with api_server(tmp_path_factory.mktemp("apiserver"), may_build=is_promised("api")) as file:
            yield file
    except NoApiServerError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def bare_kubectl(kubeconfig: Path) -> Kubectl:
    """Return kubectl for a server that may not have our CRDs."""
    binary = tool("kubectl")
    assert binary, "kubectl is built together with kube-apiserver"
    return Kubectl(binary, kubeconfig)


@pytest.fixture(scope="session")
def kubectl(bare_kubectl: Kubectl) -> Kubectl:
    """Return kubectl for a server that has our CRDs and the namespace `team`."""
    bare_kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    bare_kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    bare_kubectl("create", "namespace", "team")
    return bare_kubectl


@pytest.fixture(scope="session")
def objects(kubectl: Kubectl, kubeconfig: Path) -> Objects:
    """Return a client of our kinds, as administrator."""
    return Objects.of(kubeconfig)
