"""A few words over kubectl, as a user types it. Every wait has a deadline and says what it saw."""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

from judges import Judges, disagreements

Body = dict[str, Any]
T = TypeVar("T")
SYSTEM = "slmeval-system"
POLL_S = 0.5


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command; return what it printed, or fail with all of it."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def kubectl(*args: str, stdin: str | None = None) -> str:
    """Run kubectl; return what it printed."""
    return run("kubectl", *args, stdin=stdin)


def apply(*bodies: Body) -> None:
    """Apply manifests, as `kubectl apply -f -`."""
    kubectl(
        "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies})
    )


def items(kind: str, namespace: str, selector: str = "") -> list[Body]:
    """Return the objects of a kind in a namespace."""
    extra = ["-l", selector] if selector else []
    found = json.loads(kubectl("get", kind, "-n", namespace, "-o", "json", *extra))
    return list(found["items"])


def get(kind: str, name: str, namespace: str) -> Body:
    """Return one object."""
    return dict(json.loads(kubectl("get", kind, name, "-n", namespace, "-o", "json")))


def delete(kind: str, name: str, namespace: str, *flags: str) -> None:
    """Delete an object without waiting for its end."""
    kubectl("delete", kind, name, "-n", namespace, "--wait=false", *flags)


def wait_for(what: str, look: Callable[[], T | None], *, seconds: float = 300) -> T:
    """Return the first truthy value that `look` gives; fail with the last one after `seconds`."""
    deadline = time.monotonic() + seconds
    last: T | str | None = None
    while time.monotonic() < deadline:
        try:
            last = look()
        except AssertionError as error:  # an API server that is busy, an object not there yet
            last = str(error)
        else:
            if last:
                return last
        time.sleep(POLL_S)
    raise AssertionError(f"not within {seconds:.0f} s: {what}; last seen: {last}")


def condition(body: Body, type_: str) -> Body:
    """Return a condition of an object, empty when it is not there."""
    conditions = body.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == type_), {})


def has_ended(body: Body) -> bool:
    """Return whether a run, trial or evaluation came to its end."""
    return any(condition(body, t).get("status") == "True" for t in ("Succeeded", "Failed"))


def judge(namespace: str) -> None:
    """Ask Flux's and Argo CD's own code about all our objects of a namespace, as they are now."""
    judges = Judges.for_tier("cluster")
    if judges is None:
        return
    kinds = "slmevaluations,slmruns,slmtrials"
    bodies = wait_for("our objects", lambda: items(kinds, namespace))
    assert disagreements(bodies, judges(bodies)) == []


def wait_ended(name: str, namespace: str, *, seconds: float = 400) -> Body:
    """Return the evaluation once its current generation has ended."""

    def look() -> Body | None:
        body = get("slmeval", name, namespace)
        is_current = (
            body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"]
        )
        return body if is_current and has_ended(body) else None

    body = wait_for(f"the end of evaluation {name}", look, seconds=seconds)
    judge(namespace)
    return body


def wait_reason(kind: str, name: str, namespace: str, reason: str, *, seconds: float = 120) -> Body:
    """Return the object once its Ready condition has that reason."""

    def look() -> Body | None:
        body = get(kind, name, namespace)
        return body if condition(body, "Ready").get("reason") == reason else None

    found = wait_for(f"{kind} {name} to be {reason}", look, seconds=seconds)
    judge(namespace)
    return found


def wait_measuring(namespace: str, *, seconds: float = 200) -> Body:
    """Return a trial that is being measured."""

    def look() -> Body | None:
        trials = items("slmtrials", namespace)
        return next(
            (
                t
                for t in trials
                if t.get("status", {}).get("progress", {}).get("stage") == "Measuring"
            ),
            None,
        )

    trial = wait_for("a trial that is being measured", look, seconds=seconds)
    judge(namespace)
    return trial


def pods_of_runs(namespace: str) -> list[str]:
    """Return the names of all pods that Ray runs for us in a namespace."""
    found = items("pods", namespace, "app.kubernetes.io/managed-by=slmeval")
    return [p["metadata"]["name"] for p in found]


def results(namespace: str, evaluation: str = "") -> dict[str, Body]:
    """Return the result of each trial by model name, of a namespace or of one evaluation in it."""
    selector = f"slmeval.dev/evaluation={evaluation}" if evaluation else ""
    return {
        t["spec"]["model"]["name"]: t["status"]["result"]
        for t in items("slmtrials", namespace, selector)
        if "result" in t.get("status", {})
    }
