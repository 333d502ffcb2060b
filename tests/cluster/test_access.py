"""No Ray process can read a token, and the reporter's token opens its own trials only."""

import json

from .installation import Installation, evaluation
from .kube import apply, items, kubectl, wait_measuring

HUNT = """
import os, pathlib, json
found = [str(p) for p in pathlib.Path("/").glob("var/run/secrets/**/token")]
found += [str(p) for p in pathlib.Path("/run").glob("**/token") if p.exists()]
for pid in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        found += [str(p) for p in (pid / "root/var/run/secrets").glob("**/token")]
    except OSError:
        pass
print(json.dumps({"tokens": found, "pid": os.getpid()}))
"""
ON_THE_HEAD = f"""
import ray, subprocess, sys, logging
ray.init(address="auto", logging_level=logging.ERROR)
@ray.remote(num_cpus=0, resources={{"node:__internal_head__": 0.001}})
def hunt():
    return subprocess.run([sys.executable, "-c", {HUNT!r}], capture_output=True, text=True).stdout
print(ray.get(hunt.remote()))
"""


def _in(pod: str, container: str, namespace: str, code: str) -> dict[str, object]:
    text = kubectl("exec", pod, "-n", namespace, "-c", container, "--", "python", "-c", code)
    return dict(json.loads(text.strip().splitlines()[-1]))


class TestTokens:
    def test_only_the_reporter_has_one_and_it_opens_only_its_trials(
        self, operator: Installation, namespace: str
    ) -> None:
        apply(evaluation(namespace, "a", seconds=150))
        apply(evaluation(namespace, "x", name="other", suspend=True))
        wait_measuring(namespace)
        head = items("pods", namespace, "ray.io/node-type=head")[0]["metadata"]["name"]
        worker = items("pods", namespace, "ray.io/node-type=worker")[0]["metadata"]["name"]
        assert _in(head, "ray-head", namespace, HUNT)["tokens"] == []
        assert _in(worker, "ray-worker", namespace, HUNT)["tokens"] == []
        assert _in(worker, "ray-worker", namespace, ON_THE_HEAD)["tokens"] == []
        assert _in(head, "reporter", namespace, HUNT)["tokens"] != []
        self._role(namespace)

    def _role(self, namespace: str) -> None:
        trials = {
            t["spec"]["model"]["name"]: t["metadata"]["name"] for t in items("slmtrials", namespace)
        }
        accounts = [
            p["spec"]["serviceAccountName"]
            for p in items("pods", namespace, "ray.io/node-type=head")
        ]
        user = f"system:serviceaccount:{namespace}:{accounts[0]}"

        def may(verb: str, what: str) -> bool:
            answer = kubectl("auth", "can-i", verb, what, "-n", namespace, "--as", user)
            return answer.strip() == "yes"

        assert may("get", f"slmtrials/{trials['a']}")
        assert _can(namespace, user, "patch", trials["a"])
        assert not _can(namespace, user, "patch", trials["x"])
        for verb, what in (
            ("list", "slmtrials"),
            ("get", "secrets"),
            ("create", "pods"),
            ("list", "pods"),
            ("patch", "slmruns"),
            ("patch", "slmevaluations"),
        ):
            assert not _quietly(namespace, user, verb, what), (verb, what)


def _can(namespace: str, user: str, verb: str, trial: str) -> bool:
    return _quietly(namespace, user, verb, f"slmtrials.slmeval.dev/{trial}", "--subresource=status")


def _quietly(namespace: str, user: str, verb: str, what: str, *flags: str) -> bool:
    """Return kubectl's yes or no; its exit code says no as well."""
    try:
        answer = kubectl("auth", "can-i", verb, what, "-n", namespace, "--as", user, *flags)
    except AssertionError as error:
        if "no" in str(error).splitlines()[-1] or "\nno" in str(error):
            return False
        raise
    return answer.strip() == "yes"
