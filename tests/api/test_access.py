"""Who may do what, with real tokens: the operator under the chart's roles, and the reporter."""

from collections.abc import Iterator
from typing import Any

import pytest
from api_status import OPERATOR, REPORTER, condition, progress
from builders import a_run, a_trial, evaluation_body, pool_body, run_body, to_create, trial_body
from cluster_client import Kubectl, Objects, Refused
from helm import NAMESPACE, Helm
from slmeval_decisions.decide import NewAttempt
from slmeval_operator.desired.attempt import desired_attempt
from slmeval_operator.settings import Settings

Json = dict[str, Any]
MINE, OTHERS = "demo-1-small-gpu", "demo-2-small-gpu"
ROLES = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
FORBIDDEN = 403


@pytest.fixture(scope="module")
def stored(kubectl: Kubectl, objects: Objects) -> Iterator[dict[str, Json]]:
    """Store an evaluation, a run and two trials; return them by kind, or name for the trials."""
    trials = {name: to_create(trial_body(name=name)) for name in (MINE, OTHERS)}
    others = [to_create(b) for b in (evaluation_body(), run_body(), pool_body())]
    bodies = trials | {body["kind"]: body for body in others}
    kubectl.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield {name: objects.create(body) for name, body in bodies.items()}
    for body in bodies.values():
        objects.delete(body)


def install_roles(kubectl: Kubectl, helm: Helm, release: str, **operator: object) -> None:
    """Create the chart's account and roles, and nothing else of it."""
    rendered = helm.render({"operator": operator}, release=release)
    kubectl.apply(body for body in rendered.objects if body["kind"] in ROLES)


@pytest.fixture(scope="module")
def operator(kubectl: Kubectl, helm: Helm, stored: dict[str, Json]) -> Kubectl:
    """Return kubectl with the token of the operator that works everywhere."""
    install_roles(kubectl, helm, "slmeval")
    return kubectl.as_account(NAMESPACE, "slmeval")


@pytest.fixture(scope="module")
def narrow_operator(kubectl: Kubectl, helm: Helm, stored: dict[str, Json]) -> Kubectl:
    """Return kubectl with the token of an operator that watches the namespace `team`."""
    install_roles(kubectl, helm, "narrow-slmeval", watchNamespaces=["team"])
    return kubectl.as_account(NAMESPACE, "narrow-slmeval")


@pytest.fixture(scope="module")
def attempt(operator: Kubectl, stored: dict[str, Json]) -> list[Json]:
    """Return what the operator makes for an attempt before its RayJob, made by itself."""
    run = a_run(uid=stored["SLMRun"]["metadata"]["uid"])
    new = NewAttempt(
        run=run,
        pool=run.spec.pools[0],
        number=1,
        unfinished=(a_trial(name=MINE),),
        all_trials=(MINE,),
        evaluation_uid=stored["SLMEvaluation"]["metadata"]["uid"],
    )
    made = desired_attempt(new, Settings(runner_image="example.com/runner:1"))
    before_rayjob = [body for body in made if body["kind"] != "RayJob"]
    operator.create(*before_rayjob)
    return before_rayjob


@pytest.fixture(scope="module")
def reporter(kubectl: Kubectl, attempt: list[Json]) -> Objects:
    """Return a client with the token of the attempt's reporter."""
    (account,) = [b["metadata"]["name"] for b in attempt if b["kind"] == "ServiceAccount"]
    return Objects.of(kubectl.as_account("team", account).kubeconfig)


class TestTheOperatorMay:
    def test_make_all_that_an_attempt_needs(self, attempt: list[Json]) -> None:
        kinds = [body["kind"] for body in attempt]
        assert kinds == ["ServiceAccount", "Role", "RoleBinding", "ConfigMap"]

    @pytest.mark.parametrize(
        "plural", ["slmevaluations", "slmruns", "slmtrials", "slmpools", "pods"]
    )
    def test_list_what_it_watches(self, operator: Kubectl, plural: str) -> None:
        operator("get", plural, "--all-namespaces")

    @pytest.mark.parametrize("key", ["SLMEvaluation", "SLMRun", MINE])
    def test_say_where_something_stands(
        self, operator: Kubectl, stored: dict[str, Json], key: str
    ) -> None:
        ready = condition("Ready", "False", "Running")
        status = {"observedGeneration": 1, "conditions": [ready]}
        objects = Objects.of(operator.kubeconfig)
        assert objects.apply_status(stored[key], status, manager=OPERATOR)["status"] == status


