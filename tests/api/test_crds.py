"""The CRDs on a real API server: taken without a complaint, explained, filled with defaults."""

from pathlib import Path
from typing import Any

import pytest
from builders import to_create
from cluster_client import Kubectl, Objects
from manifests import Manifest, applicable_files, examples
from tools import ROOT
from verdicts import GOOD
from verdicts.cases import Good

from hack.gen.crd import KINDS, Kind

OURS = [m for m in examples() if m.is_ours]


def with_cpus_as_text(value: Any) -> Any:
    """Return stored JSON as the models write it: the server keeps `cpu: 4` a number."""
    if isinstance(value, list):
        return [with_cpus_as_text(item) for item in value]
    if isinstance(value, dict):
        return {
            key: str(child) if key == "cpu" else with_cpus_as_text(child)
            for key, child in value.items()
        }
    return value


class TestTheCrdsAreTaken:
    @pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.info.kind)
    def test_and_nothing_is_wrong_with_them(self, kubectl: Kubectl, kind: Kind) -> None:
        """A schema that is not structural, or a rule too costly, would stand here."""
        crd = kubectl.json("get", "crd", f"{kind.info.plural}.slmeval.dev")
        conditions = {(c["type"], c["status"]) for c in crd["status"]["conditions"]}
        assert conditions == {("NamesAccepted", "True"), ("Established", "True")}

    def test_also_by_the_apply_that_most_people_use(self, kubectl: Kubectl) -> None:
        kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(ROOT / "crds"))

    def test_kubectl_explains_every_field(self, kubectl: Kubectl) -> None:
        text = kubectl("explain", "slmeval.spec.models.engine.dtype")
        assert "Number format of weights and activations" in text
        assert "bfloat16" in text


class TestDefaultsAreTheSameOnBothSides:
    @pytest.mark.parametrize("case", GOOD, ids=str)
    def test_of_a_good_manifest(self, objects: Objects, case: Good) -> None:
        self.check(objects, case.body)

    @pytest.mark.parametrize("manifest", OURS, ids=str)
    def test_of_an_example(self, objects: Objects, manifest: Manifest) -> None:
        self.check(objects, manifest.body)

    def check(self, objects: Objects, body: dict[str, Any]) -> None:
        namespaced = {**body, "metadata": {"namespace": "team", **body["metadata"]}}
        stored = objects.create(to_create(namespaced), dry_run=True)
        (kind,) = [k for k in KINDS if k.info.kind == body["kind"]]
        written = kind.from_body(body).spec.to_json_data()
        assert with_cpus_as_text(stored["spec"]) == written


class TestExamples:
    @pytest.mark.parametrize("path", applicable_files(), ids=lambda p: p.name)
    def test_each_file_is_one_apply(self, kubectl: Kubectl, path: Path) -> None:
        flags = ("-n", "team", "--validate=strict", "--warnings-as-errors", "-f", str(path))
        kubectl("apply", "--dry-run=server", *flags)
        kubectl("create", *flags)
        kubectl("delete", "-n", "team", "-f", str(path))
