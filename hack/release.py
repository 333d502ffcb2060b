"""The release on a cluster for trying things: demo and cluster tests install the same way."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "slmeval"
NAMESPACE = "slmeval-system"


def install_command(registry: str, tag: str) -> list[str]:
    """Return the command that installs or upgrades the release with the demo's runner image."""
    return [
        *("helm", "upgrade", "--install", NAME, str(ROOT / "charts/slmeval")),
        *("--namespace", NAMESPACE, "--create-namespace", "--wait", "--timeout", "3m"),
        *("--set", f"image.registry={registry}", "--set", f"image.tag={tag}"),
        *("--set", f"runner.image={registry}/runner-demo:{tag}"),
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
