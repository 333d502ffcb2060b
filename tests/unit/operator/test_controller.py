"""Lists first, then events and passes; lists again now and then."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest
from builders import Json, evaluation_body, pool_body, trial_body
from prometheus_client import CollectorRegistry
from slmeval_operator.cluster import ApiError
from slmeval_operator.controller import FIRST_RESYNC_S, Controller
from slmeval_operator.metrics import OperatorMetrics
from slmeval_operator.queue import WakeQueue
from slmeval_operator.reconcile import Reconciler
from slmeval_operator.series.exposition import Exposition
from slmeval_operator.server import Health
from slmeval_operator.store import Store
from unit.operator.fake_api import FakeApi, unanswered
from unit.operator.stage import DEMO
from unit.operator.virtual_time import loop_time, run
from unit.operator.worlds import NOW, SETTINGS

T = TypeVar("T")
RESYNC_S = SETTINGS.resync_seconds
POOL = ("slmpools", None, "gpu")


class Theatre:
    """A controller on a fake API server; `hears` says whether its watches work."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.api = FakeApi(lambda: NOW)
        self.api.put("slmpools", pool_body())
        self.api.put("slmevaluations", evaluation_body())
        self.api.news.clear()
        store = Store()
        self.controller = Controller(
            settings=SETTINGS,
            lists=self,
            store=store,
            reconciler=Reconciler(store, self.api, SETTINGS, lambda: NOW),
            metrics=OperatorMetrics(self.registry),
            exposition=Exposition(store),
            health=Health(),
            queue=WakeQueue(loop_time),
        )
        self.during_list: Callable[[str], None] = lambda _: None
        self.list_fails: ApiError | None = None

    async def list_all(self, plural: str, namespaces: Sequence[str]) -> list[Json]:
        """Return what is there now, after something happened while it was sent."""
        if self.list_fails is not None:
            raise self.list_fails
        listed = await self.api.list_all(plural, namespaces)
        self.during_list(plural)
        return listed

    def tell(self) -> None:
        """Let the watches tell all news."""
        news, self.api.news = self.api.news, []
        for kind, body, is_gone in news:
            if kind in self.controller.store.objects:
                self.controller.saw(kind, body, is_gone=is_gone)

    async def begin(self) -> None:
        """Prime, start, and let what follows from it come to rest."""
        await self.controller.prime()
        self.controller.start()
        await self.rest()

    async def rest(self) -> None:
        """Let passes and watches follow each other until nothing is new."""
        for _ in range(20):
            await asyncio.sleep(0.01)
            self.tell()

    @property
    def fault(self) -> str | None:
        """What /healthz says."""
        return self.controller.health.fault

    def passes(self, outcome: str = "done") -> float:
        """Return how many passes ended so."""
        labels = {"outcome": outcome}
        return self.registry.get_sample_value("slmeval_operator_passes_total", labels) or 0


def play(script: Callable[[Theatre], Awaitable[T]]) -> T:
    """Return what a script returns, played in virtual time."""

    async def scene() -> T:
        theatre = Theatre()
        try:
            return await script(theatre)
        finally:
            await theatre.controller.stop()

    return run(scene())


class TestNoPassBeforeEverythingIsListed:
    def test_events_that_come_before_are_kept_for_later(self) -> None:
        async def script(t: Theatre) -> None:
            t.controller.saw(*("slmevaluations", evaluation_body("early", uid="e")), is_gone=False)
            await asyncio.sleep(1)
            assert (t.passes(), t.api.writes) == (0, [])
            assert not t.controller.health.is_ready
            await t.begin()
            assert "POST slmruns" in " ".join(t.api.writes)

        play(script)

    def test_then_it_is_ready_and_serves_every_evaluation(self) -> None:
        async def script(t: Theatre) -> None:
            await t.begin()
            assert t.controller.health.is_ready
            assert t.controller.exposition.is_complete
            assert len(t.api.names_of("rayjobs")) == 1

        play(script)

    def test_a_list_that_fails_at_the_start_is_not_survived(self) -> None:
        async def script(t: Theatre) -> None:
            t.list_fails = unanswered()
            with pytest.raises(ApiError):
                await t.controller.prime()
            assert not t.controller.health.is_ready

        play(script)

    def test_what_changes_while_a_list_is_sent_is_not_lost(self) -> None:
        async def script(t: Theatre) -> None:
            def meanwhile(plural: str) -> None:
                if plural == "slmevaluations" and DEMO in t.api.objects:
                    t.api.put("slmevaluations", evaluation_body("new", uid="uid-new"))
                    t.api.remove(DEMO)
                    t.tell()

            t.during_list = meanwhile
            await t.controller.prime()
            assert t.controller.store.evaluations() == {"team/uid-new"}

        play(script)


