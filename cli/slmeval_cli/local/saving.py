"""The file that a run without a cluster keeps its objects in; `-f` of other commands reads it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slmeval_cli.answer import Body
from slmeval_cli.documents import documents_of
from slmeval_cli.exits import UserError
from slmeval_cli.formats import yaml_text


def log_of(file: Path) -> Path:
    """Return where the log of a run stands that is saved in `file`."""
    return file.with_name(f"{file.name}.log")


def saved_in(file: Path) -> list[Body] | None:
    """Return the objects in `file`; None: there is no such file.

    Raises:
        UserError: it cannot be read, or is no YAML.

    """
    return [d.body for d in documents_of(str(file))] if file.exists() else None


def save(file: Path, bodies: list[Body]) -> None:
    """Make `file` hold `bodies`: the old content or the new one is there at any time.

    Raises:
        UserError: it cannot be written.

    """
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        temporary.write_text(yaml_text(bodies), encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from None


@contextmanager
def locked(file: Path) -> Iterator[Path]:
    """Hold the log of `file`, which is created, against another run that would write them both.

    Raises:
        UserError: another run holds it, or it cannot be written.

    """
    import fcntl  # not on Windows, where the other commands work

    log = log_of(file)
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise UserError(
            f"{log} cannot be written: {error.strerror}.", "Name another file by --output."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield log
    except BlockingIOError:
        raise UserError(
            f"Another `slmeval run` writes {file}.", "Wait for it, or name another --output."
        ) from None
    finally:
        os.close(descriptor)
