"""The host's side: asks all trials of the worker, and serves what they say over HTTP."""

import logging
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from . import SUFFIX

log = logging.getLogger(__name__)

OURS = "vllm:"
"""Series of the process itself (process_*, python_*) would be taken for the host's."""
ANSWER_LIMIT_S = 2.0
CHUNK_BYTES = 65_536
ADDRESSES = ("::", "0.0.0.0")
"""The first one takes both kinds of address where there is IPv6."""


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
                if family.name.startswith(OURS):
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
        log.debug("%s does not answer: %s", path.stem, error)
        return ""
    return b"".join(chunks).decode()


def serve(collector: TrialsCollector, port: int) -> int | None:
    """Serve in a thread; return the port, or None: it is taken, and a trial matters more."""
    registry = CollectorRegistry()
    registry.register(collector)
    for address in ADDRESSES:
        try:
            server, _ = start_http_server(port, addr=address, registry=registry)
        except OSError as error:
            log.warning("live metrics are not served at %s port %d: %s", address, port, error)
        else:
            return int(server.server_port)
    return None
