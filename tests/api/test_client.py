"""`greenlang.client` and `--server` against a real server on loopback, and what is sent again when a server is away."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from greenlang.cli.main import app as command_line
from greenlang.client import AsyncClient, Client, Page, factory, lives
from greenlang.client import registry as agents
from greenlang.errors import RemoteError, RemoteRefused, SettingsError
from greenlang.registry import Registry, RegistryEntry
from tests.api.conftest import key_for
from tests.api.loopback import served
from tests.registry.entries import BOILER

pytestmark = pytest.mark.usefixtures("no_loop_left")


@pytest.fixture
def address(app: FastAPI, registry: Registry) -> Iterator[str]:
    """The API, with one agent."""
    registry.register(BOILER)
    with served(app) as url:
        yield url


def test_what_the_registry_holds_comes_over_the_wire_as_it_is(address: str, registry: Registry) -> None:
    here = registry.get("heat/boiler")
    with Client(address, key=key_for(registry, "viewer")) as client:
        assert list(client.send(agents.search("gas boiler"))) == [here]
        assert len(client.send(agents.search("freight"))) == 0
        assert client.send(agents.agents(domain="heat")) == Page((here,))
        assert client.send(agents.agent("heat/boiler@1.0.0#bbbbbb")) == here
        assert [entry.version for entry in client.send(agents.versions("heat/boiler"))] == ["1.0.0"]
        (build,) = client.send(agents.builds("heat/boiler@1.0.0"))
        assert build["pack_digest"] == "b" * 64
        (step,) = client.send(lives.history("heat/boiler"))
        assert (step["after"], step["kind"]) == ("draft", "registered")
        assert client.send(lives.status("heat/boiler@1.0.0"))["to"] == "experimental"


def test_the_same_for_an_event_loop(address: str, registry: Registry) -> None:
    async def several() -> list[Page[RegistryEntry]]:
        async with AsyncClient(address, key=key_for(registry, "viewer")) as client:
            return await asyncio.gather(*(client.send(agents.search("boiler")) for _ in range(5)))

    assert asyncio.run(several()) == [Page((registry.get("heat/boiler"),))] * 5


def test_a_refusal_is_an_error_with_its_problem(address: str, registry: Registry) -> None:
    with Client(address) as nobody, pytest.raises(RemoteRefused, match="sign in") as raised:
        nobody.send(agents.search("x"))
    assert raised.value.status == 401
    with Client(address, key=key_for(registry, "viewer")) as client:
        with pytest.raises(RemoteRefused, match="not registered") as missing:
            client.send(agents.agent("heat/none"))
        assert (missing.value.status, missing.value.problem["status"]) == (404, 404)
        with pytest.raises(RemoteRefused) as forbidden:
            client.send(lives.promote("heat/boiler@1.0.0", "experimental", "it is good"))
        assert forbidden.value.status == 403
        with pytest.raises(RemoteRefused, match="/query/limit") as invalid:
            client.send(agents.agents(limit=0))
        assert invalid.value.status == 422


# --- trying again ---------------------------------------------------------------------------------------------------


Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; nobody waits for them."""
    made: list[float] = []
    monkeypatch.setattr("greenlang.client.sending.time.sleep", made.append)
    return made


def answering(*answers: httpx.Response | Exception) -> tuple[Client, list[httpx.Request]]:
    """A client whose server gives these answers in turn."""
    left, seen = list(answers), []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Client("https://a.test", key="gl_x_y", transport=httpx.MockTransport(handle)), seen


def test_a_busy_server_is_asked_again_after_what_it_says(pauses: list[float]) -> None:
    client, seen = answering(
        httpx.Response(503, headers={"Retry-After": "2"}),
        httpx.ConnectError("away"),
        httpx.Response(200, json={"a": 1}),
    )
    assert client.send(factory.metrics()) == {"a": 1}
    assert len(seen) == 3
    assert pauses == [2.0, 0.4]
    assert seen[0].headers["authorization"] == "Bearer gl_x_y"


def test_a_request_that_writes_is_sent_again_under_one_key_and_another_under_another(pauses: list[float]) -> None:
    done = httpx.Response(200, json={"taken": True})
    client, seen = answering(httpx.ReadTimeout("no word"), done, done)
    for _ in range(2):
        client.send(lives.retire("a/b@1.0.0", "old"))
    keys = [request.headers["idempotency-key"] for request in seen]
    assert keys[0] == keys[1] != keys[2]
    assert json.loads(seen[0].content) == {"reason": "old", "dry_run": False}
    assert seen[0].url.path == "/api/v1/registry/agents/a/b@1.0.0/retire"


