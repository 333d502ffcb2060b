"""Puts the parts together: first lists, workers, resync. Knows no kopf; `main` feeds it events."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, Protocol

from slmeval_api.pool import Pool

from .metrics import OperatorMetrics
from .queue import WakeQueue
from .reconcile import Reconciler
from .series.exposition import Exposition
from .server import Health
from .settings import Settings
from .store import WATCHED, Body, Store, evaluation_of, version_of

log = logging.getLogger(__name__)
WORKERS = 8
"""Passes at once; they mostly wait for the API server."""
FIRST_RESYNC_S = 15.0
"""Soon after the start: what vanished between our list and kopf's watch gets no DELETED event."""
DEAF_AFTER = 2
"""Lists in a row whose news no watch told until the next, before a restart is asked for."""


class Lists(Protocol):
    """The one call that this module makes."""

    async def list_all(self, plural: str, namespaces: Sequence[str]) -> list[Body]:
        """Return all objects of a kind."""


@dataclass(slots=True)
class Controller:
    """One per process. `prime` first, then events and `start`."""

    settings: Settings
    lists: Lists
    store: Store
    reconciler: Reconciler
    metrics: OperatorMetrics
    exposition: Exposition
    health: Health
    queue: WakeQueue = field(default_factory=WakeQueue)
    _tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    _unheard: dict[str, dict[str, int]] = field(default_factory=dict)
    """kind -> uid -> version that the last list found and no watch has told of since."""
    _deaf: dict[str, int] = field(default_factory=dict)

    async def prime(self) -> None:
        """List every kind once; only then may a pass run."""
        for kind in WATCHED:
            await self._list(kind)
        self.exposition.is_complete = True
        await self.exposition.refresh()  # the first scrape finds all of it written
        self.health.is_ready = True
        log.info("All kinds are listed; %d evaluations", len(self.store.evaluations()))

    def start(self) -> None:
        """Begin to work."""
        self.metrics.follow_queue(self.queue.depth)
        for key in self.store.evaluations():
            self.queue.wake(key)
        self._tasks = [asyncio.create_task(self.queue.work(self._pass)) for _ in range(WORKERS)]
        self._tasks.append(asyncio.create_task(self._resync()))

    async def stop(self) -> None:
        """Stop working; a pass in the middle is cut, which the next start makes good."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def saw(self, kind: str, body: Body, *, is_gone: bool) -> None:
        """Take an event of a watch, and wake whom it concerns."""
        unheard, uid = self._unheard.get(kind, {}), body["metadata"]["uid"]
        if unheard.get(uid, 0) <= version_of(body):
            unheard.pop(uid, None)
        if is_gone:
            self.store.drop(kind, body)
        else:
            self.store.put(kind, body)
        self._wake(kind, body)

    def _wake(self, kind: str, body: Body) -> None:
        key = evaluation_of(kind, body)
        if kind == Pool.info.plural:
            for every in self.store.evaluations():
                self.queue.wake(every)
        elif key is not None:
            self.queue.wake(key)

    async def _pass(self, key: str) -> float | None:
        began = monotonic()
        outcome = "failed"
        try:
            again_s = await self.reconciler.evaluation(key)
            outcome = "done"
            return again_s
        finally:
            self.metrics.passes.labels(outcome).inc()
            self.metrics.pass_seconds.observe(monotonic() - began)

    async def _resync(self) -> None:
        """List everything again now and then."""
        delay = FIRST_RESYNC_S
        while True:
            await asyncio.sleep(delay)
            delay = self.settings.resync_seconds
            for kind in WATCHED:
                try:
                    await self._repair(kind)
                except Exception as error:  # noqa: BLE001 - the next period tries again
                    log.warning("A list failed", extra={"kind": kind, "error": error})

    async def _repair(self, kind: str) -> None:
        """List a kind; judge by the list before it whether its watch still hears."""
        is_deaf = bool(self._unheard.get(kind))
        self._deaf[kind] = self._deaf.get(kind, 0) + 1 if is_deaf else 0
        changed = await self._list(kind)
        self.metrics.repairs.labels(kind).inc(len(changed))
        here = self.store.uids(kind)
        # An event may be on its way while the list is read: it is unheard only if it stays away.
        # kopf never tells of what vanished while a watch was broken, so that proves nothing.
        self._unheard[kind] = {
            body["metadata"]["uid"]: version_of(body)
            for body in changed
            if body["metadata"]["uid"] in here
        }
        for body in changed:
            self._wake(kind, body)
        if self._deaf[kind] >= DEAF_AFTER:
            self.health.fault = (
                f"the watch of {kind} seems dead: what {self._deaf[kind]} lists in a row found "
                "was never told"
            )
            log.error(self.health.fault)

    async def _list(self, kind: str) -> list[Body]:
        known = self.store.uids(kind)
        bodies = await self.lists.list_all(kind, self.settings.namespaces)
        self.metrics.last_resync.labels(kind).set(time())
        return self.store.replace(kind, bodies, known=known)
