"""Write every generated file, or say which are stale: `python -m hack.gen [--check]`."""

import argparse
import sys
from pathlib import Path

from .chart import chart_files
from .cli import cli_reference
from .crd import KINDS, crd
from .dashboards import dashboards
from .events import events_page
from .metrics import metrics_page
from .reference import reference
from .yaml_text import yaml_text

ROOT = Path(__file__).resolve().parents[2]
HEADER = "# Generated from api/slmeval_api by `make gen`. Do not edit.\n"
CHART_CRDS = ROOT / "charts/slmeval/files/crds"
DASHBOARDS = ROOT / "charts/slmeval/files/dashboards"


def generated() -> dict[Path, str]:
    """Return path -> content of everything that the code gives."""
    files = dict[Path, str]()
    for kind in KINDS:
        text = HEADER + yaml_text(crd(kind))
        files[ROOT / f"crds/{kind.info.plural}.yaml"] = text
        files[CHART_CRDS / f"{kind.info.plural}.yaml"] = text
        files[ROOT / f"docs/reference/{kind.info.kind.lower()}.md"] = reference(kind)
    files[ROOT / "docs/reference/cli.md"] = cli_reference()
    files[ROOT / "docs/reference/events.md"] = events_page()
    files[ROOT / "docs/reference/metrics.md"] = metrics_page()
    files |= {DASHBOARDS / name: text for name, text in dashboards().items()}
    return files | chart_files(ROOT)


def main() -> int:
    """Write the files; with --check, write none and return 1 when one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    is_check = parser.parse_args().check
    stale = [p for p, text in generated().items() if not p.exists() or p.read_text() != text]
    for path in stale:
        print(f"{'stale' if is_check else 'wrote'} {path.relative_to(ROOT)}")
        if not is_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(generated()[path])
    if is_check and stale:
        print("run `make gen` and commit what it writes")
    return int(bool(is_check and stale))


if __name__ == "__main__":
    sys.exit(main())
