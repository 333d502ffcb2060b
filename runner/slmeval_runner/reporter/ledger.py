"""What is known of each trial, and what has to be applied next. Pure: time is an argument.

A trial is final once it has a result that no other attempt may better. A final result is never
replaced, whatever the driver writes later. A failure that may pass, left by an earlier attempt,
is replaced by the first progress of this one: from then on the trial runs, and only the newest
attempt's word counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slmeval_api.plan import Applied, AppliedReport, Finished, TrialReport
from slmeval_api.result import TrialResult

from slmeval_runner.results import is_final

PROGRESS_INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A report that has to reach the API server."""

    trial: str
    report: TrialReport
    digest: str | None


@dataclass(slots=True)
class _Entry:
    is_final: bool = False
    """It has, or waits to get, a result that stands."""
    is_settled: bool = False
    """Its final result is on the API server, or the trial is gone: it needs no measuring."""
    pending: Outgoing | None = None
    settled_digest: str | None = None
    next_try_s: float = 0.0
    failed_tries: int = 0


class Ledger:
    """The planned trials of one attempt."""

    def __init__(self, trials: Sequence[str]) -> None:
        self._entries = {name: _Entry() for name in trials}

    def note_stored(self, trial: str, result: TrialResult | None) -> None:
        """Take in what the API server has."""
        entry = self._entries[trial]
        entry.is_final = entry.is_settled = is_final(result)

    def note_gone(self, trial: str) -> None:
        """Forget about `trial`: it was deleted."""
        entry = self._entries[trial]
        if entry.pending:
            entry.settled_digest = entry.pending.digest
        entry.pending = None
        entry.is_final = entry.is_settled = True

    def receive(self, outgoing: Outgoing) -> bool:
        """Take in a report; return False if it is ignored because the trial is final."""
        entry = self._entries[outgoing.trial]
        if entry.is_final:
            entry.settled_digest = outgoing.digest
            return False
        entry.pending = outgoing
        if outgoing.report.result:
            entry.is_final = is_final(outgoing.report.result)
            if not entry.failed_tries:
                entry.next_try_s = 0.0  # results do not wait for their turn
        return True

    def due(self, now_s: float) -> list[Outgoing]:
        """Return what may be sent at `now_s`: of each trial the newest report only."""
        return [e.pending for e in self._entries.values() if e.pending and e.next_try_s <= now_s]

    def is_idle(self) -> bool:
        """Return whether nothing waits to be sent."""
        return not any(e.pending for e in self._entries.values())

    def note_applied(self, outgoing: Outgoing, now_s: float) -> None:
        """The API server has `outgoing`."""
        entry = self._entries[outgoing.trial]
        entry.settled_digest = outgoing.digest
        entry.is_settled = is_final(outgoing.report.result)
        entry.failed_tries = 0
        entry.next_try_s = now_s + PROGRESS_INTERVAL_S
        if entry.pending is outgoing:
            entry.pending = None

    def note_failed(self, outgoing: Outgoing, now_s: float, *, at_least_s: float = 1.0) -> float:
        """The API server did not take `outgoing`: return the seconds until the next try.

        They double from `at_least_s` up to 30 s.
        """
        entry = self._entries[outgoing.trial]
        wait_s = max(at_least_s, min(30.0, at_least_s * 2.0**entry.failed_tries))
        entry.failed_tries = min(entry.failed_tries + 1, 16)
        entry.next_try_s = now_s + wait_s
        return wait_s

    def replace(self, outgoing: Outgoing) -> None:
        """Send `outgoing` in the place of a report that the API server will never take."""
        entry = self._entries[outgoing.trial]
        entry.pending = outgoing
        entry.is_final = is_final(outgoing.report.result)

    def finished(self) -> Finished:
        """Return the trials that must not be measured again."""
        return Finished(trials=[n for n, e in self._entries.items() if e.is_settled])

    def applied(self) -> Applied:
        """Return the reports that need nothing more."""
        return Applied(
            reports=[
                AppliedReport(name=name, digest=entry.settled_digest)
                for name, entry in self._entries.items()
                if entry.settled_digest
            ]
        )
