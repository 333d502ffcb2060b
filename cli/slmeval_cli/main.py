"""The command line: which commands there are, and how each ends."""

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from time import monotonic
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .calls import Cluster, Where, World
from .commands import (
    apply,
    compare,
    list_,
    logs,
    plan,
    report,
    results,
    run,
    run_now,
    validate,
    wait,
    watch,
)
from .exits import ExitCode, UnreadError, UserError
from .local.processes import ThisMachine
from .screen import Screen

EXIT_CODES = "\n".join(f"  {code.value:<5}{code.meaning}" for code in ExitCode)
HELP = f"""Ask which small language model fits a job, follow the measurement, read the answer.

Runs as `slmeval` and as `kubectl slmeval`.

\b
Examples:
  slmeval apply examples/pools/cpu.yaml examples/quickstart.yaml
  slmeval watch quickstart
  slmeval results quickstart

\b
Exit codes:
{EXIT_CODES}
"""


class Group(TyperGroup):
    """The commands; an error that the user can cure ends one without a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as Typer has it
        """Run a command; return what it returns, or end with the exit code of its error."""
        try:
            return super().invoke(ctx)
        except UnreadError as error:
            raise typer.Exit(error.code) from None
        except UserError as error:
            Screen().note(f"Error: {error}", style="red")
            raise typer.Exit(error.code) from None
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")  # of the pydantic in Typer
            raise
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None


def _connect(where: Where) -> Cluster:
    from .cluster import connect  # the client takes long to import: only for what asks a cluster

    return connect(where)


def _real_world() -> World:
    return World(
        connect=_connect, now=lambda: datetime.now(UTC), monotonic=monotonic, here=ThisMachine()
    )


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"slmeval {version('slmeval')}")
        raise typer.Exit


app = typer.Typer(
    cls=Group,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,  # help stays text that can be piped and searched
    pretty_exceptions_enable=False,  # they print local variables, and one of them may be a token
)


@app.callback()
def _begin(
    context: typer.Context,
    is_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    if context.obj is None:  # tests bring a world of their own
        context.obj = _real_world()


# In the order of use, which is that of --help. A further command is a line here.
app.command("validate")(validate.validate)
app.command("plan")(plan.plan)
app.command("apply")(apply.apply)
app.command("run")(run.run)
app.command("run-now")(run_now.run_now)
app.command("list")(list_.list_)
app.command("watch")(watch.watch)
app.command("wait")(wait.wait)
app.command("results")(results.results)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("logs")(logs.logs)


def main() -> None:
    """Run the command line of this process."""
    is_plugin = sys.argv[0].rpartition("/")[2].startswith("kubectl-")
    app(prog_name="kubectl slmeval" if is_plugin else "slmeval")
