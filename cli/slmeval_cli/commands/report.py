"""`slmeval report`: the answer as one page with pictures."""

from pathlib import Path
from typing import Annotated

import typer

from slmeval_cli.calls import Where
from slmeval_cli.exits import UserError
from slmeval_cli.options import Context, Kubeconfig, Name, Namespace, RunName, SavedFiles, read
from slmeval_cli.screen import Screen


def report(
    context: typer.Context,
    name: Name,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder to write to; it is made. Left out: NAME-report.",
        ),
    ] = None,
    run: RunName = None,
    files: SavedFiles = None,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Write one page with pictures, tables and how to read them: report.html.

    The page needs no network and prints well. Beside it lie its pictures as SVG and PNG.

    \b
    Examples:
      slmeval report quickstart
      slmeval report quickstart -o /tmp/quickstart
      slmeval report quickstart -f saved.yaml
    """
    from slmeval_cli.report import NotWritten, report_to  # drawing takes a second to import

    where = Where(namespace, cluster_context, kubeconfig)
    answer = read(context, name, where, run=run, files=files).answer
    try:
        page = report_to(answer, folder or Path(f"{answer.name.name}-report"))
    except NotWritten as error:
        raise UserError(str(error)) from error
    Screen().line(str(page))
