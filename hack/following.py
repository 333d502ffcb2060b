"""Follows an evaluation to its end and prints what changes; for demo and GPU node alike."""

import json
import subprocess
import time
from typing import Any

ENDS = ("Succeeded", "Failed")


def kubectl_json(*args: str) -> dict[str, Any]:
    """Return what kubectl prints as JSON; empty when it fails, for the caller asks again."""
    done = subprocess.run(
        ["kubectl", *args, "-o", "json"], capture_output=True, text=True, check=False
    )
    return dict(json.loads(done.stdout)) if done.returncode == 0 else {}


def standing(evaluation: dict[str, Any]) -> tuple[str, str]:
    """Return status of Succeeded and Failed in one word, and the message."""
    conditions = {c["type"]: c for c in evaluation.get("status", {}).get("conditions", [])}
    ready = conditions.get("Ready", {})
    for kind in ENDS:
        if conditions.get(kind, {}).get("status") == "True":
            return kind, str(ready.get("message", ""))
    return str(ready.get("reason", "Pending")), str(ready.get("message", ""))


def progress_lines(trials: list[dict[str, Any]]) -> list[str]:
    """Return one line a trial: where it stands."""
    lines = []
    for trial in trials:
        status, spec = trial.get("status", {}), trial["spec"]
        conditions = {c["type"]: c for c in status.get("conditions", [])}
        progress = status.get("progress", {})
        where = progress.get("stage") or conditions.get("Ready", {}).get("reason", "Pending")
        detail = progress.get("detail", "")
        lines.append(f"{spec['model']['name']} on {spec['pool']}: {where} {detail}".rstrip())
    return lines


def follow(name: str, namespace: str, *, longest_s: float) -> str | None:
    """Print what changes until the evaluation ends; return how it ended, or None: not yet."""
    print("\n== Measuring (what changes is printed; kubectl get slmtrial -w shows the same)")
    began, shown = time.monotonic(), set[str]()
    while time.monotonic() - began < longest_s:
        word, message = standing(kubectl_json("get", "slmeval", name, "-n", namespace))
        trials = kubectl_json("get", "slmtrials", "-n", namespace).get("items", [])
        for line in [f"{name}: {word}: {message}", *progress_lines(trials)]:
            if line not in shown:
                print(f"   [{time.monotonic() - began:4.0f} s] {line}", flush=True)
                shown.add(line)
        if word in ENDS:
            return word
        time.sleep(2)
    return None
