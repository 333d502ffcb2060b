"""An API server in memory, as far as the operator can tell it from a real one.

It has resource versions, owners and their garbage collection, finalizers, 404, 409, refusals, and
server-side apply of the operator's part of a status. It can die at any one call of the operator's.
"""

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from builders import Json
from slmeval_decisions import names
from slmeval_decisions.conditions import timestamp
from slmeval_operator.cluster import ApiError, Refused
from slmeval_operator.store import KINDS, MEASURED

T = TypeVar("T")
Place = tuple[str, str | None, str]  # plural, namespace, name
KEY_OF_ITEMS = {"conditions": "type", "attempts": "name"}
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


class Died(Exception):
    """The operator's process ends at this call."""


@dataclass(slots=True)
class FakeApi:
    """Implements reconcile.Api and controller.Lists; what others do is below `put`.

    A stored body is never changed, only replaced: so all may share it.
    """

    now: Callable[[], datetime]
    objects: dict[Place, Json] = field(default_factory=dict)
    news: list[tuple[str, Json, bool]] = field(default_factory=list)
    """What the watches have to tell: kind, body, whether it is gone."""
    writes: list[str] = field(default_factory=list)
    """The operator's calls that write, whether or not they changed anything."""
    refusals: dict[str, str] = field(default_factory=dict)
    """plural -> the words with which POST is refused."""
    calls: int = 0
    fails_at: int | None = None
    failure: Exception = field(default_factory=Died)
    is_done_first: bool = True
    """Whether the call that fails has its effect."""
    is_collector_slow: bool = False
    """Whether what an object owned outlives it until `collect`."""
    _version: int = 100
    _applied: dict[str, Json] = field(default_factory=dict)

    # What the operator calls

    async def list_all(self, plural: str, namespaces: Sequence[str]) -> list[Json]:
        """Return all objects of a kind, here or everywhere."""
        places = [p for p in self.objects if p[0] == plural]
        return [self.objects[p] for p in places if not namespaces or p[1] in namespaces]

    async def create(self, plural: str, body: Json) -> Json | None:
        """Make an object; None: it was there."""
        place = self._place(plural, body)

        def make() -> Json | None:
            if plural in self.refusals:
                raise Refused(403, f"POST {plural}", self.refusals[plural], "Forbidden")
            return None if place in self.objects else self.put(plural, body)

        return self._call(f"POST {plural} {place[2]}", make)

    async def apply_status(
        self, plural: str, namespace: str, name: str, status: Json
    ) -> Json | None:
        """Apply the operator's part of a status; None: the object is gone."""

        def apply() -> Json | None:
            body = self.objects.get((plural, namespace, name))
            if body is None:
                return None
            before, owned = body.get("status") or {}, self._applied.get(_uid(body), {})
            self._applied[_uid(body)] = status
            return self._store(plural, body | {"status": _merged(before, owned, status)})

        return self._call(f"APPLY {plural} {name}", apply)

    async def suspend_rayjob(self, namespace: str, name: str, is_suspended: bool) -> Json | None:
        """Set spec.suspend; None: it is gone."""

        def patch() -> Json | None:
            body = self.objects.get(("rayjobs", namespace, name))
            if body is None:
                return None
            return self._store("rayjobs", body | {"spec": body["spec"] | {"suspend": is_suspended}})

        return self._call(f"SUSPEND rayjobs {name} {is_suspended}", patch)

    async def delete(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object in the background."""
        self._call(f"DELETE {plural} {name}", lambda: self.remove((plural, namespace, name)))

    async def rayclusters_of(self, namespace: str, rayjob: str) -> list[str]:
        """Return the names of a RayJob's RayClusters."""
        return [
            name
            for (plural, place, name), body in self.objects.items()
            if (plural, place) == ("rayclusters", namespace)
            and body["metadata"]["labels"][names.ORIGIN] == rayjob
        ]

    def _call(self, what: str, do: Callable[[], T]) -> T:
        self.calls += 1
        fails = self.calls == self.fails_at
        if fails and not self.is_done_first:
            raise self.failure
        self.writes.append(what)
        answer = do()
        if fails:
            raise self.failure
        return answer

    # What others do: users, KubeRay, the runner, the garbage collector

    def put(self, plural: str, body: Json) -> Json:
        """Make an object, as its author writes it."""
        made = copy.deepcopy(body)
        for label in (made["metadata"].get("labels") or {}).values():
            if not LABEL_VALUE.fullmatch(label):
                raise Refused(422, f"POST {plural}", f"bad label value {label!r}")
        made["metadata"].setdefault("uid", f"uid-{self._version}")
        made["metadata"].setdefault("generation", 1)
        if plural in MEASURED:
            made["status"] = {"observedGeneration": 0}  # their CRDs' default
        made["metadata"]["creationTimestamp"] = timestamp(self.now())
        return self._store(plural, made)

    def edit(self, place: Place, **spec: Any) -> Json:
        """Change fields of an object's spec."""
        body = copy.deepcopy(self.objects[place])
        body["spec"] |= spec
        body["metadata"]["generation"] += 1
        return self._store(place[0], body)

    def put_metadata(self, place: Place, metadata: Json) -> Json:
        """Change an object's metadata, which leaves its generation as it is."""
        return self._store(place[0], self.objects[place] | {"metadata": metadata})

    def set_status(self, place: Place, **status: Any) -> Json:
        """Write status fields that are not the operator's."""
        body = self.objects[place]
        return self._store(place[0], body | {"status": (body.get("status") or {}) | status})

    def remove(self, place: Place) -> None:
        """Delete an object and, where no finalizer is in the way, all that it owns."""
        body = self.objects.get(place)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return
        if place[0] == "pods" or body["metadata"].get("finalizers"):
            meta = body["metadata"] | {"deletionTimestamp": timestamp(self.now())}
            self._store(place[0], body | {"metadata": meta})
            return
        self.vanish(place)

    def vanish(self, place: Place) -> None:
        """End an object at once; the garbage collector deletes what it owned."""
        body = self.objects.pop(place)
        last = body | {"metadata": body["metadata"] | {"resourceVersion": self._next()}}
        self.news.append((place[0], last, True))
        if not self.is_collector_slow:
            self.collect()

    def collect(self) -> None:
        """Delete, as the garbage collector does, what has owners and none of them is here."""
        here = {_uid(body) for body in self.objects.values()}
        for place in [p for p, b in self.objects.items() if _owners(b) and not _owners(b) & here]:
            if place in self.objects:  # not gone with another one by now
                self.remove(place)

    def of(self, plural: str) -> list[Json]:
        """Return all objects of a kind, by name."""
        return [self.objects[p] for p in sorted(self.objects, key=str) if p[0] == plural]

    def names_of(self, plural: str) -> list[str]:
        """Return the names of all objects of a kind."""
        return [body["metadata"]["name"] for body in self.of(plural)]

    def _next(self) -> str:
        self._version += 1
        return str(self._version)

    def _place(self, plural: str, body: Json) -> Place:
        return plural, body["metadata"].get("namespace"), body["metadata"]["name"]

    def _store(self, plural: str, body: Json) -> Json:
        """Store a body; one that changes nothing keeps its version, as on a real server."""
        place = self._place(plural, body)
        if self.objects.get(place) == body:
            return body
        if plural in KINDS:
            try:
                KINDS[plural].from_body(body)
            except ValueError as error:
                raise Refused(422, f"PUT {place}", str(error), "Invalid") from error
        stored = body | {"metadata": body["metadata"] | {"resourceVersion": self._next()}}
        self.objects[place] = stored
        self.news.append((plural, stored, False))
        return stored


def unanswered() -> ApiError:
    """Return what a server in trouble answers."""
    return ApiError(500, "POST", "etcdserver: request timed out")


def _uid(body: Json) -> str:
    return str(body["metadata"]["uid"])


def _owners(body: Json) -> set[str]:
    return {o["uid"] for o in body["metadata"].get("ownerReferences") or ()}


def _merged(before: Json, owned: Json, applied: Json) -> Json:
    """Return a status after server-side apply: what we owned and do not say any more goes."""
    after = {k: v for k, v in before.items() if k not in owned or k in applied}
    for name, value in applied.items():
        key = KEY_OF_ITEMS.get(name)
        if key is None:
            after[name] = value
            continue
        said = {item[key]: item for item in value}
        gone = {item[key] for item in owned.get(name, ())} - set(said)
        items = {item[key]: item for item in before.get(name, ()) if item[key] not in gone}
        after[name] = list((items | said).values())
    return after
