"""The trials of a run as the report names them, and what must be said before their figures."""

from dataclasses import dataclass

from slmeval_api.conditions import Condition, ConditionType, condition, is_true
from slmeval_api.evaluation import Question
from slmeval_api.result import TaskResult, TrialResult, WorkloadFigures, WorkloadResult
from slmeval_api.trial import Trial

from slmeval_cli.answer import Answer
from slmeval_cli.figures import is_simulated

SIMULATED, NOISY, NOT_COMPARABLE, INCOMPLETE = "Simulated", "Noisy", "Not comparable", "Incomplete"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model on a pool, with what its trial measured."""

    trial: Trial
    is_simulated: bool
    """True: its figures are invented."""

    @property
    def model(self) -> str:
        """The model's name."""
        return self.trial.spec.model.name

    @property
    def pool(self) -> str:
        """The pool's name."""
        return self.trial.spec.pool

    @property
    def name(self) -> str:
        """Model and pool, in words."""
        return f"{self.model} on {self.pool}"

    @property
    def result(self) -> TrialResult | None:
        """What it measured; None: nothing yet, or nothing at all."""
        return self.trial.status.result

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know before comparing its figures."""
        conditions = self.trial.status.conditions
        comparable = self.condition(ConditionType.COMPARABLE)
        found = (
            (SIMULATED, self.is_simulated),
            (NOISY, is_true(conditions, ConditionType.NOISY)),
            (NOT_COMPARABLE, comparable is not None and comparable.status == "False"),
            (INCOMPLETE, is_true(conditions, ConditionType.FAILED)),
        )
        return tuple(mark for mark, is_so in found if is_so)

    def caution(self, workload: str | None = None) -> str:
        """Return what a picture says after the candidate's figure; empty: nothing.

        Args:
            workload: the one that the figure is of; None: it is a score, which noise does not move.

        """
        measured = self.workload(workload) if workload else None
        words = ["noisy"] if measured and measured.is_noisy else []
        words += ["not comparable"] if NOT_COMPARABLE in self.marks else []
        return f" ({', '.join(words)})" if words else ""

    def condition(self, type_: ConditionType) -> Condition | None:
        """Return the trial's condition of this type; None: it has none."""
        return condition(self.trial.status.conditions, type_)

    def workload(self, name: str) -> WorkloadResult | None:
        """Return what the workload showed; None: it was not reached."""
        found = self.result.workloads if self.result else []
        return next((w for w in found if w.name == name), None)

    def best_figures(self, workload: str) -> WorkloadFigures | None:
        """Return the figures that stand for the workload; None: it has none."""
        found = self.workload(workload)
        return found.best_figures if found else None

    def task(self, name: str) -> TaskResult | None:
        """Return what the task came to; None: it was not reached."""
        found = self.result.tasks if self.result else []
        return next((t for t in found if t.name == name), None)


def candidates_of(answer: Answer) -> list[Candidate]:
    """Return the run's trials in the order of the question's models, then of its pools."""
    pools = answer.run.spec.pools if answer.run else []
    simulated = {pool.name for pool in pools if pool.spec.engine == "simulated"}
    places = {pool: place for place, pool in enumerate(question_of(answer).pools)}
    models = list(dict.fromkeys(trial.spec.model.name for trial in answer.trials))
    ordered = sorted(
        answer.trials,
        key=lambda t: (models.index(t.spec.model.name), places.get(t.spec.pool, len(places))),
    )
    # Any of three may say so: one that is missing must not hide it.
    return [Candidate(t, t.spec.pool in simulated or is_simulated(t)) for t in ordered]


def question_of(answer: Answer) -> Question:
    """Return what the run asked; what the evaluation asks where there is no run yet."""
    return answer.run.spec.question if answer.run else answer.evaluation.spec


def pools_of(candidates: list[Candidate]) -> list[str]:
    """Return the pools on which any of them was measured, in their order."""
    return list(dict.fromkeys(c.pool for c in candidates))


def warning_lines(candidates: list[Candidate]) -> tuple[str, ...]:
    """Return what must stand in every picture with figures of `candidates`."""
    pools = pools_of([c for c in candidates if c.is_simulated])
    if not pools:
        return ()
    if len(pools) == len(pools_of(candidates)):
        return ("SIMULATED: ALL FIGURES ARE INVENTED",)
    return (f"SIMULATED, FIGURES INVENTED: {', '.join(pools)}",)
