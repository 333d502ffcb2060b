# SPDX-License-Identifier: Apache-2.0
"""Commands and their arguments; what they do lives in the modules they call."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from . import addons, images, preflight, status
from .apiserver import serve
from .down import down
from .errors import ClusterError
from .golang import PROGRAMS, ensure_built
from .kubectl import Kubectl
from .layout import Layout, layout_of
from .locks import only_one
from .packages import use_carried
from .up import up

_DESCRIPTION = """\
A real single-node Kubernetes with KubeRay on this machine, without a container engine.
"""
_EPILOG = """\
environment: SLMEVAL_CLUSTER_STATE (default /var/lib/slmeval-cluster) dies with the cluster;
SLMEVAL_CACHE (default ~/.cache/slmeval) outlives it; SLMEVAL_CLUSTER_API_PORT (default 6443).
"""


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="python3 hack/cluster",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="bring the cluster up; quick if it is up already")
    commands.add_parser("down", help="take it down without a trace; the cache stays")
    commands.add_parser("status", help="say what runs; exit status 1 if something does not")
    build = commands.add_parser("build", help="only build programs, such as helm; needs no root")
    build.add_argument("programs", nargs="+", choices=sorted(PROGRAMS), metavar="PROGRAM")
    load = commands.add_parser("load-images", help="give images to the cluster")
    load.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="OCI folder or archive")
    load.add_argument("--name", help="name:tag for the only image of the only PATH")
    kuberay = commands.add_parser("kuberay", help="stop or start KubeRay's operator")
    kuberay.add_argument("action", choices=["stop", "start"])
    api = commands.add_parser("apiserver", help="only etcd and the API server, in the foreground")
    api.add_argument("--state", type=Path, required=True, help="folder for admin.conf and data")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    state = args.state if args.command == "apiserver" else None
    try:
        return _run(args, layout_of(os.environ, state=state))
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on where it stopped\n")
        return 130


def _interrupt(*_: object) -> None:
    """Treat SIGTERM as Ctrl-C: what was called, such as a build, is ended as well."""
    raise KeyboardInterrupt


def _run(args: argparse.Namespace, layout: Layout) -> int:
    """Run the command that `args` name."""
    use_carried(layout)
    if args.command not in ("apiserver", "build"):
        preflight.check_root()
    match args.command:
        case "apiserver":
            serve(layout)
        case "build":
            for name in args.programs:
                ensure_built(name, cache=layout.cache)
        case "status":
            found = status.checks(layout)
            sys.stdout.write(status.report(found))
            return 0 if all(check.is_good for check in found) else 1
        case "load-images":
            _load(args, layout)
        case "kuberay":
            kubectl = Kubectl(binary=layout.bin / "kubectl", kubeconfig=layout.kubeconfig)
            addons.scale_kuberay(kubectl, running=args.action == "start")
        case "up" | "down":
            with only_one(layout.cache, f"cluster {layout.state}"):
                up(layout) if args.command == "up" else down(layout)
    return 0


def _load(args: argparse.Namespace, layout: Layout) -> None:
    """Load each image that was named."""
    if args.name and len(args.paths) > 1:
        raise ClusterError("--name was given for several paths.", "Load them one by one.")
    for path in args.paths:
        images.load(layout, path, name=args.name)
