"""Files that one container writes and another reads: whole or not at all, never through a link."""

import errno
import hashlib
import os
import stat
from pathlib import Path

REPORT_LIMIT_BYTES = 640 * 1024
"""Longest report: more than the largest question's result takes (tests/api holds both against each
other), and, with the API server's own record of its fields, less than etcd's 1.5 MiB."""


class UnfitFile(Exception):
    """A file that is not read: a link, no regular file, or too large. The text says which."""


def write_atomically(path: Path, content: bytes) -> None:
    """Make `path` hold `content`; a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_bounded(path: Path, *, limit: int) -> bytes:
    """Return the bytes of the regular file `path`.

    Raises:
        FileNotFoundError: there is none.
        UnfitFile: it is a link, not a regular file, or longer than `limit` bytes.

    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # never wait for a pipe
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise UnfitFile("it is a link or a socket, not a regular file") from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise UnfitFile("it is not a regular file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnfitFile(f"it has more than {limit} bytes")
    return content


def digest_of(content: bytes) -> str:
    """Return the SHA-256 digest of `content` as the API writes digests."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
