"""Streams of progress: server-sent events and WebSockets, resumed, ended, left."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from greenlang.api import streams
from greenlang.api.app import create_app
from greenlang.api.streams import State, states
from greenlang.errors import RegistryError
from greenlang.launcher import of_run, of_stage
from greenlang.registry import Registry
from greenlang.registry.keys import Keys
from greenlang.settings import Settings
from tests.api.conftest import Signed
from tests.api.launchers import Scripted
from tests.line.line_tools import example

API = "/api/v1/factory"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(streams, "CHECK_SECONDS", 0.02)


class Stepping(Scripted):
    """Goes one step further each time that somebody looks."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Any] = []
        self.looks = 0

    def progress(self, run: str) -> Any:
        self.looks += 1
        told = super().progress(run)
        if self.script:
            self.tell(self.script.pop(0), run=run)
        return told


@pytest.fixture
def launcher() -> Stepping:
    return Stepping()


@pytest.fixture
def client(settings: Settings, registry: Registry, launcher: Stepping, signed: Signed) -> Iterator[TestClient]:
    app = create_app(settings, registry=registry, launcher=launcher)
    with TestClient(app, headers=signed("developer")) as opened:
        yield opened


@pytest.fixture
def made(client: TestClient, launcher: Stepping) -> dict[str, str]:
    """A job, of which three more things will happen."""
    answer = client.post(f"{API}/generate", json={"spec": example("boiler").decode()}).json()
    (key,) = launcher.orders[0].keys
    done = {"key": key, "outcome": "registered", "stage": "registration", "reason": ""}
    launcher.script = [of_run("running"), of_stage(key, "spec_validation"), done, of_run("completed")]
    return answer


def events(text: str) -> list[dict[str, Any]]:
    found = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


