"""The page: whole, safe, accessible, and saying what the objects say."""

import base64
import hashlib
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from answers import NAME, an_answer, bodies
from formula import TWELVE
from pages import Element, parsed, tables
from slmeval_api.result import TrialResult, WorkloadFigures
from slmeval_cli.answer import Answer, answer_of
from slmeval_cli.report import NotWritten, Report, make_report, report_to
from slmeval_cli.report.pictures.palette import ALARM, ALL, INK, MUTED, PAPER, SERIES, Colour

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}\x00\x1b[31m\u202egnp.exe"


@pytest.fixture(scope="module")
def answer() -> Answer:
    return an_answer()


@pytest.fixture(scope="module")
def report(answer: Answer) -> Report:
    return make_report(answer)


@pytest.fixture(scope="module")
def page(report: Report) -> Element:
    return parsed(report.html)


def result_of(answer: Answer, row: dict[str, str]) -> TrialResult:
    """Return the result of the trial that a table's row is about."""
    for trial in answer.trials:
        if (trial.spec.model.name, trial.spec.pool) == (row["Model"], row["Pool"]):
            assert trial.status.result is not None
            return trial.status.result
    raise LookupError(row)


def agrees(cell: str, figure: str | int | Decimal) -> bool:
    """Return whether `cell` is `figure`, rounded to the digits that it shows."""
    shown = Decimal(cell.replace(",", ""))
    _, digits, exponent = shown.as_tuple()
    assert isinstance(exponent, int)
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0")) if exponent == 0 else 0
    last = Decimal(1).scaleb(exponent + zeros)
    return abs(shown - Decimal(figure)) <= last / 2


class TestNothingElseIsNeeded:
    def test_no_script_no_frame_no_other_file(self, page: Element) -> None:
        assert not list(page.all("script", "iframe", "object", "embed", "link", "base", "form"))
        for element in page.all():
            for name, value in element.attributes.items():
                assert not name.startswith("on")
                assert name != "style"
                if name in ("href", "src", "xlink:href", "action"):
                    assert value.startswith("#")
                assert "http" not in value or name == "http-equiv" or value.startswith("hf://")

    def test_the_style_sheet_loads_nothing(self, page: Element) -> None:
        (style,) = page.all("style")
        assert not re.search(r"url\(|@import|@font-face|http", style.text)

    def test_the_policy_allows_this_style_sheet_and_nothing_else(self, report: Report) -> None:
        style = report.html.partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        (policy,) = (
            meta.attributes["content"]
            for meta in parsed(report.html).all("meta")
            if meta.attributes.get("http-equiv") == "Content-Security-Policy"
        )
        assert policy == (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        )


class TestEveryReaderCanUseIt:
    def test_it_says_its_language_and_title(self, page: Element) -> None:
        (html,) = page.all("html")
        assert html.attributes["lang"] == "en"
        head = next(page.all("head"))
        assert next(head.all("title")).text.startswith("team/support-desk-example")

    def test_ids_are_unique_and_what_refers_to_one_finds_it(self, page: Element) -> None:
        ids = [e.attributes["id"] for e in page.all() if "id" in e.attributes]
        assert len(ids) == len(set(ids))
        for element in page.all():
            for name in element.attributes.get("aria-labelledby", "").split():
                assert name in ids
            if element.attributes.get("href", "").startswith("#"):
                assert element.attributes["href"][1:] in ids

    def test_every_picture_has_a_name_and_a_description(self, page: Element) -> None:
        pictures = list(page.all("svg"))
        assert len(pictures) == 7
        for svg in pictures:
            assert svg.attributes["role"] == "img"
            assert next(svg.all("title")).text
            assert len(next(svg.all("desc")).text) > 50
        assert not list(page.all("img"))

    def test_headings_go_down_step_by_step(self, page: Element) -> None:
        levels = [int(h.tag[1]) for h in page.all("h1", "h2", "h3", "h4")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))

    def test_tables_have_captions_and_scopes(self, page: Element) -> None:
        for table in page.all("table"):
            assert next(table.all("caption")).text
            assert all("scope" in th.attributes for th in table.all("th"))

    def test_what_scrolls_can_be_reached_with_the_keyboard(self, page: Element) -> None:
        boxes = [e for e in page.all("div") if "scroll" in e.attributes.get("class", "").split()]
        assert len(boxes) == len(list(page.all("table")))
        assert all(b.attributes["tabindex"] == "0" and b.attributes["aria-label"] for b in boxes)

    @pytest.mark.parametrize("colour", [INK, MUTED, ALARM], ids=lambda c: c.name)
    def test_text_stands_out_from_its_ground(self, colour: Colour) -> None:
        assert contrast(colour.light, PAPER.light) >= 4.5
        assert contrast(colour.dark, PAPER.dark) >= 4.5

    @pytest.mark.parametrize("colour", SERIES, ids=lambda c: c.name)
    def test_series_stand_out_from_their_ground(self, colour: Colour) -> None:
        assert contrast(colour.light, PAPER.light) >= 3
        assert contrast(colour.dark, PAPER.dark) >= 3

    def test_pictures_take_the_page_s_colours(self, page: Element) -> None:
        for svg in page.all("svg"):
            for element in svg.all():
                for name in ("fill", "stroke"):
                    assert not element.attributes.get(name, "").startswith("#")
        style = next(page.all("style")).text
        assert all(f"--{colour.name}: {colour.dark};" in style for colour in ALL)


