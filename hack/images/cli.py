# SPDX-License-Identifier: Apache-2.0
"""The command line: `build`, `lock` and `prune`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from . import buildah, docker, plan
from .console import ImagesError
from .locks import lock_all


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="hack/images", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    build = commands.add_parser(
        "build",
        help="build images",
        description="Build images with Docker, or with buildah where no Docker engine answers. "
        "buildah leaves an OCI image layout per image in $SLMEVAL_CACHE/images "
        "(~/.cache/slmeval/images), for `python3 hack/cluster load-images`.",
    )
    build.add_argument(
        "targets",
        nargs="*",
        default=plan.DEFAULT_TARGETS,
        metavar="TARGET",
        help=f"of {', '.join(plan.TARGETS)}; default: {' '.join(plan.DEFAULT_TARGETS)}",
    )
    build.add_argument("--registry", default="localhost/slmeval", help="default: %(default)s")
    build.add_argument("--tag", default="dev", help="default: %(default)s")
    build.add_argument(
        "--variant",
        choices=("cpu", "gpu"),
        default="cpu",
        help="what the runner runs on; default: %(default)s (the Dockerfile's own default is gpu)",
    )
    build.add_argument("--engine", choices=("auto", "docker", "buildah"), default="auto")
    build.add_argument("--mirror", help="Debian's, for buildah; left out: debootstrap's own")
    lock = commands.add_parser("lock", help="make the locks in requirements/ (needs uv)")
    lock.add_argument("--check", action="store_true", help="only fail if one is out of date")
    lock.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    commands.add_parser("prune", help="remove layers of earlier builds from buildah's store")
    return top


def build_images(args: argparse.Namespace) -> None:
    """Build what `args` names, with the engine that it names or that is there."""
    if unknown := [target for target in args.targets if target not in plan.TARGETS]:
        raise ImagesError(
            f"There is no image {', '.join(unknown)}.", f"There are: {', '.join(plan.TARGETS)}."
        )
    wanted = plan.Plan(
        targets=tuple(args.targets),
        registry=args.registry,
        tag=args.tag,
        variant=args.variant,
        version=plan.version(),
        revision=plan.revision(),
    )
    if args.engine == "docker" or (args.engine == "auto" and docker.answers()):
        docker.build(wanted)
    else:
        folder = plan.cache_folder(dict(os.environ)) / "images"
        buildah.build(wanted, folder=folder, mirror=args.mirror)


def main(argv: Sequence[str]) -> int:
    """Parse, call, map errors to an exit code."""
    args = parser().parse_args(argv)
    try:
        if args.command == "lock":
            lock_all(check=args.check, upgrade=args.upgrade)
        elif args.command == "prune":
            buildah.prune()
        else:
            build_images(args)
    except ImagesError as error:
        sys.stderr.write(f"hack/images: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("hack/images: stopped; finished steps are kept.\n")
        return 130
    return 0
