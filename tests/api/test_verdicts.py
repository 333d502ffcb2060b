"""A real API server's verdict on every manifest of the tables, and the words it finds."""

import pytest
from builders import to_create
from cluster_client import Objects
from verdicts import BAD, GOOD
from verdicts.cases import Bad, Good, pydantic_refusal


class TestTheApiServerJudgesAsTheModelsDo:
    @pytest.mark.parametrize("case", BAD, ids=str)
    def test_a_bad_manifest_is_refused_with_its_field_and_the_reason(
        self, objects: Objects, case: Bad
    ) -> None:
        message = objects.refusal(to_create(case.body))
        assert message is not None, "the API server takes it"
        assert case.field in message
        assert case.says in message
        assert pydantic_refusal(case.body) is not None

    @pytest.mark.parametrize("case", GOOD, ids=str)
    def test_a_good_manifest_is_taken(self, objects: Objects, case: Good) -> None:
        assert objects.refusal(to_create(case.body)) is None
        assert pydantic_refusal(case.body) is None
