# SPDX-License-Identifier: Apache-2.0
"""Builds Go programs into the cache, once for each digest of what goes into them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .commands import run
from .errors import ELSEWHERE, ClusterError
from .layout import GO_MODULES
from .locks import only_one
from .progress import say, step

KUBERNETES_VERSION = "1.34.4"
KUBERAY_VERSION = "1.6.0"
COREDNS_VERSION = "1.14.7"
HELM_VERSION = "3.22.0"
GO_AT_LEAST = (1, 26)  # what Helm's own go.mod asks for; the others are content with 1.25

BROUGHT = "go/VERSION"
"""In a cache that was made elsewhere, for a machine without Go: the Go of that machine."""

_KUBERAY_MODULE = "github.com/ray-project/kuberay/ray-operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoProgram:
    """One Go module under go/ and what to build from it."""

    name: str
    packages: tuple[str, ...]
    binaries: tuple[str, ...]
    takes: str  # on two cores with nothing cached
    version_flags: tuple[str, ...] = ()
    config_module: str | None = None  # a module whose config/ folder is kept beside the binary


def _kubernetes_flags() -> tuple[str, ...]:
    """Return the variables without which every program reports v0.0.0."""
    _, minor, _ = KUBERNETES_VERSION.split(".")
    facts = {
        "gitVersion": f"v{KUBERNETES_VERSION}",
        "gitMajor": "1",
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple(f"{place}.{key}={value}" for place in places for key, value in facts.items())


def _helm_flags() -> tuple[str, ...]:
    """Return Helm's version, and the Kubernetes that `helm template` renders for."""
    _, minor, _ = KUBERNETES_VERSION.split(".")
    module = "helm.sh/helm/v3"
    return (
        f"{module}/internal/version.version=v{HELM_VERSION}",
        f"{module}/internal/version.gitTreeState=clean",
        f"{module}/pkg/lint/rules.k8sVersionMajor=1",
        f"{module}/pkg/lint/rules.k8sVersionMinor={minor}",
        f"{module}/pkg/chartutil.k8sVersionMajor=1",
        f"{module}/pkg/chartutil.k8sVersionMinor={minor}",
    )


_KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
PROGRAMS = {
    program.name: program
    for program in (
        GoProgram(
            name="kubernetes",
            packages=tuple(f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES),
            binaries=_KUBERNETES,
            takes="6 to 12 minutes",
            version_flags=_kubernetes_flags(),
        ),
        GoProgram(
            name="kuberay",
            packages=(_KUBERAY_MODULE,),
            binaries=("ray-operator",),
            takes="4 minutes",
            config_module=_KUBERAY_MODULE,
        ),
        GoProgram(name="coredns", packages=(".",), binaries=("coredns",), takes="1 minute"),
        GoProgram(name="pause", packages=(".",), binaries=("pause",), takes="seconds"),
        GoProgram(
            name="helm",
            packages=("helm.sh/helm/v3/cmd/helm",),
            binaries=("helm",),
            takes="2 minutes",
            version_flags=_helm_flags(),
        ),
        GoProgram(
            name="gitops-verdicts",
            packages=(".",),
            binaries=("gitops-verdicts",),
            takes="3 minutes",
        ),
    )
}


def parse_go_version(text: str) -> tuple[int, int]:
    """Return (major, minor) of what `go env GOVERSION` says, such as go1.26.8.

    Raises:
        ValueError: the text names no version.

    """
    found = re.match(r"go(\d+)\.(\d+)", text)
    if not found:
        raise ValueError(text)
    return int(found[1]), int(found[2])


def go_version() -> str:
    """Return the Go toolchain's version.

    Raises:
        ClusterError: there is no Go, or one too old.

    """
    remedy = f"Install Go {'.'.join(map(str, GO_AT_LEAST))} or newer: https://go.dev/dl. "
    text = run(["go", "env", "GOVERSION"], remedy=remedy + ELSEWHERE).strip()
    try:
        found = parse_go_version(text)
    except ValueError as error:
        raise ClusterError(f"`go env GOVERSION` says {text!r}.", remedy + ELSEWHERE) from error
    if found < GO_AT_LEAST:
        raise ClusterError(f"Go is {text}.", remedy + ELSEWHERE)
    return text


def go_of(cache: Path) -> str:
    """Return the Go that built the programs that were brought in `cache`; else this machine's."""
    brought = cache / BROUGHT
    return brought.read_text().strip() if brought.is_file() else go_version()


def build_digest(program: GoProgram, *, source: Path, go: str) -> str:
    """Return 16 hex digits that change whenever the built program would."""
    digest = hashlib.sha256()
    for path in sorted(source.iterdir()):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    facts = (go, *program.packages, *program.version_flags, program.config_module or "")
    digest.update("\0".join(facts).encode())
    return digest.hexdigest()[:16]


def build_command(program: GoProgram, out: Path) -> list[str]:
    """Return the command that builds `program` into the folder `out`."""
    flags = " ".join(("-s", "-w", *(f"-X {flag}" for flag in program.version_flags)))
    options = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", flags]
    return ["go", "build", *options, "-o", f"{out}/", *program.packages]


def ensure_built(name: str, *, cache: Path) -> Path:
    """Return the folder that holds `name`'s programs, building them if the cache has none."""
    program = PROGRAMS[name]
    source = GO_MODULES / name
    digest = build_digest(program, source=source, go=go_of(cache))
    done = cache / "go" / f"{name}-{digest}"
    with only_one(cache, f"build of {name}"):
        if done.is_dir():
            return _linked(done, program, cache=cache)
        with step(f"building {name}, the first time only ({program.takes})"):
            _build(program, source=source, done=done)
    return _linked(done, program, cache=cache)


def _build(program: GoProgram, *, source: Path, done: Path) -> None:
    """Build into a folder beside `done` and rename it, so that half a build is never used."""
    building = done.with_name(f"{done.name}.{os.getpid()}.tmp")
    building.mkdir(parents=True)
    env = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    try:
        run(
            build_command(program, building),
            cwd=source,
            env=env,
            on_wait=lambda: say(f"  still building {program.name}"),
        )
        if program.config_module:
            query = ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", program.config_module]
            module = Path(run(query, cwd=source, env=env).strip())
            shutil.copytree(module / "config", building / "config")
            run(["chmod", "-R", "u+w", building / "config"])  # the module cache is read-only
        building.rename(done)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    say(f"  built {', '.join(program.binaries)}")


def _linked(done: Path, program: GoProgram, *, cache: Path) -> Path:
    """Point the stable names in the cache's bin/ at the programs in `done`; return `done`."""
    folder = cache / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for binary in program.binaries:
        link = folder / binary
        if link.is_symlink() and link.readlink() == done / binary:
            continue
        fresh = folder / f".{binary}.{os.getpid()}"
        fresh.symlink_to(done / binary)
        fresh.replace(link)
    return done