class TestTheOperatorMayNot:
    def test_edit_or_delete_a_question(self, operator: Kubectl, stored: dict[str, Json]) -> None:
        objects, evaluation = Objects.of(operator.kubeconfig), stored["SLMEvaluation"]
        with pytest.raises(Refused) as edit:
            objects.merge(evaluation, {"spec": {"suspend": True}})
        with pytest.raises(Refused) as delete:
            objects.delete(evaluation)
        assert (edit.value.status, delete.value.status) == (FORBIDDEN, FORBIDDEN)

    @pytest.mark.parametrize("plural", ["secrets", "configmaps", "serviceaccounts", "nodes"])
    def test_read_what_is_none_of_its_business(self, operator: Kubectl, plural: str) -> None:
        with pytest.raises(Refused, match="forbidden"):
            operator("get", plural, "-n", "team")

    @pytest.mark.parametrize(
        "rule",
        [
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
            {"apiGroups": ["slmeval.dev"], "resources": ["slmtrials"], "verbs": ["delete"]},
        ],
        ids=["secrets", "trials"],
    )
    def test_grant_what_it_does_not_hold(
        self, operator: Kubectl, attempt: list[Json], rule: Json
    ) -> None:
        (role,) = [b for b in attempt if b["kind"] == "Role"]
        other = role | {"metadata": {"name": "other", "namespace": "team"}, "rules": [rule]}
        with pytest.raises(Refused, match="not currently held"):
            operator.create(other)


class TestAnOperatorOfOneNamespace:
    def test_works_there(self, narrow_operator: Kubectl) -> None:
        narrow_operator("get", "slmevaluations", "-n", "team")
        narrow_operator("get", "slmpools")

    def test_sees_nothing_elsewhere(self, narrow_operator: Kubectl) -> None:
        with pytest.raises(Refused, match="forbidden"):
            narrow_operator("get", "slmevaluations", "-n", "default")
        with pytest.raises(Refused, match="forbidden"):
            narrow_operator("get", "slmevaluations", "--all-namespaces")


class TestTheReporter:
    def test_reads_and_reports_its_own_trial(
        self, reporter: Objects, stored: dict[str, Json]
    ) -> None:
        assert reporter.get(stored[MINE])["metadata"]["name"] == MINE
        status = {"progress": progress("Measuring")}
        after = reporter.apply_status(stored[MINE], status, manager=REPORTER)
        assert after["status"]["progress"] == status["progress"]

    def test_touches_no_other_trial(self, reporter: Objects, stored: dict[str, Json]) -> None:
        status = {"progress": progress("Measuring")}
        with pytest.raises(Refused) as write:
            reporter.apply_status(stored[OTHERS], status, manager=REPORTER)
        with pytest.raises(Refused) as read:
            reporter.get(stored[OTHERS])
        assert (write.value.status, read.value.status) == (FORBIDDEN, FORBIDDEN)

    def test_changes_nothing_but_the_status(
        self, reporter: Objects, stored: dict[str, Json]
    ) -> None:
        with pytest.raises(Refused) as edit:
            reporter.merge(stored[MINE], {"metadata": {"labels": {"a": "b"}}})
        with pytest.raises(Refused) as delete:
            reporter.delete(stored[MINE])
        with pytest.raises(Refused) as create:
            reporter.create(to_create(trial_body(name="forged")))
        refused = (edit.value.status, delete.value.status, create.value.status)
        assert refused == (FORBIDDEN, FORBIDDEN, FORBIDDEN)
