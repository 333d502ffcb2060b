"""Finding a model's folder: on a claim, in the image, or on the hub; and its digest."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from slmeval_api.model import ModelEntry

from slmeval_runner.failures import ModelUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.hub_errors import hub_problem

SMALL_FILE_BYTES = 32 * 1024 * 1024
SHOWN = 12
SHAPE_PATTERNS = ["*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken"]
"""Config and tokenizer: all that random weights need."""
ALL_PATTERNS = [*SHAPE_PATTERNS, "*.safetensors"]
IGNORED_PATTERNS = ["original/*", "consolidated*", "onnx/*"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedModel:
    """A model's folder, complete."""

    folder: Path
    revision: str | None
    """Commit of the hub; None: it does not come from there."""
    digest: str


def locate(
    entry: ModelEntry, folders: Folders, *, download: Callable[..., str] | None = None
) -> LocatedModel:
    """Return the folder of `entry`, downloading it if it is on the hub.

    Args:
        entry: the candidate.
        folders: where claims and the cache are mounted.
        download: huggingface_hub's snapshot_download; tests give another.

    Raises:
        ModelUnusable: it is not there, not allowed, or no model.

    """
    is_dummy = entry.engine.load_format == "dummy"
    patterns = SHAPE_PATTERNS if is_dummy else ALL_PATTERNS
    found = find_folder(entry.source, folders, patterns=patterns, download=download)
    _check(entry.source, found.path, is_dummy=is_dummy)
    return located_at(found)


class Folder(NamedTuple):
    """A folder that is there; what is in it is not known yet."""

    path: Path
    """Without links: engines keep what they compile by the model's path."""
    revision: str | None
    """Commit of the hub; None: it does not come from there."""


def located_at(folder: Folder) -> LocatedModel:
    """Return a model in a folder that was looked at: all of it is read for the digest."""
    return LocatedModel(
        folder=folder.path, revision=folder.revision, digest=digest_of_folder(folder.path)
    )


def find_folder(
    source: str,
    folders: Folders,
    *,
    patterns: Sequence[str] = ALL_PATTERNS,
    download: Callable[..., str] | None = None,
) -> Folder:
    """Return the folder of `source`, of the hub's files those with names like `patterns`.

    Raises:
        ModelUnusable: there is none, or it may not be read.

    """
    scheme, _, rest = source.partition("://")
    if scheme == "hf":
        return _from_hub(source, rest, folders, patterns, download)
    path = folders.claims / rest if scheme == "pvc" else folders.image / rest.lstrip("/")
    if not path.is_dir():
        raise ModelUnusable(f"{source}: {_nearest(path)}: correct the source")
    return Folder(path.resolve(), None)


def _from_hub(
    source: str,
    rest: str,
    folders: Folders,
    patterns: Sequence[str],
    download: Callable[..., str] | None,
) -> Folder:
    """Return the snapshot's folder and the commit that the revision stood for."""
    repository, _, revision = rest.partition("@")
    if download is None:
        download = _snapshot_download()
    try:
        path = Path(
            download(
                repo_id=repository,
                revision=revision,
                cache_dir=str(folders.cache / "huggingface" / "hub"),
                allow_patterns=list(patterns),
                ignore_patterns=IGNORED_PATTERNS,
                token=os.environ.get("HF_TOKEN") or None,
            )
        )
    except Exception as error:
        known = hub_problem(error, kind="model", repository=repository, revision=revision)
        if known is None:
            raise
        raise ModelUnusable(f"{source}: {known.message}", may_pass=known.may_pass) from error
    # The hub's cache names a snapshot's folder after its commit.
    return Folder(path.resolve(), path.name)


def _snapshot_download() -> Callable[..., str]:
    from huggingface_hub import snapshot_download

    download: Callable[..., str] = snapshot_download
    return download


def _check(source: str, folder: Path, *, is_dummy: bool) -> None:
    """Raise ModelUnusable unless `folder` looks like a model."""
    names = sorted(path.name for path in folder.iterdir())
    there = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    if "config.json" not in names:
        raise ModelUnusable(
            f"{source}: {folder} has no config.json; it holds: {there or 'nothing'}: name the "
            "folder of a model in Hugging Face's layout"
        )
    if not is_dummy and not any(name.endswith((".safetensors", ".bin")) for name in names):
        raise ModelUnusable(
            f"{source}: {folder} has no weights (*.safetensors); it holds: {there}: add them, or "
            "set engine.loadFormat: dummy to measure speed alone"
        )


def _nearest(folder: Path) -> str:
    """Return which part of the path is missing, and what is there instead."""
    parent = folder.parent
    while not parent.is_dir():
        folder, parent = parent, parent.parent
    names = sorted(path.name for path in parent.iterdir())
    there = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return f"{folder} is not a folder; {parent} holds: {there or 'nothing'}"


def digest_of_folder(folder: Path) -> str:
    """Return a digest over names and sizes of the folder's files and the small ones' bytes.

    Weights' bytes are left out: reading them all would take longer than the measurement. The
    index, config and tokenizer tell models apart, and sizes tell apart weights that differ.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in name.split("/")):
            continue
        size = path.stat().st_size
        digest.update(f"{name}\0{size}\0".encode())
        if size <= SMALL_FILE_BYTES and path.suffix not in (".safetensors", ".bin"):
            digest.update(path.read_bytes())
    return f"sha256:{digest.hexdigest()}"


def describe(located: LocatedModel | None) -> dict[str, Any]:
    """Return the fields of Provenance that tell which model it was."""
    if located is None:
        return {}
    return {"model_revision": located.revision, "model_digest": located.digest}
