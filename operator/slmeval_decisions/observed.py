"""What RayJob and Pod bodies say, as small facts. Pure; knows KubeRay's words, so others need not.

KubeRay's jobStatus is never taken for a result: it was seen to report FAILED for a job that had
succeeded. Only whether an attempt is over, and why, is read from it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from slmeval_api.objects import Meta
from slmeval_api.run import Run

from . import names

ENDS = {"Complete": "Ended", "Failed": "Failed", "ValidationFailed": "Failed"}
BAD_WAITS = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
}
PULL_ERROR = "ErrImagePull: "
"""ErrImagePull and ImagePullBackOff take turns; the second quotes the first after these words."""
MAX_QUOTE = 600
"""Characters of foreign text in a message: KubeRay's may carry 20,000 of untrusted log."""


def instant(text: str | None) -> datetime | None:
    """Return the time that an API server's timestamp names."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def quoted(text: str) -> str:
    """Return foreign text on one line, cut to size, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_QUOTE else line[: MAX_QUOTE - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class RayJob:
    """An attempt, as KubeRay has it."""

    name: str
    uid: str
    run: str  # name, as the label says
    owner: str  # uid of the controller; "" where the RayJob has none
    pool: str
    attempt: int
    created: datetime | None
    is_being_deleted: bool
    is_suspend_asked: bool
    stage: str  # KubeRay's jobDeploymentStatus; "" before it has seen the object
    outcome: Literal["Running", "Ended", "Failed"]
    reason: str  # KubeRay's word for why it failed, or ""
    message: str
    is_object: bool = True  # False: processes of one machine

    @property
    def title(self) -> str:
        """What messages call it: without a cluster, an attempt is no RayJob."""
        return f"RayJob {self.name}" if self.is_object else f"attempt {self.attempt}"

    def is_of(self, run: Run) -> bool:
        """Return whether `run` made it.

        A run that is deleted and the one that takes its place have one name, and the garbage
        collector leaves the RayJobs of the first there for a while: their owner tells them apart.
        """
        return self.owner == run.meta.uid if self.owner else self.run == run.meta.name

    @property
    def is_at_work(self) -> bool:
        """Whether KubeRay has not ended it, and nobody has asked for its end."""
        return self.outcome == "Running" and not self.is_being_deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """What keeps a pod from starting."""

    kind: Literal["nodes", "image", "dying"]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod of an attempt that still holds its node, or waits for one."""

    name: str
    rayjob: str
    pool: str
    created: datetime | None
    blocker: Blocker | None


def rayjob_of(body: dict[str, Any]) -> RayJob:
    """Return the facts of a RayJob that carries our labels."""
    meta, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    labels, owner = meta.get("labels") or {}, Meta.from_body(meta).owner
    stage = status.get("jobDeploymentStatus") or ""
    attempt = labels.get(names.ATTEMPT, "")
    return RayJob(
        name=meta["name"],
        uid=meta.get("uid", ""),
        run=labels.get(names.RUN, ""),
        owner=owner.uid if owner else "",
        pool=labels.get(names.POOL, ""),
        attempt=max(1, int(attempt)) if attempt.isdecimal() else 1,
        created=instant(meta.get("creationTimestamp")),
        is_being_deleted="deletionTimestamp" in meta,
        is_suspend_asked=bool(spec.get("suspend")),
        stage=stage,
        outcome=ENDS.get(stage, "Running"),  # type: ignore[arg-type]
        reason=str(status.get("reason") or ""),
        message=quoted(str(status.get("message") or "")),
    )


def pod_of(body: dict[str, Any]) -> Pod | None:
    """Return the facts of a pod that carries our labels; None for one that has ended."""
    meta, status = body["metadata"], body.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    labels = meta.get("labels") or {}
    return Pod(
        name=meta["name"],
        rayjob=labels.get(names.RAYJOB, ""),
        pool=labels.get(names.POOL, ""),
        created=instant(meta.get("creationTimestamp")),
        blocker=None if "deletionTimestamp" in meta else blocker_of(status),
    )


def blocker_of(status: dict[str, Any]) -> Blocker | None:
    """Return what keeps the pod of `status` from starting, or None when nothing is known to."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Blocker(kind="nodes", message=quoted(condition.get("message") or ""))
    containers = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    for container in containers:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in BAD_WAITS:
            what = f"container {container.get('name')}, image {container.get('image')}"
            is_dying = waiting["reason"] == "CrashLoopBackOff"
            return Blocker(
                kind="dying" if is_dying else "image",
                message=quoted(f"{what}: {_wait_of(container, waiting)}"),
            )
    return None


def _wait_of(container: dict[str, Any], waiting: dict[str, Any]) -> str:
    """Return why a container waits, in words that stay the same while the kubelet tries again."""
    reason, message = waiting["reason"], waiting.get("message") or "no details"
    died = (container.get("lastState") or {}).get("terminated") or {}
    if reason == "CrashLoopBackOff" and died:  # its message only counts the seconds up
        return f"{reason}: it ended with {died.get('reason')}, exit code {died.get('exitCode')}"
    if reason == "ImagePullBackOff" and PULL_ERROR in message:
        return PULL_ERROR + message.split(PULL_ERROR, 1)[1]
    return f"{reason}: {message}"
