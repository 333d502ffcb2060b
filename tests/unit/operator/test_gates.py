"""What gates say of a run's speed: limits, regressions, doubt, what may not be compared."""

import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
from builders import a_model
from slmeval_api.gate import Gate, GateReport, GateVerdict
from slmeval_api.run import Run
from slmeval_api.trial import Trial
from slmeval_api.workload import MAX_REPETITIONS
from slmeval_decisions.gates.regressions import Baselines, Measured
from slmeval_decisions.gates.report import digest_of, judge
from unit.operator.worlds import (
    a_run,
    a_run_pool,
    a_trial,
    provenance_json,
    result_json,
    workload_json,
)

Json = dict[str, Any]
RIGHT, WRONG = 250, 0
DATA = "configmap://tickets/test.jsonl"
CHAT = {"name": "chat", "batch": {"requests": 4, "inputTokens": 16, "outputTokens": 4}}


def gate(**demands: Any) -> Gate:
    return Gate.from_json_data({"name": "g", **demands})


def speed(figure: str = "requestsPerSecond", **demands: Any) -> Gate:
    return gate(speed={"workload": "chat", "figure": figure}, **demands)


def timed(seconds: Sequence[float], *, name: str = "chat", **more: Any) -> Json:
    """Return a workload whose repetitions, of 4 requests each, took so many seconds."""
    body = workload_json(name)
    body["figures"]["repetitionSeconds"] = [f"{s:.6f}" for s in seconds]
    body["figures"]["requests"] = 4 * len(seconds)
    body["figures"]["requestsPerSecond"] = f"{4 * len(seconds) / sum(seconds):.6f}"
    each = [f"{s:.6f}" for s in seconds] if len(seconds) > 1 else []
    body["figures"]["latencySeconds"] = body["figures"]["latencySeconds"] | {
        "repetitionP50": each,
        "repetitionP99": each,
    }
    return body | more


def measured(
    *, name: str = "demo-1", seconds: Sequence[float] | None = None,
    tasks: Sequence[Json] = (), suite: Json | None = None, provenance: Json | None = None,
    workloads: Sequence[Json] = (CHAT,), result: bool = True,
) -> Measured:  # fmt: skip
    """Return a run of one trial."""
    found: Json = {"provenance": provenance or provenance_json()}
    if seconds is not None:
        found["workloads"] = [timed(seconds)]
    if tasks:
        found["tasks"] = list(tasks)
    if suite:
        found["suite"] = suite
    declared = [
        {"name": task["name"], "classification": {"labels": ["a", "b"]}, "data": {"test": DATA}}
        for task in tasks
    ]
    run: Run = a_run(name, workloads=list(workloads), tasks=declared)
    trial: Trial = a_trial(result=result_json(**found) if result else None)
    return Measured(run, [trial])


def verdict(one: Gate, new: Measured, old: Measured | None = None) -> GateVerdict:
    report = judge([one], new, Baselines(old, {old.name: old} if old else {}))
    (found,) = report.verdicts
    return found


