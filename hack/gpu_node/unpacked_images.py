# SPDX-License-Identifier: Apache-2.0
"""Copies an image with its layers unpacked: the pack is compressed as a whole, and better."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hack.cluster.embedded.errors import ClusterError

_DOERS = {"+zstd": ["zstd", "-dcq"], "+gzip": ["gzip", "-dc"], "": ["cat"]}


def copy_unpacked(source: Path, target: Path) -> None:
    """Write the only image of the OCI layout `source` to `target`; its configuration stays.

    Raises:
        ClusterError: a layer is not what the image's configuration says.
    """
    index = json.loads((source / "index.json").read_text())
    (descriptor,) = index["manifests"]
    manifest = json.loads(_blob(source, descriptor["digest"]).read_text())
    blobs = target / "blobs/sha256"
    blobs.mkdir(parents=True)
    config = _blob(source, manifest["config"]["digest"])
    shutil.copy(config, blobs)
    diff_ids = json.loads(config.read_text())["rootfs"]["diff_ids"]
    layers = [_unpacked(source, layer, blobs) for layer in manifest["layers"]]
    if [layer["digest"] for layer in layers] != diff_ids:
        raise ClusterError(f"{source} has other layers than it says.", "Run `make images`.")
    text = json.dumps({**manifest, "layers": layers}).encode()
    digest = hashlib.sha256(text).hexdigest()
    (blobs / digest).write_bytes(text)
    changed = {**descriptor, "digest": f"sha256:{digest}", "size": len(text)}
    (target / "index.json").write_text(json.dumps({**index, "manifests": [changed]}))
    (target / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest.replace(":", "/")


def _unpacked(source: Path, layer: dict[str, Any], blobs: Path) -> dict[str, Any]:
    """Write a layer as a plain tar into `blobs`; return its descriptor."""
    kind = str(layer["mediaType"])
    base, plus, how = kind.partition("+")
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=blobs, delete=False) as out:
        command = [*_DOERS[plus + how], str(_blob(source, layer["digest"]))]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking:
            assert unpacking.stdout is not None
            while chunk := unpacking.stdout.read(2**20):
                digest.update(chunk)
                out.write(chunk)
    if unpacking.returncode != 0:
        raise ClusterError(f"A layer of {source} cannot be unpacked.", "Run `make images`.")
    path = Path(out.name)
    value = digest.hexdigest()
    path.chmod(0o644)
    path.rename(blobs / value)
    size = (blobs / value).stat().st_size
    return {"mediaType": base, "digest": f"sha256:{value}", "size": size}