class TestServerSentEvents:
    def test_each_new_state_is_an_event_and_the_last_one_ends_the_stream(
        self, client: TestClient, made: dict[str, str]
    ) -> None:
        answer = client.get(f"{API}/jobs/{made['job_id']}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = events(answer.text)
        assert [(one["event"], one["data"]["status"], one["data"]["progress"]) for one in told] == [
            ("progress", "queued", 0),
            ("progress", "running", 10),
            ("end", "completed", 100),
        ]
        assert [int(one["id"]) for one in told] == sorted({int(one["id"]) for one in told})

    def test_who_comes_back_goes_on_behind_what_was_seen(self, client: TestClient, made: dict[str, str]) -> None:
        url = f"{API}/batch/{made['batch_id']}/events"
        whole = events(client.get(url).text)
        assert [one["event"] for one in whole] == ["progress"] * (len(whole) - 1) + ["end"]
        last = whole[-1]["id"]
        again = client.get(url, headers={"Last-Event-ID": whole[1]["id"]})
        assert [one["event"] for one in events(again.text)] == ["end"]
        assert client.get(url, headers={"Last-Event-ID": last}).status_code == 204
        assert client.get(url, params={"after": last}).status_code == 204

    def test_nobody_watches_who_may_not(
        self, client: TestClient, made: dict[str, str], signed: Signed, launcher: Stepping
    ) -> None:
        url = f"{API}/jobs/{made['job_id']}/events"
        assert client.get(url, headers=signed("viewer", name="viewer")).status_code == 403
        assert client.get(f"{API}/jobs/{'0' * 32}/events").status_code == 404

    @pytest.mark.slow
    def test_a_client_that_hangs_up_is_noticed_and_nobody_looks_for_it_any_more(
        self, settings: Settings, registry: Registry
    ) -> None:
        """Over a real connection: the test client never hangs up."""
        launcher = Stepping()
        app = create_app(settings, registry=registry, launcher=launcher, sign_in=False)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            until(lambda: server.started)
            port = server.servers[0].sockets[0].getsockname()[1]
            with httpx.Client(base_url=f"http://localhost:{port}{API}") as client:
                made = client.post("/generate", json={"spec": example("boiler").decode()}).json()
                with client.stream("GET", f"/jobs/{made['job_id']}/events") as stream:
                    lines = stream.iter_lines()  # dropping this would hang up
                    assert next(lines).startswith("id:")
                    before = launcher.looks
                    until(lambda: launcher.looks > before)  # it is watched while somebody listens
            until(lambda: settled(lambda: launcher.looks))
        finally:
            server.should_exit = True
            thread.join(30)
        assert not thread.is_alive()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def settled(count: Callable[[], int]) -> bool:
    """Whether nothing is counted for ten times as long as one look takes."""
    before = count()
    time.sleep(0.3)
    return count() == before


class TestWebSocket:
    def test_the_same_states_arrive_and_the_socket_is_closed(self, client: TestClient, made: dict[str, str]) -> None:
        told = []
        url = f"{API}/jobs/{made['job_id']}/ws"
        with client.websocket_connect(url) as socket, pytest.raises(WebSocketDisconnect) as closed:
            while True:
                told.append(socket.receive_json())
        assert closed.value.code == 1000
        assert [(one["event"], one["data"]["progress"]) for one in told] == [
            ("progress", 0),
            ("progress", 10),
            ("end", 100),
        ]
        url = f"{API}/batch/{made['batch_id']}/ws?after=2"
        with client.websocket_connect(url) as socket:
            assert socket.receive_json()["event"] == "end"

    def test_a_handshake_without_a_key_or_a_permission_is_refused(
        self, client: TestClient, made: dict[str, str], signed: Signed
    ) -> None:
        url = f"{API}/jobs/{made['job_id']}/ws"
        for headers in ({"Authorization": ""}, signed("viewer", name="viewer")):
            with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect(url, headers=headers):
                pass
            assert refused.value.code == 1008

    def test_a_client_that_is_gone_is_not_looked_for_any_more(
        self, client: TestClient, made: dict[str, str], launcher: Stepping
    ) -> None:
        launcher.script = []
        with client.websocket_connect(f"{API}/jobs/{made['job_id']}/ws") as socket:
            assert socket.receive_json()["data"]["status"] == "queued"
        until(lambda: settled(lambda: launcher.looks))


def revoke(registry: Registry, name: str) -> None:
    keys = Keys(registry)
    [key] = [one for one in keys.list() if one.name == name]
    keys.revoke(key.id, "leaked")


def test_a_stream_ends_with_the_key_that_opened_it(
    client: TestClient, made: dict[str, str], launcher: Stepping, registry: Registry, signed: Signed
) -> None:
    launcher.script = []  # the job goes on for ever
    url = f"{API}/jobs/{made['job_id']}"
    headers = signed("developer", name="leaver")
    with client.websocket_connect(f"{url}/ws", headers=headers) as socket:
        assert socket.receive_json()["data"]["status"] == "queued"
        revoke(registry, "leaver")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1008
    headers = signed("developer", name="other")
    looks = launcher.looks
    threading.Thread(target=lambda: (until(lambda: launcher.looks > looks + 3), revoke(registry, "other"))).start()
    told = events(client.get(f"{url}/events", headers=headers).text)  # is over, or this waits for ever
    assert [one["event"] for one in told] == ["progress"]
    assert client.get(f"{url}/events", headers=headers).status_code == 401


def test_a_database_that_does_not_answer_signs_nobody_out(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    signin = client.app.state.signin  # type: ignore[attr-defined]

    async def away(*_: Any) -> None:
        raise RegistryError("restarting")

    monkeypatch.setattr(signin, "principal", away)
    assert anyio.run(signin.still, {}) is True


@pytest.mark.parametrize("after", [None, 3])
def test_a_stream_that_is_over_tells_its_end_to_whoever_did_not_see_it(after: int | None) -> None:
    async def all_of() -> list[State]:
        return [state async for state in states(lambda: State(5, {}, ended=True), after)]

    assert [state.number for state in anyio.run(all_of)] == [5]


def test_a_stream_outlives_what_it_asks_and_a_bug_does_not_go_unseen() -> None:
    answers: list[State | Exception] = [State(1, {}, ended=False), OSError("restarting"), State(2, {}, ended=True)]

    def look() -> State:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def all_of() -> list[int]:
        return [state.number async for state in states(look, None)]

    assert anyio.run(all_of) == [1, 2]
    answers.append(KeyError("a bug"))
    with pytest.raises(KeyError):
        anyio.run(all_of)
