r"""How long the command line takes to start, beside kubectl.

    python -m venv /tmp/cli && /tmp/cli/bin/pip install '.[cli]'
    python benchmarks/cli_start.py --slmeval /tmp/cli/bin/slmeval --turns 30

Starts both programs in turns, each to its end and without a cluster. One round before is not
counted: it reads the files from disk. `results` reads a saved answer of twelve trials. Says how
many distributions are installed with slmeval, and which of them are heavy.

Prints the median, least and most seconds of each command, and as its limit `ratio=R`: median of
`slmeval --help` ÷ median of `kubectl version --client`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
for root in ("api", "cli", "operator", "tests"):
    sys.path.insert(0, str(ROOT / root))

from answers import NAME, bodies  # noqa: E402
from slmeval_cli.formats import yaml_text  # noqa: E402

HEAVY = ("torch", "vllm", "ray")
INSTALLED = (
    "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"
)


def seconds_of(command: Sequence[str]) -> float:
    """Return how long a command takes. Raises subprocess.CalledProcessError when it fails."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def in_turns(commands: Sequence[Sequence[str]], turns: int) -> list[list[float]]:
    """Return the seconds of each command, started one after the other `turns` times."""
    rounds = [[seconds_of(command) for command in commands] for _ in range(turns + 1)]
    return [list(times) for times in zip(*rounds[1:], strict=True)]


def installed_beside(program: Path) -> list[str]:
    """Return the distributions of the environment that a program of ours is installed in."""
    python = program.parent / "python"
    done = subprocess.run([python, "-c", INSTALLED], check=True, capture_output=True, text=True)
    return done.stdout.split()


def main() -> None:
    """Start them and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slmeval", type=Path, required=True, help="of an environment of its own")
    parser.add_argument("--kubectl", type=Path, default=Path("kubectl"))
    parser.add_argument("--turns", type=int, default=30)
    args = parser.parse_args()

    names = installed_beside(args.slmeval)
    print(f"{len(names)} distributions; of {', '.join(HEAVY)}: {sorted({*names} & {*HEAVY})}")
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.yaml"
        saved.write_text(yaml_text(bodies()), encoding="utf-8")
        ours, theirs = str(args.slmeval), str(args.kubectl)
        commands = [
            [theirs, "version", "--client"],
            [ours, "--help"],
            [ours, "validate", str(ROOT / "examples/quickstart.yaml")],
            [ours, "results", NAME.name, "-f", str(saved)],
        ]
        times = in_turns(commands, args.turns)
    for command, taken in zip(commands, times, strict=True):
        words = " ".join([Path(command[0]).name, *command[1:2]])
        spread = f"least {min(taken):.3f}, most {max(taken):.3f}"
        print(f"{words:<20} median {median(taken):.3f} s, {spread}")
    print(f"ratio={median(times[1]) / median(times[0]):.3f}")


if __name__ == "__main__":
    main()
