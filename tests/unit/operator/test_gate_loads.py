"""At which of a workload's loads gates judge it, alone and against an earlier run."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from slmeval_api.gate import Gate, GateVerdict
from slmeval_decisions.gates.regressions import Measured
from unit.operator.test_gates import gate, noisy, timed, verdict
from unit.operator.worlds import a_run, a_trial, provenance_json, result_json

Json = dict[str, Any]
LOAD = {"inputTokens": 16, "outputTokens": 4, "repetitions": 3}
LEVELS = {"name": "chat", "concurrency": LOAD | {"levels": [1, 8, 64]}}
RATES = {
    "name": "chat",
    "rate": LOAD | {"requestsPerSecond": ["2", "20"], "objectives": {"latencySeconds": "1"}},
}
SEARCH = {
    "name": "chat",
    "rate": LOAD | {"search": {}, "objectives": {"latencySeconds": "1"}},
}
INVALID = {"reason": "MeasurementInvalid", "message": "prompt tokens came from the prefix cache"}


def one(figure: str = "requestsPerSecond", *, load: str | None = None, **demands: Any) -> Gate:
    which = {"workload": "chat", "figure": figure} | ({"load": load} if load else {})
    return gate(speed=which, **demands)


def thrice(seconds: float) -> Json:
    """Return the figures of three sets of 4 requests that took about so long."""
    return dict(timed([seconds, seconds * 1.001, seconds * 0.999])["figures"])


def level(concurrency: int, seconds: float | None) -> Json:
    """Return a level; None: its measurement is not valid."""
    shown = {"failure": INVALID} if seconds is None else {"figures": thrice(seconds)}
    return {"concurrency": concurrency, **shown}


def rate(offered: str, seconds: float, *, is_met: bool) -> Json:
    share = {"requestsPerSecond": "1", "attainedPercent": "50", "isMet": is_met}
    return {"offeredRequestsPerSecond": offered, "figures": thrice(seconds), "goodput": share}


def shown(points: Sequence[Json], workload: Json, *, name: str = "demo-1") -> Measured:
    """Return a run whose one trial showed `points`."""
    kind = "concurrency" if "concurrency" in workload else "rate"
    result = {"name": "chat", "kind": kind, "repetitions": 3, "points": list(points)}
    trial = a_trial(result=result_json(provenance=provenance_json(), workloads=[result]))
    return Measured(a_run(name, workloads=[workload]), [trial])


class TestALevel:
    POINTS = (level(1, 4.0), level(8, 1.0), level(64, 1.1))

    def of(self, load: str | None, points: Sequence[Json] = POINTS) -> GateVerdict:
        return verdict(one(load=load, atLeast="0.1"), shown(points, LEVELS))

    def test_is_found_by_its_number(self) -> None:
        assert float(self.of("1").value or 0) == pytest.approx(1, rel=0.01)
        assert float(self.of("8").value or 0) == pytest.approx(4, rel=0.01)

    def test_is_else_the_one_with_the_most_requests_a_second_and_is_told(self) -> None:
        found = self.of(None)
        assert float(found.value or 0) == pytest.approx(4, rel=0.01)
        assert "requestsPerSecond of chat at 8 4 (" in found.message

    def test_that_was_not_asked_is_not_judged(self) -> None:
        assert "workload chat at 5 has no valid figures" in self.of("5").message

    def test_that_failed_leaves_open_which_one_is_the_fastest(self) -> None:
        found = self.of(None, [level(1, 1.0), level(64, None)])
        assert (found.outcome, found.value) == ("Inconclusive", None)
        assert (
            "workload chat at 64 has no valid figures (MeasurementInvalid), so it is not known "
            "which load to judge: name load" in found.message
        )
        assert self.of("1", [level(1, 1.0), level(64, None)]).outcome == "Passed"


class TestARate:
    def of(self, points: Sequence[Json], load: str | None = None) -> GateVerdict:
        return verdict(one(load=load, atLeast="5"), shown(points, RATES))

    def test_that_missed_the_objectives_never_meets_a_limit(self) -> None:
        found = self.of([rate("2", 2.0, is_met=False), rate("20", 0.5, is_met=False)])
        assert (found.outcome, found.value) == ("Inconclusive", None)
        assert "no rate of workload chat met its objectives (2, 20 a second)" in found.message

    def test_is_the_highest_one_offered_that_met_them_however_many_were_served(self) -> None:
        points = [rate("9", 0.41, is_met=True), rate("10", 0.42, is_met=True)]
        found = self.of([*points, rate("20", 0.2, is_met=False)])
        assert found.outcome == "Passed"
        assert "requestsPerSecond of chat at 10 9.52" in found.message

    def test_is_found_by_the_number_that_was_asked_though_its_report_is_rounded(self) -> None:
        found = self.of([rate("0.3333", 0.5, is_met=True)], load="0.33333")
        assert found.outcome == "Passed"


class TestTwoRuns:
    def saturated(self, rng: random.Random, name: str) -> Measured:
        """Return a run that serves 40 requests a second at either level, give or take 1%."""
        points = []
        for concurrency in (32, 64):
            seconds = noisy(rng, concurrency / 10, 3, 0.01)
            figures = timed(seconds)["figures"] | {
                "requests": 12 * concurrency,
                "requestsPerSecond": f"{12 * concurrency / sum(seconds):.6f}",
            }
            points.append({"concurrency": concurrency, "figures": figures})
        return shown(points, LEVELS, name=name)

    def test_that_are_as_fast_at_two_levels_are_held_against_each_other_at_one(self) -> None:
        rng = random.Random(1)
        slower = one("latencyP99Seconds", regression={"tolerancePercent": "20"})
        pairs = [(self.saturated(rng, "demo-1"), self.saturated(rng, "demo-0")) for _ in range(100)]
        assert {verdict(slower, *pair).outcome for pair in pairs} == {"Passed"}

    def test_are_judged_where_the_earlier_one_was_fastest(self) -> None:
        old = shown([level(1, 4.0), level(8, 1.0)], LEVELS, name="demo-0")
        new = shown([level(1, 0.9), level(8, 1.0)], LEVELS)
        found = verdict(one(regression={}), new, old)
        assert (found.outcome, found.value) == ("Passed", "0")
        assert "requestsPerSecond of chat at 8 is worse by 0%" in found.message

    def test_are_not_where_the_new_one_has_no_figures(self) -> None:
        old = shown([level(1, 4.0), level(8, 1.0)], LEVELS, name="demo-0")
        new = shown([level(1, 0.9), level(8, None)], LEVELS)
        found = verdict(one(regression={}), new, old)
        assert found.outcome == "Inconclusive"
        assert (
            "workload chat at 8 has no valid figures (MeasurementInvalid), where run demo-0 is "
            "judged: name load." in found.message
        )

    def test_of_which_a_search_found_other_rates_are_not_compared(self) -> None:
        old, new = (
            shown([rate(found, 1.0, is_met=True)], SEARCH, name=name)
            for name, found in (("demo-0", "7.3361"), ("demo-1", "6.7272"))
        )
        found = verdict(one(regression={}), new, old)
        assert found.outcome == "Inconclusive"
        assert "a search comes by other rates each time: name requestsPerSecond, and load" in (
            found.message
        )

    @pytest.mark.parametrize(
        ("which", "outcome"),
        [
            ({}, "Inconclusive"),
            ({"load": "20"}, "Passed"),
            ({"figure": "latencyP99Seconds"}, "Passed"),
        ],
    )
    def test_of_which_the_new_one_misses_its_objectives_do_not_pass_as_serving_the_same(
        self, which: Mapping[str, Any], outcome: str
    ) -> None:
        first = rate("2", 2.0, is_met=True)
        old = shown([first, rate("20", 0.2, is_met=True)], RATES, name="demo-0")
        new = shown([first, rate("20", 0.2, is_met=False)], RATES)
        found = verdict(one(**which, regression={}), new, old)
        assert found.outcome == outcome
        if outcome == "Inconclusive":
            assert "met its objectives at 20 in run demo-0 and no longer does" in found.message
