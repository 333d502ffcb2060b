"""`slmeval apply`: ask."""

from typing import Annotated

import typer

from slmeval_cli.answer import Body
from slmeval_cli.calls import Applied, Where
from slmeval_cli.checking import refuse_faulty
from slmeval_cli.documents import Document, documents_of
from slmeval_cli.exits import FaultyError, UserError
from slmeval_cli.options import Context, Files, Kubeconfig, Namespace, connected
from slmeval_cli.screen import Screen

OPERATORS_OWN = ("SLMRun", "SLMTrial")


def apply(
    context: typer.Context,
    files: Files,
    is_dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Let the API server check everything and store nothing."),
    ] = False,
    is_forced: Annotated[
        bool,
        typer.Option("--force-conflicts", help="Take over fields that another tool manages."),
    ] = False,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Create or change what the files hold, by server-side apply as field manager `slmeval`.

    All files are checked before the first object is sent. An edit of an evaluation asks anew and
    stops the old run; one that changes nothing starts nothing.

    \b
    Examples:
      slmeval apply examples/pools/cpu.yaml examples/quickstart.yaml
      slmeval apply --dry-run examples/own-data.yaml
    """
    documents = [document for file in files for document in documents_of(file)]
    _refuse(documents)
    cluster = connected(context, Where(namespace, cluster_context, kubeconfig))
    screen = Screen()
    for document in documents:
        done = cluster.applied(
            document.body, cluster.namespace, is_dry_run=is_dry_run, is_forced=is_forced
        )
        name = f"{str(done.after.get('kind')).lower()}/{done.after['metadata']['name']}"
        screen.line(f"{name} {_what(done)}{' (dry run)' if is_dry_run else ''}")


def _refuse(documents: list[Document]) -> None:
    if not documents:
        raise FaultyError("The files hold no object.")
    refuse_faulty(documents)
    for document in documents:
        if document.body.get("kind") in OPERATORS_OWN:
            raise UserError(
                f"{document} is the operator's to write.",
                "Apply the SLMEvaluation; `slmeval results -f` reads saved runs and trials.",
            )


def _what(done: Applied) -> str:
    if done.before is None:
        return "created"
    return "unchanged" if _content(done.before) == _content(done.after) else "changed"


def _content(body: Body) -> Body:
    """Return what users write of an object: the server's bookkeeping changes by itself."""
    metadata = body["metadata"]
    kept = {key: value for key, value in body.items() if key not in ("metadata", "status")}
    return kept | {key: metadata.get(key) or {} for key in ("labels", "annotations")}
