# SPDX-License-Identifier: Apache-2.0
"""Make the dependency locks under requirements/ with uv; knows nothing of images."""

from __future__ import annotations

import difflib
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .console import ImagesError, run, say

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
# vLLM's wheels ask for this glibc; Debian 12 and Ubuntu 22.04 have a newer one.
PLATFORM = "x86_64-manylinux_2_28"
HEADER = "# Made by `python3 hack/images lock` from {sources}. Do not edit.\n"
_NAME = re.compile(r"^([A-Za-z0-9._-]+)==")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One `uv pip compile`.

    `on_top_of` names locks whose packages are there already: their versions bind this one, and
    they are left out of it. `own` names packages of them that do not bind: another version of one
    goes into this lock, which is then installed into a folder apart. `is_installed` False: a list
    that nothing installs, without hashes.
    """

    name: str
    sources: tuple[str, ...] = ()
    extra: str | None = None
    python: str = "3.11"
    options: tuple[str, ...] = ()
    on_top_of: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    is_installed: bool = True

    @property
    def described_sources(self) -> str:
        """Return what a person has to edit to change the lock."""
        extras = (f"the extra `{self.extra}` of pyproject.toml",) if self.extra else ()
        return " and ".join(self.sources + extras)


CPU_ENGINE = ("--overrides", "engine-cpu.overrides", "--excludes", "engine-cpu.excludes")
# lm-eval asks for more than scoring a task takes.
RUNNER = ("--excludes", "runner.excludes")
# GuideLLM asks for older ones than vLLM and Ray take.
GENERATORS_OWN = ("click", "multidict")

LOCKS = (
    Lock(name="build", sources=("build.in",)),
    Lock(name="operator", extra="operator"),
    Lock(name="engine-cpu", sources=("engine-cpu.in",), options=CPU_ENGINE),
    Lock(name="runner-cpu", extra="runner", options=RUNNER, on_top_of=("engine-cpu",)),
    Lock(
        name="generator-cpu",
        sources=("generator.in",),
        options=CPU_ENGINE,
        on_top_of=("engine-cpu", "runner-cpu"),
        own=GENERATORS_OWN,
    ),
    # The vLLM image brings these: they are listed only to be left out of the next.
    Lock(name="engine-gpu", sources=("engine-gpu.in",), python="3.12", is_installed=False),
    Lock(
        name="runner-gpu",
        sources=("ray-gpu.in",),
        extra="runner",
        python="3.12",
        options=RUNNER,
        on_top_of=("engine-gpu",),
    ),
    Lock(
        name="generator-gpu",
        sources=("generator.in",),
        python="3.12",
        on_top_of=("engine-gpu", "runner-gpu"),
        own=GENERATORS_OWN,
    ),
    Lock(name="demo-model", sources=("demo-model.in",)),
)


def packages(text: str) -> dict[str, str]:
    """Return name -> entry (version and hashes, as it stands) of each package of a lock."""
    entries: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if found := _NAME.match(line):
            current = entries.setdefault(found.group(1), [])
        if not line.startswith("#"):
            current.append(line)
    return {name: "\n".join(lines) + "\n" for name, lines in entries.items()}


def without(text: str, base: str) -> str:
    """Return the lock `text` less the packages that the lock `base` has in the same version."""
    there = {name: _version(entry) for name, entry in packages(base).items()}
    return "".join(
        entry for name, entry in packages(text).items() if there.get(name) != _version(entry)
    )


def _version(entry: str) -> str:
    return entry.split(maxsplit=1)[0]


def _constraints(lock: Lock, folder: Path) -> str:
    """Return the versions of what is there already, less those that `lock` has of its own."""
    entries = packages(_base(lock, folder))
    return "".join(
        f"{_version(entry)}\n" for name, entry in entries.items() if name not in lock.own
    )


def _base(lock: Lock, folder: Path) -> str:
    return "".join((folder / f"{name}.full.txt").read_text() for name in lock.on_top_of)


def compile_lock(lock: Lock, *, folder: Path, upgrade: bool) -> str:
    """Return the text of `lock`; `folder` holds the locks made before it and receives this one."""
    out = folder / f"{lock.name}.full.txt"
    kept = REQUIREMENTS / f"{lock.name}.txt"
    if kept.is_file() and not upgrade:
        shutil.copy(kept, out)  # uv keeps the versions that it finds in its output file
    command: list[str | Path] = ["uv", "pip", "compile", "--quiet"]
    command += ["--generate-hashes"] if lock.is_installed else []
    command += ["--no-header", "--no-annotate", "--python-platform", PLATFORM]
    command += ["--python-version", lock.python, "--output-file", out, *lock.options]
    if lock.extra:
        command += ["--extra", lock.extra, ROOT / "pyproject.toml"]
    if lock.on_top_of:
        constraints = folder / f"{lock.name}.constraints.txt"
        constraints.write_text(_constraints(lock, folder))
        command += ["--constraints", constraints]
    command += lock.sources
    run(
        command,
        cwd=REQUIREMENTS,
        remedy="uv's words above name the conflict. Without uv: python3 -m pip install uv",
    )
    text = out.read_text()
    if lock.on_top_of:
        text = without(text, _base(lock, folder))
    return HEADER.format(sources=lock.described_sources) + text


def stale(made: Mapping[Path, str]) -> list[str]:
    """Return the differences between the locks `made` and those that stand there, as lines."""
    lines: list[str] = []
    for path, text in made.items():
        old = path.read_text() if path.is_file() else ""
        difference = difflib.unified_diff(
            old.splitlines(), text.splitlines(), path.name, "now", lineterm="", n=0
        )
        lines += [line for line in difference if "--hash=" not in line]
    return lines


def lock_all(*, check: bool, upgrade: bool) -> None:
    """Write every lock, or with `check` only compare.

    Raises:
        ImagesError: uv cannot resolve one, or `check` found a lock out of date.
    """
    made: dict[Path, str] = {}
    with tempfile.TemporaryDirectory() as name:
        for lock in LOCKS:
            text = compile_lock(lock, folder=Path(name), upgrade=upgrade)
            say(f"{lock.name}: {len(packages(text))} packages")
            made[REQUIREMENTS / f"{lock.name}.txt"] = text
    if not check:
        for path, text in made.items():
            path.write_text(text)
        return
    if differences := stale(made):
        raise ImagesError(
            "Locks are out of date:\n" + "\n".join(differences[:40]),
            "Run `python3 hack/images lock` and commit requirements/.",
        )