class TestALimitOfSpeed:
    @pytest.mark.parametrize(
        ("demand", "outcome"),
        [
            ({"atLeast": "1.9"}, "Passed"),
            ({"atLeast": "2.1"}, "Failed"),
            ({"atLeast": "2"}, "Inconclusive"),
            ({"atMost": "2.1"}, "Passed"),
            ({"atMost": "1.9"}, "Failed"),
            ({"atLeast": "0"}, "Passed"),
            ({"atMost": "0"}, "Failed"),
        ],
    )
    def test_on_requests_a_second(self, demand: Json, outcome: str) -> None:
        found = verdict(speed(**demand), measured(seconds=[2.0, 2.01, 1.99, 2.0]))
        assert found.outcome == outcome
        assert (found.value or "")[:3] in ("2", "2.0", "1.9")
        assert float(found.low or 0) < 2 < float(found.high or 0)

    @pytest.mark.parametrize(
        ("demand", "outcome"),
        [
            ({"atMost": "2.1"}, "Passed"),
            ({"atMost": "1.9"}, "Failed"),
            ({"atLeast": "1.9"}, "Passed"),
            ({"atMost": "0"}, "Failed"),
        ],
    )
    @pytest.mark.parametrize("figure", ["latencyP50Seconds", "latencyP99Seconds"])
    def test_on_a_quantile_of_latency(self, figure: str, demand: Json, outcome: str) -> None:
        new = measured(seconds=[2.0, 2.01, 1.99, 2.0])
        assert verdict(speed(figure, **demand), new).outcome == outcome

    def test_says_in_words_what_would_tell(self) -> None:
        found = verdict(speed(atLeast="1.9"), measured(seconds=[2.0, 2.06, 1.95]))
        assert found.outcome == "Inconclusive"
        assert found.needed is not None
        assert found.message == (
            "g, small on gpu: requestsPerSecond of chat "
            f"{float(found.value or 0):.4g} ({float(found.low or 0):.4g} to "
            f"{float(found.high or 0):.4g}), at least 1.9: 3 repetitions cannot tell, about "
            f"{found.needed} would."
        )

    def test_that_no_number_of_repetitions_would_tell_says_so(self) -> None:
        found = verdict(speed(atLeast="1.9999"), measured(seconds=[2.0, 2.4, 1.7]))
        assert (found.outcome, found.needed) == ("Inconclusive", None)
        assert "3 repetitions cannot tell, and 20 hardly would: move the limit" in found.message

    def test_on_one_repetition_is_not_judged(self) -> None:
        found = verdict(speed(atLeast="1"), measured(seconds=[2.0]))
        assert (found.outcome, found.value, found.low) == ("Inconclusive", None, None)
        assert "set its repetitions to 3 or more" in found.message

    def test_on_two_that_are_worlds_apart_has_no_number_that_could_not_be_stored(self) -> None:
        found = verdict(speed(atLeast="1"), measured(seconds=[0.001, 90_000.0]))
        assert (found.outcome, found.high) == ("Inconclusive", None)

    def test_on_what_was_not_measured_is_not_judged(self) -> None:
        assert "was not measured" in verdict(speed(atLeast="1"), measured(result=False)).message
        other = gate(speed={"workload": "none", "figure": "requestsPerSecond"}, atLeast="1")
        assert "workload none was not measured" in verdict(other, measured(seconds=[2])).message
        whole = speed("timePerOutputTokenP50Seconds", atMost="1")
        assert "its answers come whole" in verdict(whole, measured(seconds=[2, 2])).message


def noisy(rng: random.Random, mean: float, n: int, cv: float) -> list[float]:
    return [mean * rng.gauss(1, cv) for _ in range(n)]


STEADY = (2.0, 2.01, 1.99)
REGRESSION = speed(regression={})
"""By more than two percent."""


class TestARegressionOfSpeed:
    def test_of_the_same_model_measured_twice_is_seen_no_oftener_than_by_chance(self) -> None:
        rng = random.Random(20)
        strict = speed(regression={"tolerancePercent": "0"})
        for one, most in ((REGRESSION, 0.025), (strict, 0.025)):
            failed = 0
            for _ in range(200):
                old = measured(name="demo-0", seconds=noisy(rng, 2.0, 3, 0.01))
                new = measured(seconds=noisy(rng, 2.0, 3, 0.01))
                failed += verdict(one, new, old).outcome == "Failed"
            # Three standard deviations above the mean of so many chances.
            assert failed <= 200 * most + 3 * (200 * most * (1 - most)) ** 0.5

    def test_of_five_percent_is_caught_with_the_repetitions_that_it_asks_for(self) -> None:
        rng = random.Random(21)
        caught = []
        for _ in range(200):
            n, outcome = 3, "Inconclusive"
            while outcome == "Inconclusive" and n <= MAX_REPETITIONS:
                old = measured(name="demo-0", seconds=noisy(rng, 2.0, n, 0.015))
                new = measured(seconds=noisy(rng, 2.0 / 0.95, n, 0.015))
                found = verdict(REGRESSION, new, old)
                is_last = n == MAX_REPETITIONS
                n = MAX_REPETITIONS + 1 if is_last else found.needed or MAX_REPETITIONS
                outcome = found.outcome
            caught.append(outcome == "Failed")
        assert sum(caught) / len(caught) > 0.9

    @pytest.mark.parametrize(("before", "followed"), [(10, "again"), (3, "anew")])
    def test_is_told_with_what_it_asks_for(self, before: int, followed: str) -> None:
        rng, told = random.Random(23), list[bool]()
        one = speed(regression={"tolerancePercent": "3"})
        while len(told) < 100:
            old = measured(name="demo-0", seconds=noisy(rng, 2.0, before, 0.015))
            found = verdict(one, measured(seconds=noisy(rng, 2.0, 3, 0.015)), old)
            anew = re.search(r"measure both anew with about (\d+)", found.message)
            n = found.needed or int(anew[1] if anew else 0)
            if found.outcome != "Inconclusive" or n == 0 or (followed == "anew") != bool(anew):
                continue
            if anew:
                old = measured(name="demo-0", seconds=noisy(rng, 2.0, n, 0.015))
            then = verdict(one, measured(seconds=noisy(rng, 2.0, n, 0.015)), old)
            told.append(then.outcome != "Inconclusive")
        assert sum(told) / len(told) > 0.75

    def test_that_the_earlier_run_leaves_open_has_no_number_for_this_one_alone(self) -> None:
        old = measured(name="demo-0", seconds=[2.0, 2.09, 1.91])
        found = verdict(speed(regression={"tolerancePercent": "5"}), measured(seconds=STEADY), old)
        assert (found.outcome, found.needed) == ("Inconclusive", None)
        assert (
            "3 repetitions cannot tell, nor 20 against the 3 of run demo-0: measure both anew with "
            "about 9." in found.message
        )

    def test_is_told_in_percent_of_either_kind_of_figure(self) -> None:
        old = measured(name="demo-0", seconds=[1.0, 1.001, 0.999])
        new = measured(seconds=[1.25, 1.251, 1.249])
        rate = verdict(REGRESSION, new, old)
        assert (rate.outcome, round(float(rate.value or 0), 2)) == ("Failed", 20.0)
        time = verdict(speed("latencyP50Seconds", regression={"tolerancePercent": "30"}), new, old)
        assert (time.outcome, round(float(time.value or 0), 2)) == ("Passed", 25.0)
        assert rate.message.startswith(
            "g, small on gpu: requestsPerSecond of chat is worse by 20% ("
        )
        assert "at most 2% than in run demo-0: not met" in rate.message

    def test_that_is_an_improvement_passes(self) -> None:
        old = measured(name="demo-0", seconds=[1.25, 1.251, 1.249])
        found = verdict(REGRESSION, measured(seconds=[1.0, 1.001, 0.999]), old)
        assert (found.outcome, float(found.value or 0) < 0) == ("Passed", True)

    def test_of_a_hundred_percent_can_never_fail(self) -> None:
        old = measured(name="demo-0", seconds=[1.0, 1.001])
        one = speed(regression={"tolerancePercent": "100"})
        assert verdict(one, measured(seconds=[90.0, 91.0]), old).outcome == "Passed"


