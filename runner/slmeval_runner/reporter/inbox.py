"""What the driver wrote, read as if a stranger had: strictly, bounded, planned trials only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError
from slmeval_api.plan import TrialReport

from slmeval_runner.files import REPORT_LIMIT_BYTES, UnfitFile, digest_of, read_bounded

PROBLEM_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One changed file: a report, or the problem with it."""

    trial: str
    digest: str | None
    """None: the file was not read."""
    report: TrialReport | None = None
    problem: str | None = None


class _Version(NamedTuple):
    inode: int
    modified_ns: int
    size: int


class Inbox:
    """The folder of reports. Only names of planned trials are ever looked at."""

    def __init__(self, folder: Path, trials: Sequence[str], *, attempt: int) -> None:
        self._folder = folder
        self._trials = tuple(trials)
        self._attempt = attempt
        self._seen = dict[str, _Version]()

    def changed(self) -> list[Letter]:
        """Return a letter for each file that is new or differs from the last call's."""
        letters = [self._look(trial) for trial in self._trials]
        return [letter for letter in letters if letter]

    def _look(self, trial: str) -> Letter | None:
        path = self._folder / f"{trial}.json"
        try:
            facts = path.lstat()
        except FileNotFoundError:
            return None
        version = _Version(facts.st_ino, facts.st_mtime_ns, facts.st_size)
        if self._seen.get(trial) == version:
            return None
        try:
            content = read_bounded(path, limit=REPORT_LIMIT_BYTES)
        except FileNotFoundError:
            return None
        except (UnfitFile, OSError) as error:
            self._seen[trial] = version
            return Letter(trial=trial, digest=None, problem=str(error))
        self._seen[trial] = version
        return self._judge(trial, content)

    def _judge(self, trial: str, content: bytes) -> Letter:
        """Return the report in `content`; a wrong form, part or attempt is a problem."""
        digest = digest_of(content)
        try:
            report = TrialReport.model_validate_json(content)
        except ValidationError as error:
            return Letter(trial=trial, digest=digest, problem=_first_problem(error))
        problem = self._contradiction(report)
        if problem:
            return Letter(trial=trial, digest=digest, problem=problem)
        return Letter(trial=trial, digest=digest, report=report)

    def _contradiction(self, report: TrialReport) -> str | None:
        parts = [part for part in (report.progress, report.result) if part]
        if len(parts) != 1:
            return "it must hold either progress or a result"
        if parts[0].attempt != self._attempt:
            return f"it speaks of attempt {parts[0].attempt}, but this is attempt {self._attempt}"
        return None


def _first_problem(error: ValidationError) -> str:
    """Return place and kind of the first thing that is wrong, without the values around it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the whole"
    return f"{place}: {first['msg']}"[:PROBLEM_LIMIT]
