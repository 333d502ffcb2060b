"""The models' verdict on every manifest of the tables; tests/api asks the API server as well."""

import pytest
from verdicts.bad_evaluations import BAD_EVALUATIONS
from verdicts.bad_measures import BAD_MEASURES
from verdicts.bad_pools import BAD_POOLS
from verdicts.bad_runs_and_trials import BAD_RUNS, BAD_TRIALS
from verdicts.cases import Bad, Good, pydantic_refusal
from verdicts.good import GOOD

BAD = (*BAD_EVALUATIONS, *BAD_MEASURES, *BAD_POOLS, *BAD_RUNS, *BAD_TRIALS)


class TestTheModelsJudgeAsTheApiServerDoes:
    @pytest.mark.parametrize("case", BAD, ids=lambda c: f"{c.body['kind']}: {c.name}")
    def test_a_bad_manifest_is_refused(self, case: Bad) -> None:
        assert pydantic_refusal(case.body) is not None

    @pytest.mark.parametrize("case", GOOD, ids=lambda c: f"{c.body['kind']}: {c.name}")
    def test_a_good_manifest_is_taken(self, case: Good) -> None:
        assert pydantic_refusal(case.body) is None
