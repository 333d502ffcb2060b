"""Files of mounts and of the image."""

from pathlib import Path

from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders

from .table import MIB, SIZE_LIMIT_MIB, shown


def file_of(source: str, folders: Folders) -> Path:
    """Return the file that `source` (valid after the API's pattern) names."""
    scheme, _, rest = source.partition("://")
    if scheme == "builtin":
        return folders.samples / f"{rest}.jsonl"
    if scheme == "configmap":
        return folders.configmaps / rest
    if scheme == "pvc":
        return folders.claims / rest
    return folders.image / rest.lstrip("/")


def content_of(source: str, folders: Folders) -> bytes:
    """Return the bytes of the file that `source` names. Raises TaskUnusable."""
    path = file_of(source, folders)
    try:
        size = path.stat().st_size
        if size > SIZE_LIMIT_MIB * MIB:
            raise TaskUnusable(
                f"{source}: has {size // MIB} MiB, the limit is {SIZE_LIMIT_MIB} MiB: take a part"
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TaskUnusable(_missing(source, path, folders)) from error
    except IsADirectoryError as error:
        raise TaskUnusable(f"{source}: is a folder: name a file in it") from error
    except OSError as error:
        raise TaskUnusable(f"{source}: cannot be read: {error}", may_pass=True) from error


def _missing(source: str, path: Path, folders: Folders) -> str:
    """Return what is there instead, and what to do about it."""
    if source.startswith("builtin://"):
        names = sorted(p.parent.name for p in folders.samples.glob("*/test.jsonl"))
        return f"{source}: no such sample in this runner; it has: {', '.join(names)}"
    found = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
    found = [name for name in found if not name.startswith("..")]  # kubelet's own links
    if source.startswith("configmap://") and not found:
        name = source.removeprefix("configmap://").partition("/")[0]
        return (
            f"{source}: ConfigMap {name} did not exist in the evaluation's namespace when the pod "
            "started: create it, then edit the evaluation, which starts a new run"
        )
    there = shown(found) if found else "nothing"
    return f"{source}: no file {path.name}; beside it: {there}: correct the source"
