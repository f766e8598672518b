"""The registry over HTTP: lists, names, publishing, lives, instances, tenants' affairs."""

from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.bucket import Bucket
from greenlang.registry import Registry
from greenlang.registry.policy_file import DEFAULT, supplied
from greenlang.settings import Settings
from greenlang.signing import PUBLIC, signing_key
from tests.api.conftest import Signed
from tests.api.packing import pack, recertified, zipped
from tests.api.test_front import AGENTS, TENANTS, problem
from tests.registry.test_registry import entry

REGISTRY = "/api/v1/registry"
ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def mine(signed: Signed) -> dict[str, str]:
    return signed("factory_admin", name="ann")


def told(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


# Reading


def test_a_list_comes_in_pages_that_lose_and_repeat_nothing(
    client: TestClient, registry: Registry, mine: dict[str, str]
) -> None:
    for number in range(7):
        registry.register(entry(f"heat/agent{number}", "1.0.0"))
        registry.register(entry(f"heat/agent{number}", "1.1.0"))
    seen, url = [], f"{AGENTS}?limit=3&domain=heat"
    while url:
        answer = client.get(url, headers=mine)
        seen += [(one["agent_id"], one["version"]) for one in told(answer)["items"]]
        link = answer.headers.get("link", "")
        url = link.partition(">")[0].lstrip("<")
        assert (told(answer)["next"] is None) == (url == "")
        if len(seen) == 3:
            registry.register(entry("heat/aaa"))  # before the cursor: neither a repeat nor a gap
    assert seen == [(f"heat/agent{number}", "1.1.0") for number in range(7)]


def test_a_list_is_narrowed(client: TestClient, registry: Registry, mine: dict[str, str]) -> None:
    registry.register(entry("heat/boiler"))
    registry.register(entry("heat/pump", tags=("scope2",)))
    registry.register(entry("transport/freight", tags=("scope3",)))

    def ids(query: str) -> list[str]:
        return [one["agent_id"] for one in told(client.get(f"{AGENTS}?{query}", headers=mine))["items"]]

    assert ids("domain=Heat") == ["heat/boiler", "heat/pump"]
    assert ids("capability=SCOPE3") == ["transport/freight"]
    assert ids("state=draft&limit=2") == ["heat/boiler", "heat/pump"]
    assert ids("state=certified") == []


def test_a_build_is_named_by_version_and_digest(client: TestClient, registry: Registry, mine: dict[str, str]) -> None:
    registry.register(entry(version="1.0.0"))
    registry.register(entry(version="1.1.0"))
    registry.register(entry(version="1.1.0", pack_digest="9" * 64))

    def one(name: str) -> tuple[str, str]:
        found = told(client.get(f"{AGENTS}/{name}", headers=mine))
        return found["version"], found["pack_digest"][0]

    assert one("heat/boiler") == ("1.1.0", "9")
    assert one("heat/boiler@1.0.0") == one("heat/boiler?version=1.0.0") == ("1.0.0", "b")
    assert one("heat/boiler@1.1.0?digest=bbbbbb") == one("heat/boiler?version=1.1.0&digest=bbbbbb") == ("1.1.0", "b")
    problem(client.get(f"{AGENTS}/heat/boiler@1.1.0?digest=aaaaaa", headers=mine), 404)
    problem(client.get(f"{AGENTS}/heat/boiler?digest=bbbbbb", headers=mine), 422)
    assert len(told(client.get(f"{AGENTS}/heat/boiler@1.1.0/builds", headers=mine))["items"]) == 2
    assert [v["version"] for v in told(client.get(f"{AGENTS}/heat/boiler/versions", headers=mine))["items"]] == [
        "1.1.0",
        "1.0.0",
    ]


def test_search_finds_and_pages(client: TestClient, registry: Registry, mine: dict[str, str]) -> None:
    for number in range(5):
        registry.register(entry(f"heat/boiler{number}"))
    registry.register(entry("heat/pump", name="Heat pump", summary="electricity"))
    first = told(client.get(f"{REGISTRY}/search?q=boiler&limit=3", headers=mine))
    rest = told(client.get(f"{REGISTRY}/search?q=boiler&limit=3&cursor={first['next']}", headers=mine))
    assert rest["next"] is None
    assert sorted(one["agent_id"] for page in (first, rest) for one in page["items"]) == [
        f"heat/boiler{number}" for number in range(5)
    ]


def test_what_fits_together_is_resolved(client: TestClient, registry: Registry, mine: dict[str, str]) -> None:
    registry.register(entry("heat/boiler", "1.0.0"))
    registry.register(entry("heat/boiler", "2.0.0"))
    registry.register(entry("site/report"), needs={"heat/boiler": ">=1,<2"})
    found = told(client.get(f"{REGISTRY}/resolve?agent=site/report", headers=mine))["items"]
    assert [(one["agent_id"], one["version"]) for one in found] == [("heat/boiler", "1.0.0"), ("site/report", "1.0.0")]
    registry.register(entry("site/other"), needs={"heat/boiler": ">=3"})
    problem(client.get(f"{REGISTRY}/resolve?agent=site/other", headers=mine), 409)


# Publishing


def test_a_signed_pack_is_published(
    client: TestClient, settings: Settings, tmp_path: Path, mine: dict[str, str]
) -> None:
    data = zipped(pack(tmp_path, settings.keys))
    answer = client.post(AGENTS, content=data, headers=mine | ZIP)
    made = told(answer, 201)
    assert answer.headers["location"] == f"{AGENTS}/heat/kiln@1.0.0"
    assert (made["agent_id"], made["state"], made["domain"], made["summary"]) == (
        "heat/kiln",
        "draft",
        "heat",
        "CO2e of a kiln",
    )
    assert (made["score"], made["coverage"], made["tests_passed"]) == (92.5, pytest.approx(90.909, abs=0.001), 9)
    assert made["judgement"]["security"] == {"status": "passed", "score": 100.0}
    assert [port["name"] for port in made["outputs"]] == ["co2e_kg"]
    found = told(client.get(f"{AGENTS}/heat/kiln/pins", headers=mine))
    assert [(one["kind"], one["ref"]) for one in found["items"]] == [
        ("factor", "ef://epa/x/2025/gas/co2"),
        ("parameter", "table://oxidation/factor/gas"),
    ]
    assert told(client.post(AGENTS, content=data, headers=mine | ZIP), 200) == made
    pulled = client.get(f"{AGENTS}/heat/kiln/pack", headers=mine).content  # what was kept as a zip is a folder now
    assert told(client.post(AGENTS, content=pulled, headers=mine | ZIP), 200) == made
    assert (settings.var / made["pack"] / "heat_kiln" / "agent.py").is_file()
    assert Path(f"{settings.var / made['pack']}.dsse.json").is_file()
    assert sorted(path.name for path in (settings.var / "packs" / "published").iterdir()) == [
        made["certificate_digest"],
        f"{made['certificate_digest']}.dsse.json",
    ]


def test_other_bytes_under_a_version_are_refused(
    client: TestClient, settings: Settings, tmp_path: Path, mine: dict[str, str]
) -> None:
    told(client.post(AGENTS, content=zipped(pack(tmp_path / "a", settings.keys)), headers=mine | ZIP), 201)
    other = zipped(pack(tmp_path / "b", settings.keys, code="x = 2\n"))
    assert "new version" in problem(client.post(AGENTS, content=other, headers=mine | ZIP), 409)["detail"]


def test_a_pack_is_taken_from_the_bucket_of_its_tenant_alone(
    client: TestClient, settings: Settings, tmp_path: Path, mine: dict[str, str]
) -> None:
    bucket = Bucket.open(settings.bucket_address)
    for home in ("uploads/default/kiln.zip", "uploads/acme/kiln.zip"):
        bucket.write(home, zipped(pack(tmp_path / home.replace("/", "-"), settings.keys)))
    for name in ("uploads/acme/kiln.zip", "uploads/default/../acme/kiln.zip", "/etc/passwd", "specs/x.yaml"):
        problem(client.post(AGENTS, json={"object": name}, headers=mine), 422)
    problem(client.post(AGENTS, json={"object": "uploads/default/none.zip"}, headers=mine), 404)
    problem(client.post(AGENTS, json={"file": "x"}, headers=mine), 422)
    assert told(client.post(AGENTS, json={"object": "uploads/default/kiln.zip"}, headers=mine), 201)["name"] == "Kiln"


def test_a_key_is_known_when_an_operator_says_so(
    client: TestClient, settings: Settings, tmp_path: Path, mine: dict[str, str]
) -> None:
    foreign = tmp_path / "foreign"
    data = zipped(pack(tmp_path / "made", foreign))
    assert "no key is known" in problem(client.post(AGENTS, content=data, headers=mine | ZIP), 422)["detail"]
    signing_key(settings.keys)
    assert "no signature" in problem(client.post(AGENTS, content=data, headers=mine | ZIP), 422)["detail"]
    (settings.keys / "trusted").mkdir()
    (settings.keys / "trusted" / "foreign.pem").write_bytes((foreign / PUBLIC).read_bytes())
    told(client.post(AGENTS, content=data, headers=mine | ZIP), 201)


def _changed(made: Path) -> bytes:
    (made / "heat_kiln" / "agent.py").write_text("x = 666\n")
    return zipped(made)


def _changed_and_recertified(made: Path) -> bytes:
    (made / "heat_kiln" / "agent.py").write_text("x = 666\n")
    recertified(made)
    return zipped(made)


def _added(made: Path) -> bytes:
    return zipped(made, {f"{made.name}/more.py": b""})


def _without_envelope(made: Path) -> bytes:
    made.with_name(f"{made.name}.dsse.json").unlink()
    return zipped(made)


def _climbing(made: Path) -> bytes:
    return zipped(made, {"../evil.py": b"x"})


def _absolute(made: Path) -> bytes:
    return zipped(made, {"/tmp/evil.py": b"x"})


def _linked(made: Path) -> bytes:
    out = BytesIO(zipped(made))
    with zipfile.ZipFile(out, "a") as archive:
        link = zipfile.ZipInfo(f"{made.name}/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return out.getvalue()


def _bomb(made: Path) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{made.name}/zeros", b"\0" * 200_000_001)
    return out.getvalue()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_changed, "agent.py was changed"),
        (_changed_and_recertified, "no key that is known here signed the pack"),
        (_added, "more.py does not belong to the pack"),
        (_without_envelope, "dsse.json beside it"),
        (_climbing, "no file of a pack"),
        (_absolute, "no file of a pack"),
        (_linked, "no file of a pack"),
        (_bomb, "at most"),
        (lambda made: b"PK\x03\x04 nonsense", "no zip"),
        (lambda made: zipped(made)[:-40], "no zip"),
    ],
)
def test_a_pack_that_is_not_as_certified_leaves_nothing(
    client: TestClient,
    settings: Settings,
    registry: Registry,
    tmp_path: Path,
    mine: dict[str, str],
    spoil: Any,
    said: str,
) -> None:
    data = spoil(pack(tmp_path, settings.keys))
    assert said in problem(client.post(AGENTS, content=data, headers=mine | ZIP), 422)["detail"]
    assert registry.count() == 0
    assert not (settings.var / "packs").exists()
    assert not (settings.var / "evil.py").exists()


