"""`slmeval validate`: are these files right? Asks no cluster."""

import typer

from slmeval_cli.checking import Doubles, faults_of, is_checked
from slmeval_cli.documents import Document, documents_of
from slmeval_cli.exits import ExitCode, UserError
from slmeval_cli.options import Files
from slmeval_cli.screen import Screen


def validate(files: Files) -> None:
    """Check files without a cluster, by the rules that the API server has.

    All faults of all files are shown: the file, its document, the field, what was found there, and
    what to do. Of other API groups' objects only the metadata is checked, of ConfigMaps all.

    \b
    Examples:
      slmeval validate examples/quickstart.yaml
      kustomize build . | slmeval validate -
    """
    screen = Screen()
    wrong = [file for file in files if not _is_right(file, screen)]
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


def _is_right(file: str, screen: Screen) -> bool:
    """Write what is found of a file; return whether it holds no fault."""
    verdicts, doubles = list[bool](), Doubles()
    try:
        for document in documents_of(file):
            verdicts.append(
                _is_good(document, doubles, screen)
            )  # all are shown, not the first alone
    except UserError as error:
        screen.line(str(error), style="red")
        return False
    if not verdicts:
        screen.line(f"{file}: it holds no object.", style="red")
    return bool(verdicts) and all(verdicts)


def _is_good(document: Document, doubles: Doubles, screen: Screen) -> bool:
    faults = [*faults_of(document.body), *doubles.faults_of(document)]
    for fault in faults:
        screen.line(f"{document}: {fault}", style="red")
    if not faults and is_checked(document.body):
        screen.line(f"{document}: valid")
    elif not faults:
        version = document.body["apiVersion"]
        screen.line(f"{document}: only its metadata was checked: {version} is not slmeval's")
    return not faults
