"""The operator's copy of everything that it watches, kept by events and by lists.

No pass may run before the first list of every kind: a pass over half the objects writes wrong
statuses. After that, events keep the copy fresh, and a list now and then repairs what a watch lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import StoredObject
from slmeval_api.pool import Pool
from slmeval_api.run import Run
from slmeval_api.trial import Trial

from . import names
from .observed import Pod, RayJob, pod_of, rayjob_of
from .world import World

Body = dict[str, Any]
KINDS: dict[str, type[StoredObject[Any, Any]]] = {
    k.info.plural: k for k in (Evaluation, Run, Trial, Pool)
}
RAYJOBS, PODS = "rayjobs", "pods"
WATCHED = (*KINDS, RAYJOBS, PODS)


class Unreadable(Exception):
    """A stored object is not of its kind's form: written under another version of the CRD."""


def _version(body: Body) -> int:
    text = body["metadata"].get("resourceVersion", "0")
    return int(text) if text.isdigit() else 0


def evaluation_of(kind: str, body: Body) -> str | None:
    """Return the uid of the evaluation that an object belongs to; None: to all (a pool)."""
    meta = body["metadata"]
    if kind == Evaluation.info.plural:
        return str(meta["uid"])
    return (meta.get("labels") or {}).get(names.EVALUATION_UID)


@dataclass(slots=True)
class Store:
    """Objects by kind and uid. Not for several threads."""

    objects: dict[str, dict[str, Body]] = field(
        default_factory=lambda: {kind: {} for kind in WATCHED}
    )
    _members: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """evaluation uid -> kind -> uids: a pass reads its own objects, not all."""

    def put(self, kind: str, body: Body) -> bool:
        """Take `body` unless a newer version of it is here; return whether it was taken."""
        uid = body["metadata"]["uid"]
        have = self.objects[kind].get(uid)
        if have is not None and _version(have) >= _version(body):
            return False
        self.objects[kind][uid] = body
        owner = evaluation_of(kind, body)
        if owner is not None:
            self._members.setdefault(owner, {}).setdefault(kind, set()).add(uid)
        return True

    def drop(self, kind: str, uid: str) -> Body | None:
        """Forget an object; return it if it was here."""
        body = self.objects[kind].pop(uid, None)
        owner = evaluation_of(kind, body) if body else None
        if owner is not None and owner in self._members:
            members = self._members[owner]
            members.get(kind, set()).discard(uid)
            if not any(members.values()):
                del self._members[owner]
        return body

    def replace(self, kind: str, bodies: Iterable[Body], *, known: set[str]) -> list[Body]:
        """Take a full list of `kind`; return what changed by it, objects that are gone included.

        Args:
            kind: its plural.
            bodies: the list.
            known: the uids that were here when the list was asked for. What came since then by
                an event is not in an older list, and is kept.

        """
        listed = {b["metadata"]["uid"]: b for b in bodies}
        changed = [b for b in listed.values() if self.put(kind, b)]
        for uid in known - set(listed):
            gone = self.drop(kind, uid)
            if gone is not None:
                changed.append(gone)
        return changed

    def uids(self, kind: str) -> set[str]:
        """Return the uids of the objects of `kind` that are here."""
        return set(self.objects[kind])

    def evaluations(self) -> set[str]:
        """Return the uids of all evaluations, also of those that only left something behind."""
        return set(self.objects[Evaluation.info.plural]) | set(self._members)

    def namespace_of(self, uid: str) -> str | None:
        """Return the namespace of an evaluation or of what it left behind; None: nothing is."""
        for kind, members in self._members.get(uid, {}).items():
            for member in members:
                return str(self.objects[kind][member]["metadata"]["namespace"])
        return None

    def typed(self, kind: str, uids: Iterable[str] | None = None) -> list[Any]:
        """Return the objects of one of our kinds, typed.

        Raises:
            Unreadable: an object is not of its form.

        """
        bodies = self.objects[kind]
        made = []
        for uid in bodies if uids is None else uids:
            try:
                made.append(KINDS[kind].from_body(bodies[uid]))
            except ValidationError as error:
                name = bodies[uid]["metadata"]["name"]
                raise Unreadable(f"{kind} {name}: {error}") from error
        return made

    def world(self, uid: str, *, now: datetime, refusals: Mapping[str, str]) -> World:
        """Return everything about the evaluation with that uid, as it is here now.

        Raises:
            Unreadable: an object is not of its form.

        """
        members = self._members.get(uid, {})

        def mine(kind: str) -> list[str]:
            return sorted(members.get(kind, ()))

        found = self.typed(Evaluation.info.plural, mine(Evaluation.info.plural))
        return World(
            evaluation=found[0] if found else None,
            pools={p.meta.name: p for p in self.typed(Pool.info.plural)},
            runs=tuple(self.typed(Run.info.plural, mine(Run.info.plural))),
            trials=tuple(self.typed(Trial.info.plural, mine(Trial.info.plural))),
            rayjobs=self._rayjobs(mine(RAYJOBS)),
            pods=self._pods(mine(PODS)),
            refusals=refusals,
            now=now,
        )

    def _rayjobs(self, uids: Iterable[str]) -> tuple[RayJob, ...]:
        return tuple(rayjob_of(self.objects[RAYJOBS][uid]) for uid in uids)

    def _pods(self, uids: Iterable[str]) -> tuple[Pod, ...]:
        pods = (pod_of(self.objects[PODS][uid]) for uid in uids)
        return tuple(p for p in pods if p is not None)
