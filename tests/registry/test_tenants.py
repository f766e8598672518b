"""What a tenant may use, where, and how much of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import insert, text

from greenlang.errors import QuotaExceeded, ReferenceInvalid, SettingsError
from greenlang.registry import Caller, Registry, RegistryEntry
from greenlang.registry.audit import AuditLog
from greenlang.registry.jobs import Jobs, Wanted
from greenlang.registry.keys import Keys
from greenlang.registry.roles import Principal
from greenlang.registry.steps import Kind, Step, write_step
from greenlang.registry.tables import FlagRow, YankRow
from greenlang.registry.tenants import Grant, TenantNotFound, Tenants
from tests.registry.test_registry import entry

PRODUCTION = "production"


def step(registry: Registry, after: str, kind: Kind = "promoted", *, successor: str = "") -> None:
    """Take the build in force of the boiler on, without asking the policy."""
    build = registry.builds("heat/boiler", "1.0.0")[0]
    with registry.transaction(write=True) as connection:
        taken = Step(build.state, after, kind, "for the test", successor=successor)  # type: ignore[arg-type]
        write_step(connection, registry.caller, registry.signer, build.id, taken)


def certified(registry: Registry, **changes: Any) -> RegistryEntry:
    registry.register(entry(**changes))
    step(registry, "experimental")
    step(registry, "certified")
    return registry.get("heat/boiler", "1.0.0")


def rules(tenants: Tenants, reference: str = "heat/boiler@1.0.0", environment: str = PRODUCTION) -> list[str]:
    return [finding.rule for finding in tenants.check(reference, environment)]


def told(registry: Registry) -> list[tuple[str, str]]:
    return [(event.event, event.subject) for event in reversed(AuditLog(registry).query())]


# One tenant or many


def test_a_file_has_one_tenant(tmp_path: Path) -> None:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}") as registry:
        with pytest.raises(SettingsError, match="the tenant 'acme' needs a registry on PostgreSQL"):
            Tenants(registry).create("acme")
        assert [tenant.tenant for tenant in Tenants(registry).all()] == ["default"]
        assert Tenants(registry).create("default", residency="eu").residency == "eu"
        assert Tenants(registry).get().residency == "eu"


@pytest.fixture
def team(postgres_url: str, keys: Path) -> Any:
    """A registry with several tenants."""
    with Registry(postgres_url, keys=keys) as opened:
        for name, residency in (("acme", "eu"), ("borealis", "us"), ("corp", "")):
            Tenants(opened).create(name, residency=residency)
        yield opened


def test_who_runs_the_installation_sees_every_tenant_and_nobody_else_does(team: Registry) -> None:
    tenants = Tenants(team)
    assert [tenant.tenant for tenant in tenants.all()] == ["acme", "borealis", "corp", "default"]
    assert [tenant.tenant for tenant in tenants.of("acme").all()] == ["acme"]
    assert tenants.of("acme").get().residency == "eu"
    with pytest.raises(SettingsError, match="acme is there already"):
        tenants.create("acme")
    with pytest.raises(TenantNotFound, match="there is no tenant 'nobody'; `greenlang tenant create nobody`"):
        tenants.of("nobody").get()
    assert told(tenants.of("acme").registry) == [("tenant.created", "acme")]


@pytest.mark.parametrize("name", ["", "Acme", "a_b", "a.b", "-a", "a-", "a b", "x" * 64, "ä", "a\n"])
def test_what_cannot_name_a_tenant(registry: Registry, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot name a tenant"):
        Tenants(registry).create(name)


def test_a_key_is_of_its_tenant_and_found_before_any_tenant_is_known(team: Registry) -> None:
    acme, corp = (team.as_caller(Caller(name, "anna")) for name in ("acme", "corp"))
    issued = Keys(acme).issue("ben", ["developer"])
    assert Keys(team).verify(issued.plain) == Principal(Caller("acme", "ben"), ("developer",), (), issued.key.id)
    assert Keys(corp).verify(issued.plain).caller.tenant == "acme"
    assert Keys(corp).list() == Keys(team).list() == []
    with pytest.raises(LookupError, match="in the tenant corp"):
        Keys(corp).revoke(issued.key.id)
    for plain in (issued.plain.replace("gl_acme.", "gl_corp."), issued.plain.replace("gl_acme.", "gl_public.")):
        with pytest.raises(ValueError, match="this is no API key"):
            Keys(team).verify(plain)
    with pytest.raises(SettingsError, match="keys that manage tenants belong to the tenant 'default'"):
        Keys(acme).issue("ben", ["super_admin"])
    with pytest.raises(TenantNotFound):
        Keys(team.as_caller(Caller("nobody"))).issue("ben", ["developer"])


def test_tenants_neither_see_nor_touch_each_others_settings(team: Registry) -> None:
    acme, corp = Tenants(team).of("acme"), Tenants(team).of("corp")
    line = acme.deny("heat/*", reason="not ours")
    acme.set_quota("versions", 3)
    acme.set_environment("dev", "certified")
    assert corp.lists() == []
    assert corp.quotas()["versions"] is None
    assert corp.environments()["dev"] == "draft"
    with pytest.raises(TenantNotFound):
        corp.withdraw(line.id)
    with team.as_caller(Caller("corp")).transaction() as connection:
        for table in ("grants", "quotas", "environments", "api_keys", "audit_events"):
            rows = connection.execute(text(f"SELECT count(*) FROM {table} WHERE tenant <> 'corp'"))
            assert rows.scalar_one() == 0, table


# Lists


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        ([("deny", "heat/boiler", "")], ["deny-list"]),
        ([("deny", "heat/*", "")], ["deny-list"]),
        ([("deny", "*boil*", "")], ["deny-list"]),
        ([("deny", "heat", "")], []),
        ([("deny", "heat/boiler*x", "")], []),
        ([("deny", "heat/boile.", "")], []),
        ([("deny", "heat/*", "dev")], []),
        ([("deny", "heat/*", "production"), ("deny", "*", "")], ["deny-list", "deny-list"]),
        ([("allow", "heat/*", "")], []),
        ([("allow", "transport/*", "")], ["allow-list"]),
        ([("allow", "transport/*", "dev")], []),
        ([("allow", "transport/*", ""), ("allow", "heat/*", "production")], []),
        ([("allow", "transport/*", "production"), ("allow", "heat/*", "dev")], ["allow-list"]),
        ([("allow", "heat/*", ""), ("deny", "heat/boiler", "")], ["deny-list"]),
    ],
)
def test_the_lists_decide_and_denying_wins(
    tmp_path: Path, lines: list[tuple[str, str, str]], expected: list[str]
) -> None:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}") as registry:
        certified(registry)
        tenants = Tenants(registry)
        for kind, pattern, environment in lines:
            put = tenants.allow if kind == "allow" else tenants.deny
            put(pattern, reason="as agreed", environment=environment)
        assert rules(tenants) == expected


def test_a_pattern_of_many_stars_is_answered_at_once() -> None:
    line = Grant(1, "deny", "*a" * 90 + "*b", "", "as agreed", datetime.now(UTC), "anna", None)
    assert not line.covers("a" * 200, "dev")
    assert line.covers("a" * 199 + "b", "dev")


def test_a_line_that_was_withdrawn_counts_no_more_and_stays_to_be_seen(registry: Registry) -> None:
    certified(registry)
    tenants = Tenants(registry)
    line = tenants.deny("heat/*", reason="wrong figures")
    (finding,) = tenants.check("heat/boiler")
    assert "heat/* is denied in default/production: wrong figures (local, " in finding.message
    assert finding.mend == f"`greenlang tenant withdraw default {line.id}` ends that"
    ended = tenants.withdraw(line.id, reason="mended")
    assert rules(tenants) == []
    assert tenants.lists() == []
    assert tenants.lists(ended=True) == [ended]
    with pytest.raises(TenantNotFound, match=f"no line {line.id} in force"):
        tenants.withdraw(line.id)
    assert told(registry)[-2:] == [("list.denied", "heat/*"), ("list.withdrawn", "heat/*")]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"pattern": "heat boiler"}, "is no agent id"),
        ({"pattern": ""}, "is no agent id"),
        ({"reason": " "}, "say why"),
        ({"environment": "prod"}, "'prod' is no environment; the environments are dev, staging, production"),
    ],
)
def test_a_line_that_says_nothing_is_refused(registry: Registry, asked: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Tenants(registry).deny(**{"pattern": "heat/*", "reason": "as agreed", **asked})
    assert Tenants(registry).lists() == []


def test_a_dry_run_writes_nothing(registry: Registry) -> None:
    tenants = Tenants(registry)
    kept = tenants.deny("heat/*", reason="as agreed")
    before = told(registry)
    tenants.create("default", dry_run=True)
    tenants.deny("*", reason="as agreed", dry_run=True)
    tenants.withdraw(kept.id, dry_run=True)
    tenants.set_quota("versions", 0, dry_run=True)
    tenants.set_environment("dev", "certified", dry_run=True)
    assert tenants.lists() == [kept]
    assert tenants.quotas() == {"versions": None, "jobs_per_day": None, "requests_per_minute": None}
    assert tenants.environments()["dev"] == "draft"
    assert told(registry) == before


# States and environments


@pytest.mark.parametrize(
    ("path", "usable"),
    [
        ([], {"dev"}),
        (["experimental"], {"dev", "staging"}),
        (["experimental", "certified"], {"dev", "staging", "production"}),
        (["experimental", "certified", "deprecated"], {"dev", "staging", "production"}),
        (["experimental", "deprecated"], {"dev", "staging"}),
        (["experimental", "certified", "deprecated", "retired"], set()),
    ],
)
def test_an_environment_asks_for_a_state(registry: Registry, path: list[str], usable: set[str]) -> None:
    registry.register(entry())
    kinds: dict[str, Kind] = {"deprecated": "deprecated", "retired": "retired"}
    for state in path:
        step(registry, state, kinds.get(state, "promoted"), successor="heat/pump@1.0.0")
    tenants = Tenants(registry)
    for environment in ("dev", "staging", "production"):
        found = tenants.check("heat/boiler@1.0.0", environment)
        errors = [finding for finding in found if finding.severity == "error"]
        assert (not errors) == (environment in usable), found
        warned = [finding.mend for finding in found if finding.severity == "warning"]
        assert warned == (["go over to heat/pump@1.0.0"] if path[-1:] == ["deprecated"] else [])


def test_an_environment_may_ask_for_less_or_more(registry: Registry) -> None:
    registry.register(entry())
    tenants = Tenants(registry)
    (finding,) = tenants.check("heat/boiler")
    assert "is draft; production of default asks for certified" in finding.message
    assert "greenlang agent promotion-status heat/boiler@1.0.0" in finding.mend
    tenants.set_environment("production", "draft")
    assert rules(tenants) == []
    tenants.set_environment("production", "experimental")
    assert rules(tenants) == ["state"]
    assert tenants.environments() == {"dev": "draft", "staging": "experimental", "production": "experimental"}
    for wrong in (("prod", "draft"), ("dev", "retired"), ("dev", "")):
        with pytest.raises(SettingsError, match=r"environment|state to ask for"):
            tenants.set_environment(*wrong)


def test_one_build_of_a_version_is_asked_for_by_its_digest(registry: Registry) -> None:
    certified(registry)
    registry.register(entry(pack_digest="9" * 64))
    tenants = Tenants(registry)
    assert rules(tenants) == [], "the certified build stays in force"
    assert rules(tenants, "heat/boiler@1.0.0#bbbbbb") == []
    assert rules(tenants, "heat/boiler@1.0.0#999999") == ["state"]
    assert rules(tenants, "heat/boiler@1.0.0#777777") == ["registered"]
    assert rules(tenants, "heat/pump") == ["registered"]
    with pytest.raises(ReferenceInvalid):
        tenants.check("heat boiler")


def test_what_was_taken_back_or_decayed_is_said(registry: Registry) -> None:
    certified(registry)
    build = registry.builds("heat/boiler", "1.0.0")[0].id
    now = datetime.now(UTC)
    flag = {"kind": "factor", "ref": "ef://a/b", "before": "1" * 64, "after": "2" * 64, "release": "2026.2"}
    with registry.transaction(write=True) as connection:
        connection.execute(insert(FlagRow).values(**flag, build_id=build, tenant="default", at=now))
    (finding,) = Tenants(registry).check("heat/boiler")
    assert (finding.rule, finding.severity) == ("decay", "warning")
    assert "rests on the factor ef://a/b, which 2026.2 superseded" in finding.message
    with registry.transaction(write=True) as connection:
        yank = {"build_id": build, "yanked": True, "actor": "anna", "reason": "wrong"}
        connection.execute(insert(YankRow).values(**yank, tenant="default", at=now))
    assert rules(Tenants(registry)) == ["yanked", "decay"]


# Residency


@pytest.mark.parametrize(
    ("tag", "tenant", "region", "expected"),
    [
        ("", "", "", []),
        ("", "eu", "", []),
        ("", "eu", "eu", []),
        ("", "eu", "us", ["residency"]),
        ("", "", "us", []),
        ("eu", "eu", "", []),
        ("eu", "eu", "eu", []),
        ("eu", "", "eu", []),
        ("eu", "us", "", ["residency"]),
        ("eu", "", "us", ["residency"]),
        ("eu", "", "", ["residency"]),
        ("eu", "us", "eu", ["residency", "residency"]),
        ("EU", "eu", "eu", []),
    ],
)
def test_what_stays_in_a_region_is_served_there_alone(
    tmp_path: Path, tag: str, tenant: str, region: str, expected: list[str]
) -> None:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}") as registry:
        certified(registry, tags=("scope1", f"residency:{tag}") if tag else ("scope1",))
        tenants = Tenants(registry, region=region)
        tenants.create("default", residency=tenant)
        assert rules(tenants) == expected


def test_what_a_tenant_of_a_region_published_for_all_stays_there(team: Registry) -> None:
    Tenants(team).create("public", residency="eu")
    certified(team.as_caller(Caller("public", "anna")))
    assert [rules(Tenants(team).of(name)) for name in ("acme", "borealis", "corp")] == [
        [],
        ["residency"],
        ["residency"],
    ]


def test_a_residency_is_changed_with_a_reason_and_the_log_has_both(registry: Registry) -> None:
    certified(registry, tags=("residency:eu",))
    tenants = Tenants(registry)
    assert tenants.set_residency("eu", reason="moved to Frankfurt", dry_run=True).residency == "eu"
    assert tenants.get().residency == ""
    tenants.set_residency("eu", reason="moved to Frankfurt")
    assert rules(tenants) == []
    tenants.set_residency("us", reason="moved to Ohio")
    tenants.set_residency("us", reason="again")
    assert rules(tenants) == ["residency"]
    changes = [e.as_dict()["detail"] for e in AuditLog(registry).query(event="residency.set")]
    assert [(one["before"], one["after"]) for one in changes] == [("eu", "us"), ("", "eu")]
    for region, reason in (("Mars!", "x"), ("eu", " ")):
        with pytest.raises(SettingsError):
            tenants.set_residency(region, reason=reason)


# Quotas


def test_a_tenant_has_no_more_versions_than_its_quota(registry: Registry) -> None:
    tenants = Tenants(registry)
    tenants.set_quota("versions", 2)
    registry.register(entry())
    registry.publish(entry(version="1.1.0"))
    with pytest.raises(QuotaExceeded, match="the tenant default may have 2 agent versions; it has 2") as caught:
        registry.publish(entry(version="1.2.0"))
    assert (caught.value.name, caught.value.most) == ("versions", 2)
    assert registry.register(entry(pack_digest="9" * 64)) == "rebuilt", "a new build is no new version"
    assert registry.count() == 2
    denial = next(event for event in AuditLog(registry).query() if event.event == "access.denied")
    assert denial.subject == "heat/boiler@1.2.0"
    assert json.loads(denial.detail)["permission"] == "publish_agent"
    tenants.set_quota("versions", None)
    assert registry.publish(entry(version="1.2.0")) == "created"
    assert AuditLog(registry).verify().findings == ()


def test_who_publish_at_once_do_not_exceed_a_quota_together(registry: Registry) -> None:
    Tenants(registry).set_quota("versions", 3)

    def publish(number: int) -> bool:
        try:
            return registry.publish(entry(version=f"1.{number}.0")) == "created"
        except QuotaExceeded:
            return False

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(publish, range(8)))
    assert sum(done) == 3 == registry.count()
    assert AuditLog(registry).verify().findings == ()


def test_jobs_are_counted_by_the_day(registry: Registry) -> None:
    Tenants(registry).set_quota("jobs_per_day", 3)

    def ask(count: int) -> None:
        specs = [Wanted(f"specs/{place}.yaml", f"heat/{place}@1.0.0-aaaaaaaa", "a" * 64) for place in range(count)]
        Jobs(registry).add(specs, launcher="local", run="", options={})

    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(noon):
        ask(2)
        with pytest.raises(QuotaExceeded, match=r"3 jobs a day \(UTC\); it has 2, and 2 more are asked for"):
            ask(2)
        ask(1)
        with pytest.raises(QuotaExceeded):
            ask(1)
    denials = [event.subject for event in AuditLog(registry).query(event="access.denied")]
    assert denials == ["jobs", "jobs"]
    with time_machine.travel(noon + timedelta(hours=13)):
        ask(3)


@pytest.mark.parametrize(("name", "most"), [("agents", 1), ("versions", -1)])
def test_a_quota_that_cannot_be(registry: Registry, name: str, most: int) -> None:
    with pytest.raises(SettingsError, match="quota"):
        Tenants(registry).set_quota(name, most)
