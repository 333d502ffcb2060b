"""What a report says: figures, words and warnings, before anything is drawn."""

from decimal import Decimal

import pytest
from answers import NAME, RUN, a_condition, an_answer, bodies
from cli_builders import a_verdict, gated
from formula import SIZES
from full_result import full_result
from slmeval_cli.answer import Answer, answer_of
from slmeval_cli.report.views.chart import BarChart, Mark, PointChart
from slmeval_cli.report.views.pareto import frontier
from slmeval_cli.report.views.report import ReportView, report_view
from slmeval_cli.report.views.summary import Gravity
from slmeval_cli.report.views.table import Column, Heading, columns_with_figures


def titles(view: ReportView) -> list[str]:
    return [warning.title for warning in view.summary.warnings]


def details(view: ReportView) -> str:
    return "\n".join(d for warning in view.summary.warnings for d in warning.details)


def charts(view: ReportView, name: str) -> list[BarChart | PointChart]:
    return [chart for chart in view.charts if chart.name.startswith(name)]


def with_conditions(model: str, pool: str, *conditions: dict[str, object]) -> Answer:
    """Return the answer with other conditions on one trial."""
    changed = bodies(failed=(), noisy=())
    for body in changed:
        if body["metadata"]["name"] == f"{RUN}-{model}-{pool}":
            kinds = {c["type"] for c in conditions}
            kept = [c for c in body["status"]["conditions"] if c["type"] not in kinds]
            body["status"]["conditions"] = [*kept, *conditions]
    return answer_of(NAME, changed)


class TestWhatMustBeKnownFirst:
    def test_a_good_run_warns_of_nothing(self) -> None:
        assert titles(report_view(an_answer(failed=(), noisy=()))) == []

    def test_a_failed_trial_is_named_with_its_reason_and_message(self) -> None:
        view = report_view(an_answer(noisy=()))
        (warning,) = view.summary.warnings
        assert warning.gravity is Gravity.FAILED
        assert warning.title.startswith("1 trial failed")
        assert warning.details[0].startswith(
            "gemma-2-9b on a10: EngineFailed: gemma-2-9b needs 21.4 GiB"
        )

    def test_noise_is_named_with_its_cure(self) -> None:
        view = report_view(an_answer(failed=()))
        assert titles(view) == ["Noisy: repetitions differ by more than allowed"]
        assert details(view).startswith("qwen2-5-1-5b on a10: Repetitions of article differ")

    def test_what_is_not_comparable_is_named_with_the_difference(self) -> None:
        message = "Not comparable with a: driver is 570 here, 580 there. Pin the driver."
        condition = a_condition("Comparable", "False", "VersionsDiffer", message)
        view = report_view(with_conditions("gemma-2-2b", "a10", condition))
        assert details(view) == f"gemma-2-2b on a10: VersionsDiffer: {message}"
        assert view.suite is not None
        marks = {row.head: row.marks for row in view.suite.rows}
        assert marks["gemma-2-2b", "a10"] == ("Not comparable",)
        assert marks["gemma-2-2b", "a6000"] == ()

    def test_an_unfinished_trial_is_named(self) -> None:
        waiting = a_condition("Ready", "Unknown", "WaitingForNodes", "0/3 nodes are available.")
        view = report_view(
            with_conditions(
                "gemma-2-2b",
                "a10",
                waiting,
                a_condition("Succeeded", "Unknown", "WaitingForNodes", ""),
            )
        )
        assert titles(view) == ["1 trial unfinished"]
        assert "WaitingForNodes: 0/3 nodes are available." in details(view)

    def test_an_edited_evaluation_says_that_the_figures_are_older(self) -> None:
        changed = bodies(failed=(), noisy=())
        changed[0]["spec"] = changed[0]["spec"] | {"seed": 7}
        assert titles(report_view(answer_of(NAME, changed))) == [
            "The evaluation was edited since: these figures answer what it asked before"
        ]

    def test_no_run_yet_says_so_and_shows_nothing(self) -> None:
        view = report_view(answer_of(NAME, bodies()[:1]))
        assert titles(view) == ["There is no run yet: nothing was measured"]
        assert (view.charts, view.tasks, view.workloads, view.pairs) == ((), (), (), ())
        assert view.suite is None
        assert view.provenance.shared is None
        assert view.provenance.differing == ()

    def test_trials_that_the_source_lacks_are_counted(self) -> None:
        view = report_view(answer_of(NAME, bodies()[:4]))
        facts = {fact.name: fact.value for fact in view.summary.facts}
        assert facts["Trials"].endswith("10 of them are not in this report's source")