def test_what_is_still_being_done_is_waited_for(pauses: list[float]) -> None:
    being_done = httpx.Response(409, headers={"Retry-After": "1"}, json={"detail": "it is being done"})
    client, seen = answering(httpx.ReadTimeout("no word"), being_done, httpx.Response(200, json={"taken": True}))
    client.send(lives.retire("a/b@1.0.0", "old"))
    assert len({request.headers["idempotency-key"] for request in seen}) == 1
    assert pauses == [0.2, 1.0]
    conflict, seen = answering(httpx.Response(409, json={"detail": "it stands with other bytes"}))
    with pytest.raises(RemoteRefused, match="other bytes"):
        conflict.send(lives.retire("a/b@1.0.0", "old"))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("answers", "words", "tries"),
    [
        ([httpx.Response(500, json={"detail": "it broke"})], "says 500: it broke", 1),
        ([httpx.Response(503, headers={"Retry-After": "60"})], "says 503", 1),
        ([httpx.Response(503)] * 4, "says 503: Service Unavailable", 4),
        ([httpx.ConnectError("refused")] * 4, "cannot be reached: refused", 4),
        ([httpx.Response(200, text="<html>")], "in a form that is not known", 1),
        ([httpx.Response(200, json=[1])], "in a form that is not known", 1),
    ],
)
def test_what_does_not_help_is_not_tried_for_ever(
    pauses: list[float], answers: list[Any], words: str, tries: int
) -> None:
    client, seen = answering(*answers)
    with pytest.raises(RemoteError, match=words):
        client.send(factory.metrics())
    assert len(seen) == tries


def test_a_stream_that_breaks_off_is_taken_up_where_it_was(pauses: list[float]) -> None:
    first = 'event: progress\nid: 3\ndata: {"progress": 30}\n\n: ping\n\nevent: progress\nid: 4\ndata: {"prog'
    last = 'event: end\nid: 5\ndata: {"progress": 100}\n\n'
    client, seen = answering(
        httpx.Response(200, text=first), httpx.ConnectError("away"), httpx.Response(200, text=last)
    )
    assert list(client.events("/api/v1/factory/jobs/x/events")) == [{"progress": 30}, {"progress": 100}]
    assert [request.headers.get("last-event-id") for request in seen] == [None, "3", "3"]
    over, _ = answering(httpx.Response(204))
    assert list(over.events("/x")) == []
    refused, _ = answering(httpx.Response(404, json={"detail": "no such job"}))
    with pytest.raises(RemoteRefused, match="no such job"):
        list(refused.events("/x"))


def test_a_list_comes_page_by_page() -> None:
    pages = [
        httpx.Response(200, json={"items": [{"n": n}], "next": after}) for n, after in ((1, "a"), (2, "b"), (3, None))
    ]
    client, seen = answering(*pages)
    assert client.every(lives.policies()) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert [request.url.params.get("cursor") for request in seen] == [None, "a", "b"]
    client, seen = answering(*pages[:1])
    assert client.every(lives.policies(), 1) == [{"n": 1}]


def test_the_tenant_of_a_key_is_in_its_name() -> None:
    claims = base64.urlsafe_b64encode(b'{"tenant": "acme"}').decode().rstrip("=")
    for key, tenant in (
        ("gl_acme.0123456789ab_x", "acme"),
        (f"a.{claims}.c", "acme"),
        ("", ""),
        ("a.b.c", ""),
        ("x", ""),
    ):
        with Client("https://a.test", key=key) as client:
            assert client.tenant == tenant


def test_a_key_is_not_sent_in_the_clear_and_an_address_is_one() -> None:
    with pytest.raises(SettingsError, match="use https"):
        Client("http://factory.example.org", key="gl_x_y")
    Client("http://factory.example.org").close()
    for wrong in ("factory.example.org", "ftp://a.test", "https://"):
        with pytest.raises(SettingsError, match="is no server"):
            Client(wrong)


def test_a_key_for_this_machine_goes_by_no_proxy(
    address: str, registry: Registry, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Client(address, key=key_for(registry, "viewer")) as client:
        assert len(client.send(agents.agents())) == 1


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def call(address: str, monkeypatch: pytest.MonkeyPatch, registry: Registry) -> Callable[..., Result]:
    def run(*arguments: str, roles: tuple[str, ...] = ("super_admin",)) -> Result:
        monkeypatch.setenv("GREENLANG_API_KEY", key_for(registry, *roles))
        return CliRunner().invoke(command_line, ["--server", address, *arguments])

    return run


def test_what_cannot_be_done_there_is_said(call: Callable[..., Result], address: str) -> None:
    missing = call("registry", "info", "heat/none")
    assert missing.exit_code == 1
    assert "not registered" in missing.stderr
    forbidden = call("agent", "retire", "heat/boiler@1.0.0", "--reason", "x", roles=("viewer",))
    assert forbidden.exit_code == 2
    assert "403" in forbidden.stderr
    here = call("query", "select 1")
    assert here.exit_code == 2
    assert "`greenlang query` does not act on a server" in here.stderr
    option = call("agent", "retire", "heat/boiler@1.0.0", "--reason", "x", "--tenant", "acme")
    assert option.exit_code == 2
    assert "has no --tenant with --server" in option.stderr
    assert call("quality", "dimensions").exit_code == 0


def test_without_a_key_and_without_a_server_it_is_said_what_to_do(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GREENLANG_API_KEY", raising=False)
    monkeypatch.setenv("GREENLANG_SERVER", address)
    unsigned = CliRunner().invoke(command_line, ["agent", "list"])
    assert unsigned.exit_code == 2
    assert "set GREENLANG_API_KEY" in unsigned.stderr
    monkeypatch.setattr("greenlang.client.sending.time.sleep", lambda _: None)
    monkeypatch.setenv("GREENLANG_SERVER", "http://127.0.0.1:9")
    away = CliRunner().invoke(command_line, ["agent", "list"])
    assert away.exit_code == 3
    assert "cannot be reached" in away.stderr
