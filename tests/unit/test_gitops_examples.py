"""What examples/gitops gives to Flux and Argo CD: kinds that they have, folders that exist."""

from typing import Any

import yaml
from manifests import examples
from slmeval_api import GROUP
from tools import ROOT

GITOPS = ROOT / "examples/gitops"
KINDS = {
    "GitRepository": "source.toolkit.fluxcd.io/v1",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
    "Application": "argoproj.io/v1alpha1",
}
FOREIGN = [m for m in examples() if m.body["kind"] in KINDS]


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        m.body for m in FOREIGN if (m.body["kind"], m.body["metadata"]["name"]) == (kind, name)
    ]
    return found


class TestKindsOfOthers:
    def test_are_of_the_versions_that_are_served_today(self) -> None:
        assert {(m.body["kind"], m.body["apiVersion"]) for m in FOREIGN} == set(KINDS.items())

    def test_the_health_script_is_given_for_each_kind_that_has_a_status(self) -> None:
        data = yaml.safe_load((GITOPS / "argocd/argocd-cm.yaml").read_text())["data"]
        kinds = ("SLMEvaluation", "SLMRun", "SLMTrial")
        assert list(data) == [f"resource.customizations.health.{GROUP}_{kind}" for kind in kinds]
        assert len(set(data.values())) == 1

    def test_flux_waits_for_pools_and_then_for_evaluations(self) -> None:
        pools, evaluations = (
            named("Kustomization", f"slm-{n}")["spec"] for n in ("pools", "evaluations")
        )
        assert pools["wait"] is evaluations["wait"] is True
        assert evaluations["dependsOn"] == [{"name": "slm-pools"}]
        named("GitRepository", pools["sourceRef"]["name"])
        assert (GITOPS / evaluations["path"]).is_dir()

    def test_argo_cd_applies_server_side_and_ignores_no_difference(self) -> None:
        spec = named("Application", "slm-evaluations")["spec"]
        assert "ServerSideApply=true" in spec["syncPolicy"]["syncOptions"]
        assert "ignoreDifferences" not in spec
        assert (GITOPS / spec["source"]["path"]).is_dir()
