# SPDX-License-Identifier: Apache-2.0
"""Puts images into the cluster's containerd, sending only what it does not hold yet."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import oci
from .commands import run, succeeds
from .errors import ClusterError
from .golang import COREDNS_VERSION, KUBERAY_VERSION, ensure_built
from .layout import Layout
from .progress import say

PINNED = "io.cri-containerd.pinned=pinned"
_UP = "Run `python3 hack/cluster up`."
_REMEDY = "Is the cluster up? See `python3 hack/cluster status`."


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemImage:
    """An image of one static program that the cluster itself runs."""

    module: str
    binary: str
    repository: str
    version: str
    uid: int


SYSTEM_IMAGES = (
    SystemImage(
        module="pause",
        binary="pause",
        repository="localhost/slmeval/pause",
        version="1",
        uid=65535,
    ),
    SystemImage(
        module="coredns",
        binary="coredns",
        repository="localhost/slmeval/coredns",
        version=COREDNS_VERSION,
        uid=65532,
    ),
    SystemImage(
        module="kuberay",
        binary="ray-operator",
        repository="localhost/slmeval/kuberay-operator",
        version=KUBERAY_VERSION,
        uid=65532,
    ),
)


def _ctr(layout: Layout) -> list[str]:
    """Return the start of a ctr command on the namespace that Kubernetes uses."""
    return ["ctr", "--address", str(layout.containerd_socket), "--namespace", "k8s.io"]


def system_image_name(image: SystemImage, built: Path) -> str:
    """Return the name with a tag that changes with the build, so that a new one rolls out."""
    return f"{image.repository}:{image.version}-{built.name.rpartition('-')[2][:8]}"


def ensure_system_image(layout: Layout, image: SystemImage) -> str:
    """Pack the program's image into the cache unless it is there; return the image's name."""
    built = ensure_built(image.module, cache=layout.cache)
    name = system_image_name(image, built)
    folder = _packed(layout, name)
    if not folder.is_dir():
        partial = folder.with_name(folder.name + ".tmp")
        shutil.rmtree(partial, ignore_errors=True)
        program = f"/{image.binary}"
        oci.write_static_image(
            partial,
            name=name,
            files={program: built / image.binary},
            entrypoint=program,
            uid=image.uid,
        )
        partial.rename(folder)
    return name


def _packed(layout: Layout, name: str) -> Path:
    """Return where the image `name` lies packed in the cache."""
    return layout.cache / "images" / hashlib.sha256(name.encode()).hexdigest()[:16]


def load_system_image(layout: Layout, name: str) -> None:
    """Put a packed system image into containerd unless it is there."""
    if name not in image_targets(layout):
        load(layout, _packed(layout, name))


def _table(layout: Layout, *command: str) -> list[list[str]]:
    """Return the rows of a listing by ctr, without its heading, split at blanks."""
    lines = run([*_ctr(layout), *command], remedy=_REMEDY).splitlines()[1:]
    return [line.split() for line in lines if line.strip()]


def is_answering(layout: Layout) -> bool:
    """Tell whether containerd answers."""
    return succeeds([*_ctr(layout), "version"])


def image_targets(layout: Layout) -> dict[str, str]:
    """Return every image name that containerd knows, with its manifest's digest."""
    return {name: digest for name, _, digest, *_ in _table(layout, "images", "list")}


def load(layout: Layout, path: Path, *, name: str | None = None) -> list[str]:
    """Import the images in `path` and pin them against garbage collection; return their names.

    Args:
        layout: the cluster.
        path: an OCI layout's folder, an OCI archive or a docker archive.
        name: a name for the only image in it; None: use the one that it carries.

    Raises:
        ClusterError: `path` is no image, or containerd refuses it.

    """
    if not layout.containerd_socket.exists():
        raise ClusterError(f"No containerd runs in {layout.state}.", _UP)
    before = image_targets(layout)
    with oci.open_layout(path) as found:
        if found is None:
            names = _import_docker(layout, path, before)
        else:
            names = _import_oci(layout, found, name=name)
    for loaded in names:
        run([*_ctr(layout), "images", "label", loaded, PINNED], remedy=_REMEDY)
    _drop_replaced(layout, before, names)
    return names


def _import_docker(layout: Layout, path: Path, before: dict[str, str]) -> list[str]:
    """Import a docker archive whole: its layers carry no digests to compare."""
    out = run([*_ctr(layout), "images", "import", path], remedy=_REMEDY)
    said = [line.split()[1] for line in out.splitlines() if line.startswith("unpacking ")]
    names = said or [n for n in image_targets(layout) if n not in before]
    say(f"  loaded {', '.join(names)} whole; an OCI layout would send only what is new")
    return names


def _import_oci(layout: Layout, found: oci.Layout, *, name: str | None) -> list[str]:
    """Import an OCI layout as a tar of just the blobs that containerd's store lacks."""
    manifests = oci.named_manifests(found.index(), name=name)
    names = [manifest["annotations"][oci.NAME] for manifest in manifests]
    held = set(run([*_ctr(layout), "content", "list", "-q"], remedy=_REMEDY).split())
    wanted = [blob for manifest in manifests for blob in oci.blobs_of(found, manifest)]
    missing = [blob for blob in wanted if blob not in held and found.size(blob) is not None]
    command = [*_ctr(layout), "images", "import", "-"]
    # Its own output goes to a file's worth of pipe at most: a few lines an image.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as importing:
        assert importing.stdin is not None
        assert importing.stdout is not None
        try:
            sent = oci.write_archive(importing.stdin, found, manifests=manifests, blobs=missing)
            importing.stdin.close()
        except BrokenPipeError:
            sent = 0
        said = importing.stdout.read().decode()
    if importing.returncode != 0:
        raise ClusterError(f"containerd refused {', '.join(names)}: {said.strip()}", _REMEDY)
    parts = f"{len(missing)} of {len(set(wanted))} blobs, {sent / 2**20:.1f} MiB sent"
    say(f"  loaded {', '.join(names)} ({parts})")
    return names


def _drop_replaced(layout: Layout, before: dict[str, str], names: list[str]) -> None:
    """Let go of the images that the names stood for before, unless a container still uses them.

    The kubelet's own image collection is off, so nobody else would.
    """
    now = image_targets(layout)
    replaced = {before[n] for n in names if n in before and before[n] != now.get(n)}
    if not replaced:
        return
    stale = [n for n, digest in now.items() if digest in replaced]
    if any(not n.startswith("sha256:") for n in stale):
        return  # another tag still stands for it
    used = {image for _, image, *_ in _table(layout, "containers", "list")}
    unused = [n for n in stale if n not in used]
    if unused:
        run([*_ctr(layout), "images", "remove", *unused], remedy=_REMEDY)
