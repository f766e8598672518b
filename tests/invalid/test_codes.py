"""Every code of a finding has an example that gives it; the examples say where, and nothing is a code without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from greenlang.bucket import Bucket
from greenlang.factors import FactorTable
from greenlang.factory import intake
from greenlang.factory.errand import take_back
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.settings import Settings
from greenlang.specs.codes import CODES
from greenlang.specs.cycles import cycles
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import slug
from greenlang.specs.reader import read
from tests.invalid.test_messages import GOOD, changed
from tests.specs.test_overlay import OVERLAY
from tests.specs.texts import A, C, D

Line = int


def a(old: str, new: str) -> bytes:
    assert A.count(old) == 1, old
    return A.replace(old, new).encode()


def c(old: str, new: str) -> bytes:
    assert C.count(old) == 1, old
    return C.replace(old, new).encode()


def b(old: str, new: str) -> bytes:
    return changed(old, new).encode()


# code -> the file that gives it and the line it is on; 0: the file as a whole
FILES: dict[str, tuple[bytes, Line]] = {
    "GLS001": ("name: Wärme\n".encode("latin-1"), 1),
    "GLS002": (b"a: [1, 2\n", 2),
    "GLS003": (b('name: "Test"', 'name: "Test"\nname: "Again"'), 4),
    "GLS004": (b"# " + b"x" * 2_000_000, 0),
    "GLS005": (b"a: &a [*a]\n", 0),
    "GLS006": (b"# nothing\n", 1),
    "GLS007": (b"- 1\n", 1),
    "GLS008": (b"apiVersion: greenlang.io/v2\nkind: AgentSpec\n", 1),
    "GLS009": (A.encode() + b"compute: {}\n", 40),
    "GLS010": (b("unit: kWh, ge: 0", "unit: kWh, minimum: 0"), 7),
    "GLS011": (b('name: "Test"\n', ""), 1),
    "GLS012": (b("unit: kWh, ge: 0", "unit: kWh, ge: yes"), 7),
    "GLS013": (b("test/agent_v1", "../../etc/x"), 2),
    "GLS014": (b('"1.0.0"', '"one"'), 4),
    "GLS015": (b("    energy: {", "    class: {"), 7),
    "GLS016": (GOOD.encode() + b"tests: {golden: [{name: x, input: {colour: 1}, expect: {}}]}\n", 15),
    "GLS017": (b("    mass: {dtype: float64", "    mass: {dtype: list"), 8),
    "GLS018": (a('            units: "kW"', '            units: "kW"\n            tooltip: heat'), 31),
    "GLS019": (a('            units: "kW"', '            units: "kW"\n            unit: "MW"'), 31),
    "GLS020": (b("unit: kWh", "unit: kWhh"), 7),
    "GLS021": (b("ge: 0}\n    mass", "ge: 5, le: 1}\n    mass"), 7),
    "GLS022": (b("    mass: {", "    code: {dtype: string, pattern: '['}\n    mass: {"), 8),
    "GLS023": (GOOD.encode() + b"provenance: {gwp_set: AR9}\n", 15),
    "GLS024": (GOOD.encode() + b"provenance: {gwp_set: AR6}\n", 14),
    "GLS025": (b("compute:\n", "compute:\n  deterministic: false\n"), 6),
    "GLS026": (b("compute:\n", "compute:\n  entrypoint: compute.py\n"), 6),
    "GLS027": (b"name: x\nversion: 1.0.0\npack_schema_version: '1.0'\ncontents: {}\n", 1),
    "GLS028": (c("tools: [lookup]", "tools: [lookup, hasher]"), 26),
    "GLS029": (
        a('process."\n', 'process."\n  dependencies: [{agent_id: industrial/heat_agent, relationship: uses}]\n'),
        7,
    ),
    "GLS030": (b("ef://desnz", "desnz"), 12),
    "GLS031": (b("/2025/electricity-generated", "/2031/electricity-generated"), 12),
    "GLS033": (A.encode(), 15),
    "GLS034": (D.replace(", unit: tCO2e, required", ", required").encode(), 12),
    "GLS035": (a('            units: "kW"', '            units: "MW"'), 30),
    "GLS036": (GOOD.encode() + b"needs: {core/fuel_agent: newest}\n", 15),
    "GLS040": (b("energy * factor(grid)", "energy * * 2"), 14),
    "GLS041": (b("energy * factor(grid)", "energy + mass"), 14),
    "GLS042": (
        b("co2e: energy * factor(grid)", "co2e: other * 2\n    other: co2e / 2").replace(
            b"    co2e: {dtype", b"    other: {dtype: float64, unit: kgCO2e}\n    co2e: {dtype"
        ),
        15,
    ),
    "GLS043": (
        b("energy: {dtype: float64, unit: kWh, ge: 0}", "energy: {dtype: float64, unit: degC}").replace(
            b"energy * factor(grid)", b"energy * 2 [kgCO2e/K]"
        ),
        14,
    ),
    "GLS044": (
        b("co2e: {dtype: float64, unit: kgCO2e}", "co2e: {dtype: float64, unit: tCO2e}").replace(
            b"energy * factor(grid)", b"energy * factor(grid) / 1000"
        ),
        14,
    ),
    "GLS050": (GOOD.encode() + b"tests: {properties: [{name: p, rule: emissions look plausible}]}\n", 15),
    "GLS051": (
        GOOD.encode()
        + b"tests: {golden: [{name: x, input: {energy: 10, mass: 1}, expect: {co2e: {value: 2, tol: 0.01}}}]}\n",
        15,
    ),
    "GLS052": (
        GOOD.encode() + b"tests: {properties: [{name: p, rule: output.co2e is nonincreasing in input.energy}]}\n",
        15,
    ),
    "GLS060": (GOOD.encode(), 0),
    "GLS061": (
        b("    mass: {", "    fuel: {dtype: string, enum: [natural-gas, moonbeams]}\n    mass: {")
        .replace(b"desnz/electricity/2025/electricity-generated/co2e-per-kwh", b"epa/stationary-combustion/2025")
        .replace(
            b"factor(grid)", b'factor(grid, activity = fuel, gas = "CO2", per = "mmBtu") / 1 [kgCO2] * 1 [kgCO2e]'
        ),
        13,
    ),
    "GLS062": (b("energy * factor(grid)", "energy * 2 [kgCO2e/kWh]"), 12),
}


@pytest.mark.parametrize("code", sorted(FILES))
def test_the_example_gives_its_code_at_its_line(code: str) -> None:
    data, line = FILES[code]
    spec, findings = read(data)
    if spec is not None:
        findings += resolve(spec, FactorTable.load(), library()).diagnostics
    found = [d for d in findings if d.code == code]
    assert found, [d.text() for d in findings]
    assert line in {d.line for d in found}
    for finding in found:
        assert finding.message
        assert finding.hint or code == "GLS025"
        assert not finding.message.endswith(".")


def overlay(old: str, new: str) -> tuple[Diagnostic, ...]:
    assert OVERLAY.count(old) == 1
    return read(A.encode(), overlay=OVERLAY.replace(old, new).encode())[1]


def inbox(tmp_path: Path, **files: bytes) -> tuple[Diagnostic, ...]:
    """The findings of files that somebody drops."""
    settings = Settings(var=tmp_path / "var", settle_seconds=0)
    bucket = Bucket.open(settings.bucket_address)
    for name, data in files.items():
        bucket.write(f"inbox/{name.replace('_', '.')}", data)
    return tuple(d for refused in intake.take_in(bucket, settings).refused for d in refused.diagnostics)


def broken(tmp_path: Path, patch: pytest.MonkeyPatch) -> tuple[Diagnostic, ...]:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    patch.setattr("greenlang.specs.reader.report", fail)
    return inbox(tmp_path, a_yaml=GOOD.encode())


OTHERS: dict[str, Callable[[Path, pytest.MonkeyPatch], tuple[Diagnostic, ...]]] = {
    "GLS029": lambda _, __: tuple(circle()),
    "GLS070": lambda path, _: inbox(path, notes_txt=b"hello"),
    "GLS071": lambda path, _: inbox(path, a_yaml=GOOD.encode(), b_yaml=GOOD.encode() + b"# other\n"),
    "GLS078": lambda path, _: withdrawn(path),
    "GLS079": broken,
    "GLS080": lambda _, __: overlay("industrial/heat_agent", "industrial/other"),
    "GLS081": lambda _, __: overlay("heat_kw: MW", "heat: MW"),
    "GLS082": lambda _, __: overlay(', source: "Handbook, p. 3"', ""),
}


def withdrawn(folder: Path) -> tuple[Diagnostic, ...]:
    """A spec that a program brought and took back before it was built."""
    settings = Settings(var=folder / "var")
    bucket = Bucket.open(settings.bucket_address)
    bucket.write("inbox/a.yaml", GOOD.encode())
    (taken,) = intake.take_in(bucket, settings, settle=False).accepted
    take_back(settings, [taken.key], ["a.yaml"])
    told = json.loads(bucket.read(f"rejected/{slug(taken.key)}.yaml.report.json"))
    return tuple(Diagnostic(**finding) for finding in told["diagnostics"])


def circle() -> list[Diagnostic]:
    """Two agents that receive data from each other."""
    specs = {}
    for own, other in (("x/a", "x/b"), ("x/b", "x/a")):
        needs = f'process."\n  dependencies: [{{agent_id: {other}, relationship: receives_data_from}}]\n'
        spec, _ = read(A.replace("industrial/heat_agent", own).replace('process."\n', needs).encode())
        assert spec is not None
        specs[own] = spec
    return [d for found in cycles(specs).values() for d in found]


@pytest.mark.parametrize("code", sorted(OTHERS))
def test_the_codes_of_overlays_folders_and_the_inbox(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code in {d.code for d in OTHERS[code](tmp_path, monkeypatch)}


ELSEWHERE: dict[str, str] = {  # code -> the test that gives it, where it needs more than a file
    "GLS032": "tests/factors/test_foreign.py",
    "GLS053": "tests/resolution/test_prose.py",
    "GLS054": "tests/resolution/test_overlays.py",
    "GLS072": "tests/line/test_line.py",
}


def test_every_code_has_an_example() -> None:
    covered = FILES.keys() | OTHERS.keys() | ELSEWHERE.keys()
    assert set(CODES) - covered == set(), "give each new code a failing example in this file"
    assert covered - set(CODES) == set()
