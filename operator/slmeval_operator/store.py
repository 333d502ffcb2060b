"""The operator's copy of everything that it watches, kept by events and by lists.

No pass may run before the first list of every kind: a pass over half the objects writes wrong
statuses. After that, events keep the copy fresh, and a list now and then repairs what a watch lost.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from slmeval_api.evaluation import Evaluation
from slmeval_api.objects import StoredObject
from slmeval_api.pool import Pool
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_decisions import names
from slmeval_decisions.observed import pod_of, rayjob_of
from slmeval_decisions.verdict import Refusal
from slmeval_decisions.world import World

Body = dict[str, Any]
KINDS: dict[str, type[StoredObject[Any, Any]]] = {
    k.info.plural: k for k in (Evaluation, Run, Trial, Pool)
}
RAYJOBS, PODS = "rayjobs", "pods"
MEASURED = tuple(k.info.plural for k in (Evaluation, Run, Trial))
WATCHED = (*KINDS, RAYJOBS, PODS)
REMEMBERED = 10_000
"""Gone objects whose going is remembered; a list that is still read is not older than these."""


class Unreadable(Exception):
    """A stored object is not of its kind's form: written under another version of the CRD."""


def version_of(body: Body) -> int:
    """Return the resourceVersion as a number: a newer version has a greater one."""
    text = body["metadata"].get("resourceVersion", "0")
    return int(text) if text.isdigit() else 0


def evaluation_of(kind: str, body: Body) -> str | None:
    """Return the key of the evaluation that an object belongs to; None: to none, as a pool does.

    The key begins with the object's own namespace: whoever forges a label reaches no further.
    """
    meta = body["metadata"]
    labels = meta.get("labels") or {}
    uid = meta["uid"] if kind == Evaluation.info.plural else labels.get(names.EVALUATION_UID)
    return f"{meta['namespace']}/{uid}" if uid and meta.get("namespace") else None


def namespace_of(key: str) -> str:
    """Return the namespace of the evaluation with that key."""
    return key.split("/", 1)[0]


