"""The operator's passes on a real API server: what it stores is what the next pass expects."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_status import REPORTER, result
from builders import Json, a_model, evaluation_body, pool_body, to_create
from cluster_client import Kubectl, Objects
from kubernetes.aio import client, config
from slmeval_operator.cluster import Cluster
from slmeval_operator.reconcile import Reconciler
from slmeval_operator.settings import Settings
from slmeval_operator.store import WATCHED, Store
from tools import cache

SETTINGS = Settings(runner_image="runner:1")
NAMESPACE = "passes"
ROUNDS = 10


@pytest.fixture(scope="module")
def kuberays_kinds(kubectl: Kubectl) -> Iterator[None]:
    """Install KubeRay's own CRDs, without KubeRay."""
    found = sorted(cache().glob("go/kuberay-*/config/crd/bases"))
    if not found:
        pytest.skip("KubeRay is not built: `python3 hack/cluster build kuberay`")
    kubectl("apply", "--server-side", "-f", str(found[-1]))
    deadline = time.monotonic() + 30  # kubectl wait fails on a CRD that has no conditions yet
    while "rayjobs" not in kubectl("api-resources", "--api-group=ray.io"):
        assert time.monotonic() < deadline, "the API server does not offer KubeRay's kinds"
        time.sleep(0.1)
    kubectl("create", "namespace", NAMESPACE)
    yield
    kubectl("delete", "-f", str(found[-1]))


class Passes:
    """Each round is a new process: it lists everything, and makes one pass."""

    def __init__(self, api: client.ApiClient, kubectl: Kubectl, objects: Objects) -> None:
        self.kubectl, self.objects = kubectl, objects
        self.cluster = Cluster(api, self.observe)
        self.writes: list[str] = []
        self.later = timedelta(0)

    def observe(self, verb: str, resource: str, status: int, _: float) -> None:
        """Note a call that writes."""
        if verb != "GET":
            self.writes.append(f"{verb} {resource} {status}")

    async def round(self) -> list[str]:
        """Make one pass over the namespace in a new process; return what it wrote."""
        store = Store()
        for kind in WATCHED:
            store.replace(kind, await self.cluster.list_all(kind, [NAMESPACE]), known=set())
        self.writes.clear()
        reconciler = Reconciler(
            store, self.cluster, SETTINGS, lambda: datetime.now(UTC) + self.later
        )
        for key in store.evaluations():
            await reconciler.evaluation(key)
        return list(self.writes)

    async def rest(self) -> None:
        """Make passes until one writes nothing, as it does an hour later too."""
        for _ in range(ROUNDS):
            if not await self.round():
                return
        raise AssertionError(f"no rest after {ROUNDS} rounds: {self.writes}")

    def all(self, kind: str) -> list[Json]:
        """Return all objects of a kind."""
        items: list[Json] = self.kubectl.json("get", kind, "-n", NAMESPACE)["items"]
        return items

    def one(self, kind: str) -> Json:
        """Return the only object of a kind."""
        (body,) = self.all(kind)
        return body

    def end_rayjob(self, name: str, **status: Any) -> None:
        """Write what KubeRay would at the end of an attempt."""
        patch = json.dumps({"status": {"jobDeploymentStatus": "Complete", **status}})
        where = ("rayjob", name, "-n", NAMESPACE, "--subresource=status", "--type=merge")
        self.kubectl("patch", *where, "-p", patch)


@pytest.fixture
async def passes(kubectl: Kubectl, objects: Objects, kuberays_kinds: None) -> AsyncIterator[Passes]:
    """Return passes over one evaluation of two models, in a namespace of its own."""
    pool = objects.create(to_create(pool_body("passes")))
    models = [a_model("big"), a_model("small")]
    body = evaluation_body(namespace=NAMESPACE, pools=["passes"], models=models)
    objects.create(to_create(body))
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


class TestFromAnEvaluationToItsAnswer:
    async def test_every_process_finds_what_the_one_before_wrote(self, passes: Passes) -> None:
        await passes.rest()
        job = passes.one("rayjobs")["metadata"]["name"]
        assert len(passes.all("slmtrials")) == 2
        passes.later = timedelta(minutes=1)
        await passes.rest()
        for trial in passes.all("slmtrials"):
            completed = trial["metadata"]["creationTimestamp"]
            passes.objects.apply_status(
                trial, {"result": result(completedAt=completed)}, manager=REPORTER
            )
        passes.end_rayjob(job)
        await passes.rest()
        status = passes.one("slmevaluations")["status"]
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("True", "Measured")
        assert status["lastSuccessfulRun"] == status["currentRun"]
        assert "completionTime" in status["currentRun"]
        for trial in passes.all("slmtrials"):
            assert set(trial["status"]) == {"observedGeneration", "conditions", "result"}

        passes.objects.merge(passes.one("slmevaluations"), {"spec": {"pools": ["nowhere"]}})
        await passes.rest()
        stalled = passes.one("slmevaluations")["status"]
        assert set(stalled) == {"observedGeneration", "conditions", "lastSuccessfulRun"}

        passes.objects.merge(passes.one("slmevaluations"), {"spec": {"pools": ["passes"]}})
        await passes.rest()
        assert passes.one("slmevaluations")["status"]["currentRun"] == status["currentRun"]

    async def test_an_attempt_that_fails_is_followed_by_another(self, passes: Passes) -> None:
        await passes.rest()
        job = passes.one("rayjobs")["metadata"]["name"]
        passes.end_rayjob(job, jobDeploymentStatus="Failed", reason="AppFailed", message="exit 1")
        await passes.rest()
        attempts = passes.one("slmruns")["status"]["attempts"]
        assert [(a["number"], a["outcome"], a.get("reason")) for a in attempts] == [
            (1, "Failed", "AppFailed"),
            (2, "Running", None),
        ]
        assert len(passes.all("rayjobs")) == 2

    async def test_an_edit_leaves_one_rayjob(self, passes: Passes) -> None:
        await passes.rest()
        passes.objects.merge(passes.one("slmevaluations"), {"spec": {"seed": 2}})
        await passes.rest()
        runs = sorted(passes.all("slmruns"), key=lambda r: r["spec"]["number"])
        reasons = [
            next(c["reason"] for c in r["status"]["conditions"] if c["type"] == "Ready")
            for r in runs
        ]
        assert reasons == ["Superseded", "Starting"]
        labels = passes.one("rayjobs")["metadata"]["labels"]
        assert labels["slmeval.dev/run"] == runs[1]["metadata"]["name"]
