"""The Kubernetes client: the only module that imports it. Makes the calls of calls.Cluster.

Every answer that is not yes becomes a ClusterError that says what to do.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from slmeval_api import API_VERSION, GROUP

from .answer import Body
from .calls import PODS, Applied, Event, Listed, Where
from .exits import ClusterError, UnreachableError, UserError

FIELD_MANAGER = "slmeval"
PAGE = 100
"""Objects a page: a trial may take a megabyte."""
CONNECT_S, READ_S = 10, 60
WATCH_S = 290
"""How long a watch is asked to last; its end is followed by a new list."""
LOG_SILENCE_S = 3_600
OK = (200, 201)
MALFORMED = (ValueError, TypeError, KeyError, AttributeError)
"""What the client raises over a kubeconfig that is none, in words of Python."""
UNUSABLE = (config.ConfigException, yaml.YAMLError, OSError, *MALFORMED)
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT = 401, 403, 404, 409
TOO_MANY, FAULT_OF_SERVER = 429, 500
ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
NOT_INSTALLED = (
    "Install the operator with its CRDs: helm install slmeval charts/slmeval "
    "--namespace slmeval-system --create-namespace."
)


def connect(where: Where) -> "KubernetesCluster":
    """Return the cluster that `where` names; nothing is asked of it yet.

    Raises:
        ClusterError: there is no kubeconfig, it cannot be read, or it has no such context.

    """
    configuration = client.Configuration()
    try:
        namespace = _load(where, configuration)
    except UNUSABLE as error:
        why = "it has not the form of one" if isinstance(error, MALFORMED) else str(error)
        if where.kubeconfig and not where.kubeconfig.exists():
            why = "there is no such file"
        raise ClusterError(
            f"The kubeconfig {_file_of(where)} cannot be used: {why}.",
            "Name one by --kubeconfig or KUBECONFIG, and one of its contexts by --context.",
        ) from None
    configuration.retries = False  # three more tries would make an unreachable cluster take minutes
    return KubernetesCluster(client.ApiClient(configuration), where.namespace or namespace)


def _file_of(where: Where) -> str:
    """Return the file, or the files as $KUBECONFIG joins them, that the kubeconfig is read from."""
    return str(where.kubeconfig or config.KUBE_CONFIG_DEFAULT_LOCATION)


def _load(where: Where, configuration: Any) -> str:  # noqa: ANN401 - the client has no types
    """Fill `configuration`; return the current namespace."""
    is_in_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    is_named = where.kubeconfig or where.context or os.environ.get("KUBECONFIG")
    has_default = Path(os.path.expanduser(config.KUBE_CONFIG_DEFAULT_LOCATION)).exists()
    if is_in_pod and not is_named and not has_default:
        config.load_incluster_config(client_configuration=configuration)
        return ACCOUNT_NAMESPACE.read_text().strip()
    file = str(where.kubeconfig) if where.kubeconfig else None
    config.load_kube_config(
        config_file=file, context=where.context, client_configuration=configuration
    )
    contexts, current = config.list_kube_config_contexts(config_file=file)
    used = next((c for c in contexts if c["name"] == where.context), current)
    return str(used["context"].get("namespace") or "default")


class KubernetesCluster:
    """A cluster behind an API server. Its calls are described in calls.Cluster."""

    def __init__(self, api: Any, namespace: str) -> None:  # noqa: ANN401 - no types
        self._api = api
        self._namespace = namespace
        self._resources = dict[tuple[str, str], Body]()

    @property
    def namespace(self) -> str:
        """The namespace that is meant unless one is named."""
        return self._namespace

    def listed(self, plural: str, namespace: str | None, selector: str = "") -> Listed:
        """Return the objects of a kind."""
        path, bodies, token = _collection(plural, namespace), list[Body](), ""
        while True:
            query = [("limit", str(PAGE))]
            query += [("labelSelector", selector)] if selector else []
            query += [("continue", token)] if token else []
            page = self._json("GET", path, query=query)
            kind = str(page.get("kind", "")).removesuffix("List")
            # The items of a list do not say what they are; what reads them asks.
            common = {"apiVersion": page.get("apiVersion"), "kind": kind}
            bodies += [common | item for item in page.get("items") or []]
            metadata = page.get("metadata") or {}
            token = metadata.get("continue") or ""
            if not token:
                return Listed(bodies, str(metadata.get("resourceVersion", "")))

    def watched(
        self, plural: str, namespace: str, *, selector: str, version: str
    ) -> Iterator[Event]:
        """Yield the changes after `version` until the connection ends, however it does."""
        query = [("watch", "true"), ("resourceVersion", version), ("timeoutSeconds", str(WATCH_S))]
        query += [("labelSelector", selector)] if selector else []
        path = _collection(plural, namespace)
        for line in self._lines(path, query=query, silence_s=WATCH_S + READ_S):
            try:
                event = json.loads(line)
            except ValueError:  # the connection broke in the middle of it
                return
            if event.get("type") not in ("ADDED", "MODIFIED", "DELETED"):
                return  # ERROR: the version is too old to go on from
            yield Event(event["type"] == "DELETED", event["object"])

    def applied(self, body: Body, namespace: str, *, is_dry_run: bool, is_forced: bool) -> Applied:
        """Apply `body` by server-side apply."""
        resource = self._resource(str(body.get("apiVersion")), str(body.get("kind")))
        metadata = body.get("metadata") or {}
        name = metadata.get("name")
        if not name:
            raise UserError(f"{body.get('kind')} has no metadata.name.", "Name the object.")
        base = _base(str(body["apiVersion"]))
        place = ""
        if resource["namespaced"]:
            namespace = metadata.get("namespace") or namespace
            body = body | {"metadata": metadata | {"namespace": namespace}}
            place = f"/namespaces/{namespace}"
        path = f"{base}{place}/{resource['name']}/{name}"
        before = self._there(path)
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]
        query += [("force", "true")] if is_forced else []
        query += [("dryRun", "All")] if is_dry_run else []
        form = "application/apply-patch+yaml"
        return Applied(before, self._json("PATCH", path, query=query, body=body, form=form))

    def annotated(
        self, plural: str, namespace: str, name: str, *, annotations: dict[str, str]
    ) -> Body:
        """Set annotations of an object."""
        return self._json(
            "PATCH",
            f"{_collection(plural, namespace)}/{name}",
            # Not by server-side apply: what `applied` owns and this does not name would go.
            query=[("fieldManager", f"{FIELD_MANAGER}-annotate")],
            body={"metadata": {"annotations": annotations}},
            form="application/merge-patch+json",
        )

    def log(
        self, namespace: str, pod: str, container: str, *, follows: bool, tail: int | None
    ) -> Iterator[str]:
        """Yield the lines of a container's log."""
        query = [("container", container), ("follow", str(follows).lower())]
        query += [("tailLines", str(tail))] if tail is not None else []
        path = f"{_collection(PODS, namespace)}/{pod}/log"
        for line in self._lines(path, query=query, silence_s=LOG_SILENCE_S):
            yield line.decode(errors="replace")

    def _there(self, path: str) -> Body | None:
        try:
            return self._json("GET", path)
        except _MissingError:
            return None

    def _resource(self, version: str, kind: str) -> Body:
        """Return what the server calls a kind, and whether it lives in namespaces."""
        if (version, kind) not in self._resources:
            found = self._there(_base(version)) or {}
            for one in found.get("resources") or []:
                if "/" not in one["name"]:  # not slmtrials/status
                    self._resources[version, one["kind"]] = one
        if (version, kind) not in self._resources:
            is_ours = version.partition("/")[0] == GROUP
            raise ClusterError(
                f"The cluster knows no {kind} of {version}.",
                NOT_INSTALLED if is_ours else "Install what brings it.",
            )
        return self._resources[version, kind]

    def _json(
        self,
        verb: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Body | None = None,
        form: str = "application/json",
    ) -> Body:
        response = self._request(verb, path, query=query, body=body, form=form, silence_s=READ_S)
        try:
            answer = json.loads(response.read())
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ClusterError(
                f"{self._api.configuration.host} does not answer as a Kubernetes API server.",
                "Check the server's address in the kubeconfig.",
            )
        return answer

    def _lines(
        self, path: str, *, query: Sequence[tuple[str, str]], silence_s: float
    ) -> Iterator[bytes]:
        """Yield what comes, line by line; a connection that breaks just ends it."""
        raw = self._request("GET", path, query=query, silence_s=silence_s).response
        rest = b""
        try:
            for chunk in raw.stream(decode_content=False):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except (urllib3.exceptions.HTTPError, OSError):
            return
        finally:
            raw.close()
        if rest:
            yield rest

    def _request(
        self,
        verb: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]],
        silence_s: float,
        body: Body | None = None,
        form: str = "application/json",
    ) -> Any:  # noqa: ANN401 - the client has no types
        headers = {"Content-Type": form, "Accept": "application/json, */*"}
        request = self._api.param_serialize(
            method=verb,
            resource_path=path,
            query_params=list(query),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._api.call_api(*request, _request_timeout=(CONNECT_S, silence_s))
            if response.status not in OK:
                raise _refusal(verb, path, response.status, response.read())
        except (urllib3.exceptions.HTTPError, OSError, client.ApiException) as error:
            raise self._unreachable(error) from None
        return response

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"The cluster at {self._api.configuration.host} cannot be reached: {error}.",
            "Check --context, the kubeconfig and the network; `kubectl version` asks the same.",
        )


