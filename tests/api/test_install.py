"""The chart on a real API server: taken as rendered, installed, upgraded, removed."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import pool_body, pool_spec, to_create
from cluster_client import Kubectl, Refused
from helm import CHART, NAMESPACE, OUR_API, REGISTRY, Helm

Json = dict[str, Any]
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("warn", "enforce")}


def namespace(name: str) -> Json:
    labels = {"labels": RESTRICTED}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **labels}}


@dataclass(frozen=True, slots=True)
class Release:
    """The release `slmeval` on one server."""

    helm: Helm
    kubectl: Kubectl

    def install(self, pools: dict[str, int]) -> None:
        """Install as the README says, with --wait; pools are given by their workers."""
        with ThreadPoolExecutor(1) as threads:
            done = threads.submit(self.upgrade, pools, "--wait", "--timeout=60s")
            play_deployment_controller(self.kubectl)
            done.result()

    def upgrade(self, pools: dict[str, int], *flags: str, **crds: bool) -> None:
        """Install or upgrade, without waiting for anything unless `flags` say so."""
        values = REGISTRY | {
            "pools": [{"name": n, "spec": pool_spec(workers=w)} for n, w in pools.items()],
            "crds": crds,
        }
        command = ("upgrade", "--install", "slmeval", str(CHART), "--create-namespace")
        self.helm.run(*command, *flags, *self._where, values=values)

    def uninstall(self) -> None:
        """Remove the release, if it is there."""
        self.helm.run("uninstall", "slmeval", "--ignore-not-found", *self._where)

    def pools(self) -> dict[str, int]:
        """Return the workers of every stored pool."""
        stored = self.kubectl.json("get", "slmpools")["items"]
        return {p["metadata"]["name"]: p["spec"]["workers"] for p in stored}

    def apply_pool_by_hand(self, name: str, workers: int) -> None:
        """Make a pool that is not the release's."""
        self.kubectl.apply([to_create(pool_body(name, workers=workers))])

    @property
    def _where(self) -> tuple[str, ...]:
        return ("--namespace", NAMESPACE, "--kubeconfig", str(self.kubectl.kubeconfig))


def play_deployment_controller(kubectl: Kubectl) -> None:
    """Make the operator's Deployment ready: this server has no controllers."""
    where, deadline = ("-n", NAMESPACE), time.monotonic() + 30
    while not (found := kubectl.json("get", "deployments", *where)["items"]):
        assert time.monotonic() < deadline, "Helm made no Deployment"
        time.sleep(0.2)
    (deployment,) = found
    meta, spec = deployment["metadata"], deployment["spec"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"]}
    owner |= {"uid": meta["uid"], "controller": True}
    labels = spec["template"]["metadata"]["labels"]
    replicas: Json = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            **{"name": "slmeval-1", "namespace": NAMESPACE},
            **{"labels": labels, "ownerReferences": [owner]},
        },
        "spec": {k: spec[k] for k in ("replicas", "selector", "template")},
    }
    kubectl.apply([replicas])
    for kind, name in (("replicaset", "slmeval-1"), ("deployment", meta["name"])):
        ready = {"status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1}}
        kubectl("patch", kind, name, *where, "--subresource=status", "-p", json.dumps(ready))


@pytest.fixture
def release(
    helm: Helm, empty_server: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Release]:
    """Return the release on a server that has not seen our CRDs, or not any more."""
    monkeypatch.setenv("HOME", str(tmp_path))  # Helm keeps caches there
    release = Release(helm, empty_server)
    yield release
    release.uninstall()
    empty_server("delete", "crd", "--all")
    empty_server("delete", "replicaset", "--all", "-n", NAMESPACE)


class TestWhatIsRendered:
    @pytest.mark.parametrize("is_narrow", [False, True], ids=["everywhere", "one namespace"])
    def test_is_taken_without_a_warning_also_under_restricted_pod_security(
        self, kubectl: Kubectl, helm: Helm, is_narrow: bool
    ) -> None:
        kubectl.apply([namespace("rendered")])
        values: Json = {
            "operator": {"watchNamespaces": ["team"] if is_narrow else []},
            "pools": [{"name": "a10", "spec": pool_spec()}],
        }
        bodies = helm.render(values, apis=(OUR_API,)).objects
        for body in bodies:
            if body["metadata"].get("namespace") == NAMESPACE:
                body["metadata"]["namespace"] = "rendered"
        others = [b for b in bodies if b["kind"] != "CustomResourceDefinition"]
        kubectl.apply(others, "--dry-run=server", "--warnings-as-errors")


class TestTheLifeOfARelease:
    def test_pools_come_with_the_first_install_and_follow_the_values(
        self, release: Release
    ) -> None:
        release.install({"a10": 1, "a6000": 1, "cpu": 1})
        assert release.pools() == {"a10": 1, "a6000": 1, "cpu": 1}
        release.upgrade({"a10": 2, "a6000": 1, "new": 1})
        assert release.pools() == {"a10": 2, "a6000": 1, "new": 1}
        release.upgrade({"a10": 3, "new": 1})
        assert release.pools() == {"a10": 3, "new": 1}
        release.uninstall()
        assert release.pools() == {}

    def test_pools_go_with_it_also_before_the_first_upgrade(self, release: Release) -> None:
        release.install({"a10": 1})
        release.uninstall()
        assert release.pools() == {}

    def test_crds_outlive_it_and_the_next_one_takes_them_over(self, release: Release) -> None:
        release.install({})
        release.apply_pool_by_hand("mine", workers=1)
        release.uninstall()
        assert release.pools() == {"mine": 1}
        release.upgrade({"a10": 1})
        assert release.pools() == {"mine": 1, "a10": 1}

    def test_crds_go_with_it_when_they_are_not_kept(self, release: Release) -> None:
        release.upgrade({}, keep=False)
        release.uninstall()
        release.kubectl("wait", "--for=delete", "crd", "--all", "--timeout=30s")

    def test_a_pool_of_somebody_else_is_never_replaced(self, release: Release) -> None:
        release.install({})
        release.apply_pool_by_hand("a10", workers=7)
        with pytest.raises(Exception, match="invalid ownership metadata"):
            release.upgrade({"a10": 1})
        assert release.pools() == {"a10": 7}

    def test_its_crds_may_be_taken_from_elsewhere(self, release: Release) -> None:
        release.kubectl("apply", "--server-side", "-f", str(CHART / "files/crds"))
        with pytest.raises(Exception, match="invalid ownership metadata"):
            release.upgrade({})
        release.upgrade({}, enabled=False)
        with pytest.raises(Refused, match="not found"):
            release.kubectl("get", "slmpool", "a10")
