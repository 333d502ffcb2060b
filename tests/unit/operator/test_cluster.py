"""The calls to the API server, over a real socket to a server that plays its part."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from builders import Json
from kubernetes.aio import client
from slmeval_operator.cluster import PAGE, ApiError, Cluster, Refused

BODY: Json = {"kind": "SLMRun", "metadata": {"name": "r", "namespace": "team"}}


@dataclass
class Played:
    """A server that answers what it was given, and notes what it was asked."""

    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    observed: list[tuple[str, str, int]] = field(default_factory=list)
    cluster: Cluster | None = None

    async def answer(self, request: web.Request) -> web.Response:
        """Answer the next request."""
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path, dict(request.query), body))
        self.forms.append(request.headers.get("Content-Type", ""))
        status, given = self.answers.pop(0)
        if isinstance(given, str):
            return web.Response(status=status, text=given)
        return web.json_response(given, status=status)

    def observe(self, verb: str, resource: str, status: int, _: float) -> None:
        """Note a call."""
        self.observed.append((verb, resource, status))

    def will(self, status: int, body: Any) -> Cluster:
        """Return the client, whose next call is answered so."""
        self.answers.append((status, body))
        assert self.cluster is not None
        return self.cluster


@pytest.fixture
async def server() -> AsyncIterator[Played]:
    """Listen on a free port, with a client that talks to it."""
    played = Played()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", played.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = client.Configuration()
    configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    played.cluster = Cluster(client.ApiClient(configuration), played.observe)
    yield played
    await played.cluster.close()
    await runner.cleanup()


def trouble(reason: str, message: str = "no") -> Json:
    """Return what the API server says when it does not do it."""
    return {"kind": "Status", "reason": reason, "message": message}


class TestMaking:
    async def test_returns_the_stored_object(self, server: Played) -> None:
        stored = BODY | {"spec": {}}
        assert await server.will(201, stored).create("slmruns", BODY) == stored
        path = "/apis/slmeval.dev/v1alpha1/namespaces/team/slmruns"
        assert server.asked == [("POST", path, {}, BODY)]
        assert server.observed == [("POST", "slmruns", 201)]

    async def test_what_is_there_already_is_none(self, server: Played) -> None:
        assert await server.will(409, trouble("AlreadyExists")).create("slmruns", BODY) is None

    async def test_a_quota_that_was_counted_meanwhile_is_a_failure(self, server: Played) -> None:
        with pytest.raises(ApiError) as caught:
            await server.will(409, trouble("Conflict")).create("slmruns", BODY)
        assert (caught.value.status, caught.value.reason) == (409, "Conflict")

    @pytest.mark.parametrize("status", [400, 403, 413, 422])
    async def test_what_the_server_will_not_have_is_refused(
        self, status: int, server: Played
    ) -> None:
        with pytest.raises(Refused) as caught:
            await server.will(status, trouble("Forbidden", "quota")).create("slmruns", BODY)
        assert caught.value.message == "quota"

    @pytest.mark.parametrize("status", [404, 429, 500, 503])
    async def test_other_trouble_may_pass(self, status: int, server: Played) -> None:
        with pytest.raises(ApiError) as caught:
            await server.will(status, trouble("Timeout")).create("slmruns", BODY)
        assert not isinstance(caught.value, Refused)


class TestWritingAStatus:
    async def test_is_server_side_apply_of_our_fields(self, server: Played) -> None:
        cluster = server.will(200, BODY)
        assert await cluster.apply_status("slmtrials", "team", "t", {"conditions": []}) == BODY
        assert server.asked == [
            (
                "PATCH",
                "/apis/slmeval.dev/v1alpha1/namespaces/team/slmtrials/t/status",
                {"fieldManager": "slmeval-operator", "force": "true"},
                {
                    "apiVersion": "slmeval.dev/v1alpha1",
                    "kind": "SLMTrial",
                    "metadata": {"name": "t", "namespace": "team"},
                    "status": {"conditions": []},
                },
            )
        ]
        assert server.forms == ["application/apply-patch+yaml"]

    async def test_of_what_is_gone_is_none(self, server: Played) -> None:
        cluster = server.will(404, trouble("NotFound"))
        assert await cluster.apply_status("slmtrials", "team", "t", {}) is None


class TestSuspending:
    async def test_changes_nothing_else(self, server: Played) -> None:
        await server.will(200, BODY).suspend_rayjob("team", "j", True)
        path = "/apis/ray.io/v1/namespaces/team/rayjobs/j"
        assert server.asked == [("PATCH", path, {}, {"spec": {"suspend": True}})]
        assert server.forms == ["application/merge-patch+json"]

    async def test_what_is_gone_is_none(self, server: Played) -> None:
        assert await server.will(404, trouble("NotFound")).suspend_rayjob("team", "j", True) is None


class TestDeleting:
    async def test_is_in_the_background(self, server: Played) -> None:
        await server.will(200, BODY).delete("rayjobs", "team", "j")
        verb, path, _, body = server.asked[0]
        assert (verb, path) == ("DELETE", "/apis/ray.io/v1/namespaces/team/rayjobs/j")
        assert body["propagationPolicy"] == "Background"

    async def test_what_is_gone_is_fine(self, server: Played) -> None:
        await server.will(404, trouble("NotFound")).delete("rayjobs", "team", "j")


class TestListing:
    async def test_goes_on_until_the_last_page(self, server: Played) -> None:
        server.will(200, {"items": [{"n": 1}], "metadata": {"continue": "more"}})
        cluster = server.will(200, {"items": [{"n": 2}], "metadata": {}})
        assert await cluster.list_all("pods", ()) == [{"n": 1}, {"n": 2}]
        ours = "app.kubernetes.io/managed-by=slmeval"
        first = {"limit": str(PAGE), "labelSelector": ours}
        assert [(path, query) for _, path, query, _ in server.asked] == [
            ("/api/v1/pods", first),
            ("/api/v1/pods", first | {"continue": "more"}),
        ]

    async def test_of_some_namespaces_asks_each(self, server: Played) -> None:
        server.will(200, {"items": [{"n": 1}]})
        cluster = server.will(200, {"items": None})
        assert await cluster.list_all("slmruns", ("a", "b")) == [{"n": 1}]
        assert [path.split("/")[-2] for _, path, _, _ in server.asked] == ["a", "b"]

    async def test_pools_have_no_namespace(self, server: Played) -> None:
        await server.will(200, {"items": []}).list_all("slmpools", ("a", "b"))
        assert [a[1] for a in server.asked] == ["/apis/slmeval.dev/v1alpha1/slmpools"]

    async def test_rayclusters_that_are_going_already_are_left_out(self, server: Played) -> None:
        going = {"metadata": {"name": "going", "deletionTimestamp": "t"}}
        cluster = server.will(200, {"items": [{"metadata": {"name": "c"}}, going]})
        assert await cluster.rayclusters_of("team", "j") == ["c"]
        assert server.asked[0][2]["labelSelector"] == "ray.io/originated-from-cr-name=j"


class TestEveryCallIsObserved:
    async def test_also_one_that_nobody_answers(self, server: Played) -> None:
        configuration = client.Configuration()
        configuration.host = "http://127.0.0.1:9"
        nobody = Cluster(client.ApiClient(configuration), server.observe)
        with pytest.raises(OSError, match="127"):
            await nobody.delete("rayjobs", "team", "j")
        await nobody.close()
        assert server.observed == [("DELETE", "rayjobs", 0)]

    async def test_and_one_answered_by_something_that_is_no_api_server(
        self, server: Played
    ) -> None:
        with pytest.raises(ApiError, match="502: <html>"):
            await server.will(502, "<html>Bad gateway").create("slmruns", BODY)