def with_gates(*verdicts: dict[str, object]) -> Answer:
    """Return the answer with verdicts on gates."""
    return answer_of(NAME, gated(bodies(failed=(), noisy=()), *verdicts))


class TestGates:
    def test_that_failed_or_cannot_be_judged_stand_on_top_in_words(self) -> None:
        view = report_view(with_gates(a_verdict(), a_verdict("Inconclusive"), a_verdict("Passed")))
        assert titles(view) == ["1 demand of gates failed", "1 demand of gates cannot be judged"]
        assert details(view) == "\n".join(["fast, small on gpu: in words."] * 2)

    def test_have_a_table_with_limit_figure_and_interval(self) -> None:
        unknown = a_verdict("Inconclusive", demand="regression", value=None, low=None, high=None)
        table = report_view(with_gates(a_verdict(), unknown)).gates
        assert table is not None
        assert [row.head for row in table.rows] == [("fast", "small", "gpu")] * 2
        assert [row.cells for row in table.rows] == [
            ("at least", "9", "6.40", "6.30 to 6.52", "Failed"),
            ("worse by at most", "9", None, None, "Inconclusive"),
        ]
        assert len(table.notes) == 1

    def test_have_nothing_where_there_are_none(self) -> None:
        assert report_view(an_answer(failed=(), noisy=())).gates is None


class TestInventedFiguresAreCalledSo:
    def test_first_of_all_and_in_every_picture(self) -> None:
        view = report_view(an_answer(simulated_pools=["a6000", "a10"], failed=(), noisy=()))
        first = view.summary.warnings[0]
        assert first.gravity is Gravity.INVENTED
        assert first.title == (
            "Simulated: all figures in this report are invented and mean nothing"
        )
        curves = [curve for workload in view.workloads for curve in workload.curves]
        for chart in [*view.charts, *curves]:
            assert chart.subtitle == ("SIMULATED: ALL FIGURES ARE INVENTED",)

    def test_on_every_row_of_every_table(self) -> None:
        view = report_view(an_answer(simulated_pools=["a6000", "a10"], failed=(), noisy=()))
        tables = [*view.tasks, *(t for w in view.workloads for t in (*w.tables, *w.details))]
        assert view.suite is not None
        assert tables
        for table in [view.suite, *tables]:
            assert all("Simulated" in row.marks for row in table.rows)

    def test_nothing_is_found_by_them(self) -> None:
        view = report_view(an_answer(simulated_pools=["a6000", "a10"]))
        assert view.summary.findings == ()

    def test_nobody_is_called_better_by_them(self) -> None:
        a6000, a10 = report_view(an_answer(simulated_pools=["a10"])).pairs
        assert a6000.sentences[0].endswith("has the highest score over all tasks.")
        assert a10.sentences == (
            "Simulated: these scores are invented, and so is every difference between them.",
        )
        assert a10.suite is not None
        assert all(row.marks == ("Simulated",) for row in a10.suite.rows)

    def test_beside_measured_ones_only_their_pool_is_named(self) -> None:
        view = report_view(an_answer(simulated_pools=["a10"], failed=(), noisy=()))
        (latency,) = charts(view, "latency")
        assert latency.subtitle == ("SIMULATED, FIGURES INVENTED: a10",)
        assert isinstance(latency, BarChart)
        assert {bar.series for bar in latency.bars} == {"a6000", "a10 (simulated)"}
        assert charts(view, "score_a6000")[0].subtitle == ()
        assert not any("a10" in finding for finding in view.summary.findings)

    def test_also_when_only_the_provenance_says_it(self) -> None:
        changed = bodies(failed=(), noisy=())
        for body in changed[2:]:
            body["status"]["result"]["provenance"]["engine"] = "simulated"
        assert titles(report_view(answer_of(NAME, changed)))[0].startswith("Simulated")


