"""The few calls that the operator makes to the API server; the chart's RBAC allows just these."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from kubernetes.aio import client, config
from slmeval_api import GROUP, VERSION
from slmeval_decisions import names

Body = dict[str, Any]
FIELD_MANAGER = "slmeval-operator"
PAGE = 500
OK, CREATED, ACCEPTED, NOT_FOUND, CONFLICT = 200, 201, 202, 404, 409
REFUSALS = (400, 403, 413, 422)


@dataclass(frozen=True, slots=True)
class Resource:
    """Where a kind lives in the API."""

    group: str
    version: str
    plural: str
    selector: str = ""
    """Label selector that all lists and watches use, so that other people's objects stay away."""

    @property
    def base(self) -> str:
        """The path before the namespace."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None, *rest: str) -> str:
        """Return the path of the collection, or of what `rest` names in it."""
        place = f"/namespaces/{namespace}" if namespace else ""
        return "/".join([f"{self.base}{place}/{self.plural}", *rest])


_OURS = f"{names.MANAGED_BY}={names.OURS}"
RESOURCES = {
    "slmevaluations": Resource(GROUP, VERSION, "slmevaluations"),
    "slmruns": Resource(GROUP, VERSION, "slmruns"),
    "slmtrials": Resource(GROUP, VERSION, "slmtrials"),
    "slmpools": Resource(GROUP, VERSION, "slmpools"),
    "rayjobs": Resource("ray.io", "v1", "rayjobs", _OURS),
    "rayclusters": Resource("ray.io", "v1", "rayclusters"),
    "pods": Resource("", "v1", "pods", _OURS),
    "configmaps": Resource("", "v1", "configmaps"),
    "serviceaccounts": Resource("", "v1", "serviceaccounts"),
    "events": Resource("", "v1", "events"),
    "roles": Resource("rbac.authorization.k8s.io", "v1", "roles"),
    "rolebindings": Resource("rbac.authorization.k8s.io", "v1", "rolebindings"),
}
CLUSTER_SCOPED = {"slmpools"}


class ApiError(Exception):
    """The API server answered something other than yes."""

    def __init__(self, status: int, what: str, message: str, reason: str = "") -> None:
        super().__init__(f"{what}: {status}: {message}")
        self.status = status
        self.message = message
        self.reason = reason  # Kubernetes' word for it, such as AlreadyExists


class Refused(ApiError):
    """The API server will not have it as it is: quota, admission, permission, form."""


Observer = Callable[[str, str, int, float], None]
"""Called with verb, resource, HTTP status (0: no answer) and seconds of every call."""


class Cluster:
    """A client. Made by `connect`; closed by its user."""

    def __init__(self, api: client.ApiClient, observe: Observer) -> None:
        self._api = api
        self._observe = observe

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def list_all(self, plural: str, namespaces: Sequence[str]) -> list[Body]:
        """Return all objects of a kind, in `namespaces` or everywhere."""
        resource = RESOURCES[plural]
        places = [None] if not namespaces or plural in CLUSTER_SCOPED else list(namespaces)
        found = list[Body]()
        for place in places:
            found += await self._pages(resource, place, resource.selector)
        return found

    async def _pages(self, resource: Resource, place: str | None, selector: str) -> list[Body]:
        found, token = list[Body](), ""
        while True:
            query = [("limit", str(PAGE))]
            query += [("labelSelector", selector)] if selector else []
            query += [("continue", token)] if token else []
            page = await self._call("GET", resource, resource.path(place), query=query)
            found += page.get("items") or []
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return found

    async def create(self, plural: str, body: Body) -> Body | None:
        """Make an object; return it, or None when one of that name is there already.

        Raises:
            Refused: the API server will not have it as it is.

        """
        resource = RESOURCES[plural]
        path = resource.path(body["metadata"].get("namespace"))
        try:
            return await self._call("POST", resource, path, body=body)
        except ApiError as error:
            # A quota that was counted meanwhile answers 409 too, and then nothing was made.
            if error.status == CONFLICT and error.reason == "AlreadyExists":
                return None
            raise

    async def apply_status(
        self, plural: str, namespace: str, name: str, status: Body
    ) -> Body | None:
        """Write our part of a status by server-side apply; None: the object is gone."""
        resource = RESOURCES[plural]
        body = {
            "apiVersion": f"{resource.group}/{resource.version}",
            "kind": KIND_OF[plural],
            "metadata": {"name": name, "namespace": namespace},
            "status": status,
        }
        query = [("fieldManager", FIELD_MANAGER), ("force", "true")]
        try:
            return await self._call(
                "PATCH",
                resource,
                resource.path(namespace, name, "status"),
                body=body,
                query=query,
                form="application/apply-patch+yaml",
            )
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    async def suspend_rayjob(self, namespace: str, name: str, is_suspended: bool) -> Body | None:
        """Set a RayJob's spec.suspend; None: it is gone."""
        resource = RESOURCES["rayjobs"]
        try:
            return await self._call(
                "PATCH",
                resource,
                resource.path(namespace, name),
                body={"spec": {"suspend": is_suspended}},
                form="application/merge-patch+json",
            )
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    async def delete(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object in the background; that it is gone already is fine."""
        resource = RESOURCES[plural]
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        try:
            await self._call("DELETE", resource, resource.path(namespace, name), body=body)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise

    async def rayclusters_of(self, namespace: str, rayjob: str) -> list[str]:
        """Return the names of a RayJob's RayClusters that nobody has deleted yet."""
        resource = RESOURCES["rayclusters"]
        found = await self._pages(resource, namespace, f"{names.ORIGIN}={rayjob}")
        metas = [body["metadata"] for body in found]
        return [meta["name"] for meta in metas if "deletionTimestamp" not in meta]

    async def _call(
        self,
        verb: str,
        resource: Resource,
        path: str,
        *,
        body: Body | None = None,
        query: Sequence[tuple[str, str]] = (),
        form: str = "application/json",
    ) -> Body:
        request = await self._api.param_serialize(
            method=verb,
            resource_path=path,
            query_params=list(query),
            header_params={"Content-Type": form, "Accept": "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        began, status = monotonic(), 0
        try:
            response = await self._api.call_api(*request, _request_timeout=30)
            raw = await response.read()
            status = response.status
        finally:
            self._observe(verb, resource.plural, status, monotonic() - began)
        if status in (OK, CREATED, ACCEPTED):
            return dict(json.loads(raw)) if raw else {}
        message, reason = _complaint(raw)
        error = Refused if status in REFUSALS else ApiError
        raise error(status, f"{verb} {path}", message, reason)


def _complaint(raw: bytes) -> tuple[str, str]:
    """Return message and reason of an answer that is not yes, which may be no JSON: 429 is not."""
    try:
        answer = json.loads(raw)
        message, reason = str(answer["message"]), str(answer.get("reason") or "")
    except (ValueError, KeyError, TypeError):
        message, reason = raw.decode(errors="replace"), ""
    return message[:2000], reason


KIND_OF = {"slmevaluations": "SLMEvaluation", "slmruns": "SLMRun", "slmtrials": "SLMTrial"}
PLURAL_OF = {
    "SLMRun": "slmruns",
    "SLMTrial": "slmtrials",
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ConfigMap": "configmaps",
    "RayJob": "rayjobs",
    "Event": "events",
}


async def connect(observe: Observer) -> Cluster:
    """Return a client for the cluster that runs us, or that KUBECONFIG names."""
    configuration = client.Configuration()
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(client_configuration=configuration)
    return Cluster(client.ApiClient(configuration), observe)
