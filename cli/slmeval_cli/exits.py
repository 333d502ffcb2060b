"""How a command ends: exit codes, and the errors that a user can cure."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command. `slmeval --help` prints them from here."""

    def __new__(cls, value: int, meaning: str) -> "ExitCode":
        """Return the code `value`, which carries what it means."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    meaning: str

    OK = 0, "Done, and the answer is good."
    FAILED = 1, "The answer is bad: a file has faults, or the evaluation, or a gate of it, failed."
    USAGE = 2, "The command line is wrong, or what it names is not there or cannot be written."
    CLUSTER = 3, "The cluster cannot be reached, refuses, or has no slmeval installed."
    TIMED_OUT = 4, "The time given by --timeout was over first."
    UNSURE = 5, "Everything was measured, but of a gate the data cannot tell."
    INTERRUPTED = 130, "Ctrl-C."
    UNREAD = 141, "Whoever read the output stopped before its end, as `head` does."


class UserError(Exception):
    """Something that the user can cure: printed in two sentences, without a traceback.

    Args:
        problem: what is wrong, with the names and numbers that are.
        remedy: what to do; empty where the problem says it.

    """

    code = ExitCode.USAGE

    def __init__(self, problem: str, remedy: str = "") -> None:
        problem = f"{problem.rstrip('. ')}."  # it may end with another program's own full stop
        super().__init__(f"{problem} {remedy}".strip())
        self.problem = problem
        self.remedy = remedy


class FaultyError(UserError):
    """A file is there, and what it holds is wrong."""

    code = ExitCode.FAILED


class ClusterError(UserError):
    """The cluster did not do what was asked of it."""

    code = ExitCode.CLUSTER


class UnreachableError(ClusterError):
    """There was no answer at all: asking again may help."""


class UnreadError(UserError):
    """Nobody reads the output any more, and nobody is told."""

    code = ExitCode.UNREAD


class TimedOutError(UserError):
    """What was waited for did not come in time."""

    code = ExitCode.TIMED_OUT