class TestCharts:
    def test_latency_has_a_bar_a_model_and_pool_and_none_for_the_failed_one(self) -> None:
        (chart,) = charts(report_view(an_answer()), "latency")
        assert isinstance(chart, BarChart)
        there = {(bar.label, bar.series) for bar in chart.bars}
        assert there == {(m, p) for m in SIZES for p in ("a6000", "a10")} - {("gemma-2-9b", "a10")}

    def test_latency_spans_the_repetitions(self) -> None:
        answer = an_answer()
        (chart,) = charts(report_view(answer), "latency")
        assert isinstance(chart, BarChart)
        result = answer.trials[0].status.result
        assert result is not None
        figures = result.workloads[0].figures
        assert figures is not None
        spread = [float(s) for s in figures.repetition_seconds]
        pool = answer.trials[0].spec.pool
        bar = next(b for b in chart.bars if b.label == "llama-3-2-1b" and b.series == pool)
        assert (bar.value, bar.low, bar.high) == (float(figures.seconds), min(spread), max(spread))

    def test_scores_have_the_suite_and_the_held_out_tasks_side_by_side(self) -> None:
        chart = charts(report_view(an_answer()), "score_a10")[0]
        assert isinstance(chart, BarChart)
        assert [b.series for b in chart.bars[:2]] == ["all tasks", "held-out tasks"]
        assert len(chart.bars) == 2 * 5
        assert all(
            b.low is not None and b.high is not None and b.low <= b.value <= b.high
            for b in chart.bars
        )

    def test_a_single_model_has_no_frontier(self) -> None:
        view = report_view(an_answer(sizes={"only": 3.0}, pools=["a10"], failed=(), noisy=()))
        assert charts(view, "score-speed") == []
        assert [chart.name for chart in view.charts] == ["latency_article", "score_a10"]
        assert view.pairs == ()

    def test_names_of_charts_are_unique(self) -> None:
        view = report_view(an_answer())
        names = [c.name for c in view.charts]
        names += [c.name for w in view.workloads for c in w.curves]
        assert len(names) == len(set(names))

    def test_what_is_not_measured_yet_has_no_chart(self) -> None:
        view = report_view(an_answer())
        assert view.recommendation is None
        assert not [c for c in view.charts if c.name.startswith(("data", "cost"))]

    def test_a_curve_goes_up_in_load_and_shows_missed_objectives(self) -> None:
        view = report_view(an_answer())
        curve = view.workloads[1].curves[0]
        slow = [m for m in curve.marks if m.label == "gemma-2-9b"]
        assert [m.x for m in slow] == sorted(m.x for m in slow)
        assert slow[0].is_filled
        assert not slow[-1].is_filled


class TestACautionStandsInThePicture:
    def test_of_a_noisy_workload_beside_its_bar_and_its_point(self) -> None:
        view = report_view(an_answer())
        (latency,) = charts(view, "latency")
        assert isinstance(latency, BarChart)
        texts = {(b.label, b.series): b.text for b in latency.bars}
        assert texts["qwen2-5-1-5b", "a10"] == "25.5 (noisy)"
        assert texts["qwen2-5-1-5b", "a6000"] == "15.5"
        pareto = charts(view, "score-speed_a10")[0]
        assert isinstance(pareto, PointChart)
        assert "qwen2-5-1-5b (noisy)" in [m.label for m in pareto.marks]

    def test_of_what_is_not_comparable_beside_scores_too(self) -> None:
        condition = a_condition("Comparable", "False", "VersionsDiffer", "driver differs")
        view = report_view(with_conditions("gemma-2-2b", "a10", condition))
        chart = charts(view, "score_a10")[0]
        assert isinstance(chart, BarChart)
        marked = {b.label for b in chart.bars if b.text.endswith(" (not comparable)")}
        assert marked == {"gemma-2-2b"}


