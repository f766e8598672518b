"""A suspended tenant: nobody of it is let in, by no way; and all that it has is there when it is resumed."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.registry import Caller, Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.api.test_front import AGENTS, problem
from tests.api.test_registry import told
from tests.registry.lives import enter
from tests.registry.postgres import Postgres

TENANTS = "/api/v1/registry/tenants"


class Shared:
    """Two tenants, and those who act for them."""

    def __init__(self, registry: Registry, client: TestClient) -> None:
        self.registry, self.client = registry, client
        for name in ("acme", "rival"):
            Tenants(registry).create(name)
            enter(registry.as_caller(Caller(name, "ann")))
        self.acme = {"X-API-Key": key_for(registry, "factory_admin", tenant="acme", name="ann")}
        self.rival = {"X-API-Key": key_for(registry, "factory_admin", tenant="rival", name="eve")}
        self.lead = {"X-API-Key": key_for(registry, "super_admin", name="lead")}

    def suspended(self, yes: bool, **more: object) -> dict[str, object]:
        body = {"suspended": yes, "reason": "unpaid", **more}
        found: dict[str, object] = told(self.client.put(f"{TENANTS}/acme/suspension", json=body, headers=self.lead))
        return found


@pytest.fixture(scope="module")
def shared(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with postgres.database("registry_template") as database:
        var = tmp_path_factory.mktemp("suspended") / "var"
        settings = Settings(var=var, registry_url=postgres.url(database), api_anonymous_per_minute=0)
        with (
            Registry(settings.registry, keys=settings.keys) as registry,
            TestClient(create_app(settings, registry=registry)) as client,
        ):
            yield Shared(registry, client)


def test_nobody_of_it_reads_or_writes_until_it_is_resumed(shared: Shared) -> None:
    client = shared.client
    before = told(client.get(AGENTS, headers=shared.acme))
    assert shared.suspended(True, dry_run=True)["suspended_at"] is not None
    told(client.get(AGENTS, headers=shared.acme))
    assert shared.suspended(True)["suspended_at"] is not None
    refused = problem(client.get(AGENTS, headers=shared.acme), 403)  # although the key and the answer are remembered
    assert refused["type"].endswith("tenant-suspended")
    for method, url in (("POST", f"{AGENTS}/heat/boiler/yank"), ("POST", f"{TENANTS}/acme/keys"), ("GET", "/metrics")):
        problem(client.request(method, url, json={"reason": "x"}, headers=shared.acme), 403)
    told(client.get(AGENTS, headers=shared.rival))
    told(client.get(AGENTS, headers=shared.lead | {"X-Tenant": "acme"}))
    assert told(client.get(f"{TENANTS}/acme", headers=shared.lead))["suspended_at"] is not None
    assert shared.suspended(False)["suspended_at"] is None
    assert told(client.get(AGENTS, headers=shared.acme)) == before
    log = AuditLog(shared.registry.as_caller(Caller("acme", "test")))
    events = {one.event: one.actor for one in log.query(event="tenant.*")}
    assert events["tenant.suspended"] == events["tenant.resumed"] == "default:lead"
    assert "suspended since" in log.query(event="access.denied")[0].detail


def test_a_stream_that_it_watches_ends(shared: Shared) -> None:
    signin = shared.client.app.state.signin  # type: ignore[attr-defined]
    key = shared.acme["X-API-Key"].encode()
    scope = {"type": "http", "method": "GET", "headers": [(b"x-api-key", key)]}
    assert anyio.run(signin.still, scope) is True
    shared.suspended(True)
    assert anyio.run(signin.still, scope) is False
    shared.suspended(False)
    assert anyio.run(signin.still, scope) is True


def test_only_who_manages_tenants_suspends_one_and_never_their_own(shared: Shared) -> None:
    body = {"suspended": True, "reason": "rivalry"}
    problem(shared.client.put(f"{TENANTS}/acme/suspension", json=body, headers=shared.rival), 403)
    problem(shared.client.put(f"{TENANTS}/acme/suspension", json=body, headers=shared.acme), 403)
    problem(shared.client.put(f"{TENANTS}/nobody/suspension", json=body, headers=shared.lead), 404)
    for tenant in ("default", "public"):
        problem(shared.client.put(f"{TENANTS}/{tenant}/suspension", json=body, headers=shared.lead), 422)
    told(shared.client.get(AGENTS, headers=shared.acme))