@dataclass(slots=True)
class Store:
    """Objects by kind and uid. Not for several threads."""

    objects: dict[str, dict[str, Body]] = field(
        default_factory=lambda: {kind: {} for kind in WATCHED}
    )
    """kind -> uid -> body; once it was read into its form, only the metadata."""
    _members: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """evaluation's key -> kind -> uids: a pass reads its own objects, not all."""
    _typed: dict[str, StoredObject[Any, Any]] = field(default_factory=dict)
    """By uid: each version of an object is read into its form once."""
    _gone: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """uid -> version at which it went: a list or an answer that is older does not bring it back."""

    def put(self, kind: str, body: Body) -> bool:
        """Take `body` unless a newer version of it is or was here; return whether it was taken."""
        uid = body["metadata"]["uid"]
        have = self.objects[kind].get(uid)
        newest = self._gone.get(uid, -1) if have is None else version_of(have)
        if newest >= version_of(body):
            return False
        if have is not None:
            self._forget(kind, have)
        self.objects[kind][uid] = body
        owner = evaluation_of(kind, body)
        if owner is not None:
            self._members.setdefault(owner, {}).setdefault(kind, set()).add(uid)
        return True

    def drop(self, kind: str, body: Body) -> bool:
        """Forget the object whose last version is `body`; return whether it was here."""
        uid = body["metadata"]["uid"]
        have = self.objects[kind].pop(uid, None)
        self._gone[uid] = max(version_of(body), version_of(have) if have else 0)
        self._gone.move_to_end(uid)
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        if have is not None:
            self._forget(kind, have)
        return have is not None

    def _forget(self, kind: str, body: Body) -> None:
        """Forget what was derived from a version of an object."""
        uid, owner = body["metadata"]["uid"], evaluation_of(kind, body)
        self._typed.pop(uid, None)
        if owner is None:
            return
        members = self._members[owner]
        members[kind].discard(uid)
        if not any(members.values()):
            del self._members[owner]

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
            gone = self.objects[kind].get(uid)
            if gone is not None:
                self.drop(kind, gone)
                changed.append(gone)
        return changed

    def uids(self, kind: str) -> set[str]:
        """Return the uids of the objects of `kind` that are here."""
        return set(self.objects[kind])

    def evaluations(self) -> set[str]:
        """Return the keys of all evaluations, also of those that only left something behind."""
        return set(self._members)

    def has(self, key: str) -> bool:
        """Return whether an evaluation, or something that it left behind, is here."""
        return key in self._members

    def typed(self, kind: str, uid: str) -> Any:  # noqa: ANN401 - the kind tells which
        """Return an object of one of our kinds, typed.

        Raises:
            Unreadable: it is not of its form.

        """
        made = self._typed.get(uid)
        if made is None:
            body = self.objects[kind][uid]
            try:
                made = KINDS[kind].from_body(body)
            except ValidationError as error:
                raise Unreadable(f"{kind} {body['metadata']['name']}: {error}") from error
            self._typed[uid] = made
            kept = {k: v for k, v in body["metadata"].items() if k != "managedFields"}
            self.objects[kind][uid] = {"metadata": kept}  # the rest is in the typed copy
        return made

    def readable(self, kind: str, uids: Iterable[str] | None = None) -> list[Any]:
        """Return objects of one of our kinds, typed, without those that are not of its form.

        `uids` are those that are meant; None: all of them.
        """
        made = []
        for uid in self.objects[kind] if uids is None else uids:
            with contextlib.suppress(Unreadable):
                made.append(self.typed(kind, uid))
        return made

    def measured_versions(self, key: str) -> frozenset[tuple[str, int]]:
        """Return uid and version of all that `measured` returns: equal while nothing changed."""
        members = self._members.get(key, {})
        return frozenset(
            (uid, version_of(self.objects[kind][uid]))
            for kind in MEASURED
            for uid in members.get(kind, ())
        )

    def measured(self, key: str) -> tuple[Evaluation | None, tuple[Run, ...], tuple[Trial, ...]]:
        """Return an evaluation, its runs and their trials; what is not of its form is left out."""
        members = self._members.get(key, {})
        # What cannot be read has no series; the pass over that evaluation fails loudly.
        found, runs, trials = (
            tuple(self.readable(kind, sorted(members.get(kind, ())))) for kind in MEASURED
        )
        return found[0] if found else None, runs, trials

    def world(self, key: str, *, now: datetime, refusals: Mapping[str, Refusal]) -> World:
        """Return everything about the evaluation with that key, as it is here now.

        Raises:
            Unreadable: an object is not of its form.

        """
        members = self._members.get(key, {})

        def mine(kind: str) -> list[str]:
            return sorted(members.get(kind, ()))

        def typed(kind: str) -> tuple[Any, ...]:
            return tuple(self.typed(kind, uid) for uid in mine(kind))

        found = typed(Evaluation.info.plural)
        pods = (pod_of(self.objects[PODS][uid]) for uid in mine(PODS))
        return World(
            evaluation=found[0] if found else None,
            pools=self._pools(found[0].spec.pools if found else ()),
            runs=typed(Run.info.plural),
            trials=typed(Trial.info.plural),
            rayjobs=tuple(rayjob_of(self.objects[RAYJOBS][uid]) for uid in mine(RAYJOBS)),
            pods=tuple(p for p in pods if p is not None),
            refusals=refusals,
            now=now,
        )

    def _pools(self, asked: Sequence[str]) -> dict[str, Pool]:
        """Return the pools by name; one that is not of its form matters to who asks for it."""
        plural = Pool.info.plural
        pools = {p.meta.name: p for p in self.readable(plural)}
        for uid, body in self.objects[plural].items():
            name = body["metadata"]["name"]
            if name in asked and name not in pools:
                pools[name] = self.typed(plural, uid)
        return pools
