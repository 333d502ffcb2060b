# SPDX-License-Identifier: Apache-2.0
"""The stand-in for the runner's image: our code, and links to what the machine lends.

The published image is vLLM's with Ray and our code in it, gigabytes that cannot be carried. This
one is made on the machine and holds our code only; /usr and so on lead to LENT, where the runtime
handlers of specs.py mount the machine's folders.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from hack.cluster.embedded import oci

from .host import LENT, SITE, TOP, Host, lent

USER = 1000
ENTRY = Path("/opt/slmeval")
LIB = ENTRY / "lib"
PACKAGES = ENTRY / "packages"
"""What the runner needs and no vLLM brings, last on the path."""
EMPTY = ("proc", "sys", "dev", "run", "tmp", "var/tmp")
PASSWD = "root:x:0:0::/root:/usr/sbin/nologin\nslmeval:x:1000:1000::/tmp:/usr/sbin/nologin\n"
GROUP = "root:x:0:\nslmeval:x:1000:\n"
COPIED = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "alternatives", "ssl/certs")
"""Of /etc: how libraries, commands (cc, CUDA) and certificates are found."""
SETTINGS = {
    "HOME": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_process_group_cleanup_enabled": "true",
    "VLLM_NO_USAGE_STATS": "1",
    # FlashInfer's kernels come as packages of gigabytes, which are not carried either.
    "VLLM_USE_FLASHINFER_SAMPLER": "0",
    "VLLM_ATTENTION_BACKEND": "FLASH_ATTN",
}


def environment(host: Host) -> dict[str, str]:
    """Return the image's environment."""
    site = [str(SITE)] if host.site else []
    path = [str(ENTRY / "bin"), *(f"{folder}/bin" for folder in site), str(host.python.parent)]
    usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return {
        **host.environment,
        **SETTINGS,
        "PATH": ":".join(dict.fromkeys([*path, *usual])),
        "PYTHONPATH": ":".join([str(LIB), *site, str(PACKAGES)]),
    }


def links(host: Host, root: Path = Path("/")) -> Iterator[tuple[str, str]]:
    """Return each link of the image, and where it leads.

    Args:
        host: the machine.
        root: the machine's root folder; tests have another.
    """
    for name in ("usr", *TOP):
        path = root / name
        if path.is_symlink():  # /lib → usr/lib: the same below LENT, for what finds itself there
            yield f"/{name}", str(path.readlink())
            yield str(LENT / name), str(path.readlink())
        elif path.is_dir():
            yield f"/{name}", str(LENT / name)
    for folder in host.folders:
        if folder == Path("/opt"):
            children = sorted((root / "opt").iterdir()) if (root / "opt").is_dir() else []
            yield from ((f"/opt/{c.name}", str(LENT / "opt" / c.name)) for c in children)
        elif folder.parts[1] not in ("usr", *TOP):
            yield str(folder), str(lent(folder))


def _layer(host: Host, *, code: Path, packages: Path) -> bytes:
    """Return the image's only layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:

        def add(path: Path | str, kind: bytes, *, target: str = "", mode: int = 0o755) -> None:
            info = tarfile.TarInfo(str(path).lstrip("/"))
            info.type, info.linkname, info.mode = kind, target, mode
            archive.addfile(info)

        def write(path: Path | str, text: str, mode: int = 0o644) -> None:
            info = tarfile.TarInfo(str(path).lstrip("/"))
            info.size, info.mode = len(text.encode()), mode
            archive.addfile(info, io.BytesIO(text.encode()))

        for name in EMPTY:
            add(name, tarfile.DIRTYPE, mode=0o1777 if name.endswith("tmp") else 0o755)
        write("etc/passwd", PASSWD)
        write("etc/group", GROUP)
        for name in COPIED:
            if Path("/etc", name).exists():
                archive.add(Path("/etc", name), f"etc/{name}", filter=_clean)
        for link, target in links(host):
            if Path(link) != ENTRY:
                add(link, tarfile.SYMTYPE, target=target)
        # A link would not do: Python looks for its own environment beside the name it is called by.
        write(ENTRY / "bin/python", f'#!/bin/sh\nexec {host.python} "$@"\n', mode=0o755)
        for source, place in ((code, LIB), (packages, PACKAGES)):
            archive.add(source, str(place).lstrip("/"), filter=_clean)
    return out.getvalue()


def _clean(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out byte code, and what tells two equal files apart."""
    if "__pycache__" in info.name:
        return None
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def write(folder: Path, host: Host, *, name: str, code: Path, packages: Path) -> Path:
    """Make the image a layout below `folder`, anew if anything of it changed; return it.

    Args:
        folder: of images.
        host: the machine.
        name: the image's full name.
        code: the folder that holds our packages.
        packages: the folder of others.
    """
    layer, variables = _layer(host, code=code, packages=packages), environment(host)
    digest = hashlib.sha256(layer + json.dumps(variables, sort_keys=True).encode()).hexdigest()
    done = folder / f"runner-host-{digest[:16]}"
    if not done.is_dir():
        partial = done.with_suffix(".tmp")
        shutil.rmtree(partial, ignore_errors=True)
        settings = {
            "Env": [f"{key}={value}" for key, value in sorted(variables.items())],
            "Cmd": ["bash"],
            "User": f"{USER}:{USER}",
            "WorkingDir": "/tmp",
        }
        oci.write_image(partial, name=name, layer=layer, settings=settings)
        partial.rename(done)
    return done
