"""The text of all evaluations' series. A scrape joins what is written already.

An evaluation's lines are kept until one of its objects changes: with tens of thousands of trials,
writing all of them anew would take longer than Prometheus waits. They are grouped by family only
when they are asked for, as the format wants it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from slmeval_operator.store import Store

from .families import FAMILIES
from .results import Sample
from .samples import samples_of

HEADER_LINES = 2  # HELP and TYPE
BY_NAME = {family.name: family for family in FAMILIES}


class _Family(Collector):
    """One family, to be written by the library."""

    def __init__(self, family: GaugeMetricFamily) -> None:
        self._family = family

    def collect(self) -> list[GaugeMetricFamily]:
        return [self._family]


@dataclass(frozen=True, slots=True)
class _Written:
    versions: frozenset[tuple[str, int]]
    """Of the objects that it was made from."""
    lines: dict[str, bytes]
    """By family."""


class Exposition:
    """Writes the series of what is in `store`; nothing before that is complete."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = dict[str, _Written]()
        self._lock = asyncio.Lock()
        self.is_complete = False

    async def refresh(self) -> None:
        """Write anew what has changed. Other work of the loop goes on between two evaluations."""
        if not self.is_complete:
            return
        async with self._lock:
            for key in sorted(self._store.evaluations()):
                versions = self._store.measured_versions(key)
                before = self._written.get(key)
                if before is None or before.versions != versions:
                    self._written[key] = _Written(versions, _lines(self._samples(key)))
                    await asyncio.sleep(0)
            for key in set(self._written) - self._store.evaluations():
                del self._written[key]

    def parts(self) -> list[bytes]:
        """Return the text in parts, as it stood at the last refresh."""
        parts = list[bytes]()
        for family in FAMILIES:
            parts.append(HEADERS[family.name])
            for written in self._written.values():
                lines = written.lines.get(family.name)
                if lines is not None:
                    parts.append(lines)
        return parts

    def _samples(self, key: str) -> Iterable[Sample]:
        evaluation, runs, trials = self._store.measured(key)
        return samples_of(evaluation, runs, trials) if evaluation is not None else ()


def _lines(samples: Iterable[Sample]) -> dict[str, bytes]:
    families = dict[str, GaugeMetricFamily]()
    for sample in samples:
        if sample.family not in families:
            families[sample.family] = _empty(sample.family)
        families[sample.family].add_metric(sample.labels, sample.value)
    return {name: _text(family)[1] for name, family in families.items()}


def _empty(name: str) -> GaugeMetricFamily:
    family = BY_NAME[name]
    return GaugeMetricFamily(family.full_name, family.text, labels=family.labels)


def _text(family: Any) -> tuple[bytes, bytes]:  # noqa: ANN401 - the library's own type
    """Return the header of a family, and its lines."""
    lines = generate_latest(_Family(family)).splitlines(keepends=True)
    return b"".join(lines[:HEADER_LINES]), b"".join(lines[HEADER_LINES:])


HEADERS = {family.name: _text(_empty(family.name))[0] for family in FAMILIES}
