"""The few calls that commands make to a cluster. cluster.py makes them, tests have a fake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from .answer import Body
from .local.here import Here

EVALUATIONS, RUNS, TRIALS, POOLS = "slmevaluations", "slmruns", "slmtrials", "slmpools"
PODS = "pods"


@dataclass(frozen=True, slots=True)
class Where:
    """Which cluster and namespace, as the command line says. None: as the kubeconfig says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None


class Listed(NamedTuple):
    """All objects of a kind at one moment."""

    bodies: list[Body]
    version: str
    """Where a watch goes on."""


class Event(NamedTuple):
    """A change of one object."""

    is_deleted: bool
    body: Body


class Applied(NamedTuple):
    """An object before and after it was applied."""

    before: Body | None
    """None: there was none."""
    after: Body


class Cluster(Protocol):
    """A cluster. Every call may raise exits.ClusterError, and says what to do about it."""

    @property
    def namespace(self) -> str:
        """The namespace that is meant unless one is named."""

    def listed(self, plural: str, namespace: str | None, selector: str = "") -> Listed:
        """Return the objects of a kind; namespace None: of all namespaces, or of the cluster."""

    def watched(
        self, plural: str, namespace: str, *, selector: str, version: str
    ) -> Iterator[Event]:
        """Yield the changes after `version`; ends when the connection does: list again then."""

    def applied(self, body: Body, namespace: str, *, is_dry_run: bool, is_forced: bool) -> Applied:
        """Apply `body` by server-side apply; `namespace` is for what names none itself."""

    def annotated(
        self, plural: str, namespace: str, name: str, *, annotations: dict[str, str]
    ) -> Body:
        """Set annotations of an object and leave its others alone; return it."""

    def log(
        self, namespace: str, pod: str, container: str, *, follows: bool, tail: int | None
    ) -> Iterator[str]:
        """Yield the lines of a container's log; tail None: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What commands reach beyond their arguments. Typer carries it as the context's object."""

    connect: Callable[[Where], Cluster]
    now: Callable[[], datetime]
    """The time, with its zone."""
    monotonic: Callable[[], float]
    """Seconds of a clock that nobody sets."""
    here: Here
    """This machine, for what needs no cluster."""
    tick_s: float = 1.0
    """Seconds between two looks at the clock, and before a connection is made again."""
