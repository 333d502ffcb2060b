"""Everything that one pass knows about one evaluation, as it was at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from slmeval_api.evaluation import Evaluation
from slmeval_api.pool import Pool
from slmeval_api.run import Run
from slmeval_api.trial import Trial

from .observed import Pod, RayJob
from .verdict import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A snapshot; the parts of other evaluations are not in it."""

    evaluation: Evaluation | None
    """None: it is gone, and only what it left behind is looked after."""
    pools: Mapping[str, Pool]
    runs: tuple[Run, ...]
    trials: tuple[Trial, ...]
    rayjobs: tuple[RayJob, ...]
    pods: tuple[Pod, ...]
    refusals: Mapping[str, Refusal]
    """Run, trial or RayJob, by name -> what the API server said when it refused to make it."""
    now: datetime

    def trials_of(self, run: Run) -> dict[str, Trial]:
        """Return the trials of `run` by name."""
        return {
            t.meta.name: t
            for t in self.trials
            if t.meta.owner is not None and t.meta.owner.uid == run.meta.uid
        }

    def jobs_of(self, run: Run) -> list[RayJob]:
        """Return the attempts of `run` that still exist, oldest first."""
        return sorted((j for j in self.rayjobs if j.is_of(run)), key=lambda j: j.attempt)
