"""The models' verdict on every manifest of the tables; tests/api asks the API server as well."""

import pytest
from verdicts import BAD, GOOD
from verdicts.cases import Bad, Good, pydantic_refusal


class TestTheModelsJudgeAsTheApiServerDoes:
    @pytest.mark.parametrize("case", BAD, ids=str)
    def test_a_bad_manifest_is_refused(self, case: Bad) -> None:
        assert pydantic_refusal(case.body) is not None

    @pytest.mark.parametrize("case", GOOD, ids=str)
    def test_a_good_manifest_is_taken(self, case: Good) -> None:
        assert pydantic_refusal(case.body) is None