class TestFiguresAreThoseOfTheObjects:
    def test_of_speed(self, page: Element, answer: Answer) -> None:
        rows = tables(page)["article: throughput"]
        assert len(rows) == 11
        for row in rows:
            figures = result_of(answer, row).workloads[0].figures
            assert figures is not None
            assert figures.device is not None
            assert agrees(row["requests 1/s"], figures.requests_per_second)
            assert agrees(row["whole set s"], figures.seconds)
            assert agrees(row["all tokens 1/s"], figures.total_tokens_per_second)
            assert agrees(row["variation %"], figures.variation_percent or "")
            assert agrees(row["energy J/request"], figures.device.joules_per_request or "")

    @pytest.mark.parametrize("name", ["p50", "p95", "p99"])
    def test_of_latency(self, page: Element, answer: Answer, name: str) -> None:
        for row in tables(page)["article: latency of a request"]:
            figures = result_of(answer, row).workloads[0].figures
            assert figures is not None
            assert figures.time_to_first_token_seconds is not None
            assert figures.time_per_output_token_seconds is not None
            ttft, tpot = figures.time_to_first_token_seconds, figures.time_per_output_token_seconds
            assert agrees(row[f"Latency {name} s"], getattr(figures.latency_seconds, name))
            assert agrees(row[f"Time to first token {name} s"], getattr(ttft, name))
            milliseconds = Decimal(getattr(tpot, name)) * 1000
            assert agrees(row[f"Time per output token {name} ms"], milliseconds)

    def test_of_every_task(self, page: Element, answer: Answer) -> None:
        for number, task in enumerate(answer.evaluation.spec.tasks):
            (rows,) = (r for c, r in tables(page).items() if c.startswith(f"{task.name} ("))
            for row in rows:
                found = result_of(answer, row).tasks[number]
                assert found.score is not None
                assert found.items is not None
                assert agrees(row["score"], found.score.value)
                low, high = row["95% interval"].split(" to ")
                assert agrees(low, found.score.low)
                assert agrees(high, found.score.high)
                assert row["asked n"] == str(found.items.asked)
                assert row["answered n"] == str(found.items.answered)
                assert row["skipped, too long n"] == str(found.items.skipped_too_long)
                if found.majority_score is not None:
                    cell = row["Score to beat commonest answer"]
                    assert agrees(cell, found.majority_score)

    def test_of_the_suite(self, page: Element, answer: Answer) -> None:
        (rows,) = (r for c, r in tables(page).items() if c.startswith("All tasks together"))
        for row in rows:
            suite = result_of(answer, row).suite
            assert suite is not None
            assert suite.held_out is not None
            assert agrees(row["All tasks score"], suite.score.value)
            assert agrees(row["Held-out tasks score"], suite.held_out.value)

    def test_of_every_rate(self, page: Element, answer: Answer) -> None:
        rows = [
            row for row in tables(page)["chat: throughput"]
            if (row["Model"], row["Pool"]) == ("llama-3-2-1b", "a10")
        ]  # fmt: skip
        for row in rows:
            points = result_of(answer, row).workloads[1].points
            at = Decimal(row["at"].removesuffix(" a second"))
            (point,) = (p for p in points if Decimal(p.offered_requests_per_second or 0) == at)
            assert isinstance(point.figures, WorkloadFigures)
            assert agrees(row["requests 1/s"], point.figures.requests_per_second)

    def test_in_pictures(self, page: Element, answer: Answer) -> None:
        latency = next(
            svg
            for svg in page.all("svg")
            if next(svg.all("title")).text == "Time for the whole set: article"
        )  # fmt: skip
        texts = {text.text for text in latency.all("text")}
        for row in tables(page)["article: throughput"]:
            text = row["whole set s"] + (" (noisy)" if row["Mark"] == "Noisy" else "")
            assert text in texts


