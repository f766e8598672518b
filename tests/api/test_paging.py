"""Every list that can grow comes in pages, in one way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.registry import Registry
from greenlang.registry.keys import Keys
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.api.test_front import AGENTS, TENANTS, problem
from tests.api.test_registry import REGISTRY, told
from tests.registry.lives import certify, enter

V1 = "/api/v1"
LISTS = {
    f"{AGENTS}?": 1,
    f"{REGISTRY}/search?": 1,
    f"{AGENTS}/heat/boiler/versions?": 1,
    f"{AGENTS}/heat/boiler@1.0.0/builds?": 1,
    f"{AGENTS}/heat/boiler@1.0.0/transitions?": 2,
    f"{REGISTRY}/as-of?at=2100-01-01T00:00:00Z&state=draft&": 1,
    f"{REGISTRY}/policies?": 1,
    f"{REGISTRY}/tenants?": 1,
    f"{TENANTS}/lists?": 1,
    f"{TENANTS}/keys?": 1,
    f"{TENANTS}/audit?": 5,
    f"{V1}/factory/references?": 1,
    f"{V1}/factory/templates?": 150,
    f"{V1}/formulas?domain=water&": 20,
    f"{V1}/ef/factors?ref=ef://epa/stationary-combustion/2025&": 100,
    f"{V1}/provenance/{'a' * 64}?": 1,
}
WHOLE = {
    f"{REGISTRY}/agents/{{agent_id}}": "one agent",
    f"{REGISTRY}/agents/{{agent_id}}/pins": "of one build, which never changes",
    f"{REGISTRY}/agents/{{agent_id}}/details": "of one build: pins, and the yanks that people wrote",
    f"{REGISTRY}/agents/{{agent_id}}/promotion-status": "criteria of one policy; pins of one build",
    f"{REGISTRY}/agents/{{agent_id}}/verification": "findings",
    f"{REGISTRY}/agents/{{agent_id}}/metrics": "a day each, of the window that was asked for",
    f"{REGISTRY}/health/{{agent_id}}": "instances that run",
    f"{REGISTRY}/resolve": "one answer: its parts belong together",
    f"{TENANTS[: -len('default')]}{{tenant}}/check": "findings",
    f"{TENANTS[: -len('default')]}{{tenant}}/audit/verification": "findings",
    f"{V1}/factory/jobs/{{job_id}}": "findings about one spec",
    f"{V1}/factory/batch/{{batch_id}}": "as many jobs as were sent at once",
    f"{V1}/factory/templates/{{name}}": "one template",
    f"{V1}/factory/agents/{{identity}}": "what was found in one agent",
    f"{V1}/ef/lookup": "steps of one rule",
    f"{V1}/formulas/{{formula_id}}": "one formula",
    f"{V1}/sdk/agents": "the patterns that there are",
    f"{V1}/sdk/patterns/{{pattern_id}}": "one pattern",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    made = Settings(var=tmp_path_factory.mktemp("paging") / "var", api_fresh_ms=0)
    with Registry(made.registry, keys=made.keys) as registry:
        for version in ("1.0.0", "1.1.0", "1.10.0"):
            enter(registry, version=version)
        enter(registry, pack="d")
        certify(registry, enter(registry, pack="e"))
        enter(registry, agent_id="cold/chiller", domain="cold")
        enter(registry, agent_id="heat/pump", spec_digest="f" * 64)
        registry.yank("heat/pump", "1.0.0", "b" * 64, "wrong")
        for number in range(3):
            Tenants(registry).deny(f"x{number}/*", reason="no")
            Keys(registry).issue(f"ci-{number}", ["viewer"])
        headers = {"X-API-Key": key_for(registry, "super_admin")}
        with TestClient(create_app(made, registry=registry), headers=headers) as opened:
            yield opened


def items(answer: Any) -> list[Any]:
    [found] = [value for value in answer.values() if isinstance(value, list)]
    return list(found)


@pytest.mark.parametrize("url", LISTS, ids=[url.removeprefix(V1).partition("?")[0] for url in LISTS])
def test_pages_lose_and_repeat_nothing(client: TestClient, url: str) -> None:
    whole = told(client.get(f"{url}limit={100 if 'ef/' in url else 1000}"))
    seen: list[Any] = []
    following: str | None = f"{url}limit={LISTS[url]}"
    number = 0
    while following:
        answer = client.get(following)
        assert 0 < len(items(told(answer))) <= LISTS[url]
        seen += items(told(answer))
        link = answer.headers.get("link", "").partition(">")[0].lstrip("<")
        assert (told(answer)["next"] is None) == (link == "")
        following, number = link, number + 1
    if whole["next"] is None:
        assert seen == items(whole)
    else:
        assert seen[: len(items(whole))] == items(whole)
    assert number > 1 or url.startswith((f"{REGISTRY}/tenants", f"{V1}/provenance"))
    problem(client.get(f"{url}cursor=bm9uZSBvZiBvdXJz"), 422)
    problem(client.get(f"{url}limit=1001"), 422)


def test_the_categories_of_references_are_those_of_all(client: TestClient) -> None:
    page = told(client.get(f"{V1}/factory/references?limit=1"))
    assert (len(page["agents"]), page["categories"]) == (1, {"cold": 1, "heat": 1})  # without what was yanked


def test_whatever_answers_with_a_list_is_paged_or_says_why_not(client: TestClient) -> None:
    document = told(client.get("/openapi.json"))
    schemas = document["components"]["schemas"]
    whole = set()
    for path, item in document["paths"].items():
        content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        name = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        lists = [f for f, one in schemas.get(name, {}).get("properties", {}).items() if one.get("type") == "array"]
        if lists and "next" in schemas[name]["properties"]:
            assert {"limit", "cursor"} <= {one["name"] for one in item["get"]["parameters"]}, path
        elif lists:
            whole.add(path)
    assert whole == set(WHOLE)
