"""The operator's HTTP side, over a real socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families
from slmeval_operator.server import Health, Server


@dataclass
class Site:
    """A server that listens."""

    health: Health
    registry: CollectorRegistry
    port: int

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Return status, text and content type."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}{path}", headers=headers) as answer,
        ):
            return answer.status, await answer.text(), answer.headers["Content-Type"]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """Listen on a free port."""
    health, registry = Health(), CollectorRegistry()
    server = Server(registry, health, 0)
    yield Site(health, registry, await server.start())
    await server.stop()


class TestProbes:
    async def test_it_lives_from_the_start(self, site: Site) -> None:
        assert (await site.get("/healthz"))[:2] == (200, "ok")

    async def test_it_asks_to_be_restarted_with_the_reason(self, site: Site) -> None:
        site.health.fault = "the watch of pods seems dead"
        assert (await site.get("/healthz"))[:2] == (500, "the watch of pods seems dead")

    async def test_it_is_ready_when_everything_is_listed(self, site: Site) -> None:
        before = await site.get("/readyz")
        site.health.is_ready = True
        assert before[:2] == (503, "waiting for the first list of every kind")
        assert (await site.get("/readyz"))[:2] == (200, "ok")

    async def test_anything_else_is_not_there(self, site: Site) -> None:
        assert (await site.get("/"))[0] == 404


class TestMetrics:
    async def test_are_text_that_prometheus_reads(self, site: Site) -> None:
        Gauge("size", "Some size.", ("of",), registry=site.registry).labels('a"\n').set(2)
        status, text, form = await site.get("/metrics")
        (family,) = text_string_to_metric_families(text)
        assert (status, form.split(";")[0]) == (200, "text/plain")
        assert [(s.labels, s.value) for s in family.samples] == [({"of": 'a"\n'}, 2.0)]

    async def test_are_the_same_for_who_would_rather_have_openmetrics(self, site: Site) -> None:
        _, _, form = await site.get("/metrics", Accept="application/openmetrics-text;q=0.9")
        assert form == "text/plain; version=0.0.4; charset=utf-8"

    async def test_are_zipped_for_who_can_read_that(self, site: Site) -> None:
        """aiohttp's client can, and unzips."""
        Gauge("size", "Some size.", registry=site.registry).set(2)
        _, plain, _ = await site.get("/metrics", **{"Accept-Encoding": "identity"})
        assert await site.get("/metrics", **{"Accept-Encoding": "gzip"}) == (
            200,
            plain,
            "text/plain; version=0.0.4; charset=utf-8",
        )

    async def test_end_with_those_that_come_as_text(self) -> None:
        class More:
            is_fresh = False

            async def refresh(self) -> None:
                self.is_fresh = True

            def parts(self) -> list[bytes]:
                return [b"more 1.0\n", b"most 2.0\n"] if self.is_fresh else []

        health, registry = Health(), CollectorRegistry()
        Gauge("size", "Some size.", registry=registry).set(2)
        server = Server(registry, health, 0, text=More())
        site = Site(health, registry, await server.start())
        _, text, _ = await site.get("/metrics")
        await server.stop()
        assert text.endswith("size 2.0\nmore 1.0\nmost 2.0\n")


class TestStopping:
    async def test_a_server_that_never_started_can_be_stopped(self) -> None:
        await Server(CollectorRegistry(), Health(), 0).stop()
