"""The two calls to the API server that the reporter makes. Nothing else imports its client."""

from typing import Any, Protocol, Self

from slmeval_api import API_VERSION, GROUP, VERSION
from slmeval_api.trial import Trial

FIELD_MANAGER = "slmeval-reporter"
TIMEOUT_S = (5.0, 10.0)  # to connect, to read


class TrialGone(Exception):
    """The trial does not exist, or is being deleted."""


class Forbidden(Exception):
    """The account of this pod may not do that."""


class Rejected(Exception):
    """The API server will not take this report, however often it is sent."""


class Unreachable(Exception):
    """No answer, or one that another try may better."""


class Trials(Protocol):
    """The SLMTrials of one namespace."""

    def fetch(self, name: str) -> dict[str, Any]:
        """Return the object `name`. Raises TrialGone, Forbidden, Unreachable."""

    def apply_status(self, name: str, status: dict[str, Any]) -> None:
        """Make `status` all that we say of `name`. Raises as fetch, or Rejected."""


class ClusterTrials:
    """The real ones, by a CustomObjectsApi."""

    def __init__(self, namespace: str, api: Any) -> None:  # noqa: ANN401 - imported late
        self._namespace = namespace
        self._api = api

    @classmethod
    def in_pod(cls, namespace: str) -> Self:
        """Return the trials as the account sees them whose token this container mounts.

        The client reads the token's file again every minute, so a rotated one is found in time.
        """
        from kubernetes import client, config

        configuration = client.Configuration()
        config.load_incluster_config(configuration)
        configuration.retries = 0  # the ledger retries, and says so
        return cls(namespace, client.CustomObjectsApi(client.ApiClient(configuration)))

    def fetch(self, name: str) -> dict[str, Any]:
        """Return the object `name`."""
        body: dict[str, Any] = self._call(
            self._api.get_namespaced_custom_object, name, _request_timeout=TIMEOUT_S
        )
        if "deletionTimestamp" in body["metadata"]:
            raise TrialGone(name)
        return body

    def apply_status(self, name: str, status: dict[str, Any]) -> None:
        """Apply `status` server-side: fields of ours that it lacks are removed."""
        body = {
            "apiVersion": API_VERSION,
            "kind": Trial.info.kind,
            "metadata": {"name": name},
            "status": status,
        }
        self._call(
            self._api.patch_namespaced_custom_object_status,
            name,
            body,
            field_manager=FIELD_MANAGER,
            force=True,
            _content_type="application/apply-patch+yaml",
            _request_timeout=TIMEOUT_S,
        )

    def _call(self, method: Any, name: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        plural = Trial.info.plural
        try:
            return method(GROUP, VERSION, self._namespace, plural, name, *args, **options)
        except ApiException as error:
            raise _meaning(error) from error
        except (HTTPError, OSError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error


def _meaning(error: Any) -> Exception:  # noqa: ANN401 - ApiException, which is imported late
    text = f"{error.status} {error.reason}: {str(error.body or '')[:500]}"
    known = {404: TrialGone, 403: Forbidden, 400: Rejected, 413: Rejected, 422: Rejected}
    return known.get(error.status, Unreachable)(text)
