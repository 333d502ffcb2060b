# SPDX-License-Identifier: Apache-2.0
"""Asks the node an example's questions and shows the answers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from hack import following
from hack.cluster.embedded.commands import run
from hack.cluster.embedded.errors import ClusterError
from hack.cluster.embedded.progress import say

from .up import STANDS

NAMESPACE = "slmeval-gpu"
KINDS = "slmpools,slmevaluations,slmruns,slmtrials,rayjobs"
_DIAGNOSIS = (
    ("kubectl", "get", "pods", "-A", "-o", "wide"),
    ("kubectl", "get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp"),
    ("kubectl", "describe", "slmtrials,rayjobs", "-n", NAMESPACE),
    ("kubectl", "logs", "-n", "slmeval-system", "deployment/slmeval", "--tail=40"),
    ("kubectl", "logs", "-n", NAMESPACE, "-l", "ray.io/node-type=worker", "--tail=60"),
    ("kubectl", "logs", "-n", NAMESPACE, "-l", "ray.io/node-type=head", "-c", "ray-head"),
)


def evaluations_in(file: Path) -> list[str]:
    """Return the names of the SLMEvaluations in a manifest."""
    parsed = run(["kubectl", "create", "--dry-run=client", "-f", file, "-o", "json"])
    decoder, found, start = json.JSONDecoder(), [], 0
    while start < len(parsed.rstrip()):
        document, start = decoder.raw_decode(parsed, start)
        start += len(parsed[start:]) - len(parsed[start:].lstrip())
        found += document.get("items", [document])
    return [d["metadata"]["name"] for d in found if d["kind"] == "SLMEvaluation"]


def measure(file: Path, *, longest_s: float, out: Path | None) -> bool:
    """Apply `file`, follow its evaluations and show the answers; return whether all succeeded.

    What was measured before stays: an unchanged question is not asked again.
    """
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    meta = {"name": NAMESPACE, "labels": labels}
    body = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    run(["kubectl", "apply", "-f", "-"], stdin=body)
    names = evaluations_in(file)
    if not names:
        raise ClusterError(f"{file} asks nothing.", "Name a manifest with an SLMEvaluation.")
    say(f"kubectl apply -n {NAMESPACE} -f {file}")
    run(["kubectl", "apply", "-n", NAMESPACE, "-f", file])
    ends = [following.follow(name, NAMESPACE, longest_s=longest_s) for name in names]
    show(out)
    if None in ends:
        say(f"not ended after {longest_s:.0f} s; it goes on: the same command follows it further")
    if ends != ["Succeeded"] * len(ends):
        diagnose()
    return ends == ["Succeeded"] * len(ends)


def show(out: Path | None) -> None:
    """Print the answers; write every object to `out` as well."""
    table = ["kubectl", "get", "slmeval,slmtrial", "-n", NAMESPACE]
    print(f"\n$ {' '.join(table)}", flush=True)
    subprocess.run(table, check=False)
    print(f"\n{STANDS}\n", flush=True)
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, kinds in (("objects", KINDS), ("pods", "pods,events"), ("node", "nodes")):
        text = run(["kubectl", "get", kinds, "-n", NAMESPACE, "-o", "json"])
        (out / f"{name}.json").write_text(text)
    say(f"all objects are in {out}")


def diagnose() -> None:
    """Print what explains why there is no answer."""
    for command in _DIAGNOSIS:
        print(f"\n$ {' '.join(command)}", flush=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print((done.stdout + done.stderr)[-6000:], flush=True)