def test_a_body_of_another_kind_is_415(client: TestClient, mine: dict[str, str]) -> None:
    problem(client.post(AGENTS, content=b"x", headers=mine | {"Content-Type": "text/plain"}), 415)


# Lives


def test_a_life_over_http(client: TestClient, registry: Registry, signed: Signed) -> None:
    registry.register(entry())
    dev, reviewer = signed("developer", name="dev"), signed("reviewer", name="rev")
    boiler = f"{AGENTS}/heat/boiler@1.0.0"
    status = told(client.get(f"{boiler}/promotion-status", headers=dev))
    assert status["to"] == "experimental"
    asked = {"to": "experimental", "reason": "try it"}
    problem(client.post(f"{boiler}/promote", json=asked, headers=reviewer), 403)
    trial = told(client.post(f"{boiler}/promote", json=asked | {"dry_run": True}, headers=dev))
    assert (trial["taken"], trial["allowed"]) == (False, status["allowed"])
    refused = problem(client.post(f"{boiler}/promote", json={"to": "certified", "reason": "now"}, headers=dev), 409)
    assert refused["type"].endswith("step-refused")
    assert [check["name"] for check in refused["answer"]["checks"] if not check["met"]]
    word = {"to": "experimental", "comment": "fine"}
    assert told(client.post(f"{boiler}/approve", json=word, headers=reviewer))["to"] == "experimental"
    told(client.post(f"{boiler}/retire", json={"reason": "never used"}, headers=dev))
    steps = told(client.get(f"{boiler}/transitions", headers=dev))["items"]
    assert [step["after"] for step in steps] == ["draft", "retired"]
    assert told(client.get(f"{boiler}/verification", headers=dev)) == {"verified": True, "findings": []}


