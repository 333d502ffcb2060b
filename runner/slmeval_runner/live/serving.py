"""The host's side: asks all trials of the worker, and serves what they say over HTTP."""

import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from . import SUFFIX

log = logging.getLogger(__name__)

OURS = "vllm:"
"""Series of the process itself (process_*, python_*) would be taken for the host's."""
ANSWER_LIMIT_S = 2.0
CHUNK_BYTES = 65_536
CREATED = "_created"
"""Beside each counter, when it was made: half of all series, and of no use."""


class TrialsCollector(Collector):
    """What the engines of the trials in `folder` say, each sample with trial, model and pool."""

    def __init__(self, folder: Path, *, models: Mapping[str, str], pool: str) -> None:
        """Make it.

        Args:
            folder: where trials answer.
            models: names of models, by trial; what is not there is not asked.
            pool: name of the pool.

        """
        self._folder = folder
        self._models = models
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """Ask all trials now. One that does not answer is left out: it may just have ended."""
        families = dict[str, Metric]()
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            trial = path.stem
            if trial not in self._models:
                continue
            labels = {"trial": trial, "model": self._models[trial], "pool": self._pool}
            for family in text_string_to_metric_families(_answer(path)):
                if family.name.startswith(OURS) and not family.name.endswith(CREATED):
                    _add(families, family, labels)
        yield from families.values()


def _add(families: dict[str, Metric], family: Metric, labels: Mapping[str, str]) -> None:
    kept = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
    for sample in family.samples:
        kept.samples.append(sample._replace(labels={**sample.labels, **labels}))


def _answer(path: Path) -> str:
    """Return what the process at `path` says; empty: nothing."""
    chunks = list[bytes]()
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(ANSWER_LIMIT_S)
            asking.connect(str(path))
            while chunk := asking.recv(CHUNK_BYTES):
                chunks.append(chunk)
    except OSError as error:  # also its time limit
        log.debug("A trial does not answer", extra={"trial": path.stem, "error": error})
        return ""
    return b"".join(chunks).decode()


def serve(collector: TrialsCollector, port: int) -> int | None:
    """Serve in a thread; return the port, or None: it is taken, and a trial matters more."""
    for family in (socket.AF_INET6, socket.AF_INET):
        try:
            server = _Server(family, port, collector)
        except OSError as error:
            text = "Live metrics are not served on port %d (%s)"
            log.warning(text, port, family.name, extra={"error": error})
            continue
        threading.Thread(target=server.serve_forever, name="live-port", daemon=True).start()
        return int(server.server_address[1])
    return None


class _Server(ThreadingHTTPServer):
    """Always answers in Prometheus' text: in OpenMetrics the library would rename vllm:x vllm_x."""

    def __init__(self, family: socket.AddressFamily, port: int, collector: TrialsCollector) -> None:
        self.address_family = family
        self.collector = collector
        super().__init__(("", port), _Handler)

    def server_bind(self) -> None:
        """Take IPv4 as well where there is IPv6."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer with everything, whatever the path."""
        body = generate_latest(self.server.collector)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each scrape."""