class TestNothingIsShownForWhatIsNotThere:
    def test_no_run_no_sections(self) -> None:
        page = parsed(make_report(answer_of(NAME, bodies()[:1])).html)
        assert [h.text for h in page.all("h2")] == [
            "There is no run yet: nothing was measured",
            "How to read this",
        ]
        assert not list(page.all("svg", "table"))

    def test_recommendation_and_training_data_are_not_mentioned(self, report: Report) -> None:
        assert "ecommend" not in report.html
        assert "fine-tun" not in report.html

    def test_what_was_not_measured_in_one_row_is_a_dash_and_never_0(self) -> None:
        changed = bodies(failed=(), noisy=())
        del changed[2]["status"]["result"]["workloads"][0]["figures"]["device"]
        page = parsed(make_report(answer_of(NAME, changed)).html)
        first, second = tables(page)["article: throughput"][:2]
        assert first["energy J/request"] == "– not measured"
        assert second["energy J/request"][0].isdigit()


@pytest.fixture(scope="module")
def hostile_html() -> str:
    """Return a page whose every free text is hostile; names are refused by the schema."""
    changed = bodies()
    for body in changed:
        for condition in body["status"].get("conditions", []):
            condition["message"] = HOSTILE
        for pool in body["spec"].get("pools", []):
            if isinstance(pool, dict):
                pool["spec"]["description"] = HOSTILE
        provenance = body["status"].get("result", {}).get("provenance", {})
        if provenance:
            provenance |= {"device": HOSTILE, "image": HOSTILE, "node": HOSTILE}
            provenance["engineArguments"] = [{"name": HOSTILE[:60], "value": HOSTILE}]
    answer = answer_of(NAME, changed)
    trials = [
        trial.model_copy(
            update={
                "spec": trial.spec.model_copy(
                    update={"model": trial.spec.model.model_copy(update={"name": HOSTILE})}
                )
            }
        )
        for trial in answer.trials[:2]
    ]
    hostile = Answer(
        evaluation=answer.evaluation, run=answer.run, trials=[*trials, *answer.trials[2:]]
    )
    return make_report(hostile).html


class TestTextOfTheClusterIsOnlyText:
    def test_a_script_is_shown_and_not_run(self, hostile_html: str) -> None:
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in hostile_html
        assert not list(parsed(hostile_html).all("script"))

    def test_templates_in_it_are_not_computed(self, hostile_html: str) -> None:
        assert "{{ 7 * 7 }}" in hostile_html

    def test_what_nobody_sees_is_named(self, hostile_html: str) -> None:
        assert "[U+202E]gnp.exe" in hostile_html
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", hostile_html)

    def test_the_rest_of_the_page_is_whole(self, hostile_html: str) -> None:
        assert parsed(hostile_html).text.endswith("what a network or a load balancer adds.")


class TestEqualAnswersGiveEqualBytes:
    def test_page_and_pictures(self, report: Report) -> None:
        assert make_report(an_answer()).files == report.files

    def test_whatever_was_drawn_before(self, report: Report) -> None:
        make_report(an_answer(sizes=TWELVE))
        assert make_report(an_answer()).files == report.files


class TestFiles:
    def test_the_page_and_each_picture_twice(self, answer: Answer, tmp_path: Path) -> None:
        page = report_to(answer, tmp_path / "new" / "folder")
        assert page == tmp_path / "new" / "folder" / "report.html"
        names = sorted(p.name for p in (page.parent / "pictures").iterdir())
        assert names == sorted(
            f"{name}.{end}"
            for name in (
                "latency_article", "score_a6000", "score_a10", "score-speed_a6000",
                "score-speed_a10", "curve_chat_a6000", "curve_chat_a10",
            )
            for end in ("png", "svg")
        )  # fmt: skip
        assert (page.parent / "pictures" / "score_a10.png").read_bytes().startswith(b"\x89PNG")

    def test_a_folder_that_is_a_file_is_refused_with_what_to_do(
        self, report: Report, tmp_path: Path
    ) -> None:
        (tmp_path / "taken").write_text("")
        with pytest.raises(NotWritten, match="name another folder"):
            report_to(an_answer(), tmp_path / "taken")

    def test_an_svg_file_is_whole_by_itself(self, report: Report) -> None:
        for picture in report.pictures:
            assert picture.svg.startswith("<svg ")
            assert "var(--" not in picture.svg
            assert 'xmlns="http://www.w3.org/2000/svg"' in picture.svg


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, by WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
