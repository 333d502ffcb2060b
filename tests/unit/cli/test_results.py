"""`slmeval results`: every figure of a stored result, in every form; nothing is made up."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_status import quantiles, result
from builders import evaluation_body
from cli_builders import (
    BROKEN,
    BUSY,
    FakeCluster,
    a_stored_trial,
    a_verdict,
    gated,
    measured,
    slmeval,
    stored,
)
from full_result import full_result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slmeval_api.base import DECIMAL
from slmeval_cli.exits import ExitCode
from slmeval_cli.figures import COLUMNS
from slmeval_cli.numbers import age, duration, rounded

Json = dict[str, Any]


def shown(*args: str, bodies: list[Json]) -> str:
    answer = slmeval("results", "demo", *args, cluster=FakeCluster(bodies=bodies))
    assert answer.exit_code == ExitCode.OK, answer.output
    return answer.stdout


def csv_rows(bodies: list[Json]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(shown("-o", "csv", bodies=bodies))))


def json_rows(bodies: list[Json]) -> list[Json]:
    return list(json.loads(shown("-o", "json", bodies=bodies))["rows"])


def failed_workload() -> Json:
    failure = {"reason": "MeasurementInvalid", "message": "The prefix cache was hit."}
    return {"name": "chat", "kind": "batch", "repetitions": 3, "failure": failure}


class TestTheTable:
    def test_holds_speed_and_accuracy_with_units_and_intervals(self) -> None:
        assert shown(bodies=stored(measured("small"))).splitlines() == [
            "team/demo, run demo-1",
            "",
            "Speed",
            "MODEL   POOL   WORKLOAD   REQ/S   TOK/S   P50 S   P99 S   TTFT P50 S",
            "small   gpu    chat         6.4   921.6    1.25    1.25          0.5",
            "",
            "Accuracy",
            "MODEL   POOL   TASK      METRIC     SCORE     95% INTERVAL   ITEMS   ANSWERED %",
            "small   gpu    intents   accuracy   0.800   [0.700, 0.880]      60         95.0",
        ]

    def test_goes_by_models_in_the_order_of_the_question_then_pools(self) -> None:
        trials = [measured("b", "y"), measured("a", "y"), measured("a", "x")]
        lines = shown(bodies=stored(*trials)).splitlines()
        assert [line.split()[:2] for line in lines[4:7]] == [["a", "x"], ["a", "y"], ["b", "y"]]

    def test_wide_shows_more(self) -> None:
        text = shown("-o", "wide", bodies=stored(measured("small")))
        assert {"OUT TOK/S", "P95 S", "OF ANSWERED", "MAJORITY"} <= set(
            word.strip() for line in text.splitlines() for word in line.split("   ")
        )

    def test_has_a_row_for_each_level_of_a_sweep(self) -> None:
        trial = a_stored_trial("small", result=full_result().to_json_data())
        lines = shown(bodies=stored(trial)).splitlines()
        sweep = [line.split() for line in lines if " sweep " in line]
        assert [row[3:6] for row in sweep] == [["1", "in", "flight"], ["8", "in", "flight"]]

    def test_means_over_tasks_come_last(self) -> None:
        trial = a_stored_trial("small", result=full_result().to_json_data())
        lines = shown(bodies=stored(trial)).splitlines()
        assert any("all tasks" in line for line in lines)


class TestGates:
    BODIES = gated(
        stored(measured("small")),
        a_verdict(),
        a_verdict("Inconclusive", demand="regression", value=None, low=None, high=None, limit="2"),
    )

    def test_have_a_table_of_their_own_and_what_is_not_met_is_told_in_words(self) -> None:
        lines = [line.rstrip() for line in shown(bodies=self.BODIES).splitlines()]
        place = lines.index("Gates")
        assert lines[place + 1 :] == [
            "GATE   MODEL   POOL   DEMAND       LIMIT   FIGURE   95% INTERVAL   OUTCOME",
            "fast   small   gpu    atLeast          9      6.4    [6.3, 6.52]   Failed",
            "fast   small   gpu    regression       2                           Inconclusive",
            "",
            "Gate failed: fast, small on gpu: in words.",
            "Gate inconclusive: fast, small on gpu: in words.",
        ]

    def test_are_numbers_in_json(self) -> None:
        failed, unsure = json.loads(shown("-o", "json", bodies=self.BODIES))["gates"]
        assert (failed["outcome"], failed["low"], failed["limit"]) == ("Failed", 6.3, 9)
        assert "value" not in unsure


class TestWhatWasNotMeasuredIsNeverZero:
    def test_a_failed_workload_says_why_in_place_of_figures(self) -> None:
        trial = a_stored_trial("small", result=result(workloads=[failed_workload()]))
        (row,) = json_rows(stored(trial))
        assert row["reason"] == "MeasurementInvalid"
        assert "requests_per_second" not in row
        (cells,) = csv_rows(stored(trial))
        assert cells["requests_per_second"] == ""
        assert "MeasurementInvalid" in shown(bodies=stored(trial))

    def test_each_failed_part_says_why_and_none_twice(self) -> None:
        failure = {"reason": "TaskUnusable", "message": "No file test.jsonl."}
        task = {"name": "faq", "type": "questionAnswering", "metric": "f1", "failure": failure}
        trial = a_stored_trial(
            "small", states=BROKEN, reason="MeasurementInvalid",
            message="chat: The prefix cache was hit.",
            result=result(workloads=[failed_workload()], tasks=[task]),
        )  # fmt: skip
        assert shown(bodies=stored(trial)).splitlines()[-2:] == [
            "small on gpu: MeasurementInvalid: chat: The prefix cache was hit.",
            "small on gpu: faq: No file test.jsonl.",
        ]

    def test_a_trial_without_a_result_has_a_row_that_says_where_it_stands(self) -> None:
        trial = a_stored_trial("small", states=BUSY, reason="Running", message="Being measured.")
        (row,) = json_rows(stored(trial))
        assert (row["measure"], row["reason"]) == ("none", "Running")
        assert "small on gpu: Running: Being measured." in shown(bodies=stored(trial))

    def test_a_failed_trial_is_named_below_the_tables(self) -> None:
        broken = a_stored_trial("big", states=BROKEN, reason="WorkerLost", message="Out of memory.")
        text = shown(bodies=stored(measured("small"), broken))
        assert text.endswith("\nbig on gpu: WorkerLost: Out of memory.\n")

    def test_before_the_first_run_there_is_no_table(self) -> None:
        (evaluation, *_) = stored()
        del evaluation["status"]
        said = shown(bodies=[evaluation])
        assert said == "team/demo: no run has begun. `slmeval watch demo` waits.\n"

    def test_files_without_a_run_are_not_waited_for(self, tmp_path: Path) -> None:
        (evaluation, *_) = stored()
        del evaluation["status"], evaluation["metadata"]["namespace"]
        saved = tmp_path / "saved.yaml"
        saved.write_text(yaml.safe_dump(evaluation))
        answer = slmeval("results", "demo", "-f", str(saved))
        assert answer.stdout == "demo: the files hold no run of it.\n"


SIMULATED: Json = {"engine": "simulated", "runnerVersion": "0.1.0", "seed": 1}


class TestSimulatedResultsAreMarked:
    def test_in_every_row_and_below(self) -> None:
        text = shown(bodies=stored(measured("small", provenance=SIMULATED)))
        assert sum("SIMULATED" in line for line in text.splitlines()) == 3
        assert "are invented by the simulated engine and mean nothing" in text

    def test_in_what_programs_read(self) -> None:
        bodies = stored(measured("small", provenance=SIMULATED), measured("real"))
        assert [row["is_simulated"] for row in json_rows(bodies)] == [False, False, True, True]
        assert [row["is_simulated"] for row in csv_rows(bodies)] == ["false"] * 2 + ["true"] * 2


class TestSavedResults:
    def test_yaml_is_read_again_and_says_the_same(self, tmp_path: Path) -> None:
        bodies = stored(measured("small"), measured("large"))
        saved = tmp_path / "saved.yaml"
        saved.write_text(shown("-o", "yaml", bodies=bodies))
        for form in ("table", "wide", "json", "csv", "yaml"):
            again = slmeval("results", "demo", "-f", str(saved), "-o", form)
            assert again.stdout == shown("-o", form, bodies=bodies)

    def test_it_is_a_list_of_this_answers_objects_alone(self) -> None:
        others = [
            {**body, "metadata": {**body["metadata"], "uid": "x", "name": "other"}}
            for body in stored()[:1]
        ]
        saved = yaml.safe_load(shown("-o", "yaml", bodies=[*stored(measured("small")), *others]))
        assert [body["kind"] for body in saved["items"]] == ["SLMEvaluation", "SLMRun", "SLMTrial"]

    def test_who_wrote_which_field_is_left_out(self) -> None:
        bodies = stored(measured("small"))
        bodies[0]["metadata"]["managedFields"] = [{"manager": "kubectl"}]
        assert "managedFields" not in shown("-o", "yaml", bodies=bodies)

    def test_files_of_two_namespaces_need_a_namespace(self, tmp_path: Path) -> None:
        bodies = stored(measured("small"))
        other = json.loads(
            json.dumps(bodies[0]).replace('"team"', '"other"').replace("uid-demo", "u2")
        )
        saved = tmp_path / "saved.yaml"
        saved.write_text(yaml.safe_dump({"kind": "List", "items": [*bodies, other]}))
        answer = slmeval("results", "demo", "-f", str(saved))
        assert (answer.exit_code, answer.stderr) == (
            ExitCode.USAGE,
            "Error: demo is in several namespaces: other, team. Name one by -n.\n",
        )
        named = slmeval("results", "demo", "-f", str(saved), "-n", "team")
        assert named.stdout.startswith("team/demo, run demo-1")


class TestWhatIsAskedForIsThere:
    def test_else_those_that_exist_are_named(self) -> None:
        answer = slmeval("results", "dmeo", cluster=FakeCluster(bodies=stored()))
        assert answer.exit_code == ExitCode.USAGE
        assert (
            answer.stderr == "Error: There is no SLMEvaluation team/dmeo; there are: team/demo.\n"
        )

    def test_also_of_runs(self) -> None:
        answer = slmeval("results", "demo", "--run", "x", cluster=FakeCluster(bodies=stored()))
        assert answer.stderr == "Error: demo has no SLMRun x; it has: demo-1.\n"

    def test_another_namespace(self) -> None:
        cluster = FakeCluster(bodies=stored())
        answer = slmeval("results", "demo", "-n", "elsewhere", cluster=cluster)
        assert "no SLMEvaluation elsewhere/demo; there are: none" in answer.stderr

    def test_only_its_own_runs_and_trials_are_fetched(self) -> None:
        cluster = FakeCluster(bodies=stored())
        slmeval("results", "demo", cluster=cluster)
        assert cluster.calls == [
            "list slmevaluations team",
            "list slmruns team slmeval.dev/evaluation=demo",
            "list slmtrials team slmeval.dev/evaluation=demo",
        ]

    def test_a_form_of_another_version_is_no_traceback(self) -> None:
        bodies = stored(measured("small"))
        bodies[2]["status"]["result"]["newFigure"] = 7
        answer = slmeval("results", "demo", cluster=FakeCluster(bodies=bodies))
        assert answer.exit_code == ExitCode.USAGE
        assert "result.newFigure: Extra inputs are not permitted" in answer.stderr
        assert "Use the slmeval of the operator's version." in answer.stderr

    def test_somebody_elses_evaluation_of_another_form_is_not_in_the_way(self) -> None:
        other = evaluation_body("other") | {"spec": {"new": 1}}
        shown(bodies=[*stored(), other])


class TestHostileText:
    EVIL = "\x1b]0;owned\x07\u202etxt\r\n[bold]x[/bold] \x9b2J"

    def test_no_control_character_reaches_the_terminal(self) -> None:
        trial = a_stored_trial("small", states=BROKEN, reason="WorkerLost", message=self.EVIL)
        for form in ("table", "wide", "csv", "json", "yaml"):
            text = shown("-o", form, bodies=stored(trial))
            assert not {"\x1b", "\x07", "\u202e", "\x9b", "\r"} & set(text), form

    def test_markup_of_rich_is_text(self) -> None:
        trial = a_stored_trial("small", states=BROKEN, message="[red]x[/red]")
        assert "Measured: [red]x[/red]" in shown(bodies=stored(trial))

    def test_a_cell_that_a_spreadsheet_would_compute_is_quoted(self) -> None:
        trial = a_stored_trial("small", states=BROKEN, reason="Odd", message="=cmd|' /C x'!A0")
        (row,) = csv_rows(stored(trial))
        assert row["message"] == "'=cmd|' /C x'!A0"


decimals = (
    st.from_regex(DECIMAL, fullmatch=True).filter(str.isascii).filter(lambda t: t[-1] != "\n")
)


@st.composite
def results(draw: st.DrawFn) -> Json:
    """Draw a result with any figures, failures and absences that the API server stores."""
    figures: Json = {
        "requests": draw(st.integers(0, 10**9)), "seconds": draw(decimals),
        "repetitionSeconds": draw(st.lists(decimals, max_size=3)),
        "requestsPerSecond": draw(decimals), "inputTokensPerSecond": draw(decimals),
        "outputTokensPerSecond": draw(decimals), "totalTokensPerSecond": draw(decimals),
        "inputTokens": 0, "outputTokens": 0, "meanConcurrency": draw(decimals),
        "latencySeconds": quantiles(1, draw(decimals)),
    }  # fmt: skip
    if draw(st.booleans()):
        figures["variationPercent"] = draw(decimals)
    failure = {"reason": "EngineFailed", "message": draw(st.text(max_size=30))}
    part = st.sampled_from([{"figures": figures}, {"failure": failure}])
    point = {"offeredRequestsPerSecond": draw(decimals)} | draw(part)
    workloads = [
        {"name": "a", "kind": "batch", "repetitions": 1} | draw(part),
        {
            "name": "b",
            "kind": "rate",
            "repetitions": 1,
            "points": [point] * draw(st.integers(0, 2)),
        },
    ]
    score = {"value": draw(decimals), "low": draw(decimals), "high": draw(decimals), "n": 3}
    metric = draw(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=9)
    )
    task = {"name": "t", "type": "lmEval", "metric": metric}
    tasks = [task | draw(st.sampled_from([{"score": score}, {"failure": failure}]))]
    return result(workloads=workloads, tasks=tasks)


class TestAnyStoredResult:
    @given(stored_result=results())
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_is_the_same_in_csv_and_json_and_loses_no_figure(self, stored_result: Json) -> None:
        bodies = stored(a_stored_trial("small", result=stored_result))
        cells, values = csv_rows(bodies), json_rows(bodies)
        assert len(cells) == len(values)
        for row, of_json in zip(cells, values, strict=True):
            assert tuple(row) == COLUMNS
            for key in COLUMNS:
                if key not in of_json:
                    assert row[key] == ""
                elif isinstance(of_json[key], bool):
                    assert row[key] == str(of_json[key]).lower()
                elif isinstance(of_json[key], int | float):
                    assert float(row[key]) == of_json[key]
        (batch, *_), workload = cells, stored_result["workloads"][0]
        expected = workload["figures"]["requestsPerSecond"] if "figures" in workload else ""
        assert batch["requests_per_second"] == expected

    @given(stored_result=results())
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_can_be_shown(self, stored_result: Json) -> None:
        assert "small" in shown(
            "-o", "wide", bodies=stored(a_stored_trial("small", result=stored_result))
        )

    def test_a_full_one_fills_every_column_but_those_of_failures(self) -> None:
        trial = a_stored_trial("small", result=full_result().to_json_data())
        filled = {key for row in json_rows(stored(trial)) for key in row}
        never = {"is_comparable", "random_score", "message", "reason"}
        assert set(COLUMNS) - filled <= never


class TestNumbersForPeople:
    @pytest.mark.parametrize(
        ("value", "text"),
        [("0.000123456", "0.0001235"), ("6.4", "6.4"), ("921.64", "921.6"), ("12345.6", "12346"),
         ("0", "0"), ("-0.5", "-0.5"), ("0.0", "0"), ("999999999999999.5", "1000000000000000")],
    )  # fmt: skip
    def test_four_digits(self, value: str, text: str) -> None:
        assert rounded(value) == text

    def test_nothing_is_empty(self) -> None:
        assert rounded(None) == ""

    @given(decimals)
    def test_what_is_not_zero_is_never_shown_as_zero(self, value: str) -> None:
        assert (float(rounded(value)) == 0) == (float(value) == 0)

    @pytest.mark.parametrize(
        ("seconds", "text"), [(-3, "0s"), (59.4, "59s"), (200, "3m20s"), (7_500, "2h05m")]
    )
    def test_time_spans(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text

    def test_an_age_has_its_largest_unit(self) -> None:
        from cli_builders import NOW

        assert [age(t, NOW) for t in ("2026-11-01T00:00:00Z", "2026-10-29T00:00:00Z", None)] == [
            "10m", "3d", ""
        ]  # fmt: skip
