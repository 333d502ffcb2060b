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

    async def test_and_openmetrics_for_who_asks_for_it(self, site: Site) -> None:
        _, text, form = await site.get("/metrics", Accept="application/openmetrics-text")
        assert form.startswith("application/openmetrics-text")
        assert text == "# EOF\n"


class TestStopping:
    async def test_a_server_that_never_started_can_be_stopped(self) -> None:
        await Server(CollectorRegistry(), Health(), 0).stop()
