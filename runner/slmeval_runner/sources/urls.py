"""Files of object stores and of the web, through fsspec.

Object stores are Arrow's own clients behind fsspec's interface: the image has them anyway. What
they log in with is the worker's environment, which the SLMPool sets.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from slmeval_runner.failures import TaskUnusable, causes

from .table import MIB, SIZE_LIMIT_MIB

SCHEMES = ("s3", "gs", "abfs", "https")
NOT_ALLOWED = (401, 403)
MISSING = (404, 410)
DENIED_WORDS = (
    "ACCESS_DENIED",
    "HTTP status 401",
    "HTTP status 403",
    "PERMISSION_DENIED",
    "OAuth2 access token",  # Google's client found nothing to log in with
)
"""What Arrow's errors say; they have no number."""
SERVER_ERRORS = 500
GS_PATIENCE = timedelta(seconds=30)
"""Google's client would go on trying for 15 minutes, while GPUs wait."""
LOGINS = {
    "s3": (
        "put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of an account that may read it into the "
        "SLMPool's spec.env, from a Secret by valueFrom (for another store than AWS also "
        "AWS_ENDPOINT_URL)"
    ),
    "gs": (
        "let the service account of the workers' nodes or namespace (Workload Identity) read it, "
        "or read the bucket as s3:// with an HMAC key and AWS_ENDPOINT_URL "
        "https://storage.googleapis.com"
    ),
    "abfs": (
        "put AZURE_STORAGE_KEY, the account's key, into the SLMPool's spec.env, from a Secret by "
        "valueFrom"
    ),
    "https": (
        "web addresses are read without a login: put the file on a claim (pvc://claim/file) or "
        "into an object store"
    ),
}


class Place(NamedTuple):
    """A file as fsspec sees it."""

    system: Any
    """An fsspec file system."""
    path: str


def content_of_url(source: str, *, place_of: Callable[[str], Place] | None = None) -> bytes:
    """Return the bytes of the file that the URL `source` names.

    Args:
        source: a URL of one of SCHEMES.
        place_of: what finds its file system; tests give another.

    Raises:
        TaskUnusable: it is not there, not allowed, too large, or cannot be reached.

    """
    limit = SIZE_LIMIT_MIB * MIB
    try:
        place = (place_of or find)(source)
        with place.system.open(place.path, "rb") as file:
            content: bytes = file.read(limit + 1)
    except ImportError as error:
        raise TaskUnusable(
            f"{source}: the runner's image cannot read {source.partition('://')[0]}:// "
            f"({error}): name an image that can in the SLMPool's spec.image, or put the file on a "
            "claim and name it as pvc://claim/file"
        ) from error
    except Exception as error:
        known = _problem(source, error)
        if known is None:
            raise
        raise known from error
    if len(content) > limit:
        raise TaskUnusable(f"{source}: has more than {SIZE_LIMIT_MIB} MiB, the limit: take a part")
    return content


def find(source: str) -> Place:
    """Return where the URL `source` lies. May raise whatever a store's client does."""
    scheme, _, rest = source.partition("://")
    if scheme == "s3":
        return Place(_wrapped(_s3(rest.partition("/")[0])), rest)
    if scheme == "gs":
        return Place(_wrapped(_gs()), rest)
    if scheme == "abfs":
        container, _, host = rest.partition("@")
        host, _, path = host.partition("/")
        return Place(_wrapped(_abfs(host.partition(".")[0])), f"{container}/{path}")
    from fsspec.implementations.http import HTTPFileSystem

    # trust_env: through the proxy that the pool's environment names, if there is one.
    client = {"trust_env": True}
    return Place(HTTPFileSystem(client_kwargs=client, skip_instance_cache=True), source)


def _wrapped(system: Any) -> Any:  # noqa: ANN401 - Arrow's classes have no types
    from fsspec.implementations.arrow import ArrowFSWrapper

    return ArrowFSWrapper(system, skip_instance_cache=True)


def _s3(bucket: str) -> Any:  # noqa: ANN401 - Arrow's classes have no types
    """Return S3, or what AWS_ENDPOINT_URL names: Arrow itself reads the credentials only."""
    from pyarrow.fs import S3FileSystem, resolve_s3_region

    env = os.environ
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    if not region:
        region = "us-east-1" if endpoint else resolve_s3_region(bucket)
    return S3FileSystem(region=region, endpoint_override=endpoint)


def _gs() -> Any:  # noqa: ANN401 - Arrow's classes have no types
    from pyarrow.fs import GcsFileSystem

    return GcsFileSystem(retry_time_limit=GS_PATIENCE)


def _abfs(account: str) -> Any:  # noqa: ANN401 - Arrow's classes have no types
    """Return an account's store.

    Raises:
        PermissionError: there is no key. Arrow 26 would look for one in other places and, where
            it found none, end the process.

    """
    from pyarrow.fs import AzureFileSystem

    key = os.environ.get("AZURE_STORAGE_KEY")
    if not key:
        raise PermissionError("AZURE_STORAGE_KEY is not set")
    return AzureFileSystem(account, account_key=key)


def _problem(source: str, error: Exception) -> TaskUnusable | None:
    """Return what `error` means for a person; None: nothing that is known of reading files."""
    login = LOGINS.get(source.partition("://")[0], LOGINS["https"])
    chain = list(causes(error))
    status = next((s for s in (getattr(e, "status", None) for e in chain) if s), None)
    is_denied = any(word in str(error) for word in DENIED_WORDS)
    if status in NOT_ALLOWED or is_denied or isinstance(error, PermissionError):
        return TaskUnusable(f"{source}: access is denied: {login}")
    # fsspec says that a file is missing also where its server could not be asked.
    is_missing = isinstance(error, FileNotFoundError) and len(chain) == 1
    if status in MISSING or is_missing:
        return TaskUnusable(f"{source}: there is no such file: correct the source")
    if status is not None or isinstance(error, OSError) or _is_transport(chain):
        last = chain[-1]
        return TaskUnusable(
            f"{source}: cannot be read: {type(last).__name__}: {str(last)[:300]}: let the workers "
            "reach it, or put the file on a claim and name it as pvc://claim/file",
            may_pass=status is None or status >= SERVER_ERRORS,
        )
    return None


def _is_transport(chain: list[BaseException]) -> bool:
    return any(type(error).__module__.partition(".")[0] == "aiohttp" for error in chain)