class TestTheFrontier:
    @staticmethod
    def at(label: str, x: float, y: float) -> Mark:
        return Mark(label=label, x=x, y=y)

    def test_has_who_no_other_beats_in_both(self) -> None:
        marks = [
            self.at("slow-good", 1, 0.9),
            self.at("beaten", 1.5, 0.6),
            self.at("middle", 2, 0.7),
            self.at("fast-bad", 5, 0.5),
        ]
        assert [m.label for m in frontier(marks)] == ["slow-good", "middle", "fast-bad"]

    def test_of_two_equally_fast_ones_has_the_better(self) -> None:
        assert [m.label for m in frontier([self.at("a", 1, 0.5), self.at("b", 1, 0.6)])] == ["b"]


class TestPairsInWords:
    def test_say_who_is_better_and_who_is_tied(self) -> None:
        view = report_view(an_answer())
        a6000, a10 = view.pairs
        assert a6000.sentences[0] == "gemma-2-9b has the highest score over all tasks."
        assert a6000.sentences[1] == (
            "These items do not tell it from qwen2-5-7b: the difference may be chance."
        )
        assert (
            "It is really better than llama-3-2-1b (by 0.211, 95% interval" in (a6000.sentences[2])
        )
        assert a10.sentences[0] == "qwen2-5-7b has the highest score over all tasks."

    def test_every_pair_is_in_a_table_with_its_verdict(self) -> None:
        answer = an_answer()
        assert answer.run is not None
        (pool, _) = report_view(answer).pairs
        assert pool.suite is not None
        whole = [
            c
            for c in answer.run.status.comparisons
            if c.pool == pool.pool and c.task is None
        ]  # fmt: skip
        assert len(pool.suite.rows) == len(whole)
        for row, comparison in zip(pool.suite.rows, whole, strict=True):
            assert row.head == (comparison.model,)
            assert row.cells[-1] == ("tied" if comparison.is_tied else "really better")


class TestTables:
    def test_a_column_that_nothing_was_measured_for_is_not_there(self) -> None:
        columns: list[Column[int]] = [
            Column(heading=Heading(text="known"), cell=lambda n: str(n) if n > 1 else None),
            Column(heading=Heading(text="unknown"), cell=lambda _: None),
        ]
        headings, cells = columns_with_figures(columns, [1, 2])
        assert [h.text for h in headings] == ["known"]
        assert cells == [(None,), ("2",)]

    def test_baselines_are_shown_where_there_are_some(self) -> None:
        by_task = dict(zip([t.caption.split()[0] for t in report_view(an_answer()).tasks],
                           report_view(an_answer()).tasks, strict=True))  # fmt: skip
        assert "Score to beat" in [h.group for h in by_task["support-intents"].headings]
        assert "Score to beat" not in [h.group for h in by_task["order-fields"].headings]

    def test_a_score_that_holds_a_baseline_is_called_so(self) -> None:
        changed = bodies(failed=(), noisy=())
        for body in changed[2:4]:
            body["status"]["result"]["tasks"][0]["majorityScore"] = "0.79"
        table = report_view(answer_of(NAME, changed)).tasks[0]
        assert table.notes[0].startswith(
            "Of 2 candidates (llama-3-2-1b on a6000, llama-3-2-1b on a10) the interval holds"
        )

    def test_a_task_that_failed_says_why(self) -> None:
        changed = bodies(failed=(), noisy=())
        task = changed[2]["status"]["result"]["tasks"][1]
        for key in ("score", "scoreOfAnswered", "items", "majorityScore", "randomScore"):
            task.pop(key)
        task["failure"] = {"reason": "TaskUnusable", "message": "row 3 has no label"}
        changed[2]["status"]["result"].pop("suite")
        table = report_view(answer_of(NAME, changed)).tasks[1]
        assert table.notes == (
            "llama-3-2-1b on a6000 has no score: TaskUnusable: row 3 has no label",
        )
        assert set(table.rows[0].cells) == {None}


