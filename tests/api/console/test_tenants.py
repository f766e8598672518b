"""By no page does a tenant read or change what is another's. On a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.registry import PUBLIC, Caller, Registry
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.api.console.page import Page
from tests.factory.conftest import build_combustion, build_heat_pump
from tests.registry.emit import made

ACME, SHARED = "emissions/carbon_calculator_v1", "buildings/heat-pump"
MARK = "Carbon Calculator"


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    return Settings(var=tmp_path / "var", registry_url=postgres_url, api_fresh_ms=0, api_remember_seconds=0)


@pytest.fixture
def registry(settings: Settings) -> Iterator[Registry]:
    """Acme has an agent with its pack, all have another."""
    with Registry(settings.registry, keys=settings.keys) as opened:
        for tenant in ("acme", "rival"):
            Tenants(opened).create(tenant)
        own = settings.of_tenant("acme").var
        opened.as_caller(Caller("acme", "ann")).register(made.pack(own, build_combustion()))
        public = settings.of_tenant(PUBLIC).var
        opened.as_caller(Caller(PUBLIC, "lead")).register(made.pack(public, build_heat_pump()))
        yield opened


@pytest.fixture
def client(settings: Settings, registry: Registry) -> Iterator[TestClient]:
    with TestClient(create_app(settings, registry=registry), follow_redirects=False) as opened:
        yield opened


def sign_in(client: TestClient, registry: Registry, tenant: str) -> str:
    """As somebody of the tenant who may do everything there; the token of the forms."""
    client.cookies.clear()
    key = key_for(registry, "factory_admin", tenant=tenant, name=f"{tenant}-admin")
    assert client.post("/console/sign-in", data={"key": key}).status_code == 303
    return Page(client.get("/console")).csrf


def test_a_tenant_sees_and_changes_nothing_of_another(client: TestClient, registry: Registry) -> None:
    token = sign_in(client, registry, "rival")
    for path in (f"agents/{ACME}", f"review/{ACME}", f"download/pack/{ACME}", f"download/mcp/{ACME}"):
        answer = client.get(f"/console/{path}")
        assert answer.status_code == 404
        assert MARK not in answer.text
    assert MARK not in client.get("/console?q=carbon").text
    data = {"csrf": token, "to": "experimental", "act": "promote", "comment": "mine"}
    assert client.post(f"/console/review/{ACME}", data=data).status_code == 404
    acme = registry.as_caller(Caller("acme", "ann"))
    assert acme.get(ACME).state == "draft"
    assert len(acme.transitions(ACME, "1.0.0")) == 1


def test_the_owner_sees_and_promotes_it(client: TestClient, registry: Registry) -> None:
    token = sign_in(client, registry, "acme")
    assert MARK in client.get("/console?q=carbon").text
    page = Page(client.get(f"/console/agents/{ACME}"))
    assert len(page.all("math")) == 3, "the pack lies in the tenant's own folder"
    data = {"csrf": token, "to": "experimental", "act": "promote", "comment": "first trial"}
    assert client.post(f"/console/review/{ACME}", data=data).status_code == 303
    assert registry.as_caller(Caller("acme", "ann")).get(ACME).state == "experimental"


def test_what_is_public_is_read_by_all_and_changed_by_none_of_them(client: TestClient, registry: Registry) -> None:
    token = sign_in(client, registry, "rival")
    page = Page(client.get(f"/console/agents/{SHARED}"))
    assert page.status == 200
    assert "public" in page.words
    assert page.all("math")
    assert "Decide" not in Page(client.get(f"/console/review/{SHARED}")).words
    data = {"csrf": token, "to": "experimental", "act": "promote", "comment": "mine"}
    assert client.post(f"/console/review/{SHARED}", data=data).status_code in (403, 422)
    assert registry.as_caller(Caller(PUBLIC, "lead")).get(SHARED).state == "draft"
