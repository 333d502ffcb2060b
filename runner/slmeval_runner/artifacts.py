"""Keeping what was asked and answered, and every result, on a claim or in a bucket."""

import gzip
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slmeval_api.plan import Plan, PlannedTrial
from slmeval_api.result import TaskArtifact, TrialResult

from slmeval_runner.failures import ArtifactsUnwritable
from slmeval_runner.files import digest_of
from slmeval_runner.folders import Folders
from slmeval_runner.sources.urls import LOGINS, find

MARKER = ".writable"
SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Artifacts:
    """A folder below spec.artifacts.url."""

    url: str
    """As it is shown."""
    target: Path | str
    """Where the worker has it: a folder, or a URL."""

    def check(self) -> None:
        """Write and remove an empty file, before a GPU works for what cannot be kept.

        Raises:
            ArtifactsUnwritable: that cannot be done.

        """
        self._write(MARKER, b"")
        self._remove(MARKER)

    def keep(self, task: str, records: Iterable[Mapping[str, Any]]) -> TaskArtifact:
        """Write `records` as gzipped JSON lines; the same ones give the same bytes.

        Raises:
            ArtifactsUnwritable: they cannot be written.

        """
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
            for record in records:
                file.write(
                    json.dumps(record, ensure_ascii=False, default=str).encode("utf-8", "replace")
                    + b"\n"
                )
        content = packed.getvalue()
        name = f"{task}.jsonl.gz"
        self._write(name, content)
        return TaskArtifact(
            url=f"{self.url}/{name}",
            digest=digest_of(content),
            size_bytes=len(content),
        )

    def keep_line(self, name: str, record: Mapping[str, Any]) -> None:
        """Write `record` as one line of JSON, in a file of its own: buckets cannot append.

        Raises:
            ArtifactsUnwritable: it cannot be written.

        """
        self._write(name, json.dumps(record, ensure_ascii=False).encode() + b"\n")

    def _write(self, name: str, content: bytes) -> None:
        try:
            system, path = self._place(name)
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            system.pipe_file(path, content)
        except Exception as error:  # whatever a store's own package raises
            raise self._unwritable(error) from error

    def _remove(self, name: str) -> None:
        try:
            system, path = self._place(name)
            system.rm_file(path)
        except Exception as error:
            raise self._unwritable(error) from error

    def _place(self, name: str) -> tuple[Any, str]:
        from fsspec.implementations.local import LocalFileSystem

        if isinstance(self.target, Path):
            return LocalFileSystem(), str(self.target / name)
        return find(f"{self.target}/{name}")

    def _unwritable(self, error: Exception) -> ArtifactsUnwritable:
        cure = LOGINS.get(self.url.partition("://")[0]) or (
            "name a claim that workers may write to (ReadWriteOnce or ReadWriteMany, with room)"
        )
        said = f"{type(error).__name__}: {error}"[:SHOWN_CHARACTERS]
        return ArtifactsUnwritable(
            f"{self.url} cannot be written to: {said}: {cure}, or correct spec.artifacts.url"
        )


def artifacts_of(plan: Plan, trial: str, folders: Folders) -> Artifacts | None:
    """Return where `trial` keeps its artifacts; None: nothing is to be kept."""
    return _below(f"{plan.namespace}/{plan.run}/{trial}/{plan.attempt}", plan, folders)


def keep_result(plan: Plan, trial: PlannedTrial, result: TrialResult, folders: Folders) -> None:
    """Keep a result for ever, if anything is to be kept: objects of a cluster come and go.

    Partitioned as query engines expect it, so that all results of an evaluation are one table.

    Raises:
        ArtifactsUnwritable: it cannot be written.

    """
    partition = f"history/namespace={plan.namespace}/evaluation={plan.evaluation}"
    folder = _below(partition, plan, folders)
    if folder is None:
        return
    record = {
        "run": plan.run,
        "trial": trial.name,
        "pool": plan.pool,
        "model": trial.model.to_json_data(),
        "result": result.to_json_data(),
    }
    when = result.completed_at.replace(":", "")  # not in the names of some file systems
    folder.keep_line(f"{when}-{trial.name}-{plan.attempt}.jsonl", record)


def _below(path: str, plan: Plan, folders: Folders) -> Artifacts | None:
    if plan.artifacts is None:
        return None
    base = plan.artifacts.url.rstrip("/")
    claim = plan.artifacts.claim
    if claim is None:
        return Artifacts(f"{base}/{path}", f"{base}/{path}")
    folder = folders.artifacts / base.removeprefix(f"pvc://{claim}").lstrip("/")
    return Artifacts(f"{base}/{path}", folder / path)
