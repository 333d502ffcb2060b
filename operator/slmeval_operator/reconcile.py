"""The one pass: take the world, decide, carry out. All writes of the operator are here."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from slmeval_api.run import Run
from slmeval_decisions import names
from slmeval_decisions.decide import Plan, decide
from slmeval_decisions.statuses import StatusWrite
from slmeval_decisions.verdict import Refusal
from slmeval_decisions.world import World

from .cluster import PLURAL_OF, ApiError, Body, Refused
from .desired.attempt import desired_attempt
from .events import event
from .settings import Settings
from .store import RAYJOBS, Store, namespace_of

log = logging.getLogger(__name__)
KEYS: dict[str, tuple[str, Callable[[str], str | int]]] = {
    names.RUN: ("run", str),
    names.POOL: ("pool", str),
    names.ATTEMPT: ("attempt", int),
}
"""Keys of log lines by the label that has them, and what its value is."""
REFUSAL_LASTS = timedelta(seconds=30)
"""How long what was refused is left alone before it is tried again."""
REFUSAL_FORGOTTEN = timedelta(seconds=300)
"""Age of a refusal that nobody asks about any more: its run was superseded, or suspended."""


class Api(Protocol):
    """The calls that a pass makes."""

    async def create(self, plural: str, body: Body) -> Body | None:
        """Make an object; None: it was there."""

    async def apply_status(
        self, plural: str, namespace: str, name: str, status: Body
    ) -> Body | None:
        """Write our part of a status; None: the object is gone."""

    async def suspend_rayjob(self, namespace: str, name: str, is_suspended: bool) -> Body | None:
        """Set spec.suspend; None: it is gone."""

    async def delete(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object, if it is there."""

    async def rayclusters_of(self, namespace: str, rayjob: str) -> list[str]:
        """Return the names of a RayJob's RayClusters."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Reconciler:
    """Makes passes over evaluations. What it remembers may be lost without harm."""

    store: Store
    api: Api
    settings: Settings
    now: Callable[[], datetime] = utc_now
    _refusals: dict[str, dict[str, tuple[datetime, str]]] = field(default_factory=dict)
    """evaluation -> name of what was refused -> when, and in what words."""
    _overdue_since: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """evaluation -> RayJob -> when it was first seen to hold pods that it should not."""

    async def evaluation(self, key: str) -> float | None:
        """Make one pass over the evaluation with that key of the store.

        Returns:
            Seconds after which time alone could call for another pass; None: never.

        Raises:
            ApiError: a call failed; everything before it is done, the pass may be repeated.

        """
        if not self.store.has(key):
            self._refusals.pop(key, None)
            self._overdue_since.pop(key, None)
            return None
        now = self.now()
        world = self.store.world(key, now=now, refusals=self._refusals_of(key, now))
        plan = decide(world)
        await self._carry_out(plan, world, key)
        return plan.look_again_s

    def _refusals_of(self, key: str, now: datetime) -> dict[str, Refusal]:
        refusals = self._refusals.pop(key, {})
        kept = {n: r for n, r in refusals.items() if now - r[0] < REFUSAL_FORGOTTEN}
        if kept:
            self._refusals[key] = kept
        return {
            name: Refusal(words=words, is_due=now - when >= REFUSAL_LASTS)
            for name, (when, words) in kept.items()
        }

    async def _carry_out(self, plan: Plan, world: World, key: str) -> None:
        namespace = namespace_of(key)
        for name in plan.delete_jobs:
            log.info("Deleting a RayJob", extra=_where(world, key) | {"rayjob": name})
            await self.api.delete(RAYJOBS, namespace, name)
        for name, is_suspended in plan.suspend:
            self._keep(RAYJOBS, await self.api.suspend_rayjob(namespace, name, is_suspended))
        await self._release(plan, key, world)
        for body in plan.create:
            await self._make(key, [body], world)
        for attempt in plan.attempts:
            await self._make(key, desired_attempt(attempt, self.settings), world)
        await self._tell(plan, key, world)
        await self._write(plan.statuses, key, world)
        for name in plan.delete_runs:
            log.info(
                "Deleting a run that history keeps no longer",
                extra=_where(world, key) | {"run": name},
            )
            await self.api.delete(Run.info.plural, namespace, name)

    async def _create(self, body: Body, where: Mapping[str, Any]) -> None:
        plural = PLURAL_OF[body["kind"]]
        made = await self.api.create(plural, body)
        if made is not None:
            meta = body["metadata"]
            labels = meta.get("labels", {})
            more = {key: of(labels[label]) for label, (key, of) in KEYS.items() if label in labels}
            log.info("Made %s %s", body["kind"], meta["name"], extra={**where, **more})
        if plural in self.store.objects:
            self._keep(plural, made)

    async def _make(self, key: str, bodies: list[Body], world: World) -> None:
        """Make objects; remember it when the API server will not have one of them.

        Args:
            key: the evaluation's.
            bodies: what depends on each other, in order. The last one gives the refusal its name.
            world: the pass's.

        """
        name = bodies[-1]["metadata"]["name"]
        refusals = self._refusals.setdefault(key, {})
        try:
            for body in bodies:
                await self._create(body, _where(world, key))
        except Refused as refusal:
            log.warning(
                "%s %s was refused",
                bodies[-1]["kind"],
                name,
                extra=_where(world, key) | {"error": refusal.message},
            )
            refusals[name] = (self.now(), refusal.message)
        else:
            refusals.pop(name, None)

    async def _release(self, plan: Plan, key: str, world: World) -> None:
        """Delete the RayClusters of RayJobs whose pods KubeRay has not removed in time."""
        namespace = namespace_of(key)
        now, before = self.now(), self._overdue_since.pop(key, {})
        if not plan.overdue:
            return
        since = {name: before.get(name, now) for name in plan.overdue}
        self._overdue_since[key] = since
        for name, grace in plan.overdue.items():
            if now - since[name] < grace:
                continue
            for cluster in await self.api.rayclusters_of(namespace, name):
                log.warning(
                    "KubeRay left pods behind; deleting RayCluster %s",
                    cluster,
                    extra=_where(world, key) | {"rayjob": name},
                )
                await self.api.delete("rayclusters", namespace, cluster)

    async def _tell(self, plan: Plan, key: str, world: World) -> None:
        """Tell the news before the status that makes it old: a crash between tells it again."""
        for news in plan.news:
            where = {**_where(world, key), **news.where, "reason": news.reason.value}
            is_first = False
            for info, meta in news.subjects:
                try:
                    made = await self.api.create("events", event(news, info, meta, world.now))
                except ApiError as error:  # an event is worth no pass
                    log.warning("An event was not written", extra=where | {"error": error.message})
                    is_first = True
                else:
                    is_first = is_first or made is not None
            if is_first and not news.is_echo:
                level = logging.WARNING if news.is_warning else logging.INFO
                log.log(level, "%s", news.message, extra=where)

    async def _write(self, writes: list[StatusWrite], key: str, world: World) -> None:
        """Write all statuses, also those after one that fails.

        Raises:
            ApiError: at least one was not written.

        """
        namespace = namespace_of(key)
        failure: ApiError | None = None
        for write in writes:
            status: dict[str, Any] = write.status.to_json_data()
            plural = write.info.plural
            try:
                self._keep(
                    plural, await self.api.apply_status(plural, namespace, write.name, status)
                )
            except ApiError as error:
                log.warning(
                    "The status of %s was not written",
                    write.name,
                    extra=_where(world, key) | {"kind": write.info.kind, "error": error.message},
                )
                failure = error
        if failure is not None:
            raise failure

    def _keep(self, plural: str, body: Body | None) -> None:
        """Take what the API server answered: the next pass must not act on an older copy."""
        if body is not None:
            self.store.put(plural, body)


def _where(world: World, key: str) -> dict[str, Any]:
    """Return the keys of a log line about the evaluation; one that is gone has no name here."""
    name = world.evaluation.meta.name if world.evaluation else None
    return {"namespace": namespace_of(key), "evaluation": name}
