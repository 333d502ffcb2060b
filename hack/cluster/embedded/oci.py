# SPDX-License-Identifier: Apache-2.0
"""Reads and writes OCI image layouts, as folders and as tar archives; knows no runtime."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from platform import machine
from typing import IO, Any, Protocol

from .errors import ClusterError

NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # as Go and OCI call them
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


class Layout(Protocol):
    """An OCI image layout, wherever it is stored."""

    def index(self) -> dict[str, Any]:
        """Return index.json."""

    def size(self, digest: str) -> int | None:
        """Return a blob's size in bytes, or None if the layout does not hold it."""

    def open(self, digest: str) -> IO[bytes]:
        """Open a blob for reading."""


def _blob_path(digest: str) -> str:
    """Return where a layout keeps a blob."""
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


@dataclass(frozen=True, slots=True)
class FolderLayout:
    """A layout in a folder, as `buildah push IMAGE oci:FOLDER:NAME` writes it."""

    folder: Path

    def index(self) -> dict[str, Any]:
        """Return index.json."""
        loaded: dict[str, Any] = json.loads((self.folder / "index.json").read_text())
        return loaded

    def size(self, digest: str) -> int | None:
        """Return a blob's size in bytes, or None if the folder does not hold it."""
        path = self.folder / _blob_path(digest)
        return path.stat().st_size if path.is_file() else None

    def open(self, digest: str) -> IO[bytes]:
        """Open a blob for reading."""
        return (self.folder / _blob_path(digest)).open("rb")


class ArchiveLayout:
    """A layout in an uncompressed tar file; only its member headers are read at first."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        """Remember where each member of `archive` starts."""
        self._archive = archive
        self._members = {m.name.removeprefix("./"): m for m in archive.getmembers()}

    def index(self) -> dict[str, Any]:
        """Return index.json."""
        loaded: dict[str, Any] = json.load(self._open("index.json"))
        return loaded

    def size(self, digest: str) -> int | None:
        """Return a blob's size in bytes, or None if the archive does not hold it."""
        member = self._members.get(_blob_path(digest))
        return member.size if member else None

    def open(self, digest: str) -> IO[bytes]:
        """Open a blob for reading."""
        return self._open(_blob_path(digest))

    def has_index(self) -> bool:
        """Tell whether this is an OCI layout at all, and not only a docker archive."""
        return "index.json" in self._members

    def _open(self, name: str) -> IO[bytes]:
        opened = self._archive.extractfile(self._members[name])
        if opened is None:
            raise ClusterError(f"{name} in the archive is not a file.", "Write the image again.")
        return opened


@contextmanager
def open_layout(path: Path) -> Iterator[Layout | None]:
    """Give the layout in `path`; None for an archive that only docker's own format describes.

    Raises:
        ClusterError: it is neither a layout's folder nor a tar file.

    """
    if path.is_dir():
        if not (path / "index.json").is_file():
            raise ClusterError(
                f"{path} is a folder without index.json.",
                "Write one with `python3 hack/images build`.",
            )
        yield FolderLayout(path)
        return
    try:
        archive = tarfile.open(path)  # noqa: SIM115 - closed below, after the caller's use
    except (tarfile.TarError, OSError) as error:
        raise ClusterError(
            f"{path} is no image archive: {error}.", "Write one with `buildah push`."
        ) from error
    with archive:
        layout = ArchiveLayout(archive)
        yield layout if layout.has_index() else None


def full_name(name: str) -> str:
    """Return the name as Kubernetes' image references are completed: registry, path, tag."""
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    has_tag = ":" in name.rpartition("/")[2] or "@" in name
    return name if has_tag else f"{name}:latest"


