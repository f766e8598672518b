"""Which parts of the security scan were measured, and when, is evidence; newer advisories give a newer scan."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import LifecycleError
from greenlang.factory.outcome import DimensionResult, MeasureResult
from greenlang.quality import sbom
from greenlang.quality.advisories import Advisories, load
from greenlang.quality.measures.compliance_security import AUDIT, audited
from greenlang.registry import Caller, Registry, RegistryEntry, scans
from greenlang.registry.audit import AuditLog
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.pack_exchange import push
from greenlang.registry.policy import Check
from tests.factory.conftest import build_combustion
from tests.registry.emit import made
from tests.registry.lives import BOILER, enter, judged, judgement, scanned


def osv(tmp_path: Path, days_ago: int = 0, affects: str = "unheard-of") -> Path:
    """A file with one advisory."""
    day = (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()
    affected = {
        "package": {"ecosystem": "PyPI", "name": affects},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
    }
    entry = {"schema_version": "1.6.0", "id": "PYSEC-2026-1", "summary": "it lies", "affected": [affected]}
    path = tmp_path / f"advisories-{days_ago}-{affects}.json"
    path.write_text(json.dumps({**entry, "modified": f"{day}T00:00:00Z"}))
    return path


def advisories(tmp_path: Path, days_ago: int = 0, affects: str = "unheard-of") -> Advisories:
    return load(osv(tmp_path, days_ago, affects))


def audit_check(life: Lifecycle, ref: str) -> Check:
    return next(c for c in life.status(ref, "certified").checks if c.name == "dependency_audit_days_at_most")


def test_what_a_judgement_measured_is_told_apart_from_what_it_passed() -> None:
    measures = (
        MeasureResult("secrets", 1.0, True, "none"),
        MeasureResult("licence", 0.0, False, "none stated"),
        MeasureResult(AUDIT, None, False, "no advisories"),
    )
    result = DimensionResult(scans.DIMENSION, "t", "passed", 100, 100, 1, True, "", measures=measures)
    told = scans.made(result)
    assert told["parts"] == {"secrets": "met", "licence": "not met", AUDIT: "not measured"}
    assert (told["advisories"], told["newest"], scans.age_days(told, datetime.now(UTC).date())) == (0, "", None)


def test_an_audit_says_by_how_many_advisories_and_of_which_day(tmp_path: Path) -> None:
    bill = sbom.Bill({"components": [{"name": "pydantic", "version": "2.0"}]})
    clean = audited(bill, advisories(tmp_path, 3))
    assert clean.met and clean.basis["advisories"] == 1
    assert scans.age_days({"newest": clean.basis["newest"]}, datetime.now(UTC).date()) == 3
    hit = audited(bill, advisories(tmp_path, 3, "pydantic"))
    assert not hit.met and hit.share is not None


def test_what_runs_on_nothing_has_no_vulnerability_and_a_bill_that_cannot_be_read_was_not_audited(
    tmp_path: Path,
) -> None:
    known = advisories(tmp_path)
    nothing = audited(sbom.Bill({"components": []}), known)
    assert nothing.met and nothing.basis["newest"] == known.newest
    unread = audited(sbom.read(b""), known)
    assert (unread.share, unread.met) == (None, False)


def test_a_build_that_is_judged_again_keeps_its_identity_and_gets_the_newer_scan(registry: Registry) -> None:
    enter(registry, judgement=judgement(scanned(40)))
    life = Lifecycle(registry)
    assert "40 days old" in audit_check(life, BOILER).found
    assert registry.register(judged(judgement=judgement(scanned(2)))) == "exists"
    assert audit_check(life, BOILER).met
    assert registry.register(judged(judgement=judgement(scanned(2)))) == "exists"  # tells nothing new
    assert [event.subject for event in AuditLog(registry).query(event="agent.scanned")] == [BOILER]


def test_a_factory_that_knows_less_takes_no_finding_back(registry: Registry) -> None:
    enter(registry, judgement=judgement(scanned(20)))
    life = Lifecycle(registry)
    hit = {**scanned(1), "parts": {AUDIT: "not met"}, "found": ["pydantic 2.0: it lies"]}
    assert registry.register(judged(judgement=judgement(hit))) == "exists"
    unmeasured = {**scanned(0), "parts": {AUDIT: "not measured"}, "newest": "", "advisories": 0}
    for knows_less in (scanned(20), unmeasured):
        assert registry.register(judged(judgement=judgement(knows_less))) == "exists"
        assert "it lies" in audit_check(life, BOILER).found
    assert registry.register(judged(judgement=judgement(scanned(0)))) == "exists"
    assert audit_check(life, BOILER).met


@pytest.fixture
def pushed(registry: Registry, tmp_path: Path) -> tuple[Registry, Path, RegistryEntry]:
    """A pack that somebody brought: nobody here scanned it."""
    var = tmp_path / "var"
    brought = made.pack(tmp_path / "other", build_combustion())
    entry, _ = push(registry, tmp_path / "other" / brought.pack, var)
    return registry, var, entry


def test_what_was_brought_is_audited_here_and_again_when_more_is_known(
    pushed: tuple[Registry, Path, RegistryEntry], tmp_path: Path
) -> None:
    registry, var, entry = pushed
    ref, life = f"{entry.agent_id}@{entry.version}", Lifecycle(registry)
    assert audit_check(life, ref).found == "not measured"
    for way in ("docs/operations.md", "`greenlang policy use v1`", "ask who runs it"):
        assert way in audit_check(life, ref).mend
    assert scans.scan(registry, ref, var, advisories(tmp_path, 1), dry_run=True)["parts"] == {AUDIT: "met"}
    assert audit_check(life, ref).found == "not measured"
    scans.scan(registry, ref, var, advisories(tmp_path, 1))
    assert audit_check(life, ref).met
    found = scans.scan(registry, ref, var, advisories(tmp_path, 0, "pydantic"))
    assert found["parts"][AUDIT] == "not met"
    check = audit_check(life, ref)
    assert not check.met and "PYSEC-2026-1" not in check.wanted and "pydantic" in check.found
    told = [event.as_dict()["detail"]["audit"] for event in AuditLog(registry).query(event="agent.scanned")]
    assert told == ["not met", "met"]
    assert registry.get(entry.agent_id).pack_digest == entry.pack_digest


def test_nobody_scans_for_another_tenant(postgres_url: str, keys: Path, tmp_path: Path) -> None:
    with Registry(postgres_url, keys=keys, caller=Caller("public", "ann")) as public:
        enter(public)
        with pytest.raises(LifecycleError, match="belongs to the tenant public"):
            scans.scan(public.as_caller(Caller("acme", "bob")), BOILER, tmp_path, advisories(tmp_path))


def test_the_command_scans_and_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    var = tmp_path / "var"
    brought = made.pack(tmp_path / "other", build_combustion())
    with Registry(f"sqlite:///{var / 'registry.sqlite'}", keys=var / "keys") as registry:
        entry, _ = push(registry, tmp_path / "other" / brought.pack, var)

    def run(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["--var", str(var), "registry", "scan", entry.agent_id, *more])
        return done.exit_code, done.output

    code, said = run()
    assert code == 2 and "GREENLANG_ADVISORIES" in said
    monkeypatch.setenv("GREENLANG_ADVISORIES", str(osv(tmp_path, 2)))
    assert run()[0] == 0
    monkeypatch.setenv("GREENLANG_ADVISORIES", str(osv(tmp_path, 1, "pydantic")))
    code, said = run("--json")
    assert (code, json.loads(said)["parts"][AUDIT]) == (1, "not met")
