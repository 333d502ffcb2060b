"""KubeRay and the kubelet, in steps: what they do to RayJobs, RayClusters and pods."""

from typing import Any

from builders import Json
from slmeval_decisions import names
from slmeval_decisions.conditions import timestamp
from unit.operator.fake_api import FakeApi, Place

FINALIZER = "ray.io/rayjob-finalizer"


class FakeKuberay:
    """Does one thing a step to each RayJob; nothing at all while it is down."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.is_up = True
        self.most_at_work = 0
        """Most RayJobs that ever had pods on one pool at once."""

    def step(self) -> None:
        """Let KubeRay and the kubelet see what there is, once."""
        if self.is_up:
            for body in list(self.api.of("rayjobs")):
                self._serve(body)
        self._count()
        for body in list(self.api.of("pods")):
            if "deletionTimestamp" in body["metadata"]:
                self.api.vanish(self._place("pods", body))

    def end(self, name: str, stage: str = "Complete", **status: Any) -> None:
        """Let a RayJob end; its cluster goes in the next step."""
        place = ("rayjobs", "team", name)
        self.api.set_status(place, jobDeploymentStatus=stage, **status)

    def block(self, name: str, **status: Any) -> None:
        """Give the pods of a RayJob a status."""
        for body in list(self.api.of("pods")):
            if body["metadata"]["labels"][names.RAYJOB] == name:
                self.api.set_status(self._place("pods", body), **status)

    def _serve(self, body: Json) -> None:
        place, meta = self._place("rayjobs", body), body["metadata"]
        stage = (body.get("status") or {}).get("jobDeploymentStatus", "")
        if "deletionTimestamp" in meta:
            self.api.vanish(place)
        elif stage in ("Complete", "Failed"):
            self._remove_cluster(meta["name"])
        elif body["spec"]["suspend"]:
            self._remove_cluster(meta["name"])
            self.api.set_status(place, jobDeploymentStatus="Suspended")
        elif stage in ("", "Suspended"):
            self.api.objects[place] = body | {"metadata": meta | {"finalizers": [FINALIZER]}}
            self._make_cluster(body)
            self.api.set_status(place, jobDeploymentStatus="Initializing")
        elif stage == "Initializing":
            self.api.set_status(place, jobDeploymentStatus="Running")

    def _make_cluster(self, rayjob: Json) -> None:
        name, uid = rayjob["metadata"]["name"], rayjob["metadata"]["uid"]
        cluster = self.api.put(
            "rayclusters",
            {
                "metadata": {
                    "name": f"{name}-c",
                    "namespace": "team",
                    "labels": {names.ORIGIN: name},
                    "ownerReferences": [{"uid": uid}],
                }
            },
        )
        owner = {"uid": cluster["metadata"]["uid"]}
        spec = rayjob["spec"]["rayClusterSpec"]
        for kind, group in (
            ("head", spec["headGroupSpec"]),
            ("worker", spec["workerGroupSpecs"][0]),
        ):
            meta = {
                "name": f"{name}-{kind}",
                "namespace": "team",
                "labels": group["template"]["metadata"]["labels"],
                "ownerReferences": [owner],
                "creationTimestamp": timestamp(self.api.now()),
            }
            self.api.put("pods", {"metadata": meta, "status": {"phase": "Running"}})

    def _remove_cluster(self, rayjob: str) -> None:
        place = ("rayclusters", "team", f"{rayjob}-c")
        if place in self.api.objects:
            self.api.vanish(place)

    def _count(self) -> None:
        at_work = dict[str, set[str]]()
        for body in self.api.of("pods"):
            labels = body["metadata"]["labels"]
            at_work.setdefault(labels[names.POOL], set()).add(labels[names.RAYJOB])
        counts = [len(jobs) for jobs in at_work.values()]
        self.most_at_work = max([self.most_at_work, *counts])

    def _place(self, plural: str, body: Json) -> Place:
        return plural, "team", body["metadata"]["name"]
