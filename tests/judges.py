"""What GitOps tools make of our objects: what they should say, and what their own code says."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slmeval_api.conditions import ConditionType, Reason
from tools import ROOT, is_promised, tool

Json = dict[str, Any]
ARGOCD_CM = ROOT / "examples/gitops/argocd/argocd-cm.yaml"


class Verdict(NamedTuple):
    """The words of kstatus, which is Flux's, and of Argo CD."""

    kstatus: str
    argocd: str


BUSY = Verdict("InProgress", "Progressing")
PAUSED = Verdict("InProgress", "Suspended")
GOOD = Verdict("Current", "Healthy")
BAD = Verdict("Failed", "Degraded")
GOING = Verdict("Terminating", "Progressing")

BY_REASON = {
    Reason.PENDING: BUSY,
    Reason.STARTING: BUSY,
    Reason.WAITING_FOR_NODES: BUSY,
    Reason.WAITING_FOR_IMAGE: BUSY,
    Reason.CONTAINER_DYING: BUSY,
    Reason.RUNNING: BUSY,
    Reason.RETRYING: BUSY,
    Reason.SUSPENDED: PAUSED,
    Reason.MEASURED: GOOD,
    Reason.SIMULATED: GOOD,
    Reason.TRIALS_FAILED: BAD,
    Reason.MEASUREMENT_INVALID: BAD,
    Reason.MODEL_UNUSABLE: BAD,
    Reason.TASK_UNUSABLE: BAD,
    Reason.ARTIFACTS_UNWRITABLE: BAD,
    Reason.ENGINE_FAILED: BAD,
    Reason.WORKER_LOST: BAD,
    Reason.TRIAL_DEADLINE_EXCEEDED: BAD,
    Reason.DEADLINE_EXCEEDED: BAD,
    Reason.START_DEADLINE_EXCEEDED: BAD,
    Reason.ATTEMPTS_EXHAUSTED: BAD,
    Reason.RAYJOB_REFUSED: BAD,
    Reason.SUPERSEDED: BAD,
    Reason.GATES_FAILED: BAD,
    Reason.POOL_NOT_FOUND: BAD,
    Reason.INVALID_SPEC: BAD,
    Reason.INVALID_SCHEDULE: BAD,
    Reason.NAMESPACE_TERMINATING: BAD,
}
"""What each reason of Ready means to them."""


def condition(body: Json, type_: ConditionType) -> Json | None:
    """Return a condition of an object."""
    found = body["status"].get("conditions", ())
    return next((c for c in found if c["type"] == type_), None)


def expected(body: Json) -> Verdict:
    """Return what should be said of an SLMEvaluation, SLMRun or SLMTrial."""
    if "deletionTimestamp" in body["metadata"]:
        return GOING
    ready = condition(body, ConditionType.READY)
    if body["status"]["observedGeneration"] != body["metadata"]["generation"] or ready is None:
        return BUSY
    return BY_REASON[ready["reason"]]


class Said(NamedTuple):
    """What was said of an object, in a word each and in words for people."""

    verdict: Verdict
    kstatus_message: str
    argocd_message: str


def disagreements(bodies: Sequence[Json], said: Sequence[Said]) -> list[str]:
    """Return a sentence for each object of which something else is said than should be."""
    return [
        f"{body['kind']} {body['metadata']['name']}: expected {expected(body)}, judged {one}; "
        f"its status: {body['status']}"
        for body, one in zip(bodies, said, strict=True)
        if one.verdict != expected(body)
    ]


class Judges:
    """kstatus, and Argo CD with the health script that we tell users to give it."""

    def __init__(self, program: Path) -> None:
        self._command = [program, ARGOCD_CM]

    @classmethod
    def for_tier(cls, tier: str) -> "Judges | None":
        """Return the judges; None: they are not built, and nobody has promised that they are."""
        program = tool("gitops-verdicts")
        if program is None and is_promised(tier):
            raise AssertionError("build it: python3 hack/cluster build gitops-verdicts")
        return cls(program) if program else None

    def __call__(self, bodies: Sequence[Json]) -> list[Said]:
        """Return what is said of each object."""
        sent = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(bodies)})
        done = subprocess.run(
            self._command, input=sent, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise AssertionError(done.stderr)
        return [
            Said(
                Verdict(one["kstatus"]["status"], one["argocd"]["status"]),
                one["kstatus"]["message"],
                one["argocd"]["message"],
            )
            for one in json.loads(done.stdout)
        ]
