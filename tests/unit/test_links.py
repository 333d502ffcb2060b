"""Links of our pages lead somewhere: to files that are there, and to headings in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tools import ROOT

FOLDERS = ("docs", "charts", "examples", "hack", "runner")
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(p for f in FOLDERS for p in sorted((ROOT / f).rglob("*.md"))),
]
LINK = re.compile(r"\]\(([^)\s]+)\)", re.MULTILINE)
BLOCK = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
WORD = re.compile(r"`[^`\n]*`")
IMAGES = {".png", ".svg"}


class Link(NamedTuple):
    """Where a link of a page leads."""

    target: Path
    heading: str


def links(page: Path) -> Iterator[Link]:
    """Yield the links to files of ours; those to the web are others' business."""
    for found in LINK.findall(WORD.sub("", _prose(page))):
        if "://" in found:
            continue
        path, _, heading = found.partition("#")
        yield Link((page.parent / path).resolve() if path else page, heading)


def headings(page: Path) -> set[str]:
    """Return the headings of a page as forges name them in links."""
    found = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


def _prose(page: Path) -> str:
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
class TestAPage:
    def test_links_to_what_is_there(self, page: Path) -> None:
        assert [str(link.target) for link in links(page) if not link.target.exists()] == []

    def test_links_to_headings_that_are_there(self, page: Path) -> None:
        lost = [
            f"{link.target.name}#{link.heading}"
            for link in links(page)
            if link.heading and link.heading not in headings(link.target)
        ]
        assert lost == []


def test_every_picture_and_every_guide_is_linked_to() -> None:
    wanted = {p for p in (ROOT / "docs/images").iterdir() if p.suffix in IMAGES}
    wanted |= set((ROOT / "docs/guides").glob("*.md"))
    assert wanted - {link.target for page in PAGES for link in links(page)} == set()
