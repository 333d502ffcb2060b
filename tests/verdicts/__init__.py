"""Manifests and the verdict that both judges must find: the models, and a real API server."""

from verdicts.bad_evaluations import BAD_EVALUATIONS
from verdicts.bad_measures import BAD_MEASURES
from verdicts.bad_pools import BAD_POOLS
from verdicts.bad_runs_and_trials import BAD_RUNS, BAD_TRIALS
from verdicts.good import GOOD

__all__ = ["BAD", "GOOD"]

BAD = (*BAD_EVALUATIONS, *BAD_MEASURES, *BAD_POOLS, *BAD_RUNS, *BAD_TRIALS)
