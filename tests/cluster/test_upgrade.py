"""A new chart in the middle of a run: nothing is measured twice, and nothing starts anew."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hack import release
from hack.gen.yaml_text import yaml_text

from .installation import Installation, evaluation, simulated_pool
from .kube import (
    SYSTEM,
    Body,
    apply,
    condition,
    get,
    items,
    kubectl,
    results,
    run,
    wait_ended,
    wait_for,
)

NEWER_FIELDS = ("seed", "gates", "schedule", "onChange")
"""Of an evaluation, two of them with a default: what the made-up version before did not know."""
A_GATE = {
    "name": "fast-enough",
    "speed": {"workload": "short", "figure": "requestsPerSecond"},
    "atLeast": "0.1",
}


def without(node: object, fields: tuple[str, ...]) -> None:
    """Take `fields` out of every schema below `node`, and the rules that speak of them."""
    if isinstance(node, list):
        for part in node:
            without(part, fields)
    if not isinstance(node, dict):
        return
    properties = node.get("properties")
    if isinstance(properties, dict) and "models" in properties:  # of a question
        for field in fields:
            properties.pop(field, None)
        node["x-kubernetes-validations"] = [
            one
            for one in node.get("x-kubernetes-validations", [])
            if not any(f"self.{field}" in one["rule"] for field in fields)
        ]
    for part in node.values():
        without(part, fields)


@pytest.fixture
def before(tmp_path: Path, installed: Installation) -> Iterator[list[str]]:
    """Install a version before this one, with a pool; yield the command that upgrades it.

    No version was released yet. So it is made up: this one's code, by another version's number,
    with CRDs that lack fields.
    """
    pools = json.dumps([{"name": "kept", "spec": simulated_pool("kept")["spec"]}])
    upgrade = [*release.install_command(), "--set-json", f"pools={pools}"]
    chart = tmp_path / "slmeval"
    shutil.copytree(release.CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about | {"version": "0.0.1"}))
    for path in (chart / "files/crds").iterdir():
        crd = yaml.safe_load(path.read_text())
        without(crd, NEWER_FIELDS)
        path.write_text(yaml_text(crd))
    try:
        run(*(str(chart) if word == str(release.CHART) else word for word in upgrade))
        yield upgrade
    finally:
        run(*release.install_command())


def the_operator() -> Body:
    """Return the operator's pod, once there is exactly one."""

    def look() -> Body | None:
        pods = items("pods", SYSTEM, "app.kubernetes.io/name=slmeval")
        return pods[0] if len(pods) == 1 else None

    return wait_for("one pod of the operator", look)


class TestAnUpgrade:
    def test_in_the_middle_of_a_run_neither_loses_nor_repeats_anything(
        self, before: list[str], namespace: str
    ) -> None:
        apply(evaluation(namespace, name="over", pools=["kept"]))
        over = wait_ended("over", namespace)
        assert not {*NEWER_FIELDS} & over["spec"].keys()
        apply(evaluation(namespace, *"abc", seconds=6, pools=["kept"]))
        first = wait_for("a result", lambda: results(namespace, "demo"))
        assert len(first) < 3
        jobs = {job["metadata"]["uid"] for job in items("rayjobs", namespace)}
        old = the_operator()

        # So it is between Helm's hooks when the pool was made by the first installation.
        kubectl("delete", "slmpool", "kept")
        run(*before)

        new = the_operator()
        assert new["metadata"]["uid"] != old["metadata"]["uid"]
        assert get("slmpool", "kept", "")["spec"]["engine"] == "simulated"
        body = wait_ended("demo", namespace)
        assert condition(body, "Succeeded")["status"] == "True"
        found = results(namespace, "demo")
        assert sorted(found) == ["a", "b", "c"]
        assert {name: found[name] for name in first} == first
        assert {job["metadata"]["uid"] for job in items("rayjobs", namespace)} == jobs
        assert len(items("slmruns", namespace)) == 2

        # The new version's fields have their defaults, and that asks nothing anew.
        now = get("slmeval", "over", namespace)
        assert {"seed", "onChange"} <= now["spec"].keys()
        assert now["status"]["currentRun"] == over["status"]["currentRun"]
        # What was measured before is judged by gates that only the new version knows.
        patch = json.dumps({"spec": {"gates": [A_GATE]}})
        kubectl("patch", "slmeval", "over", "-n", namespace, "--type=merge", "-p", patch)
        judged = wait_for("gates", lambda: self._judged(namespace))
        assert judged["status"] == "True"
        assert len(items("slmruns", namespace)) == 2

    def _judged(self, namespace: str) -> Body:
        return condition(get("slmeval", "over", namespace), "GatesPassed")
