# SPDX-License-Identifier: Apache-2.0
"""Writes images as OCI image layouts, making only the layers that are new.

`buildah push oci:` compresses every layer again each time (70 s for the runner). A layer's
uncompressed digest is known beforehand, so here one that some layout holds already is linked.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from .console import say

Json = dict[str, Any]
BLOBS: Final = Path("blobs/sha256")
OCI: Final = "application/vnd.oci.image"
NAME: Final = "org.opencontainers.image.ref.name"


class Store(Protocol):
    """Where built images are kept."""

    def config(self, image: str) -> bytes:
        """Return the image's configuration, byte for byte."""

    def layers(self, image: str) -> list[str]:
        """Return the names of the image's layers, the lowest first."""

    def write_layer(self, layer: str, folder: Path) -> Json:
        """Write the layer as a blob into `folder`, named by its digest; return its descriptor."""


def write_layout(store: Store, image: str, folder: Path) -> None:
    """Make the layout `folder` hold `image`, and nothing that `image` does not need.

    Raises:
        ImagesError: `store` lacks the image, or a layer cannot be written.
    """
    blobs = folder / BLOBS
    blobs.mkdir(parents=True, exist_ok=True)
    config = store.config(image)
    diff_ids: list[str] = json.loads(config)["rootfs"]["diff_ids"]
    known = dict(_known_layers(folder.parent))
    layers = []
    new_bytes = 0
    for layer, diff_id in zip(store.layers(image), diff_ids, strict=True):
        if diff_id not in known:
            known[diff_id] = (store.write_layer(layer, blobs), blobs)
            new_bytes += known[diff_id][0]["size"]
        descriptor, home = known[diff_id]
        _link(home / _file(descriptor), blobs / _file(descriptor))
        layers.append(descriptor)
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _write_blob(blobs, config, f"{OCI}.config.v1+json"),
        "layers": layers,
    }
    entry = _write_blob(blobs, json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")
    entry["annotations"] = {NAME: image}
    _replace(folder / "oci-layout", {"imageLayoutVersion": "1.0.0"})
    _replace(folder / "index.json", {"schemaVersion": 2, "manifests": [entry]})
    total = _prune(folder, manifest, entry)
    say(f"  {total / 1e6:.0f} MB, of which {new_bytes / 1e6:.1f} MB new")


def _known_layers(images: Path) -> Iterator[tuple[str, tuple[Json, Path]]]:
    """Yield (uncompressed digest, (descriptor, folder)) of the layers in all layouts here."""
    for index in images.glob("*/index.json"):
        blobs = index.parent / BLOBS
        for entry in json.loads(index.read_text())["manifests"]:
            manifest = json.loads((blobs / _file(entry)).read_text())
            config = json.loads((blobs / _file(manifest["config"])).read_text())
            for diff_id, layer in zip(
                config["rootfs"]["diff_ids"], manifest["layers"], strict=True
            ):
                if (blobs / _file(layer)).is_file():
                    yield diff_id, (layer, blobs)


def _file(descriptor: Json) -> str:
    """Return the file name of a blob."""
    return str(descriptor["digest"]).removeprefix("sha256:")


def _link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`: equal blobs take their space once."""
    if not target.exists():
        os.link(source, target)


def _write_blob(blobs: Path, content: bytes, media_type: str) -> Json:
    """Store a small blob and return its descriptor."""
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _replace(path: Path, content: Json) -> None:
    """Write a small JSON file in one step, so that a reader never sees half of it."""
    partial = path.with_name(f".{path.name}")
    partial.write_text(json.dumps(content))
    partial.rename(path)


def _prune(folder: Path, manifest: Json, entry: Json) -> int:
    """Remove every blob but those of `manifest`; return the bytes that stay."""
    kept = {_file(part) for part in (entry, manifest["config"], *manifest["layers"])}
    total = 0
    for blob in (folder / BLOBS).iterdir():
        if blob.name in kept:
            total += blob.stat().st_size
        else:
            blob.unlink()
    return total
