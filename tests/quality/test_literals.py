"""Every number of a good pack traces to something; a planted one does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from greenlang_sdk.canonical import digest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from greenlang.catalogue.manager import TemplateManager, filled_text
from greenlang.errors import TemplateError
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.quality.literals import STRUCTURAL, audit, trace
from greenlang.resolution.plan import Resolution
from tests.factory.conftest import BUILDERS, build_combustion
from tests.factory.made_agents import planned

COMBUSTION = build_combustion()
FILES = generate(COMBUSTION)
HEAD = package_name(COMBUSTION.spec)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_every_number_of_a_golden_pack_is_traced(name: str) -> None:
    resolution = BUILDERS[name]()
    assert audit(resolution, generate(resolution)) == ()


def made_from_templates(step: int) -> Iterator[tuple[str, Resolution]]:
    manager = TemplateManager()
    for name in sorted(manager.templates)[::step]:
        try:
            text = filled_text(manager.templates[name])
        except TemplateError:
            continue
        resolution, _ = planned(text)
        assert resolution is not None
        if resolution.complete:
            yield name, resolution


@pytest.mark.slow
def test_every_number_of_packs_made_from_templates_is_traced() -> None:
    packs, found = 0, []
    for name, resolution in made_from_templates(5):
        packs += 1
        found += [(name, detail) for detail in audit(resolution, generate(resolution))]
    assert found == []
    assert packs >= 60


def test_the_trace_says_where_each_number_comes_from() -> None:
    origins = {(Path(t.path).name, t.number): t.origin for t in trace(COMBUSTION, FILES)}
    assert origins["tools.py", "0.001"] == "units: gCH4 in kgCH4"
    assert origins["models.py", "0"] == "spec: `ge` of `consumption`"
    assert origins["models.py", "2"] == "spec: the pattern of `country`"
    assert origins["agent.py", "6"].startswith("declared digits of")
    assert origins["logs.py", "6"] == STRUCTURAL["logs.py", "6"]
    assert origins["factors.json", "value 53.06"].endswith("natural-gas/co2-per-mmbtu")


def test_a_folder_gives_what_the_files_give(tmp_path: Path) -> None:
    write_pack(FILES, tmp_path / "pack")
    assert trace(COMBUSTION, tmp_path / "pack" / HEAD) == trace(COMBUSTION, FILES)


def planted(name: str, old: str, new: str) -> list[str]:
    path = f"{HEAD}/{name}"
    source = FILES[path].decode()
    assert old in source
    details = audit(COMBUSTION, FILES | {path: source.replace(old, new, 1).encode()})
    assert all(detail.path == path for detail in details)
    return [detail.message.split(" ")[0] for detail in details]


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("tools.py", "return co2_kg + ", 'return Decimal("1.0001") * co2_kg + ', ["1.0001"]),
        ("tools.py", "return co2_kg + ", "return co2_kg * 1.0001 + ", ["1.0001"]),
        ("tools.py", 'Decimal("0.001")', 'Decimal("0.01")', ["0.01"]),
        ("tools.py", 'Decimal("0.001")', "Decimal(1) / 1000", ["1", "1000"]),
        ("tools.py", 'lookup("gwp_ch4")', 'Decimal("28")', ["28"]),
        ("tools.py", "ch4_kg * gwp_ch4", "ch4_kg * gwp_ch4 ** 2", ["2"]),
        ("tools.py", "return co2_kg + ", "return co2_kg * (True + True) + ", ["True", "True"]),
        ("tools.py", "return co2_kg + ", 'return co2_kg * len("aaa") + ', ["len(...)"]),
        ("tools.py", "decimals=6", "decimals=5", ["5"]),
        ("agent.py", "round_output(ch4_kg, 6)", "round_output(ch4_kg, 2)", ["2"]),
        ("models.py", "ge=0", "ge=1", ["1"]),
        ("models.py", "{2}", "{3}", ["3"]),
        ("models.py", "^[A-Z]{2}$", "^[A-Z]+$", ["a"]),
        ("logs.py", "6)", "7)", ["7"]),
        ("__init__.py", "AGENT = Agent()", "AGENT = Agent()\nSCALE = 3", ["3"]),
        ("agent.py", "version = ", 'text = f"{1}{version:.3f}"\n    version = ', ["1", "format"]),
    ],
)
def test_a_planted_number_is_found_where_it_stands(name: str, old: str, new: str, told: list[str]) -> None:
    assert planted(name, old, new) == told


def test_a_figure_of_another_year_is_found_though_its_digest_is_true() -> None:
    path = f"{HEAD}/factors.json"
    data = json.loads(FILES[path])
    row = data["factors"][1] | {"value": "74.14", "cell_text": "74.14"}
    row["digest"] = digest({k: v for k, v in row.items() if k != "digest"})
    data["factors"][1] = row
    found = audit(COMBUSTION, FILES | {path: json.dumps(data).encode()})
    assert [d.message.partition(" comes")[0] for d in found][:2] == ["value 74.14", "cell_text 74.14"]


def test_a_look_up_that_gives_another_row_is_found() -> None:
    path = f"{HEAD}/factors.json"
    data = json.loads(FILES[path])
    rows = data["tables"][0]["rows"]
    rows[0]["factor"], rows[1]["factor"] = rows[1]["factor"], rows[0]["factor"]
    found = audit(COMBUSTION, FILES | {path: json.dumps(data).encode()})
    assert len(found) == 2
    assert "ch4_factor diesel, US" in found[0].message


def test_a_file_that_is_no_python_is_told() -> None:
    found = audit(COMBUSTION, FILES | {f"{HEAD}/tools.py": b"def ("})
    assert [d.path for d in found] == [f"{HEAD}/tools.py"]


@settings(max_examples=60)
@given(number=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_no_number_can_be_multiplied_in_unseen(number: Decimal) -> None:
    assume(number != 0)
    told = planted("tools.py", "return co2_kg + ", f'return Decimal("{number}") * co2_kg + ')
    assert told == [str(number)]