def test_a_policy_is_put_in_force(client: TestClient, signed: Signed, mine: dict[str, str]) -> None:
    url = f"{REGISTRY}/policies"
    before = told(client.get(url, headers=mine))["items"]
    assert [one["in_force"] for one in before].count(True) == 1
    text = supplied()[DEFAULT].replace(f"name: {DEFAULT}", "name: ours")
    problem(client.post(url, json={"text": text}, headers=signed("developer", name="dev")), 403)
    assert told(client.post(url, json={"text": text}, headers=mine), 201)["name"] == "ours"
    assert [one["name"] for one in told(client.get(url, headers=mine))["items"] if one["in_force"]] == ["ours"]
    problem(client.post(url, json={"text": "name: x\nnonsense: 1\n"}, headers=mine), 422)


def test_a_yanked_build_is_found_by_whoever_names_it(
    client: TestClient, registry: Registry, mine: dict[str, str]
) -> None:
    registry.register(entry(version="1.0.0"))
    registry.register(entry(version="1.1.0"))
    yank = f"{AGENTS}/heat/boiler@1.1.0/yank"
    assert told(client.post(yank, json={"reason": "wrong factor"}, headers=mine)) == {"changed": True, "yanked": True}
    assert told(client.post(yank, json={"reason": "again"}, headers=mine))["changed"] is False
    assert told(client.get(f"{AGENTS}/heat/boiler", headers=mine))["version"] == "1.0.0"
    assert told(client.get(f"{AGENTS}/heat/boiler@1.1.0", headers=mine))["yanked"] is True
    told(client.post(yank, json={"reason": "it was right", "yanked": False}, headers=mine))
    assert told(client.get(f"{AGENTS}/heat/boiler", headers=mine))["version"] == "1.1.0"


