"""Run the test tiers: prepare what each needs, say why one is left out, then pytest.

    python -m hack.test [unit] [browser] [chart] [gitops] [api] [cluster]

Without names: all of them. SLMEVAL_TIERS (comma-separated) promises tiers: one that cannot be
prepared, or of which a test is left out, then fails.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hack import debian

ROOT = Path(__file__).resolve().parents[2]
TIERS = ("unit", "browser", "chart", "gitops", "api", "cluster")
CLUSTER = ["python3", "hack/cluster"]


def say(text: str) -> None:
    """Print a line for people, at once."""
    print(f"== {text}", flush=True)


def run(*command: str) -> bool:
    """Run a command in the repository's root; return whether it succeeded."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def programs(*names: str) -> str | None:
    """Have programs that are built from Go modules; return why they could not be."""
    if run(*CLUSTER, "build", *names):
        return None
    return f"{' and '.join(names)} could not be built; the lines above say why"


def cluster() -> str | None:
    """Have a cluster with our images; return why there is none."""
    if os.environ.get("SLMEVAL_EMBEDDED") != "yes":
        say(f"the cluster that KUBECONFIG names is used: {os.environ.get('KUBECONFIG')}")
        return None
    if not run(*CLUSTER, "up"):
        return "no cluster: KUBECONFIG names none, and the embedded one cannot run here (see above)"
    if not run("make", "images"):
        return "the images could not be built; the lines above say why"
    return programs("gitops-verdicts")


def chart() -> str | None:
    """Have what reads the chart; return why it could not be had."""
    return programs("helm") or debian.ensure("prometheus")


def browser() -> str | None:
    """Have a browser, with letters to show; return why it could not be had."""
    return debian.installed("chromium", "chromium", "fonts-liberation")


PREPARE: dict[str, Callable[[], str | None]] = {
    "unit": lambda: None,
    "browser": browser,
    "chart": chart,
    "gitops": lambda: programs("gitops-verdicts"),
    "api": lambda: programs("kubernetes", "helm", "kuberay"),
    "cluster": cluster,
}


def main() -> int:
    """Prepare and run; return pytest's first bad exit code, or 1 for a broken promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tiers", nargs="*", metavar="tier", help=", ".join(TIERS))
    asked = parser.parse_args().tiers or list(TIERS)
    unknown = sorted(set(asked) - set(TIERS))
    if unknown:
        parser.error(f"no such tier: {', '.join(unknown)}; there are {', '.join(TIERS)}")
    promised = {t for t in os.environ.get("SLMEVAL_TIERS", "").split(",") if t}
    left_out = dict[str, str]()
    for tier in asked:
        reason = PREPARE[tier]()
        if reason is not None:
            left_out[tier] = reason
            continue
        say(f"{tier} tier")
        promise = {"SLMEVAL_TIERS": tier if tier in promised else ""}
        code = subprocess.run(
            [sys.executable, "-m", "pytest", f"tests/{tier}"],
            cwd=ROOT,
            env=os.environ | promise,
            check=False,
        ).returncode
        if code != 0:
            return code
    for tier, reason in left_out.items():
        say(f"left out: {tier} tier: {reason}")
    broken = promised & left_out.keys()
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
