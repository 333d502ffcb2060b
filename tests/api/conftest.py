"""One real API server for the session, with our CRDs and one namespace."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from apiserver import NoApiServerError, api_server
from builders import pool_body, to_create
from cluster_client import Kubectl, Objects
from helm import Helm
from kubernetes.aio import client, config
from tools import ROOT, cache, is_promised, tool

from .passes import NAMESPACE, POOL, Passes


def _serve(folder: Path) -> Iterator[Kubectl]:
    try:
        with api_server(folder, may_build=is_promised("api")) as kubeconfig:
            binary = tool("kubectl")
            assert binary, "kubectl is built together with kube-apiserver"
            yield Kubectl(binary, kubeconfig)
    except NoApiServerError as error:
        pytest.skip(str(error))


def _wait_until_discovered(kubectl: Kubectl, kind: str, group: str) -> None:
    """Return when clients find the kind, which is a moment after it is established."""
    deadline = time.monotonic() + 30
    while kind not in kubectl("api-resources", f"--api-group={group}"):
        assert time.monotonic() < deadline, f"the API server does not offer {kind}"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Return kubectl for a server that has our CRDs and the namespace `team`."""
    for kubectl in _serve(tmp_path_factory.mktemp("apiserver")):
        kubectl("apply", "--server-side", "--warnings-as-errors", "-f", str(ROOT / "crds"))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        _wait_until_discovered(kubectl, "slmpools", "slmeval.dev")
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


@pytest.fixture(scope="session")
def kuberays_kinds(kubectl: Kubectl) -> None:
    """Install KubeRay's own CRDs, without KubeRay."""
    found = sorted(cache().glob("go/kuberay-*/config/crd/bases"))
    if not found:
        pytest.skip("KubeRay is not built: `python3 hack/cluster build kuberay`")
    kubectl("apply", "--server-side", "-f", str(found[-1]))
    _wait_until_discovered(kubectl, "rayjobs", "ray.io")
    kubectl("create", "namespace", NAMESPACE)


@pytest.fixture
async def passes(kubectl: Kubectl, objects: Objects, kuberays_kinds: None) -> AsyncIterator[Passes]:
    """Return passes over a namespace of their own, with a pool and nothing else."""
    pool = objects.create(to_create(pool_body(POOL)))
    configuration = client.Configuration()
    await config.load_kube_config(
        config_file=str(kubectl.kubeconfig), client_configuration=configuration
    )
    made = Passes(client.ApiClient(configuration), kubectl, objects)
    yield made
    await made.cluster.close()
    kinds = "slmevaluations,slmruns,slmtrials,rayjobs,configmaps,roles,rolebindings"
    kubectl("delete", kinds, "--all", "-n", NAMESPACE)
    objects.delete(pool)