def named_manifests(index: Mapping[str, Any], *, name: str | None) -> list[dict[str, Any]]:
    """Return the descriptors of `index`, each annotated with the full name it will have.

    Args:
        index: a layout's index.json.
        name: the name for the only image in it; None: use the names it carries.

    Raises:
        ClusterError: an image has no name, or one name is asked for several.

    """
    found = []
    manifests = index.get("manifests", [])
    if name and len(manifests) != 1:
        raise ClusterError(
            f"--name was given for a layout of {len(manifests)} images.", "Leave out --name."
        )
    for descriptor in manifests:
        notes = descriptor.get("annotations", {})
        ref = notes.get(REF_NAME, "")
        chosen = name or notes.get(NAME) or (ref if "/" in ref else None)
        if not chosen:
            raise ClusterError(
                f"The image {descriptor['digest']} carries no name.", "Say --name NAME:TAG."
            )
        found.append({**descriptor, "annotations": {**notes, NAME: full_name(chosen)}})
    return found


def blobs_of(layout: Layout, descriptor: Mapping[str, Any]) -> list[str]:
    """Return the digests that an image consists of, its manifests before what they name.

    A manifest of another platform that the layout does not hold is left out with its parts.
    """
    digest = descriptor["digest"]
    if layout.size(digest) is None:
        return []
    with layout.open(digest) as blob:
        document = json.load(blob)
    if descriptor.get("mediaType") in _INDEX_TYPES:
        parts = [blobs_of(layout, child) for child in document["manifests"]]
        return [digest, *(blob for part in parts for blob in part)]
    return [digest, document["config"]["digest"], *(x["digest"] for x in document["layers"])]


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a small file."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def write_archive(
    out: IO[bytes], layout: Layout, *, manifests: list[dict[str, Any]], blobs: Iterable[str]
) -> int:
    """Stream a layout with just `blobs` as a tar to `out`; return the bytes of the blobs."""
    written = 0
    with tarfile.open(fileobj=out, mode="w|") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        for digest in dict.fromkeys(blobs):
            info = tarfile.TarInfo(_blob_path(digest))
            info.size = layout.size(digest) or 0
            with layout.open(digest) as blob:
                archive.addfile(info, blob)
            written += info.size
        # Last, so that everything it names is stored by the time it is read.
        index = {"schemaVersion": 2, "manifests": manifests}
        _add(archive, "index.json", json.dumps(index).encode())
    return written


def _layer_of(files: Mapping[str, Path]) -> bytes:
    """Return a tar of `files` (path in the image: path here); equal files give equal bytes."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for name, source in sorted(files.items()):
            info = tarfile.TarInfo(name.lstrip("/"))
            info.mode, info.size = 0o755, source.stat().st_size
            with source.open("rb") as content:
                archive.addfile(info, content)
    return layer.getvalue()


def write_static_image(
    folder: Path, *, name: str, files: Mapping[str, Path], entrypoint: str, uid: int
) -> None:
    """Write a layout of one image that holds nothing but static programs.

    Args:
        folder: made here; must not exist.
        name: the image's full name.
        files: path in the image → file here.
        entrypoint: the program that runs, a key of `files`.
        uid: the user that it runs as unless the pod says otherwise.

    """
    settings = {"Entrypoint": [entrypoint], "User": f"{uid}:{uid}"}
    write_image(folder, name=name, layer=_layer_of(files), settings=settings)


def write_image(folder: Path, *, name: str, layer: bytes, settings: Mapping[str, Any]) -> None:
    """Write a layout of one image with one layer.

    Args:
        folder: made here; must not exist.
        name: the image's full name.
        layer: an uncompressed tar.
        settings: entrypoint, environment, user and so on, named as in an image's `config`.

    """
    store = folder / "blobs" / "sha256"
    store.mkdir(parents=True)

    def keep(content: bytes, media_type: str) -> dict[str, Any]:
        value = hashlib.sha256(content).hexdigest()
        (store / value).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{value}", "size": len(content)}

    stored = keep(layer, "application/vnd.oci.image.layer.v1.tar")
    config = {
        "architecture": _ARCHITECTURES.get(machine(), machine()),
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [stored["digest"]]},
        "history": [{"created_by": "hack/cluster"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": keep(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [stored],
    }
    descriptor = keep(json.dumps(manifest).encode(), _MANIFEST)
    index = {"schemaVersion": 2, "manifests": [{**descriptor, "annotations": {REF_NAME: name}}]}
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps(index))
