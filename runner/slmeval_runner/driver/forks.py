"""The fork server: trials' processes as forks of one process that has imported the engine.

It has no threads of its own and never initialises CUDA, so that a fork of it may. A trial's
process leads a process group, which holds the engine's processes as well: a group is ended as one,
and has ended when each of its processes was waited for. GPU memory is free by then.

No trial outlives the fork server: its process watches for that end itself, since nobody else may
be left. No fork server outlives the worker's host: the commands end then.
"""

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import NamedTuple, NoReturn

from slmeval_api.plan import Plan

from slmeval_runner import logs

from .events import Crashed, Died, Event, Word
from .outputs import Output
from .trial_process import run_and_say

log = logging.getLogger(__name__)

END_LIMIT_S = 30.0
"""Longest time from SIGKILL until a group is gone: a large process's memory takes seconds."""
END_POLL_S = 0.01
PRINTED_POLL_S = 0.5
"""How often what trials print is passed on. Files cannot be waited for."""
PR_SET_CHILD_SUBREAPER = 36


class Start(NamedTuple):
    """Asks for a trial's process. No answer: what becomes of it is an event."""

    trial: str
    gpus: tuple[int, ...]
    asked_s: float
    """When, on the monotonic clock that all processes of a Linux machine share."""


class End(NamedTuple):
    """Asks for the end of a trial's process. Answered with its last lines once it is gone."""

    trial: str


class CannotEnd(Exception):
    """A process group outlived SIGKILL by END_LIMIT_S."""


@dataclass(slots=True)
class _Fork:
    pid: int  # of the group as well
    words: Connection
    output: Output
    is_told: bool = False
    """Its result, or its error, was passed on."""


class ForkServer:
    """Obeys `commands`, and passes on to `events` what the trials say and what becomes of them."""

    def __init__(self, plan: Plan, *, commands: Connection, events: Connection) -> None:
        self._plan = plan
        self._commands = commands
        self._events = events
        self._forks = dict[str, _Fork]()
        self._last_lines = dict[str, Sequence[str]]()
        """Of trials that have ended, until somebody asks for their end."""
        # Never written to. Its end of writing is held by this process alone: a trial that reads
        # the end of the file knows that this process has ended, however that came.
        self._alive_reader, self._alive_writer = os.pipe()

    def serve(self) -> None:
        """Return when the other side of `commands` has gone, and every trial with it."""
        adopt_orphans()
        gc.freeze()  # what is imported stays in pages that all trials share
        try:
            while True:
                forks = dict(self._forks)
                ready = wait(
                    [self._commands, *(fork.words for fork in forks.values())],
                    PRINTED_POLL_S if forks else None,
                )
                if self._commands in ready:
                    self._obey(self._commands.recv())
                for name, fork in forks.items():
                    if fork.words in ready and not fork.words.closed:  # else just ended
                        self._pass_on(name)
                for fork in self._forks.values():
                    fork.output.pass_on()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            log.info("The worker's host has gone; its trials end with it")
        finally:
            for name in list(self._forks):
                self._end(name)

    def _obey(self, command: Start | End) -> None:
        if isinstance(command, Start):
            self._start(command)
        else:
            self._end(command.trial)
            self._commands.send(self._last_lines.pop(command.trial, ()))

    def _start(self, start: Start) -> None:
        words, said = Pipe(duplex=False)
        output = Output(start.trial)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            words.close()
            self._become_trial(start, said, output)
        with suppress(ProcessLookupError):
            os.setpgid(pid, pid)  # whoever comes first: it may be ended before it has run
        said.close()
        self._forks[start.trial] = _Fork(pid, words, output)

    def _become_trial(self, start: Start, said: Connection, output: Output) -> NoReturn:
        code = 1
        try:
            os.setpgid(0, 0)
            # Its own lines go where the fork server's go, whole; anything else it prints, and its
            # children print, goes there through the file.
            log_file = os.fdopen(os.dup(2), "a")
            output.become_ours()
            logs.configure(self._plan, trial=start.trial, to=[log_file])
            os.close(self._alive_writer)
            for held in (self._commands, self._events, *(f.words for f in self._forks.values())):
                held.close()
            end_group_with(self._alive_reader)
            # The engine's own processes hold no end of it: its end is the end of this process.
            os.register_at_fork(after_in_child=said.close)
            waited_s = time.monotonic() - start.asked_s
            code = run_and_say(
                self._plan, start.trial, gpus=start.gpus, waited_s=waited_s, say=said.send
            )
        except BaseException:  # also SystemExit, which would run the fork server's own exit
            log.exception("The trial could not be run")
        finally:
            # Nothing may return from here: the fork server's own way out would end other trials.
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _pass_on(self, name: str) -> None:
        """Take the next word of the trial `name`, or its end."""
        fork = self._forks[name]
        try:
            what: Word | Crashed = fork.words.recv()
        except (EOFError, OSError):  # OSError: it was killed in the middle of a word
            code = self._end(name)
            if not fork.is_told:
                self._events.send(Event(name, Died(f"the trial's process {ended_with(code)}")))
            return
        fork.is_told = isinstance(what, Crashed) or what.kind == "result"
        self._events.send(Event(name, what))

    def _end(self, name: str) -> int:
        """End the trial's group, if there is one, and return its leader's exit code."""
        fork = self._forks.pop(name, None)
        if fork is None:
            return 0
        fork.words.close()
        try:
            return end_group(fork.pid)
        finally:
            self._last_lines[name] = fork.output.close()


def end_group(pid: int) -> int:
    """Kill the group that this process's child `pid` leads; return the child's exit code.

    All of the group are children of this process or become so, each as its parent ends.

    Raises:
        CannotEnd: something of it is still there after END_LIMIT_S.

    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    give_up_s = time.monotonic() + END_LIMIT_S
    code = _waited_for(pid, give_up_s)
    with suppress(ChildProcessError):
        while True:
            _waited_for(-pid, give_up_s)
    return code


def _waited_for(pid: int, give_up_s: float) -> int:
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > give_up_s:
            raise CannotEnd(f"process group {abs(pid)} is there {END_LIMIT_S} s after SIGKILL")
        time.sleep(END_POLL_S)


def ended_with(code: int) -> str:
    """Return what became of a process with that exit code; below 0: the signal that killed it."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    likely = ", which most often means that memory ran out" if name == "SIGKILL" else ""
    return f"was killed by {name}{likely}"


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends.

    Raises:
        OSError: the kernel refused.

    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def end_group_with(reader: int) -> None:
    """Kill this process's group as soon as the pipe `reader` ends.

    A thread, since the kernel's own signal at a parent's death (PR_SET_PDEATHSIG) reaches one
    process alone and is not inherited: the engine's processes would stay, and their GPU memory.
    """

    def watch() -> None:
        os.read(reader, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="watch", daemon=True).start()
