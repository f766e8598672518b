"""What is superseded flags the builds that pin it, names it, and is put right when it is in force again."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, insert, text

from greenlang.factors import FactorTable
from greenlang.factors.catalogue import catalogue
from greenlang.factors.model import row_digest
from greenlang.factory.parameters import digest_of
from greenlang.factory.pinned import Pinned, flag_decay
from greenlang.formulas.library import library
from greenlang.registry import Pin, Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.decay import Decay, Superseded, flag
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.pack_exchange import push
from greenlang.registry.policy_file import supplied
from greenlang.registry.tables import BuildRow, PinRow, TransitionRow, VersionRow
from greenlang.registry.tenant_policies import Policies
from greenlang.settings import Settings
from greenlang.sync import put_in_force, sync
from tests.factory.conftest import build_heat_pump
from tests.registry.emit import made
from tests.registry.lives import BOILER, certify, enter

GAS, COAL = "ef://epa/gas", "ef://epa/coal"


@dataclass
class Tables:
    """Tables in force, as a test says."""

    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    sets: dict[str, str] = field(default_factory=dict)
    release: str = "factors-2.0.0"

    def digest(self, kind: str, ref: str) -> str:
        return self.digests.get((kind, ref), "")

    def gwp_set(self, kind: str, ref: str) -> str:
        return self.sets.get(ref, "")


def pins(gas: str = "1") -> tuple[Pin, ...]:
    return (Pin("factor", GAS, gas * 64), Pin("formula", "boiler", "f" * 64))


def tables(gas: str = "1", **more: str) -> Tables:
    return Tables({("factor", GAS): gas * 64, ("formula", "boiler"): "f" * 64}, **more)


def flags(registry: Registry) -> list[tuple[str, str, str, str]]:
    with registry.transaction() as connection:
        rows = connection.execute(text("SELECT ref, before, after, release FROM flags WHERE until IS NULL ORDER BY id"))
        return [tuple(row) for row in rows]


def test_a_changed_factor_flags_the_builds_that_pin_it_and_no_others(registry: Registry) -> None:
    ref = enter(registry, *pins())
    enter(registry, Pin("factor", COAL, "3" * 64), agent_id="heat/coal")
    now = tables("2")
    now.digests["factor", COAL] = "3" * 64
    found = flag(registry, now)
    pin = Superseded("factor", GAS, "1" * 64, "2" * 64)
    assert found == Decay("factors-2.0.0", (pin,), ((ref, pin),), 0)
    assert flags(registry) == [(GAS, "1" * 64, "2" * 64, "factors-2.0.0")]
    assert (registry.get("heat/boiler").flags, registry.get("heat/coal").flags) == (1, 0)


def test_doing_it_again_changes_nothing(registry: Registry) -> None:
    enter(registry, *pins())
    flag(registry, tables("2"))

    def log() -> int:
        with registry.transaction() as connection:
            return int(connection.execute(text("SELECT count(*) FROM audit_events")).scalar_one())

    before = log()
    again = flag(registry, tables("2"))
    assert (again.flagged, again.cleared, log()) == ((), 0, before)
    assert len(flags(registry)) == 1


def test_a_flag_ends_when_the_old_figure_is_in_force_again_and_is_kept(registry: Registry) -> None:
    enter(registry, *pins())
    flag(registry, tables("2"))
    third = flag(registry, tables("3", release="factors-3.0.0"))
    assert (len(third.flagged), third.cleared) == (1, 1)
    back = flag(registry, tables("1", release="factors-4.0.0"))
    assert (back.flagged, back.cleared) == ((), 1)
    assert (flags(registry), registry.get("heat/boiler").flags) == ([], 0)
    kept = Lifecycle(registry).flags(BOILER)
    assert [(one.pin.after[0], one.release, one.until is None) for one in kept] == [
        ("2", "factors-2.0.0", False),
        ("3", "factors-3.0.0", False),
    ]
    with registry.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM flags")).scalar_one() == 2
    assert len(flag(registry, tables("2")).flagged) == 1


def test_what_is_gone_flags_too_and_a_rebuild_is_free_of_it(registry: Registry) -> None:
    enter(registry, *pins())
    (_, pin), *_ = flag(registry, Tables({("formula", "boiler"): "f" * 64})).flagged
    assert (pin.ref, pin.after) == (GAS, "")
    enter(registry, *pins("2"), pack="d")
    flag(registry, tables("2"))
    assert [build.flags for build in registry.builds("heat/boiler", "1.0.0")] == [0, 1]


def test_a_trial_leaves_nothing(registry: Registry) -> None:
    enter(registry, *pins())
    before = AuditLog(registry).query()
    assert len(flag(registry, tables("2"), dry_run=True).flagged) == 1
    assert (flags(registry), AuditLog(registry).query()) == ([], before)
    assert len(flag(registry, tables("2")).flagged) == 1


def test_a_flag_is_evidence_and_stops_the_next_promotion_by_name(registry: Registry) -> None:
    enter(registry, *pins())
    flag(registry, tables("2"))
    (check,) = Lifecycle(registry).promote(BOILER, "experimental", "now").lacking
    assert (check.name, check.found) == ("open_flags_at_most", f"1: {GAS}")
    flag(registry, tables("1"))
    assert Lifecycle(registry).promote(BOILER, "experimental", "now").taken


def test_certification_decays_and_as_of_knows_since_when(registry: Registry) -> None:
    certify(registry, enter(registry, *pins()))
    before = datetime.now(UTC)
    flag(registry, tables("2"))
    life = Lifecycle(registry)
    assert [(one.state, one.flags) for one in life.as_of("default", before)] == [("certified", 0)]
    assert [(one.state, one.flags) for one in life.as_of("default", datetime.now(UTC))] == [("certified", 1)]
    assert "open_flags_at_most" in [check.name for check in life.status(BOILER).lacking]


def test_what_is_retired_is_left_alone(registry: Registry) -> None:
    enter(registry, *pins())
    flag(registry, tables("2"))
    Lifecycle(registry).retire(BOILER, "gone")
    assert flag(registry, tables("2")).cleared == 1
    assert flag(registry, tables("3")).flagged == ()


def test_a_gwp_set_that_the_policy_calls_superseded_flags_its_figures(registry: Registry) -> None:
    enter(registry, *pins())
    now = tables("1", sets={GAS: "AR4GWP100"})
    assert flag(registry, now).flagged == ()
    Policies(registry).use(supplied()["v2"])
    ((_, pin),) = flag(registry, now).flagged
    assert pin == Superseded("gwp-set", GAS, "AR4GWP100", "AR5GWP100")
    Policies(registry).use(supplied()["v1"])
    assert flag(registry, now).cleared == 1


def test_the_log_names_the_release_and_what_it_outdated(registry: Registry) -> None:
    enter(registry, *pins())
    flag(registry, tables("2"))
    with registry.transaction() as connection:
        row = connection.execute(text("SELECT event, subject, detail FROM audit_events ORDER BY number DESC")).first()
    assert row is not None
    assert (row.event, row.subject) == ("agents.flagged", "factors-2.0.0")
    assert json.loads(row.detail)["refs"] == [GAS]


@pytest.mark.slow
def test_ten_thousand_agents_take_a_handful_of_statements(registry: Registry) -> None:
    number = 10_000
    enter(registry, *pins())
    with registry.transaction(write=True) as connection:

        def copies(table: type, **fresh: object) -> None:
            row = dict(connection.execute(table.__table__.select()).mappings().first() or {})  # type: ignore[attr-defined]
            rows = [{**row, **{k: v(n) for k, v in fresh.items()}} for n in range(number)]  # type: ignore[operator]
            connection.execute(insert(table), rows)

        copies(VersionRow, agent_id=lambda n: f"heat/a{n}")
        copies(BuildRow, agent_id=lambda n: f"heat/a{n}", id=lambda n: n + 10)
        copies(TransitionRow, build_id=lambda n: n + 10, id=lambda n: n + 10)
        for kind, ref in (("factor", GAS), ("factor", COAL), ("formula", "boiler")):
            rows = [{"build_id": n + 10, "tenant": "default", "kind": kind, "ref": ref} for n in range(number)]
            connection.execute(insert(PinRow), [{**row, "digest": f"{row['build_id'] % 2}" * 64} for row in rows])
    now = Tables({("factor", GAS): "1" * 64, ("factor", COAL): "0" * 64, ("formula", "boiler"): "0" * 64})
    statements = []
    engine = registry.database._engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    found = flag(registry, now)
    assert len(found.flagged) == 3 * number // 2 + 1
    assert len(statements) < 20
    assert registry.get("heat/a0").flags == 1


# The factory's own tables


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var")


def real_pins() -> list[Pin]:
    factors = FactorTable.load()
    formula = next(iter(library()))
    table = library().tables.names()[0]
    found = library().tables.get(table)
    column = next(iter(found.columns))
    when = next(iter(found.column(column)))
    key = f"table://{table}/{'/'.join(when)}/{column}"
    row = factors.at(0)
    return [
        Pin("factor", row.ref, row_digest(row)),
        Pin("formula", formula.id, formula.digest),
        Pin("parameter", key, digest_of(key)),
    ]


def test_the_tables_in_force_bear_out_what_was_pinned_from_them(registry: Registry) -> None:
    pinned = real_pins()
    assert all(len(pin.digest) == 64 for pin in pinned)
    enter(registry, *pinned)
    tables = Pinned(FactorTable.load())
    assert flag(registry, tables).superseded == ()
    changed = replace(tables.table.at(0), value=tables.table.at(0).value + 1)
    rows = [changed, *(tables.table.at(n) for n in range(1, 50))]
    found = flag(registry, Pinned(FactorTable(rows, "factors-9.0.0")))
    assert [(one.kind, one.after) for one in found.superseded] == [("factor", row_digest(changed))]
    assert tables.digest("parameter", "table://none/x/y") == tables.digest("formula", "none") == ""
    ar5 = next(row for row in tables.table if row.gwp_named == "AR5GWP100")
    assert tables.gwp_set("factor", ar5.ref) == "AR5GWP100"


def test_putting_a_release_in_force_flags_the_factory_s_agents(settings: Settings) -> None:
    assert put_in_force(settings, "") is None
    with Registry(settings.registry, keys=settings.keys) as registry:
        enter(registry, *real_pins(), Pin("factor", real_pins()[0].ref + "-of-old", "1" * 64))
        found = put_in_force(settings, "")
        assert found is not None
        assert [pin.ref for _, pin in found.flagged] == [real_pins()[0].ref + "-of-old"]
        assert registry.get("heat/boiler").flags == 1
    assert flag_decay(settings) == replace(found, flagged=())


def test_the_asset_of_a_release_flags_too(settings: Settings) -> None:
    from resources.factory import FactoryResource

    with Registry(settings.registry, keys=settings.keys) as registry:
        enter(registry, Pin("factor", "ef://epa/none/2020/x", "1" * 64))
        FactoryResource(var=str(settings.var)).publish_factors()
        assert registry.get("heat/boiler").flags == 1


def test_the_formulas_of_a_pushed_pack_decay(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by = "energy/heat-pumps/carnot-cop"
    built = build_heat_pump()
    plans = {name: replace(plan, formula_id=made_by if plan.formula_id else None) for name, plan in built.plans.items()}
    brought = made.pack(tmp_path / "other", replace(built, plans=plans))
    monkeypatch.setattr("greenlang.__version__", "99.0.0")  # another greenlang takes it
    entry, _ = push(registry, tmp_path / "other" / brought.pack, tmp_path / "var")
    formula = library().get(made_by)
    assert formula is not None
    pinned = Pinned(FactorTable.load())
    assert [one for one in flag(registry, pinned).superseded if one.kind == "formula"] == []
    monkeypatch.setattr(Pinned, "digest", lambda *_: "9" * 64)
    changed = [one for one in flag(registry, pinned).superseded if one.kind == "formula"]
    assert changed == [Superseded("formula", made_by, formula.digest, "9" * 64)]
    assert registry.get(entry.agent_id).flags >= 1


def test_a_corrected_file_of_a_publisher_flags_exactly_its_dependents(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the publisher's files through two releases: what was certified on the first is flagged by the second."""
    settings = Settings(var=tmp_path / "var", workers=1)
    files = tmp_path / "files"
    shutil.copytree(shared / "data" / "eea_electricity", files / "eea_electricity")
    first = sync(settings, folder=files).release
    assert first is not None
    table = FactorTable.in_force(settings.tables)
    rows = {
        "grid/corrected": "eea/electricity/co2-emission-intensity-6/electricity/at/1990/co2-per-kwh",
        "grid/other": "eea/electricity/electricity-generation-5/electricity/sk/2019/co2-per-kwh",
        "grid/embedded": table.at(0).key,
    }
    with Registry(settings.registry, keys=settings.keys) as registry:
        for agent_id, key in rows.items():
            row = table.get(key)
            assert row is not None
            ref = enter(registry, Pin("factor", row.ref, row_digest(row)), agent_id=agent_id)
            certify(registry, ref)
        assert flag_decay(settings) == Decay(first.name, (), (), 0)

        path = next(files.rglob("co2-emission-intensity-6.csv"))
        path.write_bytes(path.read_bytes().replace(b"1990,Austria,239.0", b"1990,Austria,238.0"))
        data = path.read_bytes()
        corrected = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        declared = tuple(
            replace(one, files=tuple(file.model_copy(update=corrected) for file in one.files))
            if one.name == "eea/electricity/co2-emission-intensity-6"
            else one
            for one in catalogue()
        )
        monkeypatch.setattr("greenlang.sync.catalogue", lambda: declared)
        second = sync(settings, folder=files).release
        assert second is not None and second.name != first.name
        assert {agent_id: registry.get(agent_id).flags for agent_id in rows} == {
            "grid/corrected": 1,
            "grid/other": 0,
            "grid/embedded": 0,
        }
        (found,) = Lifecycle(registry).flags("grid/corrected")
        assert (found.pin.ref, found.release) == (f"ef://{rows['grid/corrected']}", second.name)
        status = Lifecycle(registry).status("grid/corrected", fast_track=True)
        assert rows["grid/corrected"] in next(c.found for c in status.checks if c.name == "open_flags_at_most")
        assert put_in_force(settings, first.name) is not None
        assert registry.get("grid/corrected").flags == 0
