"""The chart on a real API server: taken as rendered, installed, upgraded, removed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import pool_spec
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

    def upgrade(self, pools: dict[str, int], **crds: bool) -> None:
        """Install or upgrade with pools of so many workers."""
        values = REGISTRY | {
            "pools": [{"name": n, "spec": pool_spec(workers=w)} for n, w in pools.items()],
            "crds": crds,
        }
        self._run("upgrade", "--install", "slmeval", str(CHART), "--create-namespace", values)

    def uninstall(self) -> None:
        """Remove the release."""
        self._run("uninstall", "slmeval")

    def pools(self) -> dict[str, int]:
        """Return the workers of every stored pool."""
        stored = self.kubectl.json("get", "slmpools")["items"]
        return {p["metadata"]["name"]: p["spec"]["workers"] for p in stored}

    def _run(self, *words: Any) -> None:
        *args, last = words
        values = last if isinstance(last, dict) else None
        args += [] if values is not None else [last]
        where = ("--namespace", NAMESPACE, "--kubeconfig", str(self.kubectl.kubeconfig))
        self.helm.run(*args, *where, values=values)


@pytest.fixture
def release(
    helm: Helm, empty_server: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Release:
    """Return the release on a server that has not seen our CRDs."""
    monkeypatch.setenv("HELM_CACHE_HOME", str(tmp_path / "helm"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return Release(helm, empty_server)


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
        release.upgrade({"a10": 1, "a6000": 1, "cpu": 1})
        assert release.pools() == {"a10": 1, "a6000": 1, "cpu": 1}
        release.upgrade({"a10": 2, "a6000": 1, "new": 1})
        assert release.pools() == {"a10": 2, "a6000": 1, "new": 1}
        release.upgrade({"a10": 3, "new": 1})
        assert release.pools() == {"a10": 3, "new": 1}
        release.uninstall()
        assert release.pools() == {}

    def test_pools_go_with_it_also_before_the_first_upgrade(self, release: Release) -> None:
        release.upgrade({"a10": 1})
        release.uninstall()
        assert release.pools() == {}

    def test_crds_outlive_it_and_the_next_one_takes_them_over(self, release: Release) -> None:
        release.upgrade({})
        release.kubectl.apply(
            [{"apiVersion": "slmeval.dev/v1alpha1", "kind": "SLMPool"}
             | {"metadata": {"name": "mine"}, "spec": pool_spec()}]
        )  # fmt: skip
        release.uninstall()
        assert release.pools() == {"mine": 1}
        release.upgrade({"a10": 1})
        assert release.pools() == {"mine": 1, "a10": 1}

    def test_crds_go_with_it_when_they_are_not_kept(self, release: Release) -> None:
        release.upgrade({}, keep=False)
        release.uninstall()
        assert release.kubectl("get", "crd", "-o", "name") == ""

    def test_a_pool_of_somebody_else_is_never_replaced(self, release: Release) -> None:
        release.upgrade({})
        release.kubectl.apply(
            [{"apiVersion": "slmeval.dev/v1alpha1", "kind": "SLMPool"}
             | {"metadata": {"name": "a10"}, "spec": pool_spec(workers=7)}]
        )  # fmt: skip
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
