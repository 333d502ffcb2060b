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
    Exit code 1: a file has faults; 2: one cannot be read.

    \b
    Examples:
      slmeval validate examples/quickstart.yaml
      kustomize build . | slmeval validate -
    """
    screen = Screen()
    code = max([_checked(file, screen) for file in files])  # all of them, whatever the first has
    if code:
        raise typer.Exit(code)


def _checked(file: str, screen: Screen) -> ExitCode:
    """Write what is found of a file; return the exit code that it alone would have."""
    verdicts, doubles = list[bool](), Doubles()
    try:
        for document in documents_of(file):
            verdicts.append(_is_good(document, doubles, screen))
    except UserError as error:
        screen.line(str(error), style="red")
        return error.code
    if not verdicts:
        screen.line(f"{file}: it holds no object.", style="red")
    return ExitCode.OK if verdicts and all(verdicts) else ExitCode.FAILED


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
