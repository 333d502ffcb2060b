# SPDX-License-Identifier: Apache-2.0
"""The few things asked of the API server, through kubectl."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .commands import run, succeeds

# Server-side apply under one owner's name: a second run with equal files changes nothing.
_APPLY = ("apply", "--server-side", "--force-conflicts", "--field-manager=hack-cluster")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl:
    """kubectl with one cluster's administrator's credentials."""

    binary: Path
    kubeconfig: Path

    def _argv(self, *args: str | Path) -> list[str | Path]:
        return [self.binary, f"--kubeconfig={self.kubeconfig}", *args]

    def __call__(self, *args: str | Path, stdin: str | None = None) -> str:
        """Run kubectl and return what it prints.

        Raises:
            ClusterError: it failed.

        """
        return run(self._argv(*args), stdin=stdin, remedy="See `python3 hack/cluster status`.")

    def can(self, *args: str | Path) -> bool:
        """Tell whether the command succeeds."""
        return succeeds(self._argv(*args))

    def apply(self, manifests: str) -> None:
        """Apply YAML documents."""
        self(*_APPLY, "-f", "-", stdin=manifests)

    def apply_folder(self, folder: Path) -> None:
        """Apply every manifest in `folder`."""
        self(*_APPLY, "-f", folder)

    def get(self, *args: str) -> dict[str, Any]:
        """Return the object, or the list, that `kubectl get` prints as JSON."""
        loaded: dict[str, Any] = json.loads(self("get", *args, "-o", "json"))
        return loaded

    def is_ready(self) -> bool:
        """Tell whether the API server says that it is ready."""
        return self.can("get", "--raw=/readyz", "--request-timeout=5s")

    def has_condition(self, condition: str, *args: str) -> bool:
        """Tell whether the object named by `args` has the condition with status True now."""
        return self.can("wait", f"--for=condition={condition}", "--timeout=1s", *args)
