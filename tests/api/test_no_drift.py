"""What is applied again unchanged changes nothing, also after the operator has been at work."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from builders import evaluation_body, to_create
from cluster_client import Kubectl, Objects
from manifests import Manifest, examples
from slmeval_api.objects import RUN_REQUESTED_AT
from slmeval_api.pool import Pool
from slmeval_operator.cluster import FIELD_MANAGER

from .passes import NAMESPACE, POOL, Passes

OURS = [m for m in examples() if m.is_ours]
WAYS = {
    "server-side": ("--server-side", "--field-manager=flux"),
    "client-side": (),
}


class Git:
    """A file that a GitOps tool applies to a namespace."""

    def __init__(self, kubectl: Kubectl, file: Path, namespace: str, way: str) -> None:
        self._kubectl = kubectl
        self._where = ("-n", namespace, "-f", str(file), *WAYS[way])

    def apply(self) -> str:
        """Apply it; return what is stored then."""
        self._kubectl("apply", "--validate=strict", *self._where)
        return self.stored()

    def stored(self) -> str:
        """Return all that is stored of it, managers and versions with it."""
        where = self._where[:4]
        return self._kubectl("get", *where, "-o", "json", "--show-managed-fields")

    def diff(self) -> str:
        """Return what `kubectl diff` prints; it fails where there is any."""
        return self._kubectl("diff", *self._where)

    def delete(self) -> None:
        """Delete what it names."""
        self._kubectl("delete", *self._where[:4])


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Return a way to apply."""
    return str(request.param)


@pytest.mark.parametrize("manifest", OURS, ids=str)
class TestAnExampleThatIsAppliedTwice:
    @pytest.fixture
    def git(self, kubectl: Kubectl, tmp_path: Path, manifest: Manifest, way: str) -> Iterator[Git]:
        file = tmp_path / "one.yaml"
        file.write_text(yaml.safe_dump(manifest.body))
        git = Git(kubectl, file, "team", way)
        yield git
        git.delete()

    def test_is_the_same_to_the_last_byte(
        self, git: Git, objects: Objects, manifest: Manifest
    ) -> None:
        git.apply()
        self.see(objects, manifest)
        first = git.stored()
        assert git.apply() == first
        assert git.diff() == ""

    def see(self, objects: Objects, manifest: Manifest) -> None:
        """Write the first status, as the operator does.

        Until then the default of the CRD is not stored, and the next write of anybody stores it.
        """
        if manifest.body["kind"] != Pool.info.kind:
            body = manifest.body | {"metadata": manifest.body["metadata"] | {"namespace": "team"}}
            objects.apply_status(body, {"observedGeneration": 1}, manager=FIELD_MANAGER)


class TestAnEvaluationThatTheOperatorHasSeen:
    @pytest.fixture
    def git(self, passes: Passes, kubectl: Kubectl, tmp_path: Path, way: str) -> Git:
        body = evaluation_body(namespace=NAMESPACE, pools=[POOL])
        file = tmp_path / "evaluation.yaml"
        file.write_text(yaml.safe_dump(to_create(body)))
        return Git(kubectl, file, NAMESPACE, way)

    async def test_has_no_diff_and_is_the_same_after_another_apply(
        self, passes: Passes, git: Git
    ) -> None:
        git.apply()
        await passes.rest()
        assert passes.one("slmevaluations")["status"]["observedGeneration"] == 1
        before = git.stored()
        assert git.diff() == ""
        assert git.apply() == before
        assert await passes.round() == []

    async def test_keeps_a_request_by_hand(
        self, passes: Passes, git: Git, kubectl: Kubectl
    ) -> None:
        git.apply()
        await passes.rest()
        kubectl("annotate", "slmeval", "demo", "-n", NAMESPACE, f"{RUN_REQUESTED_AT}=now")
        before = git.stored()
        assert git.diff() == ""
        assert git.apply() == before
        assert passes.one("slmevaluations")["metadata"]["annotations"][RUN_REQUESTED_AT] == "now"

    async def test_has_nothing_of_the_operators_but_its_status(
        self, passes: Passes, git: Git, objects: Objects
    ) -> None:
        git.apply()
        spec = passes.one("slmevaluations")["spec"]
        await passes.rest()
        stored = passes.one("slmevaluations")
        assert stored["spec"] == spec
        assert {"finalizers", "ownerReferences", "labels"}.isdisjoint(stored["metadata"])
        written = objects.get(stored)["metadata"]["managedFields"]
        ours = [e for e in written if e["manager"] == FIELD_MANAGER]
        assert [(e["subresource"], list(e["fieldsV1"])) for e in ours] == [("status", ["f:status"])]
