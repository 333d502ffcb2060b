"""Reading the plan, which both processes of the head start from."""

from pathlib import Path

from slmeval_api.plan import Plan


def read_plan(path: Path) -> Plan:
    """Return the plan in the file `path`.

    Raises:
        OSError: the file cannot be read.
        pydantic.ValidationError: it is not of the form that this runner knows.

    """
    return Plan.model_validate_json(path.read_bytes())
