"""The operator's HTTP side: /metrics, /healthz, /readyz.

Served by the loop that does the work, so a loop that hangs fails its liveness probe.
"""

import asyncio
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector


@dataclass(slots=True)
class Health:
    """What the probes are told."""

    is_ready: bool = False
    """True once the first list of every kind is complete."""
    fault: str | None = None
    """Why the process should be restarted; None while it should not."""


class _Series(Collector):
    """Series that were read already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """Return them."""
        return self._families


_IPV4_PARTS = 2  # host and port; IPv6 has two parts more


class Server:
    """A small web server; `start` binds it, `stop` unbinds it."""

    def __init__(self, registry: CollectorRegistry, health: Health, port: int) -> None:
        self._registry, self._health, self._port = registry, health, port
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; return the port, which differs from the one asked for when that was 0.

        Then IPv4 and IPv6 have a port each; IPv4's is returned.
        """
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, None, self._port).start()
        ports = {len(address): int(address[1]) for address in self._runner.addresses}
        return ports.get(_IPV4_PARTS) or next(iter(ports.values()))

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        """Read the series at once, and write them out in a thread: there may be very many."""
        encode, form = choose_encoder(request.headers.get("Accept", ""))
        series = _Series(list(self._registry.collect()))
        body = await asyncio.to_thread(encode, series)
        return web.Response(body=body, headers={"Content-Type": form})

    async def _healthz(self, _: web.Request) -> web.Response:
        fault = self._health.fault
        return web.Response(text=fault or "ok", status=500 if fault else 200)

    async def _readyz(self, _: web.Request) -> web.Response:
        is_ready = self._health.is_ready
        text = "ok" if is_ready else "waiting for the first list of every kind"
        return web.Response(text=text, status=200 if is_ready else 503)
