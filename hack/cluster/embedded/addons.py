# SPDX-License-Identifier: Apache-2.0
"""What runs inside the cluster from the start: CoreDNS and KubeRay."""

from __future__ import annotations

import hashlib
import shutil
import socket
import struct
from pathlib import Path

from .errors import ClusterError
from .images import SYSTEM_IMAGES, SystemImage
from .kubectl import Kubectl
from .layout import CONFIG, DNS_IP, Layout
from .network import outside_nameservers
from .progress import wait_until
from .templates import rendered, values_of, write_rendered

KUBERAY_NAMESPACE = "kuberay-system"
_CRDS = tuple(
    f"crd/{plural}.ray.io" for plural in ("rayclusters", "raycronjobs", "rayjobs", "rayservices")
)
_APPLIED = "slmeval.dev/applied-from"
_KUBERAY = ("deployment/kuberay-operator", "-n", KUBERAY_NAMESPACE)


def system_image(module: str) -> SystemImage:
    """Return the system image that is built from a Go module under go/."""
    return next(image for image in SYSTEM_IMAGES if image.module == module)


def apply_dns(layout: Layout, kubectl: Kubectl, *, image: str) -> None:
    """Apply CoreDNS, with a way to the outside only if the machine itself knows one."""
    outside = outside_nameservers((layout.conf / "resolv.conf").read_text())
    values = {
        **values_of(layout),
        "image": image,
        "forward": "forward . /etc/resolv.conf" if outside else "",
    }
    text = rendered("coredns.yaml", {**values, "config_digest": ""})
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    kubectl.apply(rendered("coredns.yaml", {**values, "config_digest": digest}))


def dns_query(name: str) -> bytes:
    """Return a DNS question for the IPv4 address of `name`."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return (
        struct.pack("!6H", 0x5136, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    )


def dns_answers() -> bool:
    """Tell whether the cluster's DNS resolves the API server's name, asked as a pod would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(1.0)
        try:
            asking.sendto(dns_query("kubernetes.default.svc.cluster.local"), (DNS_IP, 53))
            answer = asking.recv(512)
        except OSError:
            return False
    code, answers = answer[3] & 0x0F, struct.unpack("!H", answer[6:8])[0]
    return code == 0 and answers > 0


def apply_kuberay(layout: Layout, kubectl: Kubectl, *, image: str, built: Path) -> None:
    """Apply KubeRay's CRDs, wait until they are served, then its RBAC and Deployment."""
    _apply_crds(kubectl, built / "config" / "crd" / "bases")
    folder = layout.conf / "kuberay"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(built / "config" / "rbac", folder / "rbac")
    shutil.copy(CONFIG / "kuberay" / "kustomization.yaml", folder)
    values = {**values_of(layout), "image": image}
    write_rendered("kuberay/deployment.yaml", folder / "deployment.yaml", values)
    kubectl.apply(kubectl("kustomize", folder))


def _apply_crds(kubectl: Kubectl, folder: Path) -> None:
    """Apply KubeRay's CRDs and wait until they are served.

    They are 4 MB, which takes the API server 6 s even if nothing changes: so a note on them
    says which files they came from.
    """
    content = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    digest = hashlib.sha256(content).hexdigest()[:16]
    noted = f"jsonpath={{.items[*].metadata.annotations.{_APPLIED.replace('.', chr(92) + '.')}}}"
    if kubectl.can("get", *_CRDS):
        found = kubectl("get", *_CRDS, "-o", noted).split()
        if found == [digest] * len(_CRDS):
            return
    kubectl.apply_folder(folder)
    wait_until(
        # Asked anew each time: kubectl fails at once on a CRD that has no conditions yet.
        lambda: kubectl.has_condition("Established", *_CRDS),
        what="KubeRay's API",
        timeout_s=60,
        hint="Run `kubectl describe crds`.",
    )
    kubectl("annotate", "--overwrite", *_CRDS, f"{_APPLIED}={digest}")


def is_kuberay_available(kubectl: Kubectl) -> bool:
    """Tell whether KubeRay's newest pod is ready, and serves: readiness may be of a past boot."""
    if not kubectl.can("rollout", "status", *_KUBERAY, "--timeout=1s"):
        return False
    spec = kubectl.get("service/kuberay-operator", "-n", KUBERAY_NAMESPACE)["spec"]
    address = (spec["clusterIP"], spec["ports"][0]["port"])
    try:
        with socket.create_connection(address, timeout=1.0):
            return True
    except OSError:
        return False


def wait_for_kuberay(kubectl: Kubectl) -> None:
    """Return once KubeRay is available."""
    wait_until(
        lambda: is_kuberay_available(kubectl),
        what="KubeRay",
        timeout_s=180,
        hint=f"Run `kubectl -n {KUBERAY_NAMESPACE} describe pods`.",
    )


def scale_kuberay(kubectl: Kubectl, *, running: bool) -> None:
    """Start or stop KubeRay, as a test of its failure needs, and wait until that is so."""
    if not kubectl.can("get", *_KUBERAY):
        raise ClusterError("KubeRay is not installed.", "Run `python3 hack/cluster up`.")
    kubectl("scale", *_KUBERAY, f"--replicas={int(running)}")
    if running:
        wait_for_kuberay(kubectl)
        return
    pods = ["pods", "-n", KUBERAY_NAMESPACE, "-l", "app.kubernetes.io/name=kuberay"]
    wait_until(
        lambda: not kubectl.get(*pods)["items"],
        what="KubeRay's end",
        timeout_s=60,
        hint=f"Run `kubectl -n {KUBERAY_NAMESPACE} get pods`.",
    )
