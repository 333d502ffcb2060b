"""The one pass: take the world, decide, carry out. All writes of the operator are here."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from .attempts import RELEASE_AFTER
from .cluster import PLURAL_OF, ApiError, Body, Refused
from .decide import Plan, StatusWrite, decide
from .events import event
from .settings import Settings
from .store import RAYJOBS, Store
from .world import World

log = logging.getLogger(__name__)
REFUSAL_LASTS = timedelta(seconds=30)
"""How long a refused attempt is left alone before it is tried again."""


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
    _refusals: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    _overdue_since: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """evaluation uid -> RayJob -> when it was first seen to hold pods that it should not."""

    async def evaluation(self, uid: str) -> float | None:
        """Make one pass over the evaluation with that uid.

        Returns:
            Seconds after which time alone could call for another pass; None: never.

        Raises:
            ApiError: a call failed; everything before it is done, the pass may be repeated.

        """
        now = self.now()
        self._refusals = {n: r for n, r in self._refusals.items() if now - r[0] < REFUSAL_LASTS}
        refusals = {name: words for name, (_, words) in self._refusals.items()}
        world = self.store.world(uid, now=now, refusals=refusals)
        plan = decide(world, self.settings)
        namespace = self.store.namespace_of(uid)
        if namespace is None:
            return None
        await self._carry_out(plan, world, uid=uid, namespace=namespace)
        return plan.look_again_s

    async def _carry_out(self, plan: Plan, world: World, *, uid: str, namespace: str) -> None:
        for name in plan.delete_jobs:
            log.info("Deleting a RayJob", extra={"namespace": namespace, "rayjob": name})
            await self.api.delete(RAYJOBS, namespace, name)
        for name, is_suspended in plan.suspend:
            self._keep(RAYJOBS, await self.api.suspend_rayjob(namespace, name, is_suspended))
        await self._release(plan, uid, namespace)
        for body in plan.create:
            await self._create(body)
        for attempt in plan.attempts:
            await self._start(attempt)
        await self._announce(plan, world)
        for write in plan.statuses:
            await self._write(namespace, write)

    async def _create(self, body: Body) -> None:
        plural = PLURAL_OF[body["kind"]]
        made = await self.api.create(plural, body)
        if made is not None:
            log.info(
                "Made %s %s",
                body["kind"],
                body["metadata"]["name"],
                extra={"namespace": body["metadata"]["namespace"]},
            )
        if plural in self.store.objects:
            self._keep(plural, made)

    async def _start(self, attempt: list[Body]) -> None:
        """Make an attempt's objects; remember it when the API server will not have one of them."""
        rayjob = attempt[-1]["metadata"]["name"]
        try:
            for body in attempt:
                await self._create(body)
        except Refused as refusal:
            log.warning(
                "An attempt was refused", extra={"rayjob": rayjob, "error": refusal.message}
            )
            self._refusals[rayjob] = (self.now(), refusal.message)

    async def _release(self, plan: Plan, uid: str, namespace: str) -> None:
        """Delete the RayClusters of RayJobs whose pods KubeRay has not removed in time."""
        now, before = self.now(), self._overdue_since.get(uid, {})
        self._overdue_since[uid] = {name: before.get(name, now) for name in plan.overdue}
        if not plan.overdue:
            del self._overdue_since[uid]
        for name in plan.overdue:
            if now - self._overdue_since[uid][name] < RELEASE_AFTER:
                continue
            for cluster in await self.api.rayclusters_of(namespace, name):
                log.warning(
                    "KubeRay left pods behind; deleting RayCluster %s",
                    cluster,
                    extra={"namespace": namespace, "rayjob": name},
                )
                await self.api.delete("rayclusters", namespace, cluster)

    async def _announce(self, plan: Plan, world: World) -> None:
        """Tell the news before the status that makes it old: a crash between tells it again."""
        if world.evaluation is None:
            return
        run = world.evaluation.status.current_run
        for news in plan.announcements:
            body = event(world.evaluation.meta, news, run=run.name if run else "", now=world.now)
            try:
                await self.api.create("events", body)
            except Refused as refusal:  # an event is worth no pass
                log.warning("An event was refused", extra={"error": refusal.message})

    async def _write(self, namespace: str, write: StatusWrite) -> None:
        status: dict[str, Any] = write.status.to_json_data()
        try:
            body = await self.api.apply_status(write.info.plural, namespace, write.name, status)
        except ApiError as error:
            log.warning(
                "A status was not written",
                extra={"kind": write.info.kind, "namespace": namespace, "error": error.message},
            )
            raise
        self._keep(write.info.plural, body)

    def _keep(self, plural: str, body: Body | None) -> None:
        """Take what the API server answered: the next pass must not act on an older copy."""
        if body is not None:
            self.store.put(plural, body)