@pytest.fixture(scope="module")
def full_view() -> ReportView:
    """Return the view of a trial with every kind of workload, one of them over HTTP."""
    result = full_result()
    changed = bodies(sizes={"only": 3.0}, pools=["a10"], failed=(), noisy=())
    load = {"inputTokens": 16, "outputTokens": 4}
    workloads = [
        {"name": "all", "batch": load | {"requests": 4}},
        {"name": "sweep", "concurrency": load | {"levels": [1, 8]}},
        {"name": "promise", "rate": load | {"requestsPerSecond": ["5", "2000"]}},
        {"name": "chat", "http": load | {"concurrency": 2}},
    ]
    changed[1]["spec"]["question"] |= {"workloads": workloads}
    changed[2]["status"]["result"] = result.to_json_data()
    return report_view(answer_of(NAME, changed))


class TestEverythingTheRunnerMeasures:
    def test_has_each_workload_in_the_question_s_order(self, full_view: ReportView) -> None:
        assert [w.name for w in full_view.workloads] == ["all", "sweep", "promise", "chat"]

    def test_has_what_http_costs(self, full_view: ReportView) -> None:
        captions = [t.caption for t in full_view.workloads[3].tables]
        assert captions[-1] == "chat: what the way over HTTP costs"
        assert full_view.workloads[3].tables[-1].rows[0].cells[0] == "1.00"

    def test_has_a_failed_rate_in_words(self, full_view: ReportView) -> None:
        (failure,) = full_view.workloads[2].failures
        assert failure.startswith("only on a10 at 2,000 a second: MeasurementInvalid: ")

    def test_a_single_rate_with_figures_is_no_curve(self, full_view: ReportView) -> None:
        assert [len(w.curves) for w in full_view.workloads] == [0, 1, 0, 0]

    def test_has_a_row_a_level(self, full_view: ReportView) -> None:
        assert [row.cells[0] for row in full_view.workloads[1].details[0].rows] == [
            "1 in flight",
            "8 in flight",
        ]


class TestProvenance:
    def test_what_all_share_is_said_once(self) -> None:
        view = report_view(an_answer()).provenance
        assert view.shared is not None
        assert view.shared.caption == "The same for all 11 trials that were measured"
        shared = {row.head[0]: row.cells[0] for row in view.shared.rows}
        assert shared["version of driver"] == "580.95.05"
        assert shared["seed"] == "1"
        assert "device" not in shared

    def test_what_differs_is_said_for_each(self) -> None:
        view = report_view(an_answer()).provenance
        first = {row.head[0]: row.cells[0] for row in view.differing[0].rows}
        assert first["device"] == "Example card 48 GiB"
        assert "seed" not in first
        assert len(view.differing) == 12

    def test_a_single_trial_says_everything_of_itself(self) -> None:
        answer = an_answer(sizes={"only": 3.0}, pools=["a10"], failed=(), noisy=())
        view = report_view(answer).provenance
        assert view.shared is None
        assert len(view.differing) == 1


class TestFindings:
    def test_name_the_ends_of_the_scales(self) -> None:
        findings = report_view(an_answer()).summary.findings
        assert findings[0] == "Least time for article: llama-3-2-1b on a6000, 15.1 s."
        assert findings[2].startswith("Highest score on a6000: gemma-2-9b, 0.884 (95% interval")
        assert findings[2].endswith("not told apart from qwen2-5-7b.")

    def test_the_least_time_is_the_least_that_was_measured(self) -> None:
        answer = an_answer()
        times = [
            Decimal(w.figures.seconds)
            for t in answer.trials
            if t.status.result
            for w in t.status.result.workloads
            if w.figures
        ]
        assert f"{min(times):.1f} s" in report_view(answer).summary.findings[0]