def test_use_adds_up(client: TestClient, registry: Registry, signed: Signed) -> None:
    registry.register(entry())
    operator = signed("operator", name="ops")
    told(client.get(f"{AGENTS}/heat/boiler/metrics", headers=operator))
    for users in (["a", "b"], ["b"]):
        report = {"day": "2020-01-01", "calls": 50, "errors": 1, "users": users}
        told(client.post(f"{AGENTS}/heat/boiler/usage", json=report, headers=operator))
    wrong = {"day": "2020-01-01", "calls": 1, "errors": 2}
    problem(client.post(f"{AGENTS}/heat/boiler/usage", json=wrong, headers=operator), 422)
    found = told(client.get(f"{AGENTS}/heat/boiler/metrics?window=3660", headers=operator))
    assert (found["calls"], found["errors"], found["users"], found["error_rate"]) == (100, 2, 2, 2.0)


# What runs


def test_an_instance_is_discovered_by_what_it_can(client: TestClient, registry: Registry, signed: Signed) -> None:
    registry.register(entry())
    operator, analyst = signed("operator", name="ops"), signed("analyst", name="ana")
    health = f"{REGISTRY}/health/heat/boiler"
    assert told(client.get(health, headers=analyst))["status"] == "unknown"
    asked = {"capabilities": ["co2e_kg"]}
    assert told(client.post(f"{REGISTRY}/discover", json=asked, headers=analyst))["items"] == []
    beat = {"instance": "pod-1", "endpoint": "https://pod-1.internal/run", "metrics": {"calls": 100, "errors": 0}}
    problem(client.post(health, json=beat, headers=analyst), 403)
    assert told(client.post(health, json=beat, headers=operator))["status"] == "healthy"
    (found,) = told(client.post(f"{REGISTRY}/discover", json=asked, headers=analyst))["items"]
    assert (found["agent"]["agent_id"], found["instances"][0]["endpoint"]) == ("heat/boiler", beat["endpoint"])
    problem(client.post(health, json=beat | {"metrics": {"errors": 5}}, headers=operator), 422)


