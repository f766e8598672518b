"""`greenlang.client` and `--server` against a real server on loopback, and what is sent again when a server is away."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from greenlang import client as calls
from greenlang.cli.main import app as command_line
from greenlang.client import AsyncClient, Client
from greenlang.errors import RemoteError, RemoteRefused, SettingsError
from greenlang.registry import Port, Registry, RegistryEntry
from tests.api.conftest import key_for

pytestmark = pytest.mark.usefixtures("no_loop_left")

BOILER = RegistryEntry(
    agent_id="heat/boiler",
    version="1.0.0",
    spec_digest="a" * 64,
    pack_digest="b" * 64,
    certificate_digest="c" * 64,
    name="Boiler",
    summary="CO2e of a natural gas boiler",
    domain="heat",
    tags=("scope1",),
    inputs=(Port("energy", "float64", "kWh", "gas burnt"),),
    outputs=(Port("co2e_kg", "float64", "kgCO2e"),),
    score=91.5,
    coverage=98.25,
    tests_passed=12,
    tests_total=12,
    factor_release="embedded-1.1.0",
)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The API on a free port; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(app: FastAPI, registry: Registry) -> Iterator[str]:
    """The API, with one agent."""
    registry.register(BOILER)
    with served(app) as url:
        yield url


def test_what_the_registry_holds_comes_over_the_wire_as_it_is(address: str, registry: Registry) -> None:
    here = registry.get("heat/boiler")
    with Client(address, key=key_for(registry, "viewer")) as client:
        assert client.send(calls.search("gas boiler")) == (here,)
        assert client.send(calls.search("freight")) == ()
        assert client.send(calls.agents(domain="heat")) == calls.Page((here,))
        assert client.send(calls.agent("heat/boiler@1.0.0#bbbbbb")) == here
        assert [entry.version for entry in client.send(calls.versions("heat/boiler"))] == ["1.0.0"]
        (build,) = client.send(calls.builds("heat/boiler@1.0.0"))
        assert build["pack_digest"] == "b" * 64
        (step,) = client.send(calls.transitions("heat/boiler"))
        assert (step["after"], step["kind"]) == ("draft", "registered")
        assert client.send(calls.promotion_status("heat/boiler@1.0.0"))["to"] == "experimental"


def test_the_same_for_an_event_loop(address: str, registry: Registry) -> None:
    async def several() -> list[tuple[RegistryEntry, ...]]:
        async with AsyncClient(address, key=key_for(registry, "viewer")) as client:
            return await asyncio.gather(*(client.send(calls.search("boiler")) for _ in range(5)))

    assert asyncio.run(several()) == [(registry.get("heat/boiler"),)] * 5


def test_a_refusal_is_an_error_with_its_problem(address: str, registry: Registry) -> None:
    with Client(address) as nobody, pytest.raises(RemoteRefused, match="sign in") as raised:
        nobody.send(calls.search("x"))
    assert raised.value.status == 401
    with Client(address, key=key_for(registry, "viewer")) as client:
        with pytest.raises(RemoteRefused, match="not registered") as missing:
            client.send(calls.agent("heat/none"))
        assert (missing.value.status, missing.value.problem["status"]) == (404, 404)
        with pytest.raises(RemoteRefused) as forbidden:
            client.send(calls.promote("heat/boiler@1.0.0", "experimental", "it is good"))
        assert forbidden.value.status == 403
        with pytest.raises(RemoteRefused, match="/query/limit") as invalid:
            client.send(calls.agents(limit=0))
        assert invalid.value.status == 422


# --- trying again ---------------------------------------------------------------------------------------------------


Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; nobody waits for them."""
    made: list[float] = []
    monkeypatch.setattr("greenlang.client.time.sleep", made.append)
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
    assert client.send(calls.factory_metrics()) == {"a": 1}
    assert len(seen) == 3
    assert pauses == [2.0, 0.4]
    assert seen[0].headers["authorization"] == "Bearer gl_x_y"


