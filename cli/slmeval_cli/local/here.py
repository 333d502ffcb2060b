"""What a run without a cluster needs of the machine: facts about it, and processes on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from slmeval_api.plan import Plan

from slmeval_cli.answer import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine, as this process may use it."""

    name: str
    cpus: int
    memory_gib: int
    gpus: int
    """Those that CUDA_VISIBLE_DEVICES leaves."""
    gpu_gib: int | None
    """Memory of one of them; None: there is none, or it does not say."""

    def __str__(self) -> str:
        """Return it in a few words."""
        parts = [self.name, _counted(self.cpus, "CPU"), f"{self.memory_gib} GiB"]
        return ", ".join(parts + ([_counted(self.gpus, "GPU")] if self.gpus else []))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The machine, and the folders on it that stand for what pods have."""

    machine: Machine
    claims: Mapping[str, Path]
    """By the claim's name."""
    image: Path
    """The root of the runner image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What the processes of an attempt are started with."""

    plan: Plan
    cpus: int
    """For the engine."""
    site: Site
    statuses: Mapping[str, Body]
    """By trial: what the runner has said of it until now."""
    configmaps: Mapping[str, Mapping[str, bytes]]
    """By name: files by their name."""
    artifacts: Path | None
    """What spec.artifacts writes to, if it is a claim."""
    env: Mapping[str, str]
    """On top of this process's environment."""
    log: Path


class Outcome(NamedTuple):
    """How the driver ended."""

    is_good: bool
    message: str
    """Its last words, if it is not."""


class Attempt(Protocol):
    """The processes of one attempt."""

    def statuses(self) -> dict[str, Body]:
        """Return what the runner says of the trials, of those that changed since the last call."""

    def outcome(self) -> Outcome | None:
        """Return how it ended; None: it runs."""

    def wait(self, limit_s: float) -> None:
        """Return when it has ended, or after `limit_s`."""

    def end(self) -> dict[str, Body]:
        """End what still runs, leave nothing behind, and return what `statuses` would have."""


class Here(Protocol):
    """The machine that the command runs on; tests have another."""

    def machine(self, *, with_gpus: bool) -> Machine:
        """Return its facts; without `with_gpus` nobody looks for GPUs."""

    def has(self, module: str) -> bool:
        """Return whether this Python could import `module`."""

    def samples(self) -> list[str]:
        """Return the names of the data sets that the runner brings, sorted."""

    def start(self, launch: Launch) -> Attempt:
        """Start the processes of an attempt. Raises OSError."""
