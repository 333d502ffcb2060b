"""Picture the report for docs/: `PYTHONPATH=tests python -m hack.report_picture docs/images`.

It is the report on the tests' answer, whose figures are made up and which says so. Needs chromium.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from answers import an_answer
from playwright.sync_api import sync_playwright
from slmeval_cli.report import report_to


class View(NamedTuple):
    """A screen that the report is looked at on."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"]


VIEWS = (View("report-desk", 1280, 1300, "light"), View("report-phone", 390, 1700, "dark"))


def main() -> int:
    """Write a PNG for each view; return 1 where there is no browser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("no chromium: apt-get install chromium\n")
        return 1
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        file = report_to(an_answer(), Path(made))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for view in VIEWS:
            size = {"width": view.width, "height": view.height}
            page = browser.new_page(viewport=size, color_scheme=view.scheme)  # type: ignore[arg-type]
            page.goto(file.as_uri())
            page.screenshot(path=folder / f"{view.name}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
