"""Ways in and ways to bring it down that somebody tried, each once a hole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import KeySet, RSAKey
from starlette.testclient import TestClient

from greenlang.api import streams
from greenlang.api.app import create_app
from greenlang.api.console.review import side_by_side
from greenlang.api.front import _network
from greenlang.api.keyset import KeySource
from greenlang.api.problems import Problem
from greenlang.errors import FetchError
from greenlang.registry import Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.keys import Keys
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.api.conftest import Signed, key_for
from tests.api.test_front import AGENTS, TENANTS, problem
from tests.api.test_tokens import AUDIENCE, ISSUER
from tests.api.test_tokens import signed as token

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


# Browsers


@pytest.mark.parametrize("host", ["testserver", "localhost.evil.example", "evil@evil.example", "[", ""])
def test_a_rebound_name_is_no_name_of_this_machine(settings: Settings, registry: Registry, host: str) -> None:
    with TestClient(create_app(settings, registry=registry, sign_in=False)) as client:
        problem(client.get(AGENTS, headers={"Host": host}), 403)


@pytest.mark.parametrize("origin", ["http://[", "null", "", "://testserver/", "http://testserver.evil.example"])
def test_an_origin_that_is_none_is_foreign(client: TestClient, registry: Registry, origin: str) -> None:
    cookie = {"Cookie": f"greenlang_key={key_for(registry, 'viewer')}"}
    assert client.post("/console/sign-in", content="key=x", headers={**FORM, "Origin": origin}).status_code == 403
    answer = client.post("/console/sign-out", content="csrf=x", headers={**FORM, **cookie, "Origin": origin})
    assert answer.status_code == 403


# Guessing, and filling a log


def test_wrong_secrets_fill_no_log_and_a_right_one_costs_nothing(settings: Settings, registry: Registry) -> None:
    issued = Keys(registry).issue("ann", ["viewer"])
    wrong, right = {"X-API-Key": f"gl_{issued.key.id}_{'a' * 43}"}, {"X-API-Key": issued.plain}
    app = create_app(settings.model_copy(update={"api_anonymous_per_minute": 12}), registry=registry)
    with TestClient(app) as client:
        assert {client.get(AGENTS, headers=right).status_code for _ in range(6)} == {200}
        assert [client.get(AGENTS, headers=wrong).status_code for _ in range(6)] == [401] * 2 + [429] * 4
    assert len(AuditLog(registry).query(event="access.denied")) == 2


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::9", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_subscriber_of_ipv6_is_one_address(address: str, counted: str) -> None:
    assert _network(address) == counted


# Bodies that no reader takes


@pytest.mark.parametrize("path", ["/factory/validate", "/factory/generate", "/sdk/validate", "/ef/calculate"])
@pytest.mark.parametrize("depth", [300, 900])
def test_a_deep_body_is_the_senders_mistake(client: TestClient, signed: Signed, path: str, depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    body = f'{{"formula_id":"x","inputs":{deep}}}' if "calculate" in path else f'{{"spec":{deep}}}'
    answer = client.post(f"/api/v1{path}", content=body, headers={**signed("developer"), **JSON})
    assert answer.status_code == 422 or (answer.status_code == 200 and not answer.json()["valid"]), answer.text


@pytest.mark.parametrize("path", ["/factory/validate", "/factory/generate", "/sdk/migrate"])
def test_half_a_character_is_the_senders_mistake(client: TestClient, signed: Signed, path: str) -> None:
    answer = client.post(f"/api/v1{path}", content='{"spec":"a: \\ud800"}', headers={**signed("developer"), **JSON})
    assert "surrogate" in problem(answer, 422)["detail"]


# What was meant for another key


def test_an_answer_is_not_repeated_to_a_key_that_may_less(
    client: TestClient, registry: Registry, signed: Signed
) -> None:
    line = {"kind": "deny", "pattern": "heat/*", "reason": "no"}
    strong, weak = signed("tenant_admin", name="ann"), signed("viewer", name="ann")
    once = {"Idempotency-Key": "k"}
    assert client.post(f"{TENANTS}/lists", json=line, headers=strong | once).status_code == 201
    problem(client.post(f"{TENANTS}/lists", json=line, headers=weak | once), 422)
    assert client.post(f"{TENANTS}/lists", json=line, headers=strong | once).headers["idempotency-replayed"] == "true"


def test_a_key_that_only_manages_keys_issues_none_that_may_more(client: TestClient, signed: Signed) -> None:
    held = signed("tenant_admin", scopes=["manage_keys"])
    new = {"name": "me", "roles": ["developer"]}
    assert "cannot give" in problem(client.post(f"{TENANTS}/keys", json=new, headers=held), 422)["detail"]
    new = {"name": "me", "roles": ["tenant_admin"], "scopes": ["manage_keys"]}
    assert client.post(f"{TENANTS}/keys", json=new, headers=held).status_code == 201


@pytest.mark.parametrize("name", ["user:ann", "default:root", "cli/ann", "ann ", " ann", "ａｎｎ", "ann\u00a0"])
def test_a_key_is_not_named_like_somebody_else(client: TestClient, signed: Signed, name: str) -> None:
    new = {"name": name, "roles": ["reviewer"]}
    problem(client.post(f"{TENANTS}/keys", json=new, headers=signed("tenant_admin")), 422)


# Tenants that a token or a header names


@pytest.fixture
def issuer() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture
def shared(tmp_path: Path, postgres_url: str, issuer: RSAKey) -> Iterator[TestClient]:
    """A registry of several tenants, of which there is acme, and an issuer of tokens."""
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(KeySet([issuer]).as_dict(private=False)))
    settings = Settings(
        var=tmp_path / "var",
        registry_url=postgres_url,
        api_jwks=str(jwks),
        api_issuer=ISSUER,
        api_audience=AUDIENCE,
        api_remember_seconds=0,
    )
    with Registry(settings.registry, keys=settings.keys) as registry:
        Tenants(registry).create("acme")
        with TestClient(create_app(settings, registry=registry), raise_server_exceptions=False) as client:
            yield client


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def test_a_token_is_of_a_tenant_that_there_is_and_never_of_what_all_read(shared: TestClient, issuer: RSAKey) -> None:
    roles = ["factory_admin"]
    assert shared.get(AGENTS, headers=bearer(token(issuer, roles=roles))).status_code == 200
    for tenant, says in [("nowhere", "there is no tenant"), ("public", "nobody belongs")]:
        answer = shared.get(AGENTS, headers=bearer(token(issuer, roles=roles, tenant=tenant)))
        assert says in problem(answer, 403)["detail"]


def test_acting_for_another_tenant_needs_one_and_its_log_says_from_where(shared: TestClient, issuer: RSAKey) -> None:
    root = bearer(token(issuer, roles=["super_admin"], tenant="default"))
    problem(shared.get(AGENTS, headers=root | {"X-Tenant": "nowhere"}), 403)
    line = {"kind": "deny", "pattern": "heat/*", "reason": "no"}
    added = shared.post("/api/v1/registry/tenants/acme/lists", json=line, headers=root | {"X-Tenant": "acme"})
    assert added.json()["actor"] == "default:user:ann"
    assert shared.get(AGENTS, headers=root | {"X-Tenant": "public"}).status_code == 200


# What would keep threads


def test_a_key_set_that_does_not_answer_is_not_asked_for_every_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, asked = [1000.0], []
    monkeypatch.setattr("greenlang.api.keyset.time.monotonic", lambda: now[0])
    source = KeySource(str(tmp_path / "gone.json"))
    monkeypatch.setattr(source, "_bytes", lambda: asked.append(now[0]) or (tmp_path / "gone.json").read_bytes())
    for _ in range(3):
        with pytest.raises(FetchError, match="cannot be read"):
            source.key("one")
    assert len(asked) == 1
    now[0] += 16
    with pytest.raises(FetchError):
        source.key("one")
    assert len(asked) == 2


def test_that_it_does_not_answer_names_no_file(settings: Settings, registry: Registry, tmp_path: Path) -> None:
    gone = settings.model_copy(update={"api_jwks": str(tmp_path / "gone.json"), "api_issuer": ISSUER})
    with TestClient(create_app(gone, registry=registry)) as client:
        answer = client.get(AGENTS, headers=bearer(token(RSAKey.generate_key(2048))))
        assert str(tmp_path) not in problem(answer, 503)["detail"]


@pytest.mark.parametrize(
    ("before", "after"),
    [(["a"] * 3000, ["a", "b"] * 3000), (["x", "c"] * 3000, ["x"] * 3000 + ["c"] * 3000)],
)
def test_lines_that_repeat_are_compared_in_no_more_than_a_moment(before: list[str], after: list[str]) -> None:
    """By every line these take hours, in one request of whoever may read."""
    lines = list(side_by_side(before, after))
    assert [line.after for line in lines if line.kind != "skipped" and line.number_after] == after


def test_a_long_file_is_compared_by_its_rare_lines() -> None:
    before = [text for n in range(400) for text in (f"x{n} = {n}", "")]
    after = [*before[:400], "new = 1", *before[400:]]
    assert [line.after for line in side_by_side(before, after) if line.kind == "added"] == ["new = 1"]


def test_a_tenant_watches_so_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_WATCHED", 2)
    watched = streams.Watched()
    with watched.one("acme"), watched.one("acme"):
        watched.refuse_more("rival")
        with pytest.raises(Problem) as refused:
            watched.refuse_more("acme")
    assert refused.value.status == 429
    watched.refuse_more("acme")