class TestOnlyWhatIsComparable:
    OLD, NEW = (1.0, 1.001, 0.999), (1.25, 1.251, 1.249)

    def of(self, one: Gate = REGRESSION, **new: Any) -> GateVerdict:
        old = measured(name="demo-0", seconds=self.OLD)
        return verdict(one, measured(seconds=self.NEW, **new), old)

    def test_speed_on_another_card_is_not_judged(self) -> None:
        found = self.of(provenance=provenance_json(device="NVIDIA H100"))
        assert found.outcome == "Inconclusive"
        assert "not comparable with run demo-0: device was NVIDIA A10, is NVIDIA H100" in (
            found.message
        )

    def test_another_version_of_the_engine_is_judged_and_named(self) -> None:
        found = self.of(provenance=provenance_json({"vllm": "0.12.0"}))
        assert found.outcome == "Failed"
        assert "not met (since then: vllm was 0.11.0, is 0.12.0)." in found.message

    def test_a_revision_that_was_moved_is_judged_and_named(self) -> None:
        then, now = (
            provenance_json(modelRevision=c * 40, modelDigest=f"sha256:{c * 64}") for c in "ab"
        )
        old = measured(name="demo-0", seconds=self.OLD, provenance=then)
        found = verdict(REGRESSION, measured(seconds=self.NEW, provenance=now), old)
        assert found.outcome == "Failed"
        assert f"since then: the model's revision was {'a' * 40}, is {'b' * 40})" in found.message

    def test_a_folder_with_other_files_and_another_seed_are_named(self) -> None:
        then = provenance_json(modelDigest=f"sha256:{'a' * 64}")
        now = provenance_json(modelDigest=f"sha256:{'b' * 64}", seed=2)
        old = measured(name="demo-0", seconds=self.OLD, provenance=then)
        found = verdict(REGRESSION, measured(seconds=self.NEW, provenance=now), old)
        assert (
            "since then: the model's digest was sha256:aaaaaaaaaaaa, is sha256:bbbbbbbbbbbb, "
            "seed was 1, is 2)" in found.message
        )

    def test_other_resources_of_the_pool_are_named(self) -> None:
        old, new = (
            Measured(
                a_run(name, workloads=[CHAT], pools=[a_run_pool(workerResources=resources)]),
                measured(seconds=seconds).trials,
            )
            for name, seconds, resources in (
                ("demo-0", self.OLD, {"cpu": "16", "memory": "16Gi"}),
                ("demo-1", self.NEW, {"cpu": "4", "memory": "16Gi"}),
            )
        )
        found = verdict(REGRESSION, new, old)
        assert "not met (since then: workerResources.cpu was 16, is 4)." in found.message

    def test_another_load_is_not_judged(self) -> None:
        other = {"name": "chat", "batch": CHAT["batch"] | {"outputTokens": 8}}  # type: ignore[operator]
        assert (
            "workload chat was another one in run demo-0 (batch.outputTokens): only a run since "
            "then can be its baseline" in self.of(workloads=[other]).message
        )

    def test_the_same_load_more_often_is_judged(self) -> None:
        more = {"name": "chat", "batch": CHAT["batch"] | {"repetitions": 9}}  # type: ignore[operator]
        assert self.of(workloads=[more]).outcome == "Failed"

    def own(self, seconds: Sequence[float], tokens: int, *, name: str = "demo-1") -> Measured:
        """Return a run whose prompts, of a file, had so many tokens in all."""
        batch = {"requests": 4, "prompts": {"source": "file:///p.jsonl"}, "outputTokens": 4}
        shown = timed(seconds)
        shown["figures"] |= {"inputTokens": tokens, "outputTokens": 16 * len(seconds)}
        result = result_json(provenance=provenance_json(), workloads=[shown])
        workload = {"name": "chat", "batch": batch}
        return Measured(a_run(name, workloads=[workload]), [a_trial(result=result)])

    def test_own_prompts_with_other_tokens_are_not_judged(self) -> None:
        old = self.own(self.OLD, 1_536, name="demo-0")
        assert verdict(REGRESSION, self.own(self.NEW, 1_536), old).outcome == "Failed"
        found = verdict(REGRESSION, self.own(self.NEW, 15_360), old)
        assert (found.outcome, found.value) == ("Inconclusive", None)
        assert (
            "workload chat was another one in run demo-0 (prompts of 512 tokens a repetition, "
            "now 5,120): only a run since" in found.message
        )

    def test_own_prompts_repeated_more_often_are_judged_where_repetitions_are_alike(self) -> None:
        old = self.own(self.OLD, 1_536, name="demo-0")
        more = [*self.NEW, 1.25]
        assert verdict(REGRESSION, self.own(more, 2_048), old).outcome == "Failed"
        found = verdict(REGRESSION, self.own(more, 2_000), old)
        assert "requests has to be a multiple of the prompts" in found.message

    def test_without_a_run_before_it_nothing_is_judged(self) -> None:
        found = verdict(REGRESSION, measured(seconds=self.NEW))
        assert (found.outcome, found.needed) == ("Inconclusive", None)
        assert "no run before it that succeeded and failed no gate" in found.message

    def test_a_named_run_that_is_not_there_is_told_with_those_that_are(self) -> None:
        found = self.of(speed(regression={"baseline": "demo-7"}))
        assert "there is no other run demo-7 of this evaluation; the newest are: demo-0" in (
            found.message
        )

    def test_a_named_run_is_taken_before_the_newest_good_one(self) -> None:
        good, named = (
            measured(name=name, seconds=seconds)
            for name, seconds in (("good", self.NEW), ("named", self.OLD))
        )
        one = speed(regression={"baseline": "named"})
        report = judge([one], measured(seconds=self.NEW), Baselines(good, {"named": named}))
        assert (report.verdicts[0].outcome, report.baseline) == ("Failed", None)
        report = judge([REGRESSION], measured(seconds=self.NEW), Baselines(good, {}))
        assert (report.verdicts[0].outcome, report.baseline) == ("Passed", "good")


