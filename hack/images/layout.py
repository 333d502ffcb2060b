# SPDX-License-Identifier: Apache-2.0
"""Writes images of buildah's store as OCI image layouts, making only the layers that are new.

`buildah push oci:` compresses every layer again each time (70 s for the runner). A layer's
uncompressed digest is known beforehand, so here one that some layout holds already is linked.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .console import ImagesError, output_of, say

Json = dict[str, Any]
BLOBS: Final = Path("blobs/sha256")
OCI: Final = "application/vnd.oci.image"
NAME: Final = "org.opencontainers.image.ref.name"
CHUNK: Final = 1 << 20


def write_layout(image: str, folder: Path) -> None:
    """Make the layout `folder` hold `image`, and nothing that `image` does not need.

    Raises:
        ImagesError: buildah's store lacks the image, or a layer cannot be written.
    """
    blobs = folder / BLOBS
    blobs.mkdir(parents=True, exist_ok=True)
    config = _config(image)
    known = dict(_known_layers(folder.parent))
    layers = []
    new_bytes = 0
    for layer, diff_id in _layers(image, json.loads(config)["rootfs"]["diff_ids"]):
        if diff_id not in known:
            known[diff_id] = (_write_layer(layer, blobs), blobs)
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


def _config(image: str) -> bytes:
    """Return the image's configuration, byte for byte: its digest is the image's id."""
    described = output_of(["buildah", "inspect", "--type", "image", image])
    if described is None:
        raise ImagesError(f"buildah's store holds no {image}.", "Build it first.")
    config: str = json.loads(described)["Config"]
    return config.encode()


def _layers(image: str, diff_ids: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (name in the store, uncompressed digest) of each layer, the lowest first."""
    images = json.loads(output_of(["containers-storage", "image", "--json", image]) or "[]")
    listed = json.loads(output_of(["containers-storage", "layers", "--json"]) or "[]")
    parents: dict[str, str] = {layer["id"]: layer.get("parent", "") for layer in listed}
    chain: list[str] = []
    name: str = images[0]["layer"] if images else ""
    while name:
        chain.append(name)
        name = parents.get(name, "")
    if len(chain) != len(diff_ids):
        raise ImagesError(
            f"buildah's store has {len(chain)} of the {len(diff_ids)} layers of {image}.",
            f"Remove the image (buildah rmi {image}) and build again.",
        )
    return zip(reversed(chain), diff_ids, strict=True)


def _write_layer(layer: str, blobs: Path) -> Json:
    """Compress a layer of the store into `blobs`; return its descriptor.

    zstd at its lowest level: 5.4 GB become 2.7 in 25 s, where gzip takes more than a minute.
    """
    with tempfile.NamedTemporaryFile(dir=blobs, prefix=".", delete=False) as partial:
        digest = hashlib.sha256()
        with (
            subprocess.Popen(["containers-storage", "diff", layer], stdout=subprocess.PIPE) as diff,
            subprocess.Popen(
                ["zstd", "--quiet", "-1", "-T0", "--stdout"],
                stdin=diff.stdout,
                stdout=subprocess.PIPE,
            ) as zstd,
        ):
            assert zstd.stdout is not None
            while chunk := zstd.stdout.read(CHUNK):
                digest.update(chunk)
                partial.write(chunk)
    path = Path(partial.name)
    if diff.returncode != 0 or zstd.returncode != 0:
        path.unlink()
        raise ImagesError(f"Layer {layer} could not be written to {blobs}.", "Is the disk full?")
    size = path.stat().st_size
    path.rename(blobs / digest.hexdigest())
    return {
        "mediaType": f"{OCI}.layer.v1.tar+zstd",
        "digest": f"sha256:{digest.hexdigest()}",
        "size": size,
    }


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