# Tenants' affairs


def test_lists_say_what_may_be_used(client: TestClient, registry: Registry, mine: dict[str, str]) -> None:
    registry.register(entry())
    check = f"{TENANTS}/check?agent=heat/boiler&environment=dev"
    assert told(client.get(check, headers=mine))["allowed"] is True
    line = told(
        client.post(f"{TENANTS}/lists", json={"kind": "deny", "pattern": "heat/*", "reason": "audit"}, headers=mine),
        201,
    )
    denied = told(client.get(check, headers=mine))
    assert (denied["allowed"], [one["rule"] for one in denied["findings"]]) == (False, ["deny-list"])
    assert told(client.delete(f"{TENANTS}/lists/{line['id']}", headers=mine))["until"] is not None
    problem(client.delete(f"{TENANTS}/lists/{line['id']}", headers=mine), 404)
    assert told(client.get(check, headers=mine))["allowed"] is True
    told(client.put(f"{TENANTS}/environments/dev", json={"least_state": "certified"}, headers=mine))
    assert told(client.get(check, headers=mine))["allowed"] is False


def test_a_quota_is_enforced(
    client: TestClient, settings: Settings, tmp_path: Path, mine: dict[str, str], signed: Signed
) -> None:
    problem(client.put(f"{TENANTS}/quotas/versions", json={"most": 1}, headers=mine), 403)
    root = signed("super_admin", name="root")
    told(client.put(f"{TENANTS}/quotas/versions", json={"most": 1}, headers=root))
    told(client.post(AGENTS, content=zipped(pack(tmp_path, settings.keys)), headers=mine | ZIP), 201)
    second = zipped(pack(tmp_path, settings.keys, version="1.1.0"))
    assert problem(client.post(AGENTS, content=second, headers=mine | ZIP), 429)["type"].endswith("quota-exceeded")


def test_the_log_is_read_verified_and_taken_home(
    client: TestClient, registry: Registry, tmp_path: Path, signed: Signed
) -> None:
    for number in range(3):
        registry.register(entry(f"heat/agent{number}"))
    auditor = signed("auditor", name="aud")
    first = told(client.get(f"{TENANTS}/audit?event=agent.*&limit=2", headers=auditor))
    rest = told(client.get(f"{TENANTS}/audit?event=agent.*&limit=2&cursor={first['next']}", headers=auditor))
    assert [one["subject"] for page in (first, rest) for one in page["items"]] == [
        "heat/agent2@1.0.0",
        "heat/agent1@1.0.0",
        "heat/agent0@1.0.0",
    ]
    whole = told(client.get(f"{TENANTS}/audit/verification", headers=auditor))
    assert (whole["findings"], whole["first"], whole["last"]) == ([], 1, 4)
    export = client.get(f"{TENANTS}/audit/export", headers=auditor)
    assert (export.status_code, export.content[:4]) == (200, b"PAR1")
    problem(client.get(f"{TENANTS}/audit/export", headers=signed("viewer", name="v")), 403)


def test_a_tenant_may_ask_so_often_whatever_key_it_uses(
    client: TestClient, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greenlang.api.limits.time.monotonic", lambda: 1000.0)
    root, other = signed("super_admin", name="root"), signed("viewer", name="other")
    told(client.put(f"{TENANTS}/quotas/requests_per_minute", json={"most": 18}, headers=root))
    said = [client.get(AGENTS, headers=headers).status_code for headers in (root, other, root, other)]
    assert said == [200, 200, 200, 429]


def test_the_process_counts_its_answers(client: TestClient, registry: Registry, mine: dict[str, str]) -> None:
    registry.register(entry())
    for path in ("heat/boiler", "heat/boiler", "none"):
        client.get(f"{AGENTS}/{path}", headers=mine)
    text = client.get("/metrics", headers=mine).text
    own = f'greenlang_api_requests_total{{process="{os.getpid()}",method="GET",route='
    assert f'{own}"/api/v1/registry/agents/{{agent_id}}",status="200"}} 1' in text
    assert f'{own}"(memory)",status="200"}} 1' in text
    assert f'{own}"/api/v1/registry/agents/{{agent_id}}",status="404"}} 1' in text
    assert 'greenlang_factory_cache_hit_ratio{cache_layer="api"} 0.' in text
