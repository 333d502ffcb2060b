"""Have programs of Debian's packages, unpacked into the cache: `python -m hack.debian prometheus`.

Nothing of those is installed: no service starts, and no root is needed. What needs many libraries,
as a browser, is installed, by root. What is there already is not asked for again.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = {"prometheus": ("prometheus", "promtool")}
"""Of each package, those that are linked into the cache's bin/."""


def ensure(package: str) -> str | None:
    """Unpack `package` and link its programs; return why that could not be done."""
    cache = Path(os.environ.get("SLMEVAL_CACHE", Path.home() / ".cache/slmeval"))
    links = [cache / "bin" / name for name in PROGRAMS[package]]
    if all(link.exists() for link in links):
        return None
    if all(shutil.which(name) for name in PROGRAMS[package]):
        return None
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return f"put {' and '.join(PROGRAMS[package])} on PATH: this machine has no apt-get"
    target = cache / "debian" / package
    with tempfile.TemporaryDirectory() as folder:
        # As root apt would drop to a user who may not write there, and warn.
        fetch = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-q", package]
        if not _run(fetch, folder):
            if os.geteuid() == 0:
                _run(["apt-get", "update", "-q"], folder)
            if not _run(fetch, folder):
                return f"apt-get download {package} failed; the lines above say why"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        (archive,) = Path(folder).glob("*.deb")
        if not _run(["dpkg", "-x", str(archive), str(target)], folder):
            return f"dpkg could not unpack {archive.name}"
    for link in links:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target / "usr/bin" / link.name)
    return None


def installed(program: str, *packages: str) -> str | None:
    """Install `packages` for `program` unless it is there; return why that could not be done."""
    if shutil.which(program):
        return None
    words = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"no {program}: apt-get install {words}"
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    if _run(["apt-get", "update", "-q"], "/") and _run(install, "/"):
        return None
    return f"apt-get install {words} failed; the lines above say why"


def _run(command: Sequence[str], folder: str) -> bool:
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


def main(argv: Sequence[str]) -> int:
    """Have the packages that are named; return 1 when one could not be had."""
    faults = [fault for name in argv if (fault := ensure(name)) is not None]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
