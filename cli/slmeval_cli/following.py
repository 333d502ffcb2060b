"""An evaluation as it changes: listed, watched, and listed again when a watch breaks."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from .answer import Answer, Body, Name
from .calls import EVALUATIONS, RUNS, TRIALS, Cluster
from .exits import TimedOutError, UnreachableError, UserError
from .numbers import duration
from .progress import End, end_of, words_of
from .reading import read_bodies, selector_of

PATIENCE_S = 120.0
"""How long a cluster that was reached may be out of reach: a restart of its API server."""
STALLED_S = 15.0
"""How long an evaluation must be stalled to be given up. Right after `apply` the operator may see
an evaluation before the pool that the same file brings."""


@dataclass(slots=True)
class _Mirror:
    """The objects of one kind as the cluster has them. A thread of its own keeps it so."""

    plural: str
    selector: str
    bodies: dict[str, Body] = field(default_factory=dict)
    """By uid. Replaced as a whole, never changed: another thread reads it."""
    version: str = ""


def states(
    cluster: Cluster, name: str, *, monotonic: Callable[[], float], tick_s: float
) -> Generator[Answer, None, None]:
    """Yield the answer to the evaluation `name` now, after each change, and each `tick_s` seconds.

    It never ends by itself. A broken connection is made again, for up to PATIENCE_S.

    Raises:
        UserError: there is no such evaluation any more, or the cluster refuses.

    """
    mirrors = [
        _Mirror(EVALUATIONS, ""),
        _Mirror(RUNS, selector_of(name)),
        _Mirror(TRIALS, selector_of(name)),
    ]
    for mirror in mirrors:  # in this thread first, where an error is the user's answer at once
        _list(cluster, mirror)
    news = queue.Queue[UserError | None]()
    is_over = threading.Event()
    answer = _answer(cluster, name, mirrors)
    for mirror in mirrors:
        keeper = _Keeper(cluster, mirror, news, is_over, monotonic, tick_s)
        threading.Thread(target=keeper.keep, daemon=True).start()
    try:
        while True:
            yield answer
            if _has_news(news, tick_s):
                answer = _answer(cluster, name, mirrors)
    finally:
        is_over.set()


def until_end(
    answers: Iterator[Answer], *, monotonic: Callable[[], float], timeout_s: float | None = None
) -> Iterator[tuple[Answer, End]]:
    """Yield each state with how it stands; the last one is an end, or has been stalled too long.

    Raises:
        TimedOutError: `timeout_s` seconds were over before that.

    """
    began, going_at = monotonic(), monotonic()
    for answer in answers:
        now, end = monotonic(), end_of(answer)
        going_at = going_at if end == End.STALLED else now
        yield answer, end
        if end.is_final or now - going_at >= STALLED_S:
            return
        if timeout_s is not None and now - began >= timeout_s:
            raise TimedOutError(
                f"{answer.name} has not ended within {duration(timeout_s)}: {words_of(answer)}",
                f"It goes on: `slmeval watch {answer.name.name}` shows it.",
            )


class _Keeper:
    """Keeps a mirror until it is told that nobody looks any more."""

    def __init__(
        self,
        cluster: Cluster,
        mirror: _Mirror,
        news: "queue.Queue[UserError | None]",
        is_over: threading.Event,
        monotonic: Callable[[], float],
        pause_s: float,
    ) -> None:
        self._cluster = cluster
        self._mirror = mirror
        self._news = news
        self._is_over = is_over
        self._monotonic = monotonic
        self._pause_s = pause_s

    def keep(self) -> None:
        """Watch and list in turns. Tells of each change, and of an error that does not pass."""
        lost_at: float | None = None
        while not self._is_over.is_set():
            try:
                self._watch()
                self._is_over.wait(self._pause_s)
                _list(self._cluster, self._mirror)
            except UnreachableError as error:
                now = self._monotonic()
                lost_at = now if lost_at is None else lost_at
                if now - lost_at > PATIENCE_S:
                    self._news.put(error)
                    return
                self._is_over.wait(self._pause_s)
            except UserError as error:
                self._news.put(error)
                return
            else:
                lost_at = None
                self._news.put(None)

    def _watch(self) -> None:
        mirror, cluster = self._mirror, self._cluster
        events = cluster.watched(
            mirror.plural, cluster.namespace, selector=mirror.selector, version=mirror.version
        )
        for event in events:
            others = {k: v for k, v in mirror.bodies.items() if k != _uid(event.body)}
            changed = {} if event.is_deleted else {_uid(event.body): event.body}
            mirror.bodies = others | changed
            self._news.put(None)
            if self._is_over.is_set():
                return


def _list(cluster: Cluster, mirror: _Mirror) -> None:
    listed = cluster.listed(mirror.plural, cluster.namespace, mirror.selector)
    mirror.bodies = {_uid(body): body for body in listed.bodies}
    mirror.version = listed.version


def _uid(body: Body) -> str:
    return str(body["metadata"]["uid"])


def _answer(cluster: Cluster, name: str, mirrors: list[_Mirror]) -> Answer:
    bodies = [body for mirror in mirrors for body in mirror.bodies.values()]
    return read_bodies(Name(cluster.namespace, name), bodies).answer


def _has_news(news: "queue.Queue[UserError | None]", tick_s: float) -> bool:
    """Wait up to `tick_s` for a change; return whether one came. Raises the error that came."""
    try:
        error = news.get(timeout=tick_s)
    except queue.Empty:
        return False
    while error is None:  # changes come in bursts: one look shows them all
        try:
            error = news.get_nowait()
        except queue.Empty:
            return True
    raise error
