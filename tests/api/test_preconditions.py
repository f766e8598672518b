"""A decision about what somebody saw: refused with 412 where it is another by now."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from greenlang.registry import Registry
from tests.api.conftest import Signed
from tests.api.test_front import AGENTS, TENANTS, problem
from tests.api.test_registry import told
from tests.registry.lives import enter

BOILER = f"{AGENTS}/heat/boiler"
BODIES = {
    "promote": {"to": "experimental", "reason": "read"},
    "approve": {"to": "experimental", "comment": "read"},
    "retire": {"reason": "never used"},
    "yank": {"reason": "wrong"},
}


@pytest.fixture
def mine(signed: Signed) -> dict[str, str]:
    return signed("super_admin", name="ann")


@pytest.mark.parametrize("step", BODIES)
def test_a_step_on_a_stale_page_is_refused_and_changes_nothing(
    client: TestClient, registry: Registry, mine: dict[str, str], step: str
) -> None:
    enter(registry)
    seen = {"If-Match": client.get(f"{BOILER}@1.0.0", headers=mine).headers["etag"]}
    enter(registry, pack="d")  # a rebuild is in force by now
    events = registry.transitions("heat/boiler", "1.0.0")
    stale = client.post(f"{BOILER}/{step}", json=BODIES[step], headers=mine | seen)
    assert problem(stale, 412)["type"].endswith(":changed")
    assert registry.transitions("heat/boiler", "1.0.0") == events
    again = {"If-Match": f'"other", {client.get(BOILER, headers=mine).headers["etag"]}'}
    assert again["If-Match"].endswith(stale.headers["etag"])
    told(client.post(f"{BOILER}/{step}", json=BODIES[step], headers=mine | again))


def test_the_build_that_was_seen_is_the_one_that_is_meant(
    client: TestClient, registry: Registry, mine: dict[str, str]
) -> None:
    enter(registry)
    enter(registry, pack="d")
    older = f"{BOILER}@1.0.0?digest={'b' * 12}"
    seen = {"If-Match": client.get(older, headers=mine).headers["etag"]}
    promote = f"{BOILER}@1.0.0/promote"
    problem(client.post(promote, json=BODIES["promote"], headers=mine | seen), 412)  # the one in force is another
    answer = told(client.post(f"{promote}?digest={'b' * 12}", json=BODIES["promote"], headers=mine | seen))
    assert answer["steps"][0]["build"].endswith("b" * 12)


@pytest.mark.parametrize(
    ("what", "one", "body"),
    [("quotas", "versions", {"most": 3}), ("environments", "staging", {"least_state": "certified"})],
)
def test_a_setting_that_somebody_else_changed_is_read_again_first(
    client: TestClient, mine: dict[str, str], what: str, one: str, body: dict[str, object]
) -> None:
    seen = {"If-Match": client.get(f"{TENANTS}/{what}", headers=mine).headers["etag"]}
    changed = client.put(f"{TENANTS}/{what}/{one}", json=body, headers=mine | seen)
    assert changed.status_code == 200
    problem(client.put(f"{TENANTS}/{what}/{one}", json=body, headers=mine | seen), 412)
    assert client.put(f"{TENANTS}/{what}/{one}", json=body, headers=mine | {"If-Match": "*"}).status_code == 200
    weak = {"If-Match": f"W/{client.get(f'{TENANTS}/{what}', headers=mine).headers['etag']}"}
    problem(client.put(f"{TENANTS}/{what}/{one}", json=body, headers=mine | weak), 412)  # compared strongly
