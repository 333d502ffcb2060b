"""Trials' statuses as files: what stands in for the API server where there is no cluster."""

import json
from pathlib import Path
from typing import Any

from slmeval_runner.files import write_atomically

from .trials import TrialGone


class FolderTrials:
    """The trials whose files are in a folder, each with what the runner says of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fetch(self, name: str) -> dict[str, Any]:
        """Return the object `name`. Raises TrialGone."""
        try:
            status = json.loads(self._path(name).read_bytes())
        except FileNotFoundError:
            raise TrialGone(name) from None
        return {"metadata": {"name": name}, "status": status}

    def apply_status(self, name: str, status: dict[str, Any]) -> None:
        """Make `status` all that is said of `name`. Raises TrialGone."""
        path = self._path(name)
        if not path.exists():
            raise TrialGone(name)
        write_atomically(path, json.dumps(status).encode())

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
