"""Overlays in the line: what an overlay adds is built, and a changed one rebuilds its agent and nobody else's."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from line_tools import drop, end_state, example, run

from greenlang import _paths
from greenlang.bucket import Bucket
from greenlang.errors import RegistryConflict
from greenlang.factory import line
from greenlang.metrics import query
from greenlang.registry import Registry, RegistryEntry
from greenlang.settings import Settings
from greenlang.specs.model import slug

pytestmark = pytest.mark.slow

SPEC = b"""\
schema_version: "2.0.0"
id: "buildings/pump"
name: "Pump"
version: "1.0.0"
summary: "Electricity of a pump and its emissions."
license: "Apache-2.0"
compute:
  inputs:
    power: {dtype: float64, unit: kW, ge: 0, le: 1000, description: "Rated power"}
    hours: {dtype: float64, unit: h, ge: 0, le: 8784, description: "Hours of operation"}
  outputs:
    energy: {dtype: float64, unit: kWh, description: "Electricity"}
    co2e: {dtype: float64, unit: kgCO2e, description: "Emissions"}
"""
OVERLAY = b"""\
overlay: 1
spec: {id: buildings/pump, version: "1.0.0"}
reviewed: {by: "A. Reviewer", on: "2026-01-31"}
factors:
  grid: {ref: "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"}
formulas:
  energy: {expression: "power * hours", source: "the outputs' descriptions"}
  co2e: {expression: "energy * factor(grid)", source: "DESNZ 2025, UK electricity"}
"""


def test_an_overlay_makes_an_incomplete_agent_whole_and_a_changed_one_rebuilds_only_it(settings: Settings) -> None:
    drop(settings, pump__yaml=SPEC, boiler__yaml=example("boiler"))
    first = run(settings)
    key = first["pump.yaml"].key
    assert {f: o.outcome for f, o in first.items()} == {"pump.yaml": "incomplete", "boiler.yaml": "registered"}
    bucket = Bucket.open(settings.bucket_address)
    report = f"reports/{slug(key)}.md"
    assert "`<spec>.overlay.yaml`" in bucket.read(report).decode()

    drop(settings, any_name__overlay__yaml=OVERLAY)
    second = run(settings)
    assert {f: (o.outcome, o.reason) for f, o in second.items()} == {"pump.yaml": ("registered", "")}
    assert "registered" in bucket.read(report).decode()
    used = query(settings, f"select ref, digest from lineage where partition = '{key}' and kind = 'overlay'").as_dicts()
    assert used == [{"ref": "any_name.overlay.yaml", "digest": hashlib.sha256(OVERLAY).hexdigest()}]
    pack = settings.packs / slug(key)
    assert hashlib.sha256(OVERLAY).hexdigest() in (pack / "pack.yaml").read_text()
    files = [p for p in pack.rglob("*") if p.is_file()]
    assert [p for p in files if b"any_name" in p.read_bytes()] == [], "what the file was called changes no pack"

    before = end_state(settings)
    drop(settings, same__overlay__yaml=OVERLAY)
    assert run(settings) == {}
    assert end_state(settings)["packs"] == before["packs"]

    drop(settings, pump__overlay__yaml=OVERLAY.replace(b"UK electricity", b"UK electricity generated"))
    third = run(settings)
    assert {f: (o.outcome, o.rebuilt) for f, o in third.items()} == {"pump.yaml": ("registered", True)}
    after = end_state(settings)["packs"]
    assert {p.split("@")[0] for p in before["packs"] if before["packs"][p] != after.get(p)} == {"buildings.pump"}
    with Registry(settings.registry) as registry:
        assert len(registry.builds("buildings/pump", "1.0.0")) == 2
        assert [p.name for p in registry.get("buildings/pump").outputs] == ["energy", "co2e"]

    drop(settings, pump__overlay__yaml=OVERLAY.replace(b"power * hours", b"power + hours"))
    fourth = run(settings)
    assert {f: o.outcome for f, o in fourth.items()} == {"pump.overlay.yaml": "refused"}
    assert "line 7, column" in bucket.read("rejected/pump.overlay.yaml.report.md").decode()
    assert end_state(settings)["packs"] == after
    assert line.stale_keys(settings) == []
    (again,) = run(settings, keys=[key], force=True).values()
    assert again.outcome == "registered"


def test_one_that_waits_is_told_and_has_no_row(settings: Settings) -> None:
    drop(settings, pump__overlay__yaml=OVERLAY)
    told = run(settings)["pump.overlay.yaml"]
    assert told.outcome == "incomplete"
    assert told.reason.startswith("an overlay that waits for the spec buildings/pump 1.0.0")
    assert query(settings, "select * from agents").rows == []
    drop(settings, pump__yaml=SPEC)
    assert {f: o.outcome for f, o in run(settings).items()} == {"pump.yaml": "registered"}


def test_a_corrected_spec_follows_an_incomplete_one_which_is_told_in_its_row(settings: Settings) -> None:
    drop(settings, pump__yaml=SPEC)
    (first,) = run(settings).values()
    dossier = settings.var / "dossiers" / slug(first.key)
    dossier.mkdir(parents=True)  # as of a model that was asked in vain
    given = b"""\
  factors: {grid: {ref: "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"}}
  formulas: {energy: power * hours, co2e: energy * factor(grid)}
