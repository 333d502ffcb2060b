"""Names of everything that is made."""

import itertools
import random
import re
from collections.abc import Iterator

import pytest
from builders import a_model
from slmeval_decisions import names
from slmeval_decisions.objects import desired_trials
from unit.operator.worlds import a_run, a_run_pool

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def label(rng: random.Random, length: int) -> str:
    """Return a DNS label with many dashes that starts with a letter."""
    middle = "".join(rng.choice("ab0-") for _ in range(max(0, length - 2)))
    return ("a" + middle + "z")[:length]


def many_parts() -> Iterator[tuple[str, str, str]]:
    """Return runs, models and pools of every length up to the longest that the API takes."""
    rng = random.Random(7)
    for _ in range(2_000):
        run = names.run_name(label(rng, rng.randint(1, 40)), "uid", rng.randint(1, 99))
        yield run, label(rng, rng.randint(1, 40)), label(rng, rng.randint(1, 40))


class TestNamesFitWhatKubernetesAndKuberayTake:
    def test_a_rayjob_has_at_most_47_characters_of_a_dns_1035_label(self) -> None:
        for run, _, pool in many_parts():
            for attempt in (1, 11, 1000):
                name = names.rayjob_name(run, pool, attempt)
                assert len(name) <= 47
                assert DNS_1035.fullmatch(name)

    def test_a_trial_can_be_the_value_of_a_label(self) -> None:
        for parts in many_parts():
            for is_marked in (False, True):
                name = names.trial_name(*parts, is_marked=is_marked)
                assert len(name) <= 63
                assert LABEL_VALUE.fullmatch(name)

    def test_a_reporters_account_is_a_dns_label(self) -> None:
        for run, _, pool in many_parts():
            name = names.access_name(run, pool)
            assert len(name) <= 63
            assert DNS_1035.fullmatch(name)

    def test_a_run_is_a_dns_label_that_starts_with_the_evaluation(self) -> None:
        name = names.run_name("a" * 40, "uid", 3)
        assert name.startswith("a" * 40 + "-")
        assert len(name) <= 63
        assert DNS_1035.fullmatch(name)


class TestNamesAreTheSameInEveryProcess:
    def test_equal_parts_give_the_names_that_they_always_gave(self) -> None:
        run = names.run_name("demo", "uid-demo", 1)
        long = names.rayjob_name("r" * 46, "p" * 40, 1)
        assert (run, names.trial_name(run, "small", "gpu"), names.rayjob_name(run, "gpu", 2)) == (
            "demo-rgtk9nmg",
            "demo-rgtk9nmg-small-gpu",
            "demo-rgtk9nmg-gpu-2",
        )
        assert long == names.rayjob_name("r" * 46, "p" * 40, 1)


class TestNearlyEqualPartsGetOtherNames:
    def test_generations_and_uids_of_an_evaluation(self) -> None:
        made = {
            names.run_name("demo", uid, generation)
            for uid in ("one", "two")
            for generation in range(1, 101)
        }
        assert len(made) == 200

    def test_attempts_whose_names_are_cut_at_the_same_place(self) -> None:
        run, pools = "r" * 46, ["p" * 39 + end for end in "ab"]
        made = {names.rayjob_name(run, pool, n) for pool in pools for n in range(1, 12)}
        assert len(made) == 22

    def test_attempts_on_pools_that_end_in_a_number(self) -> None:
        made = [
            names.rayjob_name("demo", pool, n) for pool in ("a", "a-1", "a-1-1") for n in (1, 11)
        ]
        assert len(set(made)) == len(made)

    def test_long_trials_that_differ_only_where_they_are_cut(self) -> None:
        made = {names.trial_name("r" * 46, "m" * 40, "p" * 39 + end) for end in "abcdef"}
        assert len(made) == 6


class TestEveryModelOnEveryPoolIsATrialOfItsOwn:
    @pytest.mark.parametrize("long", ["", "x" * 30], ids=["short", "cut"])
    def test_also_where_dashes_make_two_pairs_look_alike(self, long: str) -> None:
        models = [f"a{long}", f"a{long}-b", f"a{long}-b-b"]
        pools = ["c", "b-c", "b-b-c"]
        run = a_run(
            models=[a_model(m) for m in models],
            pools=[a_run_pool(p) for p in pools],
        )
        made = desired_trials(run, "uid")
        pairs = {(t["spec"]["model"]["name"], t["spec"]["pool"]) for t in made.values()}
        assert pairs == set(itertools.product(models, pools))
        assert all(name == trial["metadata"]["name"] for name, trial in made.items())
        assert made == desired_trials(run, "uid")
