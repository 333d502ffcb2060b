# SPDX-License-Identifier: Apache-2.0
"""Certificates, keys and kubeconfigs, made once a cluster with openssl."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .commands import run

VALID_DAYS = 3650  # a cluster that is taken down by then


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate to issue: its subject's names and, for servers, the addresses it serves."""

    name: str
    common_name: str
    organization: str | None = None
    sans: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The subject as openssl takes it; Kubernetes reads it as group and user."""
        group = f"/O={self.organization}" if self.organization else ""
        return f"{group}/CN={self.common_name}"


def _private(path: Path) -> list[str | Path]:
    """Return openssl's options for a new elliptic-curve key in `path`."""
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]


def ensure_ca(folder: Path, name: str = "ca") -> None:
    """Make a certificate authority in `folder` unless it is there."""
    if (folder / f"{name}.crt").exists():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = folder / f"{name}.crt.new"
    subject = ["-subj", f"/CN=slmeval-cluster-{name}", "-days", str(VALID_DAYS)]
    usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]
    key = _private(folder / f"{name}.key")
    run(["openssl", "req", "-x509", *key, "-out", made, *subject, *usage])
    made.replace(folder / f"{name}.crt")


def ensure_certificates(folder: Path, wanted: Iterable[Certificate], *, ca: str = "ca") -> None:
    """Issue those of `wanted` that `folder` lacks, signed by the authority `ca` there."""
    ensure_ca(folder, ca)
    for certificate in wanted:
        if not (folder / f"{certificate.name}.crt").exists():
            _issue(folder, certificate, ca)


def _issue(folder: Path, certificate: Certificate, ca: str) -> None:
    """Write NAME.key and NAME.crt."""
    base = folder / certificate.name
    request, extensions, made = (base.with_suffix(s) for s in (".csr", ".ext", ".new"))
    lines = ["extendedKeyUsage=serverAuth,clientAuth", "keyUsage=critical,digitalSignature"]
    if certificate.sans:
        lines.append(f"subjectAltName={','.join(certificate.sans)}")
    extensions.write_text("\n".join(lines) + "\n")
    key = _private(base.with_suffix(".key"))
    run(["openssl", "req", *key, "-out", request, "-subj", certificate.subject])
    signer: list[str | Path] = ["-CA", folder / f"{ca}.crt", "-CAkey", folder / f"{ca}.key"]
    terms: list[str | Path] = ["-CAcreateserial", "-days", str(VALID_DAYS), "-extfile", extensions]
    run(["openssl", "x509", "-req", "-in", request, "-out", made, *signer, *terms])
    made.replace(base.with_suffix(".crt"))
    request.unlink()
    extensions.unlink()


def ensure_signing_key(folder: Path, name: str = "sa") -> None:
    """Make the key pair that signs service-account tokens unless it is there."""
    public = folder / f"{name}.pub"
    if public.exists():
        return
    private = folder / f"{name}.key"
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private])
    os.chmod(private, 0o600)
    made = public.with_suffix(".new")
    run(["openssl", "ec", "-in", private, "-pubout", "-out", made])
    made.replace(public)


def kubeconfig(*, server: str, ca: bytes, cert: bytes, key: bytes) -> str:
    """Return a kubeconfig (JSON, which is YAML too) that carries its credentials inside."""

    def encoded(raw: bytes) -> str:
        return base64.b64encode(raw).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "slmeval",
        "clusters": [
            {
                "name": "slmeval",
                "cluster": {"server": server, "certificate-authority-data": encoded(ca)},
            }
        ],
        "users": [
            {
                "name": "slmeval",
                "user": {"client-certificate-data": encoded(cert), "client-key-data": encoded(key)},
            }
        ],
        "contexts": [{"name": "slmeval", "context": {"cluster": "slmeval", "user": "slmeval"}}],
    }
    return json.dumps(document, indent=1) + "\n"


def write_kubeconfigs(folder: Path, *, server: str, into: Sequence[tuple[str, Path]]) -> None:
    """Write a kubeconfig for each (certificate name, file), readable by its owner only."""
    ca = (folder / "ca.crt").read_bytes()
    for name, path in into:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = kubeconfig(
            server=server,
            ca=ca,
            cert=(folder / f"{name}.crt").read_bytes(),
            key=(folder / f"{name}.key").read_bytes(),
        )
        if not path.exists() or path.read_text() != text:
            path.touch(mode=0o600)
            path.write_text(text)
