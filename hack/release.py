"""The release on a cluster for trying things: demo and cluster tests install the same way."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts/slmeval"
NAME = "slmeval"
NAMESPACE = "slmeval-system"
REGISTRY = os.environ.get("REGISTRY", "localhost/slmeval")
TAG = os.environ.get("TAG", "dev")
_ROLLOUT = ("kubectl", "rollout")
_DEPLOYMENT = ("--namespace", NAMESPACE, f"deployment/{NAME}")
RESTART = (*_ROLLOUT, "restart", *_DEPLOYMENT)
"""The tag stays while what it names changes: only a new pod takes the new image."""
WAIT_READY = (*_ROLLOUT, "status", "--timeout=120s", *_DEPLOYMENT)


def install_command(runner: str = "runner-demo", ray_version: str | None = None) -> list[str]:
    """Return the command that installs or upgrades the release.

    Args:
        runner: the runner's image in the registry.
        ray_version: of Ray in that image; None: the chart's own.
    """
    versions = ("--set-string", f"runner.rayVersion={ray_version}") if ray_version else ()
    return [
        *("helm", "upgrade", "--install", NAME, str(CHART)),
        *("--namespace", NAMESPACE, "--create-namespace", "--wait", "--timeout", "3m"),
        *("--set", f"image.registry={REGISTRY}", "--set", f"image.tag={TAG}"),
        *("--set", f"runner.image={REGISTRY}/{runner}:{TAG}"),
        *versions,
    ]


def drop_half_done() -> bool:
    """Uninstall a release whose last operation was cut off; helm would refuse another for ever.

    Returns:
        Whether there was one.
    """
    status = subprocess.run(
        ["helm", "status", NAME, "--namespace", NAMESPACE, "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if status.returncode != 0:
        return False
    if not str(json.loads(status.stdout)["info"]["status"]).startswith("pending"):
        return False
    subprocess.run(["helm", "uninstall", NAME, "--namespace", NAMESPACE], check=True)
    return True
