"""A queue of keys that are due at times: one pass a key at a time, failures back off."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from time import monotonic

log = logging.getLogger(__name__)
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0


class WakeQueue:
    """Keys are woken, now or later; a key that is woken while it is worked on runs once more."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._due = dict[str, float]()
        self._busy = set[str]()
        self._failures = dict[str, int]()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Return how many keys wait or are worked on."""
        return len(self._due.keys() | self._busy)

    def depth(self) -> int:
        """Return how many keys are overdue: what a busy operator has not got to."""
        now = self._clock()
        return sum(when <= now for when in self._due.values())

    def wake(self, key: str, after_s: float = 0.0) -> None:
        """Let a pass of `key` begin `after_s` seconds from now, or sooner if it was to anyway."""
        when = self._clock() + after_s
        self._due[key] = min(when, self._due.get(key, when))
        self._changed.set()

    async def work(self, handle: Callable[[str], Awaitable[float | None]]) -> None:
        """Serve keys for ever. Several of these may run at once.

        Args:
            handle: makes one pass and returns after how many seconds the key wants another, or
                None. Whatever it raises is logged, and the key retried with growing delays.

        """
        while True:
            key = await self._next()
            self._busy.add(key)
            try:
                again_s = await handle(key)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - any bug must leave the other keys alone
                self._retry(key, error)
            else:
                self._failures.pop(key, None)
                if again_s is not None:
                    self.wake(key, again_s)
            finally:
                self._busy.discard(key)
                self._changed.set()

    def _retry(self, key: str, error: Exception) -> None:
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        delay = min(FIRST_RETRY_S * 2**count, LONGEST_RETRY_S) * random.uniform(0.8, 1.2)
        text = "The pass over %s failed; it is repeated in %.1f s"
        log.exception(text, key, delay, extra={"error": error})
        self.wake(key, delay)

    async def _next(self) -> str:
        """Wait for the key that is due first and is not being worked on; take it."""
        while True:
            self._changed.clear()
            free = {k: t for k, t in self._due.items() if k not in self._busy}
            wait: float | None = None
            if free:
                key = min(free, key=lambda k: free[k])
                wait = free[key] - self._clock()
                if wait <= 0:
                    del self._due[key]
                    return key
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue
