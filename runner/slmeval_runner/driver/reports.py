"""The driver's side of the folders that it shares with the reporter."""

import logging
from pathlib import Path

from pydantic import ValidationError
from slmeval_api.plan import APPLIED_FILE, FINISHED_FILE, Applied, Finished, TrialReport

from slmeval_runner.files import digest_of, write_atomically
from slmeval_runner.results import is_final

log = logging.getLogger(__name__)


class Reports:
    """Writes reports; reads what the reporter says of them."""

    def __init__(self, *, reports: Path, finished: Path) -> None:
        self._reports = reports
        self._finished = finished
        self._digests = dict[str, str]()

    def finished(self) -> frozenset[str] | None:
        """Return the trials that must not be measured again; None: the reporter has not said."""
        try:
            content = (self._finished / FINISHED_FILE).read_bytes()
        except FileNotFoundError:
            return None
        return frozenset(Finished.model_validate_json(content).trials)

    def has_final(self, trial: str, attempt: int) -> bool:
        """Return whether this pod's folder already holds a result of `trial` that stands.

        So it is when the driver is run again in the same pod. The file counts as written then.
        """
        try:
            content = (self._reports / f"{trial}.json").read_bytes()
            result = TrialReport.model_validate_json(content).result
        except (FileNotFoundError, ValidationError):
            return False
        if result is None or result.attempt != attempt or not is_final(result):
            return False
        self._digests[trial] = digest_of(content)
        return True

    def write(self, trial: str, report: str) -> None:
        """Hand `report` to the reporter."""
        content = report.encode()
        write_atomically(self._reports / f"{trial}.json", content)
        self._digests[trial] = digest_of(content)

    def unapplied(self) -> list[str]:
        """Return the trials whose newest report the reporter has not settled."""
        try:
            content = (self._finished / APPLIED_FILE).read_bytes()
            applied = Applied.model_validate_json(content)
        except FileNotFoundError:
            return sorted(self._digests)
        settled = {report.name: report.digest for report in applied.reports}
        return sorted(n for n, digest in self._digests.items() if settled.get(n) != digest)
