"""The few calls that tests make of an API server: as kubectl, and as a client of our kinds."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from slmeval_api import GROUP, VERSION
from verdicts.cases import KINDS, Json


class Refused(Exception):
    """The API server's answer to a request that it did not grant."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with one kubeconfig."""

    binary: Path
    kubeconfig: Path

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        """Return what `kubectl args` prints.

        Raises:
            Refused: it failed; the message is what it wrote to stderr.

        """
        cache = self.kubeconfig.parent / "cache"  # the user's own would remember other servers
        done = subprocess.run(
            [self.binary, "--kubeconfig", self.kubeconfig, "--cache-dir", cache, *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise Refused(done.returncode, done.stderr)
        return done.stdout

    def apply(self, bodies: Iterable[Json], *flags: str) -> str:
        """Apply `bodies` at once, strictly."""
        return self("apply", "--validate=strict", "-f", "-", *flags, stdin=_list(bodies))

    def create(self, *bodies: Json) -> str:
        """Create `bodies`, strictly; unlike apply this needs no right to read them."""
        return self("create", "--validate=strict", "-f", "-", stdin=_list(bodies))

    def json(self, *args: str) -> Any:
        """Return what `kubectl args -o json` says."""
        return json.loads(self(*args, "-o", "json"))

    def as_account(self, namespace: str, name: str) -> "Kubectl":
        """Return kubectl with a real token of a ServiceAccount, and no other credentials."""
        token = self("create", "token", name, "-n", namespace).strip()
        admin = yaml.safe_load(self.kubeconfig.read_text())
        (cluster,) = admin["clusters"]
        kubeconfig = self.kubeconfig.parent / f"{namespace}-{name}.conf"
        context = {"cluster": cluster["name"], "user": name}
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [cluster],
                    "users": [{"name": name, "user": {"token": token}}],
                    "contexts": [{"name": name, "context": context}],
                    "current-context": name,
                }
            )
        )
        return Kubectl(self.binary, kubeconfig)


def _list(bodies: Iterable[Json]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(bodies)})


@dataclass(frozen=True, slots=True)
class Objects:
    """Our kinds on a real API server, addressed by the body of the object."""

    api: Any

    @classmethod
    def of(cls, kubeconfig: Path) -> "Objects":
        """Return the client of whoever `kubeconfig` is."""
        return cls(client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig))))

    def create(self, body: Json, *, dry_run: bool = False) -> Json:
        """Create `body` strictly and return what the server made of it."""
        return self._call(
            "create",
            body,
            body=body,
            field_validation="Strict",
            **({"dry_run": "All"} if dry_run else {}),
        )

    def refusal(self, body: Json) -> str | None:
        """Return why the server would not store `body`; None: it would."""
        try:
            self.create(body, dry_run=True)
        except Refused as refused:
            return refused.message
        return None

    def get(self, body: Json) -> Json:
        """Return the stored object that has the name of `body`."""
        return self._call("get", body, name=body["metadata"]["name"])

    def delete(self, body: Json) -> None:
        """Delete the object that has the name of `body`."""
        self._call("delete", body, name=body["metadata"]["name"])

    def replace_status(self, body: Json) -> Json:
        """PUT `body` to the status subresource."""
        name = body["metadata"]["name"]
        return self._call("replace", body, suffix="_status", name=name, body=body)

    def merge(self, body: Json, patch: Json) -> Json:
        """Send `patch` as a merge patch to the object that has the name of `body`."""
        return self._call("patch", body, name=body["metadata"]["name"], body=patch)

    def apply_status(self, body: Json, status: Json, *, manager: str) -> Json:
        """Server-side apply `status` to the object that has the name of `body`."""
        kept = {k: body["metadata"][k] for k in ("name", "namespace") if k in body["metadata"]}
        return self._call(
            "patch",
            body,
            suffix="_status",
            name=kept["name"],
            body={k: body[k] for k in ("apiVersion", "kind")}
            | {"metadata": kept, "status": status},
            field_manager=manager,
            force=True,
            _content_type="application/apply-patch+yaml",
        )

    def _call(self, verb: str, target: Json, *, suffix: str = "", **arguments: Any) -> Json:
        info = KINDS[target["kind"]].info
        place = {"group": GROUP, "version": VERSION, "plural": info.plural}
        scope = "cluster"
        if info.scope == "Namespaced":
            scope, place["namespace"] = "namespaced", target["metadata"]["namespace"]
        call = getattr(self.api, f"{verb}_{scope}_custom_object{suffix}")
        try:
            answer: Json = call(**place, **arguments)
        except client.ApiException as error:
            message = json.loads(error.body)["message"] if error.body else str(error)
            raise Refused(error.status, message) from None
        return answer
