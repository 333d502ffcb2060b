"""Passes of the operator over one namespace of a real API server, each by a new process."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from builders import Json
from cluster_client import Kubectl, Objects
from kubernetes.aio import client
from slmeval_operator.cluster import Cluster
from slmeval_operator.reconcile import Reconciler
from slmeval_operator.settings import Settings
from slmeval_operator.store import WATCHED, Store

SETTINGS = Settings(runner_image="runner:1")
NAMESPACE = "passes"
POOL = "passes"
ROUNDS = 10


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