"""
    drop(settings, pump__yaml=SPEC + given)
    assert {f: o.outcome for f, o in run(settings).items()} == {"pump.yaml": "registered"}
    assert query(settings, "select outcome from agents").rows == [("registered",)], "it is no failure of ours"
    rows = query(settings, "select * from history").as_dicts()
    (new,) = (r["partition"] for r in rows if r["outcome"] == "registered")
    (old,) = (r for r in rows if r["partition"] == first.key and r["outcome"] == "refused")
    assert old["replaced_by"] == new
    assert "has taken the place of pump.yaml" in old["reason"]
    assert not dossier.exists(), "its file has been corrected, and nothing of it is left to do"
    # An overlay that would fit both does not bring the older one back.
    drop(settings, pump__overlay__yaml=OVERLAY)
    assert first.key not in {o.key for o in run(settings).values()}


def test_changed_aliases_are_a_reason_to_look_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(settings, pump__yaml=SPEC)
    (incomplete,) = run(settings).values()
    assert line.stale_keys(settings) == []
    real, copy = _paths.data(), tmp_path / "data"
    aliases = copy / "emission_factors" / "aliases"
    aliases.mkdir(parents=True)
    for path in [*real.glob("templates"), *(real / "emission_factors").iterdir()]:
        if path.name != "aliases":
            (copy / path.relative_to(real)).symlink_to(path)
    for path in (real / "emission_factors" / "aliases").iterdir():
        (aliases / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(_paths, "data", lambda: copy)
    assert line.stale_keys(settings) == []
    with (aliases / "foreign.yaml").open("a") as file:
        file.write("# reviewed again\n")
    assert line.stale_keys(settings) == [incomplete.key]


def test_a_version_that_another_factory_registered_meanwhile_is_refused_and_the_batch_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One registry may serve several factories; the intake cannot know what another one registers a minute later."""

    def register(self: Registry, entry: RegistryEntry, **more: Any) -> str:
        if entry.agent_id == "waste/operations_us_v1":
            raise RegistryConflict("it is registered with another spec")
        return real(self, entry, **more)

    real = Registry.register
    monkeypatch.setattr(Registry, "register", register)
    drop(settings, waste__yaml=example("waste"), boiler__yaml=example("boiler"))
    outcomes = run(settings)
    assert {f: o.outcome for f, o in outcomes.items()} == {"waste.yaml": "refused", "boiler.yaml": "registered"}
    assert (
        "registered with another spec"
        in Bucket.open(settings.bucket_address).read("rejected/waste.yaml.report.md").decode()
    )
