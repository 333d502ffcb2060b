"""The reporter's client against an HTTP server that answers as the API server does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from runner_builders import a_result
from slmeval_runner.reporter.trials import (
    ClusterTrials,
    Forbidden,
    Rejected,
    TrialGone,
    Trials,
    Unreachable,
)


class Handler(BaseHTTPRequestHandler):
    """Keeps the last request; answers with what the test put there."""

    answer: ClassVar[tuple[int, dict[str, Any]]] = (200, {})
    seen: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        type(self).seen = {
            "method": self.command,
            "path": self.path,
            "type": self.headers.get("Content-Type"),
            "body": json.loads(body) if body else None,
        }
        status, data = self.answer
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    made = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def trials(server: HTTPServer) -> Iterator[Trials]:
    from kubernetes import client

    configuration = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
    with client.ApiClient(configuration) as api:
        yield ClusterTrials("team", client.CustomObjectsApi(api))


PATH = "/apis/slmeval.dev/v1alpha1/namespaces/team/slmtrials/demo-1-a"


class TestFetching:
    def test_gets_the_trial(self, trials: Trials) -> None:
        Handler.answer = (200, {"metadata": {"name": "demo-1-a"}, "status": {}})
        assert trials.fetch("demo-1-a")["metadata"] == {"name": "demo-1-a"}
        assert (Handler.seen["method"], Handler.seen["path"]) == ("GET", PATH)

    def test_counts_a_trial_that_is_being_deleted_as_gone(self, trials: Trials) -> None:
        Handler.answer = (200, {"metadata": {"deletionTimestamp": "2026-11-01T00:00:00Z"}})
        with pytest.raises(TrialGone):
            trials.fetch("demo-1-a")


class TestApplying:
    def test_applies_the_status_server_side_with_force_as_its_own_manager(
        self, trials: Trials
    ) -> None:
        Handler.answer = (200, {})
        status = {"result": a_result().to_json_data()}
        trials.apply_status("demo-1-a", status)
        path, _, query = Handler.seen["path"].partition("?")
        assert path == f"{PATH}/status"
        assert set(query.split("&")) == {"fieldManager=slmeval-reporter", "force=true"}
        assert Handler.seen["type"] == "application/apply-patch+yaml"
        assert Handler.seen["body"] == {
            "apiVersion": "slmeval.dev/v1alpha1",
            "kind": "SLMTrial",
            "metadata": {"name": "demo-1-a"},
            "status": status,
        }


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, Rejected),
            (401, Unreachable),
            (403, Forbidden),
            (404, TrialGone),
            (409, Unreachable),
            (413, Rejected),
            (422, Rejected),
            (429, Unreachable),
            (500, Unreachable),
            (503, Unreachable),
        ],
    )
    def test_mean(self, trials: Trials, status: int, error: type[Exception]) -> None:
        Handler.answer = (status, {"message": "because"})
        with pytest.raises(error, match=rf"{status}.*because"):
            trials.apply_status("demo-1-a", {})

    def test_that_never_come_are_unreachable(self) -> None:
        from kubernetes import client

        with HTTPServer(("127.0.0.1", 0), Handler) as closed:
            port = closed.server_port
        configuration = client.Configuration(host=f"http://127.0.0.1:{port}")
        configuration.retries = 0
        with client.ApiClient(configuration) as api, pytest.raises(Unreachable, match="refused"):
            ClusterTrials("team", client.CustomObjectsApi(api)).fetch("demo-1-a")
