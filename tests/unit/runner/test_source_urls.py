"""Files of object stores and the web: a store and a server of our own, on the loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from slmeval_runner.failures import TaskUnusable
from slmeval_runner.folders import Folders
from slmeval_runner.sources import load
from slmeval_runner.sources.table import MIB, SIZE_LIMIT_MIB
from slmeval_runner.sources.urls import Place, content_of_url

CSV = b"text,label\nwhere is it,delivery\n"
STATUSES = {"denied": 403, "login": 401, "missing": 404, "broken": 501}


class _Store(BaseHTTPRequestHandler):
    """Answers as S3 does with path-style addresses, and as a web server does."""

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def _answer(self, *, has_body: bool) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization") or ""))  # type: ignore[attr-defined]
        name = self.path.rpartition("/")[2].partition(".")[0]
        self.send_response(STATUSES.get(name, 200))
        self.send_header("Content-Length", str(len(CSV)))
        self.send_header("Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT")
        self.end_headers()
        if has_body:
            self.wfile.write(CSV)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Store:
    """A running store."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.address = f"http://127.0.0.1:{server.server_port}"
        self.asked: list[tuple[str, str]] = server.asked  # type: ignore[attr-defined]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    made = Store(server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-pool")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


class TestS3:
    def test_is_read_with_the_login_and_the_endpoint_of_the_environment(self, store: Store) -> None:
        table = load("s3://bucket/a/items.csv", Folders())
        assert [values for _, values in table.rows] == [
            {"text": "where is it", "label": "delivery"}
        ]
        assert {path for path, _ in store.asked} == {"/bucket/a/items.csv"}
        assert all("Credential=key-of-the-pool/" in login for _, login in store.asked)

    @pytest.mark.parametrize(
        ("name", "words", "may_pass"),
        [
            ("denied", r"access is denied: put AWS_ACCESS_KEY_ID .*spec\.env.*valueFrom", False),
            ("missing", r"there is no such file: correct the source", False),
            ("broken", r"cannot be read: OSError: .*501.*pvc://claim/file", True),
        ],
    )
    def test_refuses_in_words_that_say_what_to_do(
        self, name: str, words: str, may_pass: bool, store: Store
    ) -> None:
        with pytest.raises(TaskUnusable, match=rf"s3://bucket/{name}.csv: {words}") as caught:
            content_of_url(f"s3://bucket/{name}.csv")
        assert caught.value.may_pass is may_pass


class TestWeb:
    """Plain http, which the API refuses: the reader does not care."""

    def test_is_read_without_a_login(self, store: Store) -> None:
        assert content_of_url(f"{store.address}/items.csv") == CSV
        assert {login for _, login in store.asked} == {""}

    @pytest.mark.parametrize(
        ("name", "words", "may_pass"),
        [
            ("denied", r"access is denied: web addresses are read without a login", False),
            ("login", r"access is denied", False),
            ("missing", r"there is no such file", False),
            ("broken", r"cannot be read: ClientResponseError: 501", True),
        ],
    )
    def test_refuses_in_words_that_say_what_to_do(
        self, name: str, words: str, may_pass: bool, store: Store
    ) -> None:
        with pytest.raises(TaskUnusable, match=words) as caught:
            content_of_url(f"{store.address}/{name}.csv")
        assert caught.value.may_pass is may_pass

    def test_that_cannot_be_reached_may_be_reachable_later(self) -> None:
        words = r"cannot be read: ConnectionRefusedError|cannot be read: ClientConnectorError"
        with pytest.raises(TaskUnusable, match=words) as caught:
            content_of_url("http://127.0.0.1:1/items.csv")
        assert caught.value.may_pass


class FakeSystem:
    """An fsspec file system in memory, or one that raises."""

    def __init__(self, content: bytes = b"", error: Exception | None = None) -> None:
        from fsspec.implementations.memory import MemoryFileSystem

        self._memory = MemoryFileSystem()
        self._memory.pipe_file("/items", content)
        self._error = error

    def open(self, path: str, mode: str) -> Any:
        if self._error:
            raise self._error
        return self._memory.open(path, mode)


def read(source: str, content: bytes = b"", error: Exception | None = None) -> bytes:
    system = FakeSystem(content, error)
    return content_of_url(source, place_of=lambda _: Place(system, "/items"))


class TestAnyStore:
    def test_gives_the_bytes(self) -> None:
        assert read("gs://bucket/items", b"abc") == b"abc"

    def test_is_not_read_beyond_the_size_limit(self) -> None:
        with pytest.raises(TaskUnusable, match=f"more than {SIZE_LIMIT_MIB} MiB, the limit"):
            read("gs://bucket/items", bytes(SIZE_LIMIT_MIB * MIB + 1))

    @pytest.mark.parametrize(
        ("source", "error", "words", "may_pass"),
        [
            ("gs://b/k", PermissionError(13, "no"), r"denied: .*Workload Identity", False),
            ("gs://b/k", OSError("PERMISSION_DENIED: no"), r"denied: .*HMAC", False),
            ("gs://b/k", OSError("Could not create a OAuth2 access token"), r"denied", False),
            ("abfs://c@a/k", OSError("HTTP status 403"), r"denied: put AZURE_STORAGE_KEY", False),
            ("abfs://c@a/k", OSError("reset"), r"cannot be read: OSError: reset", True),
            ("abfs://c@a/k", FileNotFoundError("k"), r"there is no such file", False),
            ("gs://b/k", ImportError("no GcsFileSystem"), r"cannot read gs:// .*spec.image", False),
        ],
    )
    def test_refuses_in_words_that_say_what_to_do(
        self, source: str, error: Exception, words: str, may_pass: bool
    ) -> None:
        with pytest.raises(TaskUnusable, match=words) as caught:
            read(source, error=error)
        assert caught.value.may_pass is may_pass

    def test_of_azure_needs_a_login_before_anything_is_asked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AZURE_STORAGE_KEY", raising=False)
        with pytest.raises(TaskUnusable, match=r"access is denied: put AZURE_STORAGE_KEY"):
            content_of_url("abfs://items@account1.dfs.core.windows.net/test.csv")

    def test_lets_errors_of_our_own_making_be_seen(self) -> None:
        with pytest.raises(TypeError, match="a bug"):
            read("gs://b/k", error=TypeError("a bug"))
