"""A run without a cluster: decisions are carried out as long as something is open."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime

from slmeval_decisions.decide import NewAttempt, decide

from slmeval_cli.answer import Answer

from .here import Attempt, Here, Launch, Outcome
from .objects import Objects

EXIT_S = 60.0
"""Longest wait for an attempt to end by itself after its last result."""


@dataclass(slots=True, kw_only=True)
class LocalRun:
    """One evaluation on this machine."""

    objects: Objects
    here: Here
    launch_of: Callable[[NewAttempt], Launch]
    save: Callable[[Objects], None]
    """Called at the beginning, after each result, and at the end."""
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    _attempt: Attempt | None = None
    _name: str = ""
    _deadline_s: float = 0.0
    _saved: frozenset[tuple[str, str]] | None = None

    def states(self, tick_s: float) -> Generator[Answer, None, None]:
        """Yield where it stands, each `tick_s` seconds; it never ends by itself.

        Whoever closes it before the end suspends the evaluation: what runs is ended, what was
        measured is kept.
        """
        try:
            self._settle()
            answer = self.objects.answer
            while True:
                self._save_news()
                yield answer
                time.sleep(tick_s)
                if self._look():
                    self._settle()
                    answer = self.objects.answer
        finally:
            self._stop()

    def _look(self) -> bool:
        """Take what has happened to the attempt; return whether anything has."""
        attempt = self._attempt
        if attempt is None:
            return False
        outcome = attempt.outcome()  # before the statuses: none comes after the end
        statuses = attempt.statuses()
        if statuses:
            self.objects.note_ready(self._name)
        for trial, status in statuses.items():
            self.objects.report(trial, status)
        if outcome is not None:
            self._end(outcome)
        elif self.monotonic() > self._deadline_s:
            self._end(Outcome(False, "its deadline has passed"), reason="DeadlineExceeded")
        else:
            return bool(statuses)
        return True

    def _settle(self) -> None:
        """Decide and carry out until nothing is left to do now."""
        is_news = True
        while is_news:
            plan = decide(self.objects.world(self.now()))
            is_news = self.objects.carry_out(plan, self.now())
            if self._attempt is not None and self._name in plan.delete_jobs:
                self._end(Outcome(False, "nothing was left to measure"))
                is_news = True
            for new in plan.attempts:
                self._start(new)
                is_news = True
            if self._attempt is not None and self.objects.has_ended:
                self._attempt.wait(EXIT_S)
                outcome = self._attempt.outcome()
                self._end(outcome or Outcome(False, f"it did not end within {EXIT_S:.0f} s"))
                is_news = True

    def _start(self, new: NewAttempt) -> None:
        self._name = self.objects.add_attempt(new, self.now())
        self._deadline_s = self.monotonic() + new.run.spec.question.deadline_seconds
        try:
            self._attempt = self.here.start(self.launch_of(new))
        except OSError as error:
            self.objects.note_end(self._name, Outcome(False, str(error)))

    def _end(self, outcome: Outcome, *, reason: str = "DriverFailed") -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            for trial, status in attempt.end().items():
                self.objects.report(trial, status)
            self.objects.note_end(self._name, outcome, reason=reason)

    def _stop(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            for trial, status in attempt.end().items():
                self.objects.report(trial, status)
        if not self.objects.has_ended:
            self.objects.forget_attempt()
            self.objects.set_suspended(True)
            self._settle()
        self.save(self.objects)

    def _save_news(self) -> None:
        results = self.objects.results
        if results != self._saved:
            self._saved = results
            self.save(self.objects)
