"""The report in a real browser, offline: on a desk, on a phone, in the dark, on paper."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from answers import an_answer
from formula import TWELVE
from playwright.sync_api import Browser, Page, sync_playwright
from slmeval_cli.report import report_to
from tools import is_promised

CHROMIUM = shutil.which("chromium")
DESK, PHONE = 1280, 390
Scheme = Literal["light", "dark"]
REPORTS: dict[str, dict[str, Any]] = {
    "usual": {},
    "twelve models, half of them simulated": {"sizes": TWELVE, "simulated_pools": ["a10"]},
    "one model": {"sizes": {"only": 3.0}, "pools": ["a10"], "failed": (), "noisy": ()},
}

CONTRASTS = """() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const parts = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = rgba(getComputedStyle(at).backgroundColor);
      if (found[3] > 0) return found;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (["title", "desc", "STYLE"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const colour = rgba(element.tagName === "text" ? style.fill : style.color);
    const [one, other] = [luminance(colour), luminance(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([texts.currentNode.data.trim().slice(0, 40), ratio]);
  }
  return found;
}"""
SMALL_TEXTS = """() => [...document.querySelectorAll("figure svg")].flatMap((svg) => {
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll("text")].map((text) =>
    [text.textContent, parseFloat(getComputedStyle(text).fontSize) * scale]);
})"""
CUT_TEXTS = """() => [...document.querySelectorAll("figure svg")].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1
      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }).map((text) => text.textContent);
})"""
OVERLAPPING_TEXTS = """() => [...document.querySelectorAll("figure svg")].flatMap((svg) => {
  const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
  const boxes = texts.map((text) => text.getBoundingClientRect());
  const found = [];
  for (let i = 0; i < boxes.length; i += 1) {
    for (let j = i + 1; j < boxes.length; j += 1) {
      const [a, b] = [boxes[i], boxes[j]];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Boxes hold room for letters above and below; 4 px of it may be shared.
      if (wide > 1 && high > 4) found.push([texts[i].textContent, texts[j].textContent]);
    }
  }
  return found;
})"""

AS_PAGES = """() => {
  const [width, height] = [182, 269];  // millimetres of A4 within the margins
  Object.assign(document.body.style, {
    width: `${width}mm`, maxWidth: "none", height: `${height}mm`, margin: 0, padding: 0,
    columnWidth: `${width}mm`, columnGap: 0, columnFill: "auto",
  });
  const px = document.body.clientWidth;
  const pages = (element) => [...element.getClientRects()].map((r) => Math.round(r.left / px));
  const seen = (selector) => [...document.querySelectorAll(selector)].filter(
    (element) => element.checkVisibility() && element.getClientRects().length);
  const start = (element) => Math.floor((element.getClientRects()[0].left + 1) / px);
  const words = (element) => `${element.tagName}: ${element.textContent.trim().slice(0, 40)}`;
  const cut = seen("figure, tbody tr, .caution, .reading dd, h2, h3, summary")
    .filter((element) => element.getClientRects().length > 1);
  const followers = [
    ...seen("h2, h3, summary, dt, .sent").map((e) => [e, e.nextElementSibling]),
    ...seen("caption").map((e) => [e, e.parentElement.tBodies[0].rows[0]]),
    ...seen("tbody").filter((e) => e.rows.length > 1).flatMap((e) => [
      [e.rows[0], e.rows[1]], [e.rows[e.rows.length - 2], e.rows[e.rows.length - 1]]]),
  ];
  const alone = followers.filter(([one, next]) => next && start(one) !== start(next));
  const broken = seen("tbody th:nth-child(2), .number").filter((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const lines = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
    return element.closest("tbody") && !element.closest(".words") && lines.size > 1;
  });
  return {
    pages: Math.max(...seen("section").flatMap(pages)) + 1,
    cut: cut.map(words),
    alone: alone.map(([one]) => words(one)),
    broken: broken.map(words),
  };
}"""
"""The report in columns as large as a page's inside: they are broken by the rules of pages, and
unlike pages can be looked at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if is_promised("browser"):
            pytest.fail("no chromium: apt-get install chromium")
        pytest.skip("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module", params=REPORTS)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_to(an_answer(**REPORTS[request.param]), tmp_path_factory.mktemp("report"))


