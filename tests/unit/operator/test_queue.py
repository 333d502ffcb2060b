"""The queue of evaluations that are due for a pass."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from slmeval_operator.queue import WakeQueue
from unit.operator.virtual_time import loop_time, run

Handle = Callable[[str], Awaitable[float | None]]


@dataclass
class Passes:
    """Notes which passes ran when, and how many of a key at once."""

    queue: WakeQueue
    takes_s: float = 0.0
    log: list[tuple[str, float]] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    most_at_once: int = 0
    again: dict[str, float] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    """key -> passes that are still to fail."""

    async def handle(self, key: str) -> float | None:
        """Make a pass."""
        assert key not in self.running
        self.log.append((key, round(loop_time(), 3)))
        self.running.append(key)
        self.most_at_once = max(self.most_at_once, len(self.running))
        await asyncio.sleep(self.takes_s)
        self.running.remove(key)
        if self.failures.get(key, 0) > 0:
            self.failures[key] -= 1
            raise RuntimeError("no")
        return self.again.pop(key, None)

    def times_of(self, key: str) -> list[float]:
        """Return when the passes of a key began."""
        return [when for k, when in self.log if k == key]


async def serve(
    passes: Passes, script: Callable[[], Awaitable[None]], *, workers: int, until: float
) -> None:
    """Let workers serve the queue while a script goes on, up to a time."""
    tasks = [asyncio.create_task(passes.queue.work(passes.handle)) for _ in range(workers)]
    await script()
    await asyncio.sleep(until - loop_time())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def story(
    script: Callable[[Passes], Awaitable[None]],
    *,
    workers: int = 3,
    until: float = 1000,
    **of: object,
) -> Passes:
    """Return what ran when `script` was played to workers, in virtual time."""

    async def play() -> Passes:
        passes = Passes(WakeQueue(loop_time), **of)  # type: ignore[arg-type]
        await serve(passes, lambda: script(passes), workers=workers, until=until)
        return passes

    return run(play())


class TestAKeyIsServedByOneWorkerAtATime:
    def test_however_often_it_is_woken(self) -> None:
        async def script(p: Passes) -> None:
            for _ in range(20):
                p.queue.wake("a")
                await asyncio.sleep(0.1)

        passes = story(script, takes_s=0.5)
        assert passes.most_at_once == 1
        assert passes.times_of("a") == [0.0, 0.5, 1.0, 1.5, 2.0]

    def test_woken_during_its_pass_it_runs_once_more(self) -> None:
        async def script(p: Passes) -> None:
            p.queue.wake("a")
            await asyncio.sleep(1)
            p.queue.wake("a")
            p.queue.wake("a")

        assert story(script, takes_s=5).times_of("a") == [0, 5]

    def test_while_other_keys_are_served(self) -> None:
        async def script(p: Passes) -> None:
            for key in "abc":
                p.queue.wake(key)

        passes = story(script, takes_s=5)
        assert passes.log == [("a", 0), ("b", 0), ("c", 0)]
        assert passes.most_at_once == 3


class TestAWakeMayBeForLater:
    def test_it_waits_until_then(self) -> None:
        async def script(p: Passes) -> None:
            p.queue.wake("a", 30)
            p.queue.wake("b", 10)

        assert story(script, workers=1).log == [("b", 10), ("a", 30)]

    def test_a_sooner_one_wins_and_a_later_one_is_not_lost_time(self) -> None:
        async def script(p: Passes) -> None:
            p.queue.wake("a", 30)
            p.queue.wake("a", 10)
            p.queue.wake("a", 20)

        assert story(script).times_of("a") == [10]

    def test_a_pass_may_ask_for_the_next(self) -> None:
        async def script(p: Passes) -> None:
            p.again["a"] = 7
            p.queue.wake("a")

        assert story(script).times_of("a") == [0, 7]

    def test_what_is_due_first_comes_first(self) -> None:
        async def script(p: Passes) -> None:
            p.queue.wake("busy")
            await asyncio.sleep(1)
            p.queue.wake("late")
            p.queue.wake("early", -1)

        passes = story(script, workers=1, takes_s=5)
        assert [key for key, _ in passes.log] == ["busy", "early", "late"]


class TestAPassThatFailsIsRepeatedLaterAndLater:
    def test_and_the_others_go_on(self, caplog: pytest.LogCaptureFixture) -> None:
        async def script(p: Passes) -> None:
            p.failures["bad"] = 9
            p.queue.wake("bad")
            for _ in range(3):
                p.queue.wake("good")
                await asyncio.sleep(1)

        with caplog.at_level(logging.ERROR):
            passes = story(script, workers=1)
        assert passes.times_of("good") == [0, 1, 2]
        times = passes.times_of("bad")
        gaps = [after - before for before, after in itertools.pairwise(times)]
        wanted = [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert all(0.79 * w <= gap <= 1.21 * w for gap, w in zip(gaps, wanted, strict=True))
        assert len([r for r in caplog.records if "The pass over bad failed" in r.message]) == 9

    def test_one_that_succeeds_counts_anew(self) -> None:
        async def script(p: Passes) -> None:
            for _ in range(2):
                p.failures["a"] = 2
                p.queue.wake("a")
                await asyncio.sleep(100)

        times = story(script).times_of("a")
        assert len(times) == 6
        assert times[4] - times[3] < 1.3

    def test_news_does_not_wait_for_the_delay(self) -> None:
        async def script(p: Passes) -> None:
            p.failures["a"] = 1
            p.queue.wake("a")
            await asyncio.sleep(0.5)
            p.queue.wake("a")

        assert story(script).times_of("a") == [0, 0.5]


class TestDepthIsWhatABusyOperatorHasNotGotTo:
    def test_keys_that_are_due_and_wait(self) -> None:
        clock = [0.0]
        queue = WakeQueue(lambda: clock[0])
        for key, after_s in (("a", 0), ("b", 0), ("c", 60)):
            queue.wake(key, after_s)
        assert (queue.depth(), len(queue)) == (2, 3)
        clock[0] = 60
        assert queue.depth() == 3


class TestNothingIsKeptOfServedKeys:
    def test_neither_times_nor_failures(self) -> None:
        async def script(p: Passes) -> None:
            for n in range(100):
                p.failures[str(n)] = n % 2
                p.queue.wake(str(n))

        queue = story(script).queue
        assert (queue._due, queue._busy, queue._failures) == ({}, set(), {})
