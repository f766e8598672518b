"""What a search shows is what stands, whatever was made before and for whomever."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.api.shown import Shown
from greenlang.registry import Caller, Registry
from greenlang.registry.search import Wanted
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.api.conftest import Signed, key_for
from tests.registry.test_registry import entry

SEARCH = "/api/v1/registry/search"
AGENTS = "/api/v1/registry/agents"


def test_a_search_shows_agents_as_they_are_shown_alone(client: TestClient, registry: Registry, signed: Signed) -> None:
    mine = signed("viewer")
    for number in range(3):
        registry.register(entry(f"heat/boiler-{number}"))
    found = client.get(SEARCH, params={"q": "boiler", "limit": 2}, headers=mine)
    assert found.headers["content-type"] == "application/json"
    document = found.json()
    assert len(document["items"]) == 2
    for item in document["items"]:
        assert item == client.get(f"{AGENTS}/{item['agent_id']}@{item['version']}", headers=mine).json()
    assert f"cursor={document['next']}" in found.headers["link"]
    rest = client.get(found.links["next"]["url"], headers=mine).json()
    assert [len(rest["items"]), rest["next"]] == [1, None]


def test_what_changed_is_shown_changed(client: TestClient, registry: Registry, signed: Signed) -> None:
    mine = signed("viewer")

    def shown() -> tuple[str, bool, str]:
        (item,) = client.get(SEARCH, params={"q": "boiler", "all_versions": True}, headers=mine).json()["items"]
        return item["state"], item["yanked"], item["pack_digest"][:1]

    registry.register(entry("heat/boiler"))
    assert shown() == ("draft", False, "b")
    registry.yank("heat/boiler", "1.0.0", "b" * 64, "wrong unit")
    assert shown() == ("draft", True, "b")
    registry.register(entry("heat/boiler", pack_digest="9" * 64))
    assert shown() == ("draft", False, "9")


def test_the_same_agent_of_two_tenants_is_shown_to_each_as_its_own(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(var=tmp_path / "var", registry_url=postgres_url, api_fresh_ms=0)
    with Registry(settings.registry, keys=settings.keys) as registry:
        signed = {}
        for tenant in ("acme", "rival"):
            Tenants(registry).create(tenant)
            registry.as_caller(Caller(tenant, "ann")).register(entry("heat/kiln", summary=f"of {tenant}"))
            signed[tenant] = {"X-API-Key": key_for(registry, "viewer", tenant=tenant)}
        with TestClient(create_app(settings, registry=registry)) as client:
            for tenant in ("acme", "rival", "acme"):
                (item,) = client.get(SEARCH, params={"q": "kiln"}, headers=signed[tenant]).json()["items"]
                assert (item["tenant"], item["summary"]) == (tenant, f"of {tenant}")


def test_what_is_kept_is_bounded_and_nothing_is_left_out(registry: Registry) -> None:
    for number in range(4):
        registry.register(entry(f"heat/boiler-{number}"))
    briefs = registry.find_briefs(Wanted("boiler")).briefs
    whole = Shown().page(registry, briefs, None, {}).body
    small = Shown(most=len(whole) // 2)
    assert [small.page(registry, briefs, None, {}).body for _ in range(3)] == [whole] * 3
    assert small.size <= len(whole) // 2
