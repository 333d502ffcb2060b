"""The promise that a tier ran."""

from collections import Counter

import pytest
from tiers import Tier, broken_promises, tier_of


class TestAPromisedTierMustRun:
    def test_one_that_ran_keeps_it(self) -> None:
        assert broken_promises(["api"], {"api": Tier(ran=1)}) == []

    def test_one_that_failed_keeps_it_too_for_the_failure_is_already_said(self) -> None:
        assert broken_promises(["api"], {"api": Tier(ran=3, failed=3)}) == []

    def test_one_that_was_left_out_breaks_it_and_says_why(self) -> None:
        tiers = {"chart": Tier(left_out=Counter({"helm is not built": 4}))}
        assert broken_promises(["chart"], tiers) == [
            "SLMEVAL_TIERS promises chart, but every test was left out: helm is not built"
        ]

    def test_one_of_which_a_part_was_left_out_breaks_it_too(self) -> None:
        tiers = {"api": Tier(ran=5, left_out=Counter({"KubeRay is not built": 9}))}
        assert broken_promises(["api"], tiers) == [
            "SLMEVAL_TIERS promises api, but 9 of its tests were left out: KubeRay is not built"
        ]

    def test_one_of_which_nothing_was_chosen_breaks_it(self) -> None:
        assert broken_promises(["cluster"], {}) == [
            "SLMEVAL_TIERS promises cluster, but tests/cluster holds no test that was chosen"
        ]

    def test_a_misspelt_one_breaks_it(self) -> None:
        (sentence,) = broken_promises(["units"], {"unit": Tier(ran=1)})
        assert "there is no such tier" in sentence

    def test_no_promise_is_never_broken(self) -> None:
        assert broken_promises([], {"api": Tier(left_out=Counter({"no server": 9}))}) == []


class TestTheFolderIsTheTier:
    @pytest.mark.parametrize(
        ("path", "tier"),
        [
            ("tests/unit/api/test_verdicts.py", "unit"),
            ("tests/api/test_verdicts.py", "api"),
            ("tests/test_loose.py", None),
            ("benchmarks/api/test_speed.py", None),
        ],
    )
    def test_of_each_path(self, path: str, tier: str | None) -> None:
        assert tier_of(path) == tier


class TestTheSummaryLine:
    def test_names_what_ran_what_failed_and_why_the_rest_did_not(self) -> None:
        tier = Tier(ran=5, failed=1, left_out=Counter({"no GPU": 2}))
        assert tier.line("gpu") == "gpu: ran 5, failed 1, left out 2: no GPU"
