"""`slmeval run`: an evaluation on this machine, without a cluster."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
import yaml
from pydantic import ValidationError

from slmeval_cli.calls import World
from slmeval_cli.checking import refuse_faulty
from slmeval_cli.documents import documents_of
from slmeval_cli.exits import UserError
from slmeval_cli.following import until_end
from slmeval_cli.local.asked import Asked, NoPoolError, asked_of, pool_of
from slmeval_cli.local.fitting import notes, obstacles
from slmeval_cli.local.here import Site
from slmeval_cli.local.launching import launch_of
from slmeval_cli.local.objects import Objects, OtherQuestion
from slmeval_cli.local.running import LocalRun
from slmeval_cli.local.saving import locked, save, saved_in
from slmeval_cli.options import world_of
from slmeval_cli.progress import End, counts_of
from slmeval_cli.screen import Screen
from slmeval_cli.showing import progress_shown, show_results


def run(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="YAML file with the SLMEvaluation and the ConfigMaps that it names; - is standard "
            "input.",
        ),
    ],
    pool_files: Annotated[
        list[str] | None,
        typer.Option(
            "--pool-file", metavar="FILE", help="YAML file with SLMPools. May be repeated."
        ),
    ] = None,
    evaluation: Annotated[
        str | None,
        typer.Option(
            "--evaluation", metavar="NAME", help="SLMEvaluation that is meant, of several in FILE."
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            "--pool",
            metavar="NAME",
            help="SLMPool that this machine is, in place of those that the evaluation names.",
        ),
    ] = None,
    claims: Annotated[
        list[str] | None,
        typer.Option(
            "--claim",
            metavar="NAME=FOLDER",
            help="Folder that stands for a PersistentVolumeClaim. May be repeated.",
        ),
    ] = None,
    image_root: Annotated[
        Path,
        typer.Option(
            "--image-root",
            metavar="FOLDER",
            help="Folder that stands for the root of the runner image, where file:// sources are. "
            "Default /.",
        ),
    ] = Path("/"),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Where the objects are saved. Default NAME-results.yaml in the current folder. "
            "One that holds an unfinished run of the same question goes on; another is refused.",
        ),
    ] = None,
) -> None:
    """Measure on this machine, without a cluster: GPUs or CPUs, through a Ray of its own.

    The runner is the one of the pods, and so are figures, retries and verdicts. Progress is shown
    as by `watch`, results as by `results`; `results`, `compare` and `report` read the saved file by
    -f. Ctrl-C ends all that was started and keeps what was measured; the same command then goes on
    with what is left. What cannot be done here is refused before anything starts.

    Of the SLMPool count engine, gpus.perWorker, workers (as far as there are GPUs for them),
    workerResources.cpu and env. What is about pods is not used.

    Exit code 0: everything was measured; 1: a file has faults, or a trial or a gate failed; 2: it
    cannot be run here, and nothing was started; 5: of a gate the data cannot tell; 130: it was
    interrupted.

    \b
    Examples:
      slmeval run examples/quickstart.yaml --pool-file examples/pools/cpu.yaml
      slmeval run tickets.yaml --pool-file laptop.yaml --pool laptop --output tickets-laptop.yaml
      slmeval run tickets.yaml --claim tickets=./data
    """
    world, screen = world_of(context), Screen()
    folders = _folders(claims or [])
    documents = [one for name in (file, *(pool_files or [])) for one in documents_of(name)]
    refuse_faulty(documents)
    try:
        bodies = [document.body for document in documents]
        asked = asked_of(file, bodies, evaluation=evaluation, pool=pool)
    except NoPoolError as error:
        raise UserError(error.problem, _advice(file, error.name, world)) from None
    machine = world.here.machine(with_gpus=asked.gpus_per_worker > 0)
    site = Site(machine=machine, claims=folders, image=image_root)
    _refuse(obstacles(asked, site, world.here), screen)
    target = output or Path(f"{asked.name}-results.yaml")
    with locked(target) as log, _ended_by_signals():
        objects = _objects(target, asked, world)
        for note in notes(asked, site.machine):
            screen.note(note, style="yellow")
        screen.note(
            f"On {site.machine}, as pool {asked.pool.meta.name}. Saved in {target}, log {log}."
        )
        if objects.has_ended:
            screen.note("All of it has ended before. To ask again, name another file by --output.")
        elif objects.runs:
            screen.note(f"Goes on with {target}: {counts_of(objects.answer)} trials have ended.")
        local = LocalRun(
            objects=objects,
            here=world.here,
            launch_of=lambda new: launch_of(new, asked, site, reported=objects.reported, log=log),
            save=lambda changed: save(target, changed.bodies),
            now=world.now,
            monotonic=world.monotonic,
        )
        end = _followed(local, screen, world, target)
    show_results(objects.answer, screen, is_wide=False)
    screen.note(f"Saved in {target}: `slmeval report {asked.name} -f {target}` draws it.")
    raise typer.Exit(end.exit_code)


def _followed(local: LocalRun, screen: Screen, world: World, target: Path) -> End:
    """Show the run until its end, and return that."""
    end = End.OPEN
    try:
        with closing(local.states(world.tick_s)) as answers, progress_shown(screen) as show:
            for answer, standing in until_end(answers, monotonic=world.monotonic):
                show(answer, world.now())
                end = standing
    except KeyboardInterrupt:
        screen.note(
            f"Interrupted: {counts_of(local.objects.answer)} trials have ended and are saved in "
            f"{target}. The same command goes on with the others."
        )
        raise
    return end


def _folders(claims: list[str]) -> dict[str, Path]:
    """Return the folders that stand for claims, by the claim's name."""
    found = dict[str, Path]()
    for claim in claims:
        name, separator, folder = claim.partition("=")
        if not (name and separator and folder):
            raise UserError(f"--claim {claim} is not NAME=FOLDER.")
        found[name] = Path(folder).expanduser()
    return found


def _advice(file: str, name: str, world: World) -> str:
    """Return what to do without a pool `name`: a file beside FILE, or one to be written."""
    near = Path(file).parent / "pools" / f"{name}.yaml"
    if near.exists():
        return f"Add --pool-file {near}, if that is what this machine is."
    body = pool_of(name, world.here.machine(with_gpus=True))
    line = yaml.safe_dump(body, default_flow_style=True, sort_keys=False, width=10_000).strip()
    return f"Save the next line, which describes this machine, and name it by --pool-file: {line}"


def _refuse(problems: list[str], screen: Screen) -> None:
    for problem in problems:
        screen.note(f"{problem}.", style="red")
    if problems:
        raise UserError("It cannot be run on this machine as it is asked.", "Nothing was started.")


def _objects(target: Path, asked: Asked, world: World) -> Objects:
    """Return the objects to begin or to go on with."""
    bodies = saved_in(target)
    if bodies is None:
        return Objects.begun(asked, now=world.now(), new_uid=lambda: str(uuid4()))
    try:
        return Objects.resumed(bodies, asked, new_uid=lambda: str(uuid4()))
    except (OtherQuestion, ValidationError, KeyError) as error:
        why = str(error) if isinstance(error, OtherQuestion) else "it is of no form known here"
        raise UserError(
            f"{target} is there, and {why}: it is not overwritten.",
            "Name another file by --output, or move this one away.",
        ) from None


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal do what Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, interrupt) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
