"""The Kubernetes client against a server that is a fake: what is sent, and what errors say."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from builders import evaluation_body, to_create
from cli_builders import NOW, FakeHere
from slmeval_cli.calls import Where, World
from slmeval_cli.cluster import KubernetesCluster, connect
from slmeval_cli.exits import ClusterError, ExitCode, UnreachableError, UserError
from slmeval_cli.main import app
from typer.testing import CliRunner

Json = dict[str, Any]
BASE = "/apis/slmeval.dev/v1alpha1"
EVALUATIONS = f"{BASE}/namespaces/team/slmevaluations"


def status(code: int, message: str, **details: object) -> tuple[int, str]:
    """Return an answer as the API server gives one that is not yes."""
    return code, json.dumps({"kind": "Status", "message": message, "details": details})


class FakeServer:
    """A fake of an API server: answers by path, one answer after the other, the last for ever."""

    def __init__(self) -> None:
        self.answers = dict[str, list[tuple[int, str]]]()
        self.asked = list[tuple[str, str, dict[str, list[str]]]]()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                url = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                server.asked.append((self.command, url.path, parse_qs(url.query)))
                left = server.answers.get(url.path, [(404, "404 page not found\n")])
                code, text = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(code)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PATCH = _answer

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, path: str, *answers: Json | tuple[int, str]) -> None:
        """Set what `path` answers."""
        self.answers[path] = [a if isinstance(a, tuple) else (200, json.dumps(a)) for a in answers]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    thread = threading.Thread(target=fake.http.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    fake.http.shutdown()
    fake.http.server_close()
    thread.join()


def kubeconfig(folder: Path, url: str, namespace: str | None = "team") -> Path:
    file = folder / "config"
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    other = {"cluster": "c", "user": "u", "namespace": "elsewhere"}
    file.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {"server": url}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [
                    {"name": "here", "context": context}, {"name": "there", "context": other}
                ],
                "current-context": "here",
            }
        )
    )  # fmt: skip
    return file


@pytest.fixture
def cluster(server: FakeServer, tmp_path: Path) -> KubernetesCluster:
    return connect(Where(kubeconfig=kubeconfig(tmp_path, server.url)))


class TestTheKubeconfig:
    def test_gives_the_namespace(self, tmp_path: Path) -> None:
        file = kubeconfig(tmp_path, "http://x")
        assert connect(Where(kubeconfig=file)).namespace == "team"
        assert connect(Where(kubeconfig=file, context="there")).namespace == "elsewhere"
        assert connect(Where(kubeconfig=file, namespace="mine")).namespace == "mine"

    def test_without_one_it_is_default(self, tmp_path: Path) -> None:
        file = kubeconfig(tmp_path, "http://x", namespace=None)
        assert connect(Where(kubeconfig=file)).namespace == "default"

    @pytest.mark.parametrize("text", ["", "[]", "a: [", "kind: Config", "\x00", "foo"])
    def test_that_is_none_is_an_error_that_says_what_to_do(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "config"
        file.write_text(text)
        with pytest.raises(ClusterError, match="Name one by --kubeconfig or KUBECONFIG") as error:
            connect(Where(kubeconfig=file))
        assert str(error.value).startswith(f"The kubeconfig {file} cannot be used: ")
        assert "object" not in str(error.value)  # 'str' object does not support item assignment

    def test_that_is_not_there(self, tmp_path: Path) -> None:
        file = tmp_path / "none"
        with pytest.raises(ClusterError, match=f"{file} cannot be used: there is no such file"):
            connect(Where(kubeconfig=file))

    def test_a_context_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ClusterError, match="nowhere"):
            connect(Where(kubeconfig=kubeconfig(tmp_path, "http://x"), context="nowhere"))


class TestLists:
    def test_come_page_by_page_and_say_their_kind(
        self, server: FakeServer, cluster: KubernetesCluster
    ) -> None:
        head = {"apiVersion": "slmeval.dev/v1alpha1", "kind": "SLMEvaluationList"}
        more = {"resourceVersion": "7", "continue": "token"}
        server.answer(
            EVALUATIONS,
            head | {"metadata": more, "items": [{"metadata": {"name": "a"}}]},
            head | {"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "b"}}]},
        )
        listed = cluster.listed("slmevaluations", "team", "x=y")
        assert [(b["kind"], b["metadata"]["name"]) for b in listed.bodies] == [
            ("SLMEvaluation", "a"), ("SLMEvaluation", "b")
        ]  # fmt: skip
        assert listed.version == "7"
        assert [query.get("continue") for _, _, query in server.asked] == [None, ["token"]]
        assert {tuple(query["labelSelector"]) for _, _, query in server.asked} == {("x=y",)}


class TestAnErrorSaysWhatToDo:
    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            (status(401, "Unauthorized"), "Log in again"),
            (status(403, "evaluations is forbidden"), "evaluations is forbidden. Ask its admin"),
            ((404, "404 page not found\n"), "slmeval is not installed in this cluster. Install"),
            (status(422, "no \x1b[31m good"), "The cluster refuses (422): no"),
            ((200, "<html>log in</html>"), "does not answer as a Kubernetes API server. Check"),
            ((418, "<html>"), "The cluster refuses (418): <html>"),
        ],
    )
    def test_of_the_cluster(
        self, server: FakeServer, cluster: KubernetesCluster, answer: tuple[int, str], says: str
    ) -> None:
        server.answer(EVALUATIONS, answer)
        with pytest.raises(ClusterError) as error:
            cluster.listed("slmevaluations", "team")
        assert says in str(error.value)
        assert not isinstance(error.value, UnreachableError)

    @pytest.mark.parametrize("code", [429, 500, 503])
    def test_one_that_may_pass_is_told_apart(
        self, server: FakeServer, cluster: KubernetesCluster, code: int
    ) -> None:
        server.answer(EVALUATIONS, status(code, "later"))
        with pytest.raises(UnreachableError, match=f"fails or is busy .{code}.: later"):
            cluster.listed("slmevaluations", "team")

    def test_a_cluster_that_is_not_there(self, tmp_path: Path) -> None:
        nowhere = connect(Where(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:9")))
        with pytest.raises(UnreachableError, match=r"127.0.0.1:9 cannot be reached: .* Check"):
            nowhere.listed("slmevaluations", "team")

    def test_on_the_command_line_it_is_exit_code_3_without_a_traceback(
        self, server: FakeServer, tmp_path: Path
    ) -> None:
        server.answer(EVALUATIONS, status(403, "no \x1b[31m way"))
        world = World(connect=connect, now=lambda: NOW, monotonic=lambda: 0.0, here=FakeHere())
        file = str(kubeconfig(tmp_path, server.url))
        for command in ("list", "results demo", "watch demo", "wait demo", "logs demo"):
            args = [*command.split(), "--kubeconfig", file]
            answer = CliRunner().invoke(app, args, obj=world)
            assert answer.exit_code == ExitCode.CLUSTER, command
            assert answer.stderr.startswith("Error: The cluster forbids it: no ")
            assert "\x1b" not in answer.output


class TestWatches:
    def test_bring_changes_and_end_with_the_connection(
        self, server: FakeServer, cluster: KubernetesCluster
    ) -> None:
        events = [{"type": t, "object": {"n": t}} for t in ("ADDED", "MODIFIED", "DELETED")]
        server.answer(EVALUATIONS, (200, "".join(json.dumps(e) + "\n" for e in events)))
        seen = list(cluster.watched("slmevaluations", "team", selector="", version="7"))
        assert [event.is_deleted for event in seen] == [False, False, True]
        assert server.asked[0][2]["resourceVersion"] == ["7"]

    def test_that_come_too_late_just_end(
        self, server: FakeServer, cluster: KubernetesCluster
    ) -> None:
        event = {"type": "ERROR", "object": {"code": 410}}
        server.answer(EVALUATIONS, (200, json.dumps(event) + "\n"))
        assert list(cluster.watched("slmevaluations", "team", selector="", version="1")) == []

    def test_a_line_that_is_cut_off_just_ends_it(
        self, server: FakeServer, cluster: KubernetesCluster
    ) -> None:
        server.answer(EVALUATIONS, (200, '{"type": "ADDED", "obj'))
        assert list(cluster.watched("slmevaluations", "team", selector="", version="1")) == []


class TestLogs:
    def test_come_line_by_line(self, server: FakeServer, cluster: KubernetesCluster) -> None:
        server.answer("/api/v1/namespaces/team/pods/p/log", (200, "one\ntwo\nrest"))
        lines = cluster.log("team", "p", "c", follows=False, tail=9)
        assert list(lines) == ["one", "two", "rest"]
        assert server.asked[0][2] == {"container": ["c"], "follow": ["false"], "tailLines": ["9"]}


class TestApply:
    RESOURCES = {  # noqa: RUF012
        "resources": [
            {"name": "slmevaluations/status", "kind": "SLMEvaluation", "namespaced": True},
            {"name": "slmevaluations", "kind": "SLMEvaluation", "namespaced": True},
            {"name": "slmpools", "kind": "SLMPool", "namespaced": False},
        ]
    }

    def test_sends_the_object_with_the_field_manager(
        self, server: FakeServer, cluster: KubernetesCluster
    ) -> None:
        body = to_create(evaluation_body())
        server.answer(BASE, self.RESOURCES)
        server.answer(f"{EVALUATIONS}/demo", status(404, "not found", name="demo"), body)
        done = cluster.applied(body, "other", is_dry_run=True, is_forced=False)
        assert (done.before, done.after) == (None, body)
        assert server.asked[-1] == (
            "PATCH",
            f"{EVALUATIONS}/demo",
            {"fieldManager": ["slmeval"], "fieldValidation": ["Strict"], "dryRun": ["All"]},
        )

    def test_a_conflict_says_how_to_go_on(
        self, server: FakeServer, cluster: KubernetesCluster
    ) -> None:
        body = to_create(evaluation_body())
        server.answer(BASE, self.RESOURCES)
        server.answer(f"{EVALUATIONS}/demo", body, status(409, 'conflict with "kubectl"'))
        with pytest.raises(ClusterError, match=r'conflict with "kubectl".* --force-conflicts'):
            cluster.applied(body, "team", is_dry_run=False, is_forced=False)

    def test_without_our_kinds_it_says_how_to_install(self, cluster: KubernetesCluster) -> None:
        with pytest.raises(ClusterError, match=r"knows no SLMEvaluation .* helm install slmeval"):
            cluster.applied(evaluation_body(), "team", is_dry_run=False, is_forced=False)

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            (status(401, "Unauthorized"), "Log in again"),
            (status(403, "discovery is forbidden"), "discovery is forbidden. Ask its admin"),
            ((200, "<html>log in</html>"), "does not answer as a Kubernetes API server"),
            ((200, '"log in"'), "does not answer as a Kubernetes API server"),
        ],
    )
    def test_no_other_refusal_is_taken_for_a_missing_installation(
        self, server: FakeServer, cluster: KubernetesCluster, answer: tuple[int, str], says: str
    ) -> None:
        server.answer(BASE, answer)
        with pytest.raises(ClusterError, match=says):
            cluster.applied(evaluation_body(), "team", is_dry_run=False, is_forced=False)

    def test_a_kind_of_others_that_is_not_there(self, cluster: KubernetesCluster) -> None:
        body = {"apiVersion": "kyverno.io/v1", "kind": "Policy", "metadata": {"name": "p"}}
        with pytest.raises(ClusterError, match=r"no Policy of kyverno.io/v1. Install what brings"):
            cluster.applied(body, "team", is_dry_run=False, is_forced=False)

    def test_an_object_without_a_name(self, server: FakeServer, cluster: KubernetesCluster) -> None:
        server.answer("/api/v1", {"resources": [{"name": "pods", "kind": "Pod", "namespaced": 1}]})
        with pytest.raises(UserError, match=r"Pod has no metadata\.name"):
            cluster.applied(
                {"apiVersion": "v1", "kind": "Pod"}, "t", is_dry_run=True, is_forced=False
            )


class TestAnnotate:
    def test_changes_nothing_but_the_annotations(
        self, server: FakeServer, cluster: KubernetesCluster
    ) -> None:
        server.answer(f"{EVALUATIONS}/demo", evaluation_body())
        cluster.annotated("slmevaluations", "team", "demo", annotations={"a": "b"})
        assert server.asked[-1] == (
            "PATCH",
            f"{EVALUATIONS}/demo",
            {"fieldManager": ["slmeval-annotate"]},
        )