class _MissingError(ClusterError):
    """There is no such object, or no such kind: the server answered 404."""


def _base(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _collection(plural: str, namespace: str | None) -> str:
    base = "/api/v1" if plural == PODS else f"/apis/{API_VERSION}"
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}{place}/{plural}"


def _refusal(verb: str, path: str, status: int, raw: bytes) -> ClusterError:
    """Return the error that an answer other than yes is."""
    try:
        said = json.loads(raw)
        message = str(said.get("message") or said)
        is_object = bool((said.get("details") or {}).get("name"))
    except (ValueError, AttributeError):  # a proxy's page, or no JSON, as for an unknown group
        message, is_object = raw.decode(errors="replace")[:500].strip(), False
    if status == UNAUTHORIZED:
        return ClusterError(
            "The cluster does not know who you are.", "Log in again: the credentials have ended."
        )
    if status == FORBIDDEN:
        return ClusterError(
            f"The cluster forbids it: {message}.",
            "Ask its admin: the chart adds slmeval to the roles view and edit.",
        )
    if status == NOT_FOUND and is_object:
        return _MissingError(f"{message}.")
    if status == NOT_FOUND and GROUP in path:
        return _MissingError("slmeval is not installed in this cluster.", NOT_INSTALLED)
    if status == NOT_FOUND:
        return _MissingError(f"The cluster has no {path}: {message}.")
    if status == CONFLICT and verb == "PATCH":
        return ClusterError(
            f"Another tool owns fields of it: {message}.",
            "Change them with that tool, or take them over by --force-conflicts.",
        )
    if status >= FAULT_OF_SERVER or status == TOO_MANY:
        return UnreachableError(
            f"The cluster fails or is busy ({status}): {message}.", "Try again."
        )
    return ClusterError(f"The cluster refuses ({status}): {message}.")
