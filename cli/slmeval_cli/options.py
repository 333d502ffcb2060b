"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from .calls import Cluster, Where, World
from .reading import Read, read_cluster, read_files

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the SLMEvaluation.")]
Files = Annotated[
    list[str], typer.Argument(metavar="FILE", help="YAML files; - is standard input.")
]
RunName = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="An SLMRun of it. Left out: the newest.")
]
SavedFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="Saved objects to read in place of the cluster; - is standard input. May be repeated.",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        help="Namespace. Left out: the current one of the kubeconfig.",
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context", metavar="NAME", help="Context of the kubeconfig. Left out: the current one."
    ),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        help="The kubeconfig. Left out: $KUBECONFIG, else ~/.kube/config, else the pod's account.",
    ),
]


def world_of(context: typer.Context) -> World:
    """Return what the command may reach."""
    world = context.find_object(World)
    if world is None:
        raise TypeError("the app was started without a World: see main.py")
    return world


def connected(context: typer.Context, where: Where) -> Cluster:
    """Return the cluster that the options name.

    Raises:
        ClusterError: the kubeconfig cannot be used.

    """
    return world_of(context).connect(where)


def read(
    context: typer.Context, name: str, where: Where, *, run: str | None, files: list[str] | None
) -> Read:
    """Return the answer to the evaluation `name`, from `files` or else from the cluster.

    Raises:
        UserError: there is none, or it cannot be read.

    """
    if files:
        return read_files(files, name, namespace=where.namespace, run=run)
    return read_cluster(connected(context, where), name, run=run)
