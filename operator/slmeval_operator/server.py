"""The operator's HTTP side: /metrics, /healthz, /readyz.

Served by the loop that does the work, so a loop that hangs fails its liveness probe.
"""

import asyncio
import zlib
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4


@dataclass(slots=True)
class Health:
    """What the probes are told."""

    is_ready: bool = False
    """True once the first list of every kind is complete."""
    fault: str | None = None
    """Why the process should be restarted; None while it should not."""


class Text(Protocol):
    """Further series, as text in parts."""

    async def refresh(self) -> None:
        """Bring them up to date."""

    def parts(self) -> list[bytes]:
        """Return the text."""


def _zipped(parts: list[bytes]) -> bytes:
    packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)  # 16: with gzip's header
    return b"".join([*map(packer.compress, parts), packer.flush()])


_IPV4_PARTS = 2  # host and port; IPv6 has two parts more


class Server:
    """A small web server; `start` binds it, `stop` unbinds it."""

    def __init__(
        self, registry: CollectorRegistry, health: Health, port: int, *, text: Text | None = None
    ) -> None:
        """Make it ready to listen.

        Args:
            registry: the operator's own series.
            health: what probes are told.
            port: 0: any free one.
            text: further series; None: there are none.

        """
        self._registry, self._health, self._port = registry, health, port
        self._text = text
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
        """Join the series in a thread, for there may be very many; always in Prometheus' text."""
        parts = [generate_latest(self._registry)]
        if self._text is not None:
            await self._text.refresh()
            parts += self._text.parts()
        headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=await asyncio.to_thread(_zipped, parts), headers=headers)
        return web.Response(body=await asyncio.to_thread(b"".join, parts), headers=headers)

    async def _healthz(self, _: web.Request) -> web.Response:
        fault = self._health.fault
        return web.Response(text=fault or "ok", status=500 if fault else 200)

    async def _readyz(self, _: web.Request) -> web.Response:
        is_ready = self._health.is_ready
        text = "ok" if is_ready else "waiting for the first list of every kind"
        return web.Response(text=text, status=200 if is_ready else 503)
