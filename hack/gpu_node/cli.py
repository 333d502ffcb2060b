# SPDX-License-Identifier: Apache-2.0
"""Commands and their arguments: `pack` where this is built, the others on the GPU machine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hack.cluster.embedded import preflight
from hack.cluster.embedded.down import down
from hack.cluster.embedded.errors import ClusterError
from hack.cluster.embedded.layout import CARRIED_LINK, Layout, layout_of
from hack.cluster.embedded.packages import use_carried

from . import host, measure, pack, up

ROOT = Path(__file__).resolve().parents[2]
STATE = "/var/lib/slmeval-gpu-node"


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(prog="python3 hack/gpu_node", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="pack everything that the machine lacks")
    packing.add_argument("--out", type=Path, default=ROOT / "build/gpu-node")
    packing.add_argument("--slice", type=int, default=59, metavar="MB", help="0: one file")
    packing.add_argument("--preset", type=int, default=2, help="of xz, 0 to 9")
    bringing = commands.add_parser("up", help="bring the node up and install the operator")
    bringing.add_argument(
        "--site",
        type=Path,
        default=os.environ.get("SLMEVAL_GPU_SITE"),
        help="folder of vLLM and Ray, before the Python's own packages ($SLMEVAL_GPU_SITE)",
    )
    bringing.add_argument("--python", type=Path, default=sys.executable, help="has torch")
    bringing.add_argument("--models", type=Path, help="pods' /models; shapes are added to it")
    bringing.add_argument("--gpus", type=int, help="claim so many, to try all but the GPU")
    asking = commands.add_parser("measure", help="apply a manifest and follow its evaluations")
    asking.add_argument("file", type=Path)
    asking.add_argument("--longest", type=float, default=540.0, metavar="S", help="then return")
    asking.add_argument("--out", type=Path, help="folder for every object as JSON")
    showing = commands.add_parser("show", help="print the answers so far")
    showing.add_argument("--out", type=Path)
    commands.add_parser("down", help="take the node down without a trace")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    args = _parser().parse_args(argv)
    try:
        if args.command == "pack":
            pack.pack(
                layout_of(os.environ), ROOT, args.out, slice_mb=args.slice, preset=args.preset
            )
            return 0
        return _there(args)
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def layout_there(root: Path) -> Layout:
    """Return the layout on the GPU machine: its programs are those of the pack."""
    defaults = {"SLMEVAL_CACHE": str(root / "cache"), "SLMEVAL_CLUSTER_STATE": STATE}
    return layout_of({**defaults, **os.environ})


def _there(args: argparse.Namespace) -> int:
    """Run a command of the GPU machine."""
    preflight.check_root()
    layout = layout_there(ROOT)
    use_carried(layout)
    up.use(layout)
    match args.command:
        case "up":
            lent = host.borrowed(
                python=Path(args.python).absolute(),
                site=Path(args.site).absolute() if args.site else None,
                models=(args.models or layout.cache / "models").absolute(),
            )
            up.up(layout, lent, root=ROOT, gpus=args.gpus)
        case "measure":
            return int(not measure.measure(args.file, longest_s=args.longest, out=args.out))
        case "show":
            measure.show(args.out)
        case "down":
            down(layout)
            CARRIED_LINK.unlink(missing_ok=True)
    return 0