class TestAReport:
    def report(self, *gates: Gate) -> GateReport:
        trials = [a_trial(m, result=result_json(workloads=[timed([2.0, 2.01])])) for m in "ab"]
        run = a_run(models=[a_model(name) for name in "ab"])
        return judge(gates, Measured(run, trials), Baselines(None, {}))

    def test_has_what_failed_first_and_counts_all(self) -> None:
        good, bad, unclear = speed(atLeast="1"), speed(atLeast="9"), speed(regression={})
        report = self.report(good, bad, unclear)
        assert (report.passed, report.failed, report.inconclusive) == (2, 2, 2)
        assert [v.outcome for v in report.verdicts] == [
            *["Failed"] * 2, *["Inconclusive"] * 2, *["Passed"] * 2
        ]  # fmt: skip

    def test_is_of_the_models_and_pools_that_are_named(self) -> None:
        one = gate(speed={"workload": "chat", "figure": "requestsPerSecond"}, atLeast="1")
        for more, models in (({}, "ab"), ({"models": ["b"]}, "b"), ({"pools": ["other"]}, "")):
            some = Gate.from_json_data(one.to_json_data() | more)
            assert [v.model for v in self.report(some).verdicts] == list(models)

    def test_knows_the_gates_that_it_is_of(self) -> None:
        one, other = speed(atLeast="1"), speed(atLeast="2")
        assert self.report(one).digest == digest_of([one]) != digest_of([other])
