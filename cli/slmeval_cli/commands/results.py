"""`slmeval results`: what was measured."""

from enum import StrEnum
from typing import Annotated

import typer

from slmeval_cli.calls import Where
from slmeval_cli.formats import csv_text, json_text, yaml_text
from slmeval_cli.options import Context, Kubeconfig, Name, Namespace, RunName, SavedFiles, read
from slmeval_cli.screen import Screen
from slmeval_cli.showing import show_results


class Output(StrEnum):
    """Forms of the results."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    CSV = "csv"
    YAML = "yaml"


def results(
    context: typer.Context,
    name: Name,
    run: RunName = None,
    output: Annotated[
        Output,
        typer.Option(
            "--output",
            "-o",
            metavar="|".join(Output),
            help="table and wide are for people; json and csv hold one row a workload's point and "
            "a task; yaml holds the objects themselves, which -f reads again.",
        ),
    ] = Output.TABLE,
    files: SavedFiles = None,
    namespace: Namespace = None,
    cluster_context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show speed and accuracy of each model on each pool.

    P50 S and P99 S are quantiles of a request's latency in seconds, TTFT of its time to first
    token; SPREAD % is the coefficient of variation of the repetitions. Scores stand with their 95%
    interval. What was not measured is empty, never 0.

    \b
    Examples:
      slmeval results quickstart
      slmeval results quickstart -o csv > quickstart.csv
      slmeval results quickstart -o yaml > saved.yaml
      slmeval results quickstart -f saved.yaml -o wide
    """
    where = Where(namespace, cluster_context, kubeconfig)
    found = read(context, name, where, run=run, files=files)
    screen = Screen()
    if output == Output.JSON:
        screen.text(f"{json_text(found.answer)}\n")
    elif output == Output.CSV:
        screen.text(csv_text(found.answer))
    elif output == Output.YAML:
        screen.text(yaml_text(found.bodies))
    else:
        is_wide = output == Output.WIDE
        show_results(found.answer, screen, is_wide=is_wide, is_saved=bool(files))