class TestAnEventWakesWhomItConcerns:
    def woken_by(self, kind: str, body: Json, *, is_gone: bool = False) -> set[str]:
        """Return the keys that are due after an event, of two evaluations at rest."""

        async def script(t: Theatre) -> set[str]:
            t.api.put("slmevaluations", evaluation_body("other", uid="uid-other"))
            await t.begin()
            await t.controller.stop()
            t.controller.queue = WakeQueue(loop_time)
            t.controller.saw(kind, body, is_gone=is_gone)
            return set(t.controller.queue._due)

        return play(script)

    def test_an_evaluation_itself(self) -> None:
        assert self.woken_by("slmevaluations", evaluation_body()) == {"team/uid-demo"}

    def test_also_when_it_is_gone(self) -> None:
        gone = self.woken_by("slmevaluations", evaluation_body(), is_gone=True)
        assert gone == {"team/uid-demo"}

    def test_a_pool_concerns_all(self) -> None:
        woken = self.woken_by("slmpools", pool_body())
        assert woken == {"team/uid-demo", "team/uid-other"}

    def test_what_belongs_to_none_wakes_nobody(self) -> None:
        assert self.woken_by("slmtrials", trial_body()) == set()


class TestAWatchThatHearsNothingIsNoticed:
    async def silence(self, t: Theatre, *, rounds: int, tells: bool) -> None:
        """Let a pool change in each period between two lists."""
        await t.begin()
        await asyncio.sleep(FIRST_RESYNC_S)
        for _ in range(rounds):
            t.api.edit(POOL, workers=2 + t.api.objects[POOL]["metadata"]["generation"])
            await asyncio.sleep(RESYNC_S - 5)
            if tells:
                t.tell()
            else:
                t.api.news.clear()
            await asyncio.sleep(5)

    def test_a_list_takes_its_place(self) -> None:
        async def script(t: Theatre) -> None:
            await self.silence(t, rounds=1, tells=False)
            await asyncio.sleep(1)
            (pool,) = t.controller.store.readable("slmpools")
            assert pool.spec.workers == t.api.objects[POOL]["spec"]["workers"]
            assert t.fault is None

        play(script)

    def test_and_a_restart_is_asked_for_when_its_news_stays_untold(self) -> None:
        async def script(t: Theatre) -> str | None:
            await self.silence(t, rounds=4, tells=False)
            return t.fault

        fault = play(script)
        assert fault is not None
        assert fault.startswith("the watch of slmpools seems dead")

    def test_news_that_is_told_after_the_list_that_found_it_is_fine(self) -> None:
        async def script(t: Theatre) -> None:
            await t.begin()
            await asyncio.sleep(FIRST_RESYNC_S - 1)
            for _ in range(6):
                t.api.edit(POOL, workers=2 + t.api.objects[POOL]["metadata"]["generation"])
                await asyncio.sleep(2)
                t.tell()
                await asyncio.sleep(RESYNC_S - 2)
            repaired = t.registry.get_sample_value(
                "slmeval_operator_watch_repairs_total", {"kind": "slmpools"}
            )
            assert repaired is not None
            assert repaired >= 5
            assert t.fault is None

        play(script)

    def test_what_vanished_untold_proves_nothing(self) -> None:
        async def script(t: Theatre) -> None:
            for n in range(6):
                t.api.put("slmpools", pool_body(f"p{n}", f"uid-p{n}"))
            await t.begin()
            await asyncio.sleep(FIRST_RESYNC_S)
            for n in range(6):
                t.api.vanish(("slmpools", None, f"p{n}"))
                t.api.news.clear()
                await asyncio.sleep(RESYNC_S)
            assert t.controller.store.uids("slmpools") == {"uid-pool"}
            assert t.fault is None

        play(script)


class TestTroubleIsSurvived:
    def test_lists_that_fail_for_an_hour(self) -> None:
        async def script(t: Theatre) -> None:
            await t.begin()
            t.list_fails = unanswered()
            await asyncio.sleep(3600)
            t.list_fails = None
            t.api.edit(POOL, workers=9)
            await asyncio.sleep(RESYNC_S + 1)
            (pool,) = t.controller.store.readable("slmpools")
            assert pool.spec.workers == 9

        play(script)

    def test_a_pass_that_fails_is_counted_and_repeated(self) -> None:
        async def script(t: Theatre) -> None:
            t.api.fails_at, t.api.failure, t.api.is_done_first = 1, unanswered(), False
            await t.begin()
            assert t.passes("failed") == 1
            await asyncio.sleep(2)
            await t.rest()
            assert len(t.api.names_of("rayjobs")) == 1

        play(script)
