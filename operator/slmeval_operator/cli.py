"""Console entry of the operator: environment in, exit code out."""

import argparse
import sys
from collections.abc import Sequence

from prometheus_client import disable_created_metrics
from pydantic import ValidationError

from .logs import configure
from .settings import Settings


def variables() -> str:
    """Return a line for each variable that the operator reads, with its default."""
    lines = ["environment:"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default!r}"
        lines.append(f"  SLMEVAL_{name.upper()}  {default}. {field.description or ''}".rstrip())
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the settings and run; return 2 when a setting is wrong."""
    argparse.ArgumentParser(
        prog="slmeval-operator",
        description="Watch SLMEvaluations and answer them, until a signal ends the process.",
        epilog=variables(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(argv)
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "SLMEVAL_" + "_".join(str(part) for part in fault["loc"]).upper()
            sys.stderr.write(f"slmeval-operator: {name}: {fault['msg']}\n")
        return 2
    configure(settings.log_level, settings.log_format)
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a series for each counter more
    from .main import run  # kopf is slow to import: a wrong setting is told at once

    run(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