def test_a_request_that_writes_is_sent_again_under_one_key_and_another_under_another(pauses: list[float]) -> None:
    done = httpx.Response(200, json={"taken": True})
    client, seen = answering(httpx.ReadTimeout("no word"), done, done)
    for _ in range(2):
        client.send(calls.retire("a/b@1.0.0", "old"))
    keys = [request.headers["idempotency-key"] for request in seen]
    assert keys[0] == keys[1] != keys[2]
    assert json.loads(seen[0].content) == {"reason": "old", "dry_run": False}
    assert seen[0].url.path == "/api/v1/registry/agents/a/b@1.0.0/retire"


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
        client.send(calls.factory_metrics())
    assert len(seen) == tries


def test_a_key_is_not_sent_in_the_clear_and_an_address_is_one() -> None:
    with pytest.raises(SettingsError, match="use https"):
        Client("http://factory.example.org", key="gl_x_y")
    Client("http://factory.example.org").close()
    for wrong in ("factory.example.org", "ftp://a.test", "https://"):
        with pytest.raises(SettingsError, match="is no server"):
            Client(wrong)


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def call(address: str, monkeypatch: pytest.MonkeyPatch, registry: Registry) -> Callable[..., Result]:
    def run(*arguments: str, roles: tuple[str, ...] = ("super_admin",)) -> Result:
        monkeypatch.setenv("GREENLANG_API_KEY", key_for(registry, *roles))
        return CliRunner().invoke(command_line, ["--server", address, *arguments])

    return run


def test_commands_act_on_the_server(call: Callable[..., Result]) -> None:
    for words in (("registry", "search", "gas"), ("agent", "search", "gas"), ("agent", "list")):
        assert "heat/boiler" in call(*words).stdout, words
        assert [entry["agent_id"] for entry in json.loads(call(*words, "--json").stdout)] == ["heat/boiler"]
    for words in (("registry", "info", "heat/boiler"), ("agent", "inspect", "heat/boiler@1.0.0")):
        shown = call(*words).stdout
        for text in ("gas burnt", "c" * 64, "registered", "1.0.0"):
            assert text in shown
    nothing = call("registry", "search", "freight")
    assert (nothing.exit_code, nothing.stdout) == (1, "no agent\n")
    assert json.loads(call("factory", "metrics", "--json").stdout)["total_generated"] == 0
    assert "status" in call("factory", "status").stdout


def test_a_step_that_a_policy_refuses_says_what_lacks(call: Callable[..., Result]) -> None:
    asked = ("agent", "promote", "heat/boiler@1.0.0", "--to", "certified", "--reason", "it is good")
    refused = call(*asked)
    assert refused.exit_code == 1, refused.stderr
    assert "taken" in refused.stdout
    assert json.loads(call(*asked, "--json").stdout)["taken"] is False
    lacking = call("agent", "promotion-status", "heat/boiler@1.0.0", "--json")
    assert (lacking.exit_code, json.loads(lacking.stdout)["allowed"]) == (1, False)
    retired = call("agent", "retire", "heat/boiler@1.0.0", "--reason", "a trial", "--dry-run", "--json")
    assert (retired.exit_code, json.loads(retired.stdout)["allowed"]) == (0, True), retired.output


def test_what_cannot_be_done_there_is_said(call: Callable[..., Result], address: str) -> None:
    missing = call("registry", "info", "heat/none")
    assert missing.exit_code == 1
    assert "not registered" in missing.stderr
    forbidden = call("agent", "retire", "heat/boiler@1.0.0", "--reason", "x", roles=("viewer",))
    assert forbidden.exit_code == 2
    assert "403" in forbidden.stderr
    here = call("query", "select 1")
    assert here.exit_code == 2
    assert "`greenlang query` works on this machine's own factory" in here.stderr
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
    monkeypatch.setattr("greenlang.client.time.sleep", lambda _: None)
    monkeypatch.setenv("GREENLANG_SERVER", "http://127.0.0.1:9")
    away = CliRunner().invoke(command_line, ["agent", "list"])
    assert away.exit_code == 3
    assert "cannot be reached" in away.stderr
