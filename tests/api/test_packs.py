"""The bytes of a registered pack over HTTP: from one registry to a folder, and into another registry."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from greenlang.api.app import create_app
from greenlang.cli.main import app as command_line
from greenlang.client import Client
from greenlang.client import registry as calls
from greenlang.errors import PackError, RemoteRefused
from greenlang.factory.attest import envelope_path, sign_pack
from greenlang.factory.pack import put_aside
from greenlang.provenance import CERTIFICATE, tree
from greenlang.registry import Registry, RegistryEntry
from greenlang.registry.pack_exchange import unpack
from greenlang.registry.pack_reading import read_pack
from greenlang.registry.packs import RegisteredPack, certified
from greenlang.settings import Settings
from greenlang.signing import PUBLIC, read_public_key, signing_key
from tests.api.conftest import Signed, key_for
from tests.api.loopback import served
from tests.api.packing import pack, recertified, zipped
from tests.registry.emit.made import step

KILN = "/api/v1/registry/agents/heat/kiln"


@dataclass
class Place:
    """A registry with its API on a free port."""

    settings: Settings
    registry: Registry
    address: str

    @property
    def client(self) -> Client:
        return Client(self.address, key=key_for(self.registry, "developer"))


@contextmanager
def place(var: Path) -> Iterator[Place]:
    settings = Settings(var=var, api_fresh_ms=0, api_remember_seconds=0)
    with Registry(settings.registry, keys=settings.keys) as registry:
        registry.count()
        with served(create_app(settings, registry=registry)) as address:
            yield Place(settings, registry, address)


def built(settings: Settings, registry: Registry, code: str) -> RegistryEntry:
    """What the line does: a newer build takes the place of the one before, which is put aside."""
    made = pack(settings.var / "fresh" / str(len(code)), settings.keys, code=code)
    entry = read_pack(made).entry
    target = settings.packs / made.name
    put_aside(target, settings.builds, settings.keys, but=entry.certificate_digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    made.rename(target)
    sign_pack(target, settings.keys)
    entry = replace(entry, pack=f"packs/{target.name}")
    registry.register(entry)
    return entry


def test_the_pack_in_force_in_the_same_bytes_wherever_it_lies(
    client: TestClient, settings: Settings, registry: Registry, signed: Signed
) -> None:
    mine = signed("viewer")
    first = built(settings, registry, "x = 1\n")
    step(registry, first, "draft", "certified")
    answer = client.get(f"{KILN}/pack", headers=mine)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["etag"] == f'"{first.certificate_digest}"'
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    (top,) = {name.partition("/")[0] for name in names if "/" in name}
    assert {name for name in names if "/" not in name} == {f"{top}.dsse.json"}

    second = built(settings, registry, "x = 22\n")
    assert certified(settings.packs / "heat.kiln@1.0.0").certificate.digest == second.certificate_digest
    assert client.get(f"{KILN}@1.0.0/pack", headers=mine).content == answer.content
    newest = client.get(f"{KILN}@1.0.0/pack?digest={second.pack_digest[:12]}", headers=mine)
    assert newest.headers["etag"] == f'"{second.certificate_digest}"'
    assert newest.content != answer.content
    code = client.get("/api/v1/factory/references/heat/kiln", headers=mine).json()["code"]
    assert code == {"heat_kiln/agent.py": "x = 1\n"}

    known = mine | {"If-None-Match": answer.headers["etag"]}
    again = client.get(f"{KILN}/pack", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert client.get(f"{KILN}@1.0.0/pack?digest={second.pack_digest}", headers=known).status_code == 200


def test_only_what_is_certified_signed_and_allowed_is_given(
    client: TestClient, settings: Settings, registry: Registry, signed: Signed
) -> None:
    entry = built(settings, registry, "x = 1\n")
    assert client.get(f"{KILN}/pack").status_code == 401
    narrow = signed("viewer", scopes=["read_catalogue"])
    assert client.get(f"{KILN}/pack", headers=narrow).status_code == 403
    mine = signed("viewer")
    assert client.get(f"{KILN}@9.0.0/pack", headers=mine).status_code == 404
    folder = settings.var / entry.pack
    (folder / "heat_kiln" / "agent.py").write_text("x = 666\n")
    answer = client.get(f"{KILN}/pack", headers=mine)
    assert (answer.status_code, "was changed" in answer.json()["detail"]) == (404, True)
    (folder / "heat_kiln" / "agent.py").write_text("x = 1\n")
    envelope_path(folder).unlink()
    assert "is not signed" in client.get(f"{KILN}/pack", headers=mine).json()["detail"]
    recertified(folder)
    (folder / CERTIFICATE).write_bytes((folder / CERTIFICATE).read_bytes() + b" ")
    assert "is of another build" in client.get(f"{KILN}/pack", headers=mine).json()["detail"]


def test_published_pulled_over_http_and_published_elsewhere_in_the_same_bytes(tmp_path: Path) -> None:
    keys = tmp_path / "maker"
    made = pack(tmp_path / "made", keys)
    with place(tmp_path / "one") as one, place(tmp_path / "two") as two:
        for here in (one, two):
            signing_key(here.settings.keys)
            (here.settings.keys / "trusted").mkdir()
            (here.settings.keys / "trusted" / "maker.pem").write_bytes((keys / PUBLIC).read_bytes())
        with one.client as client:
            published = client.send(calls.publish(made))
            taken = client.send(calls.pack("heat/kiln"))
        folder = unpack(taken, published, tmp_path / "pulled", [read_public_key(keys / PUBLIC)])
        assert tree(folder) == tree(made)
        assert envelope_path(folder).read_bytes() == envelope_path(made).read_bytes()
        with two.client as client:
            elsewhere = client.send(calls.publish(folder))
            assert client.send(calls.pack(f"heat/kiln@1.0.0#{published.pack_digest}")) == taken
            assert client.send(calls.publish(made)) == elsewhere, "it stands already"
        moved = {"built_at": None, "created_at": None}
        assert replace(elsewhere, **moved) == replace(published, **moved)


def test_the_command_pulls_from_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with place(tmp_path / "one") as one:
        made = pack(tmp_path / "made", one.settings.keys)
        with one.client as client:
            client.send(calls.publish(made))
        monkeypatch.setenv("GREENLANG_API_KEY", key_for(one.registry, "viewer"))

        def pull(*arguments: object) -> tuple[int, str]:
            words = ["--server", one.address, "registry", "pull", *map(str, arguments)]
            done = CliRunner().invoke(command_line, words)
            return done.exit_code, done.output

        target = tmp_path / "here" / "kiln"
        assert pull("heat/kiln@1.0.0", target, "--key", one.settings.keys / PUBLIC) == (0, f"{target}\n")
        assert (tree(target), (target / CERTIFICATE).read_bytes()) == (tree(made), (made / CERTIFICATE).read_bytes())
        assert envelope_path(target).is_file()
        code, said = pull("heat/kiln", target)
        assert (code, "exists" in said) == (2, True)
        signing_key(tmp_path / "stranger")
        code, said = pull("heat/kiln", tmp_path / "here" / "other", "--key", tmp_path / "stranger" / PUBLIC)
        assert (code, "no signature of the envelope is of this key" in said) == (2, True)
        assert pull("heat/none", tmp_path / "here" / "other")[0] == 1
        assert sorted(path.name for path in target.parent.iterdir()) == ["kiln", "kiln.dsse.json"]


def _another_build(made: Path) -> bytes:
    return zipped(pack(made.parent / "other", made.parent / "keys", code="x = 2\n"))


def _changed(made: Path) -> bytes:
    (made / "heat_kiln" / "agent.py").write_text("x = 666\n")
    return zipped(made)


def _recertified(made: Path) -> bytes:
    (made / "heat_kiln" / "agent.py").write_text("x = 666\n")
    recertified(made)
    return zipped(made)


def _climbing(made: Path) -> bytes:
    return zipped(made, {"../evil.py": b"x"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (_another_build, "is of another build"),
        (_changed, "agent.py was changed"),
        (_recertified, "is of another build"),
        (_climbing, "no file of a pack"),
        (lambda made: b"{}", "no zip"),
    ],
)
def test_what_a_server_gives_instead_is_not_put_in_its_place(
    tmp_path: Path, given: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pack(tmp_path, tmp_path / "keys")
    entry = read_pack(made).entry
    told = json.loads(json.dumps(replace(entry, tenant="default").as_dict()))
    data = given(made)  # type: ignore[operator]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/pack"):
            assert request.url.params["digest"] == entry.pack_digest
            return httpx.Response(200, content=data)
        return httpx.Response(200, json=told)

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr("greenlang.client.Client", lambda *_, **__: Client("https://a.test", transport=transport))
    target = tmp_path / "here" / "kiln"
    words = ["--server", "https://a.test", "registry", "pull", "heat/kiln", str(target)]
    done = CliRunner().invoke(command_line, words)
    assert (done.exit_code, said in done.output) == (2 if "build" not in said else 1, True), done.output
    assert list(target.parent.iterdir()) == []
    assert not (tmp_path / "evil.py").exists()


def test_a_pack_that_was_changed_is_not_sent(tmp_path: Path) -> None:
    made = pack(tmp_path, tmp_path / "keys")
    assert isinstance(certified(made), RegisteredPack)
    _changed(made)
    with pytest.raises(PackError, match="not as it was certified"):
        calls.publish(made)


def test_a_refusal_keeps_its_problem_where_bytes_are_awaited(tmp_path: Path) -> None:
    with place(tmp_path / "one") as one, one.client as client, pytest.raises(RemoteRefused, match="not registered"):
        client.send(calls.pack("heat/none"))
