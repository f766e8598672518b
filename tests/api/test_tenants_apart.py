"""By no endpoint does a tenant read or change what is another's. On a real PostgreSQL, over every route there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.registry import PUBLIC, Caller, Registry, isolation
from greenlang.registry.jobs import Jobs, Wanted
from greenlang.registry.keys import Keys
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.api.filling import Operation, operations
from tests.registry.postgres import Postgres
from tests.registry.test_registry import entry

MARK = "zyxwmark"  # in everything that acme wrote
OPERATIONS = operations(create_app(Settings(var=Path("nowhere"))))
OWNED = ("/api/v1/registry/agents/{", "/api/v1/factory/jobs/{", "/api/v1/factory/batch/{")
# What another test asks for: the first three need manage_tenants, the others a pack on disk.
ELSEWHERE = ("/quotas/{quota}", "/suspension", "/residency", "/forms/{form}", "/{agent_id}/pack")
TENANTS = "/api/v1/registry/tenants/{tenant}"
ALL = "factory_admin"  # everything but managing tenants


class World:
    """Two tenants in one database, and what acme has."""

    def __init__(self, server: Postgres, database: str, var: Path) -> None:
        self.server, self.database = server, database
        settings = Settings(var=var, registry_url=server.url(database), api_fresh_ms=0, api_anonymous_per_minute=0)
        self.registry = Registry(settings.registry, keys=settings.keys)
        self.app = create_app(settings, registry=self.registry)
        for tenant in ("acme", "rival"):
            Tenants(self.registry).create(tenant, name=f"{tenant} {MARK}" if tenant == "acme" else tenant)
        acme = self.registry.as_caller(Caller("acme", f"ann-{MARK}"))
        acme.register(
            entry("heat/kiln", name=f"Kiln {MARK}", summary=MARK, tags=(MARK,), pack_digest="abc123" + "0" * 58)
        )
        line = Tenants(acme).deny("heat/old", reason=MARK)
        wanted = [Wanted(f"{MARK}.yaml", MARK, "d" * 64)]
        batch = Jobs(acme).add(wanted, launcher="none", run="", options={"note": MARK})
        issued = Keys(acme).issue(f"ci-{MARK}", [ALL])
        self.values = {
            "agent_id": "heat/kiln",
            "tenant": "acme",
            "line": str(line.id),
            "key_id": issued.key.id,
            "quota": "versions",
            "environment": "staging",
            "agent": "heat/kiln",
            "at": "2026-11-22T00:00:00Z",
            "form": "mcp",
            "job_id": batch.jobs[0].id,
            "batch_id": batch.id,
            "identity": "heat/kiln",
            "name": "kiln-template",
            "policy": "v1",
            "formula_id": "energy",
            "pattern_id": "single",
            "digest": "abc123" + "0" * 58,
            "activity": "diesel",
            "q": MARK,
            "ref": "ef://epa/stationary-combustion/2025",
        }
        self.acme = {"X-API-Key": issued.plain}
        self.rival = {"X-API-Key": Keys(self.registry.as_caller(Caller("rival", "eve"))).issue("eve", [ALL]).plain}

    def rows(self, tenant: str = "acme") -> str:
        """Every row of a tenant, as the superuser sees them."""
        parts = [
            f"SELECT '{table}' , json_agg(r ORDER BY r::text)::text FROM {table} r WHERE tenant = '{tenant}'"
            for table in isolation.names()
        ]
        return str(self.server.sql(" UNION ALL ".join(parts), database=self.database))


@pytest.fixture(scope="module")
def world(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with postgres.database("registry_template") as database:
        made = World(postgres, database, tmp_path_factory.mktemp("tenants"))
        yield made
        made.registry.close()


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[TestClient]:
    with TestClient(world.app) as opened:
        yield opened


def filled(operation: Operation, world: World) -> dict[str, object]:
    body = operation.body
    return {"method": operation.method, "url": operation.url(world.values), "json": body["value"] if body else None}


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_tenant_reads_and_changes_nothing_of_another(operation: Operation, world: World, client: TestClient) -> None:
    before = world.rows()
    answer = client.request(**filled(operation, world), headers=world.rival)
    assert MARK not in answer.text
    assert answer.status_code < 500, answer.text
    if "{tenant}" in operation.path:
        assert answer.status_code == 403
    if operation.path.startswith(OWNED):
        assert answer.status_code == 404, answer.text
    named = client.request(**filled(operation, world), headers=world.rival | {"X-Tenant": "acme"})
    assert named.status_code == 403
    assert world.rows() == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_nobody_reads_anything_without_a_sign_in(operation: Operation, world: World, client: TestClient) -> None:
    before = world.rows(), world.rows("default")
    answer = client.request(**filled(operation, world))
    assert MARK not in answer.text
    assert answer.status_code == (401 if operation.permission else 200), answer.text
    assert (world.rows(), world.rows("default")) == before


def test_how_the_api_answered_is_told_to_who_runs_the_installation_alone(world: World, client: TestClient) -> None:
    headers = {"X-API-Key": Keys(world.registry).issue("prometheus", ["viewer"], scopes=["view_metrics"]).plain}
    answers = [client.get("/metrics", headers=one) for one in (headers, world.acme, world.rival)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert ["greenlang_factory_agents" in answer.text for answer in answers] == [True] * 3
    assert ["greenlang_api_requests_total{" in answer.text for answer in answers] == [True, False, False]


def test_the_requests_are_such_that_the_owner_is_answered(world: World, client: TestClient) -> None:
    """What was refused above was refused for who asked, not for how."""
    own = [one for one in OPERATIONS if one.path.startswith((OWNED[0], TENANTS)) and not one.path.endswith(ELSEWHERE)]
    answers = {
        str(one): client.request(**filled(one, world), headers=world.acme)
        for one in sorted(own, key=lambda one: one.method != "get")
    }
    refused = {name: answer.text for name, answer in answers.items() if answer.status_code not in (200, 201, 409)}
    assert refused == {}
    marked = {name.rpartition("/")[2] for name, answer in answers.items() if MARK in answer.text}
    assert {"{agent_id}", "versions", "transitions", "{tenant}", "lists", "keys", "audit"} <= marked
    assert client.get(f"/api/v1/factory/jobs/{world.values['job_id']}", headers=world.acme).status_code != 404


def test_what_is_public_is_read_by_all_and_changed_by_none_of_them(world: World, client: TestClient) -> None:
    shared = world.registry.as_caller(Caller(PUBLIC, "lead"))
    shared.register(entry("shared/boiler"))
    assert client.get("/api/v1/registry/agents/shared/boiler", headers=world.rival).json()["tenant"] == "public"
    before = world.rows(PUBLIC)
    for operation in OPERATIONS:
        if operation.method != "get" and operation.path.startswith(OWNED[0]):
            asked = filled(operation, world)
            asked["url"] = str(asked["url"]).replace("heat/kiln", "shared/boiler")
            answer = client.request(**asked, headers=world.rival)  # type: ignore[arg-type]
            if operation.path.endswith("/usage"):
                continue  # a report on a public agent is a row of whoever reports
            assert answer.status_code in (404, 409, 422), (str(operation), answer.text)
    assert world.rows(PUBLIC) == before
