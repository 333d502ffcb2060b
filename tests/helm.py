"""The chart as Helm renders it, as objects and not as text."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tools import ROOT

Json = dict[str, Any]
CHART = ROOT / "charts/slmeval"
REGISTRY: Json = {"image": {"registry": "registry.example.com/slmeval"}}
NAMESPACE = "slmeval-system"
OUR_API = "slmeval.dev/v1alpha1/SLMPool"
"""Passed to Helm where the CRDs are installed already, as at every upgrade."""


class ChartError(Exception):
    """Helm refused; the text is what it wrote."""


@dataclass(frozen=True, slots=True)
class Helm:
    """Helm without a cluster."""

    binary: Path

    def run(self, *args: str, values: Json | None = None) -> str:
        """Return what `helm args` prints, with `values` as a values file.

        Raises:
            ChartError: it failed.

        """
        with_values = ["--values", "-"] if values is not None else []
        done = subprocess.run(
            [self.binary, *args, *with_values],
            input=yaml.safe_dump(values) if values is not None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise ChartError(done.stdout + done.stderr)
        return done.stdout

    def render(
        self,
        values: Json | None = None,
        *,
        release: str = "slmeval",
        apis: tuple[str, ...] = (),
    ) -> "Rendered":
        """Return the objects of a release with `values` over those that must be given."""
        flags = [word for api in apis for word in ("--api-versions", api)]
        text = self.run(
            *("template", release, str(CHART), "--namespace", NAMESPACE, *flags),
            values=merged(REGISTRY, values or {}),
        )
        return Rendered([body for body in yaml.safe_load_all(text) if body])


@dataclass(frozen=True, slots=True)
class Rendered:
    """The objects of a release."""

    objects: list[Json]

    def all(self, kind: str) -> list[Json]:
        """Return the objects of a kind."""
        return [body for body in self.objects if body["kind"] == kind]

    def one(self, kind: str) -> Json:
        """Return the only object of a kind."""
        (body,) = self.all(kind)
        return body

    @property
    def pod(self) -> Json:
        """The operator's pod spec."""
        spec: Json = self.one("Deployment")["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> Json:
        """The operator's container."""
        (container,) = self.pod["containers"]
        return dict(container)

    @property
    def env(self) -> dict[str, str]:
        """The operator's environment."""
        return {e["name"]: e["value"] for e in self.container["env"]}


def merged(below: Json, above: Json) -> Json:
    """Return `above` laid over `below`, map by map, as Helm lays values."""
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        is_map = isinstance(old, dict) and isinstance(value, dict)
        both[key] = merged(old, value) if is_map and old is not None else value
    return both
