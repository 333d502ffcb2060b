"""From an empty machine to measured answers, each step said and timed.

    python -m hack.demo [--remove]

Uses the cluster that KUBECONFIG names, or brings up the embedded one. Run by `make demo`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from hack import following, release

ROOT = Path(__file__).resolve().parents[2]
SYSTEM, NAMESPACE, NAME = release.NAMESPACE, "slmeval-demo", "quickstart"
IS_EMBEDDED = os.environ.get("SLMEVAL_EMBEDDED") == "yes"
LONGEST_S = 1800
SERVICE = f"/api/v1/namespaces/{SYSTEM}/services/slmeval:8080/proxy"
NEXT = f"""\
# every figure, and what it was measured with
kubectl get slmtrial -n {NAMESPACE} -o yaml
# the story of the run
kubectl events -n {NAMESPACE} --for slmevaluation/{NAME}
# the same figures for Prometheus
kubectl get --raw {SERVICE}/metrics | grep ^slmeval_
# change the question: a new run starts
kubectl edit slmeval {NAME} -n {NAMESPACE}
# remove the demo, or all of it
make demo-down
make cluster-down
"""


class DemoError(Exception):
    """The demo cannot go on; the text says what to do."""


def say(text: str) -> None:
    """Print a line for people, at once."""
    print(text, flush=True)


def step(title: str, *command: str, stdin: str | None = None) -> None:
    """Run a command under a headline, with its time."""
    say(f"\n== {title}\n   $ {' '.join(command)}")
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, input=stdin, text=True, check=False)
    if done.returncode != 0:
        raise DemoError(f"that failed (exit code {done.returncode}); the lines above say why")
    say(f"   done in {time.monotonic() - began:.0f} s")


def prepare() -> None:
    """Have a cluster with our images and the chart."""
    if IS_EMBEDDED:
        step("Cluster: Kubernetes and KubeRay on this machine", "python3", "hack/cluster", "up")
    elif release.REGISTRY.startswith("localhost/"):
        raise DemoError(
            "KUBECONFIG names a cluster of your own, which cannot pull images from this machine. "
            "Push them to a registry that it can reach, and say so: "
            "make images REGISTRY=registry.example.com/slmeval, docker push each, then "
            "make demo REGISTRY=registry.example.com/slmeval. KubeRay must be installed there."
        )
    if IS_EMBEDDED:
        step("Images: operator and runner with SmolLM2-135M-Instruct", "make", "images")
    if release.drop_half_done():
        say("\n== An installation that was cut off is removed first")
    step("Chart", *release.install_command())
    step("Operator, restarted", *release.RESTART)
    step("Operator, ready", *release.WAIT_READY)


def ask() -> None:
    """Apply the pool and the question."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    meta = {"name": NAMESPACE, "labels": labels}
    body = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    step(f"Namespace {NAMESPACE}", "kubectl", "apply", "-f", "-", stdin=body)
    step("Pool: the CPUs of this node", "kubectl", "apply", "-f", "examples/pools/cpu.yaml")
    flags = ("--ignore-not-found", "--cascade=foreground")
    step(
        "An earlier answer, if any, is removed",
        "kubectl",
        "delete",
        "slmeval",
        NAME,
        "-n",
        NAMESPACE,
        *flags,
    )
    step("The question", "kubectl", "apply", "-n", NAMESPACE, "-f", "examples/quickstart.yaml")


def show() -> None:
    """Print the answer and where to look next."""
    say("\n== The answer")
    table = ("kubectl", "get", "slmeval,slmtrial", "-n", NAMESPACE)
    say(f"$ {' '.join(table)}")
    subprocess.run(table, check=True)
    exports = ""
    if IS_EMBEDDED:
        exports = f"export KUBECONFIG={os.environ['KUBECONFIG']}\n"
        exports += f"export PATH={os.environ['SLMEVAL_CACHE']}/bin:$PATH\n"
    say(f"\n== What to look at next\n{exports}{NEXT}")


def remove() -> None:
    """Remove what the demo installed; the cluster stays."""
    step("The demo's namespace", "kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found")
    step("The chart", "helm", "uninstall", "slmeval", "-n", SYSTEM, "--ignore-not-found")


def main() -> int:
    """Run the demo or remove it; return 1 with a sentence when it cannot go on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--remove", action="store_true", help="remove what the demo installed")
    try:
        if parser.parse_args().remove:
            remove()
            return 0
        prepare()
        ask()
        ended = following.follow(NAME, NAMESPACE, longest_s=LONGEST_S)
        if ended is None:
            raise DemoError(
                f"no answer after {LONGEST_S} s: see kubectl describe slmeval {NAME} -n "
                f"{NAMESPACE}, and kubectl logs deploy/slmeval -n {SYSTEM}"
            )
        show()
    except DemoError as error:
        say(f"\ndemo: {error}")
        return 1
    return int(ended != "Succeeded")


if __name__ == "__main__":
    sys.exit(main())
