"""What the errors of the Hugging Face hub's client mean for a person."""

import errno
from typing import Literal, NamedTuple

STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
TRANSPORTS = ("requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2", "hf_xet")
"""Libraries that versions of the hub's client have used."""
REACH = "let the workers reach huggingface.co (or set HF_ENDPOINT in the pool's env)"
SECRET = "set spec.huggingFace.secretName to a Secret whose token"
Kind = Literal["model", "dataset"]
CLAIM: dict[Kind, str] = {
    "model": "put the model on a claim and name it as pvc://claim/folder",
    "dataset": "put its file on a claim and name it as pvc://claim/file",
}


class HubProblem(NamedTuple):
    """What is wrong and what to do; the source is to be put before it."""

    message: str
    may_pass: bool


def hub_problem(
    error: BaseException, *, kind: Kind, repository: str, revision: str
) -> HubProblem | None:
    """Return what `error` says about a model or dataset; None: nothing known of downloads."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        page = repository if kind == "model" else f"datasets/{repository}"
        return HubProblem(
            f"the {kind} is gated: accept its licence on huggingface.co/{page}, then {SECRET} "
            "belongs to that account",
            may_pass=False,
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return HubProblem(f"the {kind} has no revision {revision!r}: correct source", False)
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubProblem(
            f"there is no such {kind}, or it is private: correct source, or {SECRET} may read it",
            may_pass=False,
        )
    if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled):
        return HubProblem(
            f"is not in the cache and the hub cannot be reached: {REACH}, or {CLAIM[kind]}",
            may_pass=True,
        )
    return _transport_problem(error, kind)


def _transport_problem(error: BaseException, kind: Kind) -> HubProblem | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return HubProblem(f"the hub answers {status}: {SECRET} may read it", False)
    if isinstance(error, OSError) and error.errno in STORAGE_ERRORS:
        return HubProblem(
            f"cannot be stored: {error}: give the pool a cacheClaim with more room", may_pass=True
        )
    if status is not None or isinstance(error, OSError) or _is_transport(error):
        return HubProblem(
            f"download failed: {type(error).__name__}: {str(error)[:300]}: if it lasts, "
            f"{REACH}, or {CLAIM[kind]}",
            may_pass=True,
        )
    return None


def _is_transport(error: BaseException) -> bool:
    module = type(error).__module__.partition(".")[0]
    return module in TRANSPORTS
