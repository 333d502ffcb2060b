"""An HTML page as a test looks at it: its elements, its text, its tables."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}


@dataclass(slots=True)
class Element:
    """An element with what is in it: elements and texts, in their order."""

    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator["Element"]:
        """Yield it and every element in it that has one of `tags`; without tags every one."""
        if not tags or self.tag in tags:
            yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.all(*tags)

    @property
    def text(self) -> str:
        """All text in it, blanks joined."""
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        return " ".join(" ".join(parts).split())


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            raise ValueError(f"<{tag}> has an attribute twice: {names}")
        made = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        last = self._open.pop()
        if last.tag != tag:
            raise ValueError(f"</{tag}> closes <{last.tag}>")

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parsed(html: str) -> Element:
    """Return the page.

    Raises:
        ValueError: elements are not nested, or an attribute is there twice.

    """
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.root


def tables(page: Element) -> dict[str, list[dict[str, str]]]:
    """Return the tables by their caption: a dict from heading to cell for each row.

    Headings have their group and unit in them: `Latency p50 s`.
    """
    return {next(table.all("caption")).text: _rows(table) for table in page.all("table")}


def _rows(table: Element) -> list[dict[str, str]]:
    head, body = next(table.all("thead")), next(table.all("tbody"))
    names = _headings(list(head.all("tr")))
    rows = [[cell.text for cell in row.all("th", "td")] for row in body.all("tr")]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _headings(rows: list[Element]) -> list[str]:
    if len(rows) == 1:
        return [cell.text for cell in rows[0].all("th")]
    tall, groups = list[str](), list[str]()
    for cell in rows[0].all("th", "td"):
        if cell.attributes.get("rowspan"):
            tall.append(cell.text)
        else:
            groups += [cell.text] * int(cell.attributes["colspan"])
    below = [cell.text for cell in rows[1].all("th")]
    return tall + [f"{g} {b}".strip() for g, b in zip(groups, below, strict=True)]