class Opened:
    """A page with what it said and asked for while it was opened."""

    def __init__(self, browser: Browser, file: Path, *, width: int, scheme: Scheme) -> None:
        self._context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        self.page: Page = self._context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()


@pytest.fixture(params=[(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")],
                ids=["desk light", "desk dark", "phone light", "phone dark"])  # fmt: skip
def opened(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Opened]:
    width, scheme = request.param
    with Opened(browser, report, width=width, scheme=scheme) as opened:
        yield opened


class TestOnEveryScreen:
    def test_nothing_is_asked_for_and_nothing_goes_wrong(
        self, opened: Opened, report: Path
    ) -> None:
        assert opened.asked == [report.as_uri()]
        assert opened.said == []

    def test_the_page_never_scrolls_sideways(self, opened: Opened) -> None:
        opened.page.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)")
        wide = opened.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= opened.page.evaluate("document.documentElement.clientWidth")

    def test_every_text_stands_out_from_its_ground(self, opened: Opened) -> None:
        opened.page.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)")
        contrasts = opened.page.evaluate(CONTRASTS)
        assert len(contrasts) > 50
        assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []

    def test_pictures_are_there_and_can_be_read(self, opened: Opened) -> None:
        for svg in opened.page.locator("figure svg").all():
            box = svg.bounding_box()
            assert box is not None
            assert box["width"] > 300
            assert box["height"] > 100
        assert [text for text, px in opened.page.evaluate(SMALL_TEXTS) if px < 11] == []

    def test_no_text_of_a_picture_is_cut_or_covers_another(self, opened: Opened) -> None:
        assert opened.page.evaluate(CUT_TEXTS) == []
        assert opened.page.evaluate(OVERLAPPING_TEXTS) == []


class TestByKeyboard:
    def test_the_first_key_leads_to_the_report(self, browser: Browser, report: Path) -> None:
        with Opened(browser, report, width=DESK, scheme="light") as opened:
            opened.page.keyboard.press("Tab")
            assert opened.page.evaluate("document.activeElement.textContent") == "To the report"
            opened.page.keyboard.press("Enter")
            assert opened.page.url.endswith("#report")

    def test_a_section_opens(self, browser: Browser, report: Path) -> None:
        with Opened(browser, report, width=DESK, scheme="light") as opened:
            summary = opened.page.locator("summary").first
            summary.focus()
            opened.page.keyboard.press("Enter")
            assert opened.page.locator("details").first.get_attribute("open") is not None


class TestOnPaper:
    def test_closed_sections_are_printed_and_nothing_is_wider_than_the_sheet(
        self, browser: Browser, report: Path
    ) -> None:
        a4_less_margins_px = round((210 - 2 * 14) / 25.4 * 96)
        with Opened(browser, report, width=a4_less_margins_px, scheme="dark") as opened:
            opened.page.emulate_media(media="print")
            heights = opened.page.evaluate(
                "[...document.querySelectorAll('details table')]"
                ".map((table) => table.getBoundingClientRect().height)"
            )
            assert heights
            assert min(heights) > 20
            wide = opened.page.evaluate(
                "Math.max(...[...document.querySelectorAll('table')]"
                ".map((table) => table.getBoundingClientRect().right))"
            )
            assert wide <= a4_less_margins_px + 1

    def test_it_is_printed_on_white_whatever_the_screen_is(
        self, browser: Browser, report: Path
    ) -> None:
        with Opened(browser, report, width=DESK, scheme="dark") as opened:
            opened.page.emulate_media(media="print")
            ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert ground == "rgb(255, 255, 254)"
            contrasts = opened.page.evaluate(CONTRASTS)
            assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []

    def test_no_page_cuts_a_picture_or_a_row_or_leaves_a_heading_alone(
        self, browser: Browser, report: Path
    ) -> None:
        with Opened(browser, report, width=DESK, scheme="light") as opened:
            opened.page.emulate_media(media="print")
            found = opened.page.evaluate(AS_PAGES)
            assert found["pages"] > 1
            assert {k: v for k, v in found.items() if k != "pages"} == {
                "cut": [], "alone": [], "broken": [],
            }  # fmt: skip

    def test_it_becomes_a_pdf(self, browser: Browser, report: Path) -> None:
        with Opened(browser, report, width=DESK, scheme="light") as opened:
            assert opened.page.pdf(format="A4").startswith(b"%PDF")
            assert opened.said == []
