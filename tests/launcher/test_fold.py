"""Progress from events: true to what has happened, and to nothing else; and what a tenant's factory stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.errors import SettingsError
from greenlang.factory.line import prepare
from greenlang.factory.orders import tenant_settings
from greenlang.factory.outcome import AgentOutcome, StageOutcome
from greenlang.launcher import STAGES, Event, Fold, of_outcome, of_run, of_stage
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic

A, B = "x/a@1.0.0-01234567", "x/b@1.0.0-01234567"


def registered(key: str) -> Event:
    event = of_outcome(StageOutcome(key, "registration", "done", 0.1, AgentOutcome(key, "a.yaml", "registered", "")))
    assert event is not None
    return event


def test_each_stage_that_has_ended_is_a_tenth_and_an_outcome_the_whole() -> None:
    fold = Fold((A,))
    fold.add([of_run("running")])
    seen = []
    for stage in STAGES:
        fold.add([of_stage(A, stage)])
        seen.append((fold.specs[A].stage, fold.specs[A].percent))
    assert seen == [(stage, 10 * (n + 1)) for n, stage in enumerate(STAGES)]
    assert fold.specs[A].status == "running", "without an outcome nothing is completed"
    fold.add([registered(A)])
    assert (fold.specs[A].status, fold.specs[A].percent) == ("completed", 100)


def test_an_agent_that_is_begun_anew_never_goes_back_and_one_that_ended_stays() -> None:
    fold = Fold((A,))
    fold.add([of_stage(A, "test_generation"), of_stage(A, "spec_validation")])
    assert (fold.specs[A].stage, fold.specs[A].percent) == ("test_generation", 50)
    fold.add([registered(A), of_stage(A, "spec_validation")])
    assert fold.specs[A].status == "completed"


def test_a_spec_that_fails_tells_its_stage_and_its_errors_and_not_its_warnings() -> None:
    findings = (Diagnostic("GLS030", "error", "no", line=3), Diagnostic("GLS031", "warning", "hm"))
    outcome = AgentOutcome(A, "a.yaml", "refused", "no", diagnostics=findings)
    event = of_outcome(StageOutcome(A, "reference_selection", "failed", 0.0, outcome))
    assert of_outcome(StageOutcome(A, "spec_validation", "done", 0.0)) is None
    fold = Fold((A,))
    assert event is not None
    fold.add([of_stage(A, "spec_validation"), of_stage(A, "reference_selection"), event])
    spec = fold.specs[A]
    assert (spec.status, spec.stage, spec.percent, spec.reason) == ("failed", "reference_selection", 10, "no")
    assert [(error["code"], error["line"]) for error in spec.errors] == [("GLS030", 3)]


@pytest.mark.parametrize(("end", "left"), [("completed", "failed"), ("failed", "failed"), ("cancelled", "cancelled")])
def test_the_end_of_a_run_decides_what_had_no_outcome_and_nothing_else(end: str, left: str) -> None:
    fold = Fold((A, B))
    fold.add([of_run("running"), registered(A), of_stage("x/other@1.0.0-01234567", "packaging")])
    before = fold.told()
    fold.add([of_run(end, "because")])  # type: ignore[arg-type]
    after = fold.told()
    assert set(after.specs) == {A, B}
    assert after.specs[A] == before.specs[A]
    assert (after.specs[B].status, after.specs[B].reason) == (left, "because")
    assert after.number > before.number
    assert before.specs[B].status == "queued", "what was told does not change"


def test_a_tenant_has_a_factory_of_its_own_over_the_factors_of_all(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var", bucket="s3://specs/here/")
    prepare(settings)
    own = tenant_settings(settings, "alpha")
    assert tenant_settings(settings, "default") is settings
    assert own.bucket_address == "s3://specs/here/tenants/alpha"
    assert (own.registry, own.keys) == (settings.registry, settings.keys)
    assert not own.packs.is_relative_to(settings.packs)
    shared, linked = settings.tables / "factors.parquet", own.tables / "factors.parquet"
    assert linked.samefile(shared)
    shared.rename(tmp_path / "older")
    shared.write_bytes((tmp_path / "older").read_bytes())  # another release comes into force
    assert not linked.samefile(shared)
    tenant_settings(settings, "alpha")
    assert linked.samefile(shared)


@pytest.mark.parametrize("tenant", ["", "..", "a/b", "A", "a\n"])
def test_what_is_no_name_of_a_tenant_becomes_no_folder(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(SettingsError, match="no name of a tenant"):
        Settings(var=tmp_path).of_tenant(tenant)
