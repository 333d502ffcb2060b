"""The operator's permissions: what it does, where it watches, and nothing beside."""

from itertools import product
from typing import Any, NamedTuple

import pytest
from helm import NAMESPACE, Helm, Rendered

Json = dict[str, Any]
OURS, RAY, RBAC = "slmeval.dev", "ray.io", "rbac.authorization.k8s.io"


class Right(NamedTuple):
    """One verb on one resource."""

    group: str
    resource: str
    verb: str


POOL_RIGHTS = {Right(OURS, "slmpools", "list"), Right(OURS, "slmpools", "watch")}
READS = {
    Right(group, resource, verb)
    for group, resource in (
        (OURS, "slmevaluations"),
        (OURS, "slmruns"),
        (OURS, "slmtrials"),
        (RAY, "rayjobs"),
        ("", "pods"),
    )
    for verb in ("list", "watch")
}
WRITES = {
    Right(OURS, "slmruns", "create"),
    Right(OURS, "slmruns", "delete"),
    Right(OURS, "slmtrials", "create"),
    Right(OURS, "slmevaluations/status", "patch"),
    Right(OURS, "slmruns/status", "patch"),
    Right(OURS, "slmtrials/status", "patch"),
    Right(RAY, "rayjobs", "create"),
    Right(RAY, "rayjobs", "patch"),
    Right(RAY, "rayjobs", "delete"),
    Right(RAY, "rayclusters", "list"),
    Right(RAY, "rayclusters", "delete"),
    Right("", "configmaps", "create"),
    Right("", "serviceaccounts", "create"),
    Right("", "events", "create"),
    Right(RBAC, "roles", "create"),
    Right(RBAC, "rolebindings", "create"),
}
NEVER_USED_BUT_NEEDED = {
    Right(OURS, "slmtrials", "get"),  # granted to the reporter
    Right(OURS, "slmevaluations/finalizers", "update"),  # blockOwnerDeletion
    Right(OURS, "slmruns/finalizers", "update"),
}
NAMESPACED = READS | WRITES | NEVER_USED_BUT_NEEDED


def rights(role: Json) -> set[Right]:
    """Return every single right that a role gives; none of its rules may be narrowed by name."""
    found = set[Right]()
    for rule in role["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        found |= {Right(*r) for r in product(rule["apiGroups"], rule["resources"], rule["verbs"])}
    return found


@pytest.fixture(scope="module")
def narrow(helm: Helm) -> Rendered:
    return helm.render({"operator": {"watchNamespaces": ["team-a", "team-b"]}})


def operators_cluster_role(rendered: Rendered) -> Json:
    (role,) = [r for r in rendered.all("ClusterRole") if r["metadata"]["name"] == "slmeval"]
    return role


class TestTheOperatorMay:
    def test_do_just_this_everywhere(self, helm: Helm) -> None:
        rendered = helm.render()
        assert rights(operators_cluster_role(rendered)) == POOL_RIGHTS | NAMESPACED
        assert rendered.all("Role") == []

    def test_do_it_in_the_named_namespaces_only(self, narrow: Rendered) -> None:
        assert rights(operators_cluster_role(narrow)) == POOL_RIGHTS
        roles = {r["metadata"]["namespace"]: rights(r) for r in narrow.all("Role")}
        assert roles == {"team-a": NAMESPACED, "team-b": NAMESPACED}

    def test_never_use_a_wildcard_or_read_a_secret(self, helm: Helm) -> None:
        for right in rights(operators_cluster_role(helm.render())):
            assert "*" not in "".join(right)
            assert right.resource != "secrets"

    def test_each_binding_is_to_its_own_account(self, narrow: Rendered) -> None:
        subject = {"kind": "ServiceAccount", "name": "slmeval", "namespace": NAMESPACE}
        bindings = narrow.all("RoleBinding") + narrow.all("ClusterRoleBinding")
        assert len(bindings) == 3
        assert all(b["subjects"] == [subject] for b in bindings)
        assert narrow.pod["serviceAccountName"] == subject["name"]

    def test_it_is_told_the_same_namespaces(self, narrow: Rendered) -> None:
        assert narrow.env["SLMEVAL_WATCH_NAMESPACES"] == "team-a,team-b"


class TestUsersMay:
    def test_read_all_kinds_and_write_questions(self, helm: Helm) -> None:
        roles = {r["metadata"]["name"]: r for r in helm.render().all("ClusterRole")}
        view, edit = roles["slmeval-view"], roles["slmeval-edit"]
        assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
        assert edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
        assert {r.verb for r in rights(view)} == {"get", "list", "watch"}
        assert {r.resource for r in rights(edit)} == {"slmevaluations"}

    def test_be_left_as_they_are(self, helm: Helm) -> None:
        rendered = helm.render({"rbac": {"aggregateToUserRoles": False}})
        assert [r["metadata"]["name"] for r in rendered.all("ClusterRole")] == ["slmeval"]
