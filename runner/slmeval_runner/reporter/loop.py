"""The reporter's work: say what is finished, then carry each report to the API server."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError
from slmeval_api.plan import APPLIED_FILE, FINISHED_FILE, Plan, TrialReport
from slmeval_api.trial import TrialStatus

from slmeval_runner.failures import failure
from slmeval_runner.files import write_atomically
from slmeval_runner.results import failed_result
from slmeval_runner.times import timestamp, utc_now

from .inbox import Inbox, Letter
from .ledger import Ledger, Outgoing
from .trials import Forbidden, Rejected, TrialGone, Trials, Unreachable

log = logging.getLogger(__name__)

POLL_S = 1.0
FORBIDDEN_WAIT_S = 30.0
FLUSH_S = 4.0
ROLE_ADVICE = (
    "the account of this pod may not get and patch this trial: its Role must name the trial in "
    "resourceNames, for slmtrials and slmtrials/status; the operator makes it, so see its log"
)


class Reporter:
    """One reporter. All that it knows is in the files and on the API server."""

    def __init__(
        self,
        plan: Plan,
        trials: Trials,
        *,
        reports: Path,
        finished: Path,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        names = [trial.name for trial in plan.trials]
        self._plan = plan
        self._trials = trials
        self._folder = finished
        self._inbox = Inbox(reports, names, attempt=plan.attempt)
        self._ledger = Ledger(names)
        self._unknown = dict.fromkeys(names, 0.0)
        """Trials whose state on the API server is not known yet, and when to ask again."""
        self._written = dict[str, bytes]()
        self._monotonic = monotonic
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then bring what is there to its end, within 4 s."""
        while not stop.is_set():
            self.step()
            stop.wait(POLL_S)
        end_s = self._monotonic() + FLUSH_S
        self.step()
        while not self._ledger.is_idle() and self._monotonic() < end_s:
            time.sleep(0.2)
            self.step()
        log.info("Stopped; %s", "all is applied" if self._ledger.is_idle() else "some is not")

    def step(self) -> None:
        """Do once whatever can be done now; a step that learns nothing writes nothing."""
        self._ask_for_unknown()
        if self._unknown:
            return  # nothing may be applied over a result that was not seen
        for letter in self._inbox.changed():
            self._receive(letter)
        for outgoing in self._ledger.due(self._monotonic()):
            self._send(outgoing)
        self._write(APPLIED_FILE, self._ledger.applied().model_dump_json(by_alias=True))
        self._write(FINISHED_FILE, self._ledger.finished().model_dump_json(by_alias=True))

    def _ask_for_unknown(self) -> None:
        now_s = self._monotonic()
        for name in [name for name, at_s in self._unknown.items() if at_s <= now_s]:
            try:
                stored = self._trials.fetch(name)
                status = TrialStatus.from_json_data(stored.get("status") or {})
            except TrialGone:
                log.info("The trial is deleted and will not be measured", extra={"trial": name})
                self._ledger.note_gone(name)
            except Forbidden as error:
                log.error("Cannot read a trial", extra=_why(name, error, ROLE_ADVICE))
                self._unknown[name] = now_s + FORBIDDEN_WAIT_S
                continue
            except Unreachable as error:
                log.warning("Cannot read a trial; again in 2 s", extra=_why(name, error))
                self._unknown[name] = now_s + 2.0
                continue
            except ValidationError as error:
                log.warning("A status of another version counts as none", extra=_why(name, error))
                self._ledger.note_stored(name, None)
            else:
                self._ledger.note_stored(name, status.result)
            del self._unknown[name]

    def _receive(self, letter: Letter) -> None:
        if letter.report:
            report = letter.report
        else:
            log.error("A report is invalid", extra=_why(letter.trial, letter.problem))
            report = self._complaint(f"the driver wrote an invalid report: {letter.problem}")
        outgoing = Outgoing(trial=letter.trial, report=report, digest=letter.digest)
        if not self._ledger.receive(outgoing):
            log.info("A report is ignored: the trial has its result", extra={"trial": letter.trial})

    def _complaint(self, problem: str) -> TrialReport:
        moment = timestamp(self._now())
        advice = (
            "See the log of the head pod's reporter container; a runner image of another version "
            "than the operator's is the likely cause: set the same version for both."
        )
        return TrialReport(
            result=failed_result(
                failure("EngineFailed", f"{problem}. {advice}"),
                attempt=self._plan.attempt,
                started_at=moment,
                completed_at=moment,
            )
        )

    def _send(self, outgoing: Outgoing) -> None:
        name, now_s = outgoing.trial, self._monotonic()
        try:
            self._trials.apply_status(name, outgoing.report.to_json_data())
        except TrialGone:
            log.info("The trial was deleted; its report is dropped", extra={"trial": name})
            self._ledger.note_gone(name)
        except Forbidden as error:
            self._ledger.note_failed(outgoing, now_s, at_least_s=FORBIDDEN_WAIT_S)
            log.error("Cannot write a trial", extra=_why(name, error, ROLE_ADVICE))
        except Unreachable as error:
            wait_s = self._ledger.note_failed(outgoing, now_s)
            log.warning("Cannot write a trial; again in %g s", wait_s, extra=_why(name, error))
        except Rejected as error:
            self._replace(outgoing, now_s, str(error))
        else:
            part = outgoing.report.progress.stage if outgoing.report.progress else "result"
            log.info("Applied: %s", part, extra={"trial": name})
            self._ledger.note_applied(outgoing, now_s)

    def _replace(self, outgoing: Outgoing, now_s: float, problem: str) -> None:
        """Put a failure in the place of a result that the API server refused."""
        wait_s = self._ledger.note_failed(outgoing, now_s, at_least_s=FORBIDDEN_WAIT_S)
        log.error(
            "A status was refused; again in %g s", wait_s, extra=_why(outgoing.trial, problem)
        )
        result = outgoing.report.result
        if result and (result.workloads or result.tasks or result.provenance):
            report = self._complaint(f"the API server refused the result: {problem}")
            self._ledger.replace(
                Outgoing(trial=outgoing.trial, report=report, digest=outgoing.digest)
            )

    def _write(self, name: str, text: str) -> None:
        content = text.encode()
        if self._written.get(name) != content:
            write_atomically(self._folder / name, content)
            self._written[name] = content


def _why(trial: str, error: object, advice: str | None = None) -> dict[str, object]:
    """Return the keys of a log line about something that went wrong with a trial."""
    return {"trial": trial, "error": error, "advice": advice}
