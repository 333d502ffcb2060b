"""What a trial's process says, and what becomes of it: from fork server to driver."""

from typing import Literal, NamedTuple


class Word(NamedTuple):
    """What a trial's process says: a TrialReport as JSON text, and what it is.

    `partial` is a result with what was measured so far. It stands if the process ends without its
    last word, the `result`.
    """

    kind: Literal["progress", "partial", "result"]
    report: str


class Died(NamedTuple):
    """A process that ended without a result."""

    message: str


class Crashed(NamedTuple):
    """A trial that raised an error nobody expected."""

    message: str


class Event(NamedTuple):
    """Something that a trial's process said, or that became of it."""

    trial: str
    what: Word | Died | Crashed
