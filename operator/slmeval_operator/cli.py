"""Console entry of the operator: environment in, exit code out."""

import sys

from prometheus_client import disable_created_metrics
from pydantic import ValidationError

from .logs import configure
from .settings import Settings


def main() -> int:
    """Read the settings and run; return 2 when a setting is wrong."""
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
