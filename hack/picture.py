"""Draw what a terminal showed as a picture for docs/: `COMMAND | python -m hack.picture OUT.svg`.

Only what was really printed goes in; the first line should be the command as it was typed.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

# rich's own template asks a web site for its font; pages that forbid that would fall back anyhow.
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def picture(text: str, *, title: str) -> str:
    """Return an SVG of `text`, with its colours, in a terminal window of its width."""
    lines = [Text.from_ansi(line) for line in text.rstrip("\n").splitlines()]
    width = max([len(line) for line in lines] + [40]) + 2
    with open("/dev/null", "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=width, file=nowhere, legacy_windows=False)
        for line in lines:
            if line.plain.startswith("$ "):
                line.stylize("bold")
            console.print(line, soft_wrap=True)
        svg = console.export_svg(title=title)
    start, end = svg.index("@font-face"), svg.index(".terminal")
    head = svg[:start] + "    "
    # The rules between the fonts and the first class of the terminal are only the fonts.
    matrix = svg.index("-matrix {")
    end = svg.rindex(".", 0, matrix)
    return (head + svg[end:]).replace("Fira Code, monospace", FONT)


def main() -> int:
    """Read standard input, write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--title", default="kubectl")
    args = parser.parse_args()
    args.out.write_text(picture(sys.stdin.read(), title=args.title), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
