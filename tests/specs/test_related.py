"""What a spec names beside its calculation: agents in ranges of versions, regulations and standards."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.specs.model import ANY
from greenlang.specs.reader import read
from tests.specs.texts import A, C, D, good, told

B = """\
schema_version: "2.0.0"
id: heat/report
name: Report
version: "1.0.0"
needs: {core/fuel_agent: ">= 1.2, < 2", core/grid: 1.2}
regulations: [CSRD, "ESRS E1", CSRD]
compute:
  inputs: {energy: {dtype: float64, unit: kWh}}
  outputs: {twice: {dtype: float64, unit: kWh}}
  formulas: {twice: energy * 2}
"""
IN_A = A.replace(
    'process."\n',
    """process."
  dependencies:
    - {agent_id: core/fuel_agent, relationship: receives_data_from, version: ">=1.2,<2"}
    - {agent_id: core/report, relationship: provides_data_to, version: ">=3"}
    - {agent_id: core/grid, version: ^2}
    - core/weather@1.0.0
    - core/other
""",
)
IN_C = C.replace("    name: Fuel\n", '    name: Fuel\n    depends_on: ["core/grid >=1.2,<2", core/x@1.0.0, core/any]\n')
IN_D = D.replace("tags: [cbam]\n", "tags: [cbam]\nneeds: {core/grid: ~1.2.3}\nregulations: CBAM, ISO 14064-1\n")


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        (B, {"core/fuel_agent": ">=1.2,<2", "core/grid": "1.2"}),
        (IN_A, {"core/fuel_agent": ">=1.2,<2", "core/grid": "^2", "core/weather": "1.0.0"}),
        (IN_C, {"core/any": ANY, "core/grid": ">=1.2,<2", "core/x": "1.0.0"}),
        (IN_D, {"core/grid": "~1.2.3"}),
    ],
    ids=["B", "A", "C", "D"],
)
def test_a_spec_names_ranges_of_the_agents_that_it_needs(text: str, needs: dict[str, str]) -> None:
    assert good(text).needs == needs


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (B.replace(">= 1.2, < 2", "newest"), "needs.core/fuel_agent"),
        (IN_A.replace('">=1.2,<2"', "newest"), "description.dependencies[0].version"),
        (IN_C.replace(">=1.2,<2", ">=newest"), "agents[0].depends_on[0]"),
        (IN_D.replace("~1.2.3", "newest"), "needs.core/grid"),
        (B.replace(">= 1.2, < 2", ">=1," * 40 + "<2"), "needs.core/fuel_agent"),
    ],
    ids=["B", "A", "C", "D", "endless"],
)
def test_a_range_that_is_none_is_found_with_its_place_and_mend(text: str, place: str) -> None:
    (finding,) = told(text, "GLS036")
    assert (finding.severity, finding.path) == ("error", place)
    assert finding.line and ">=1.2,<2" in finding.hint


def test_a_version_counts_where_it_is_needed_alone() -> None:
    for said in ("v3", "latest", "3.x"):
        text = IN_A.replace('">=3"', said)
        assert not told(text, "GLS036")
        assert good(text).needs == good(IN_A).needs


@pytest.mark.parametrize(
    ("said", "read"), [("v1.2", "1.2"), ("1.x", "1.*"), (">=v1.2,<v2", ">=1.2,<2"), ("1.2.X", "1.2.*")]
)
def test_forms_of_other_registries_are_read(said: str, read: str) -> None:
    assert good(IN_A.replace('">=1.2,<2"', f'"{said}"')).needs["core/fuel_agent"] == read
    assert good(IN_C.replace("core/x@1.0.0", f'"core/x@{said}"')).needs["core/x"] == read


@pytest.mark.parametrize("said", ["core/grid@newest", "core/grid *", "core/grid 1.2.0", "core/grid (>=1.2)"])
def test_a_name_that_seems_to_hold_a_range_is_told(said: str) -> None:
    for text, place in (
        (IN_A.replace("core/other", said), "description.dependencies[4]"),
        (IN_C.replace("core/any", f'"{said}"'), "agents[0].depends_on[2]"),
    ):
        (finding,) = told(text, "GLS036")
        assert (finding.severity, finding.path) == ("warning", place)
        assert "@1.2.0" in finding.hint


def test_what_is_no_agent_and_what_needs_itself_is_told() -> None:
    assert told(B.replace("core/grid:", "Core Grid:"), "GLS013")
    assert told(B.replace("core/grid:", "heat/report:"), "GLS029")


def test_there_are_no_more_names_than_a_person_writes() -> None:
    many = ", ".join(f"core/agent{n}: '*'" for n in range(101))
    assert told(B.replace("{core/fuel_agent", "{" + many + ", core/fuel_agent"), "GLS012")
    assert told(B.replace("[CSRD", "[" + ", ".join(f"R{n}" for n in range(101))), "GLS012")
    assert told(B.replace("[CSRD", "[" + "long " * 50), "GLS012")
    assert good(C + f"compliance: {{standard: '{'prose ' * 50}'}}\n").regulations == ()


def test_siblings_of_a_pack_are_no_needs() -> None:
    first = "  - {id: first-agent, inputs: [], outputs: [{name: x, type: float}]}\n"
    another = IN_C.replace("agents:\n", f"agents:\n{first}", 1)
    spec = good(another.replace("core/any]", "first-agent]"))
    assert set(spec.needs) == {"core/grid", "core/x"}


def test_regulations_are_those_that_the_author_names() -> None:
    assert good(B).regulations == ("CSRD", "ESRS E1")
    assert good(IN_D).regulations == ("CBAM", "ISO 14064-1")
    assert good(B.replace("regulations", "tags")).regulations == ()
    spec = good(C + "compliance: {frameworks: [{id: TCFD, level: full}], zero_secrets: true}\n")
    assert spec.regulations == ("TCFD",)
    fates = {line.path: line.fate for line in spec.ledger if line.path.startswith("compliance")}
    assert fates == {
        "compliance.frameworks[0].id": "used",
        "compliance.frameworks[0].level": "ignored",
        "compliance.zero_secrets": "ignored",
    }


@pytest.mark.parametrize(
    ("file", "some"),
    [
        ("agentspec_v2_sections/carbon_agent.yaml", "GHG Protocol"),
        ("agentspec_v2_sections/cbam_emissions_calculator.yaml", "EU CBAM Regulation 2023/956"),
        ("agentspec_v2_sections/fuel_agent.yaml", "EPA 40 CFR Part 98"),
        ("pack_agents/carbon-emissions.pack.yaml", "ISO 14064-1:2018"),
        ("pack_agents/gl-020-economizer.pack.yaml", "ASME PTC 4.1"),
        ("pack_agents/eudr.pack.yaml", "(EU) 2023/1115"),
    ],
)
def test_real_files_name_theirs(shared: Path, file: str, some: str) -> None:
    spec, _ = read((shared / "specs" / file).read_bytes())
    if spec is None:  # eudr is refused for its tools
        assert "eudr" in file
        return
    assert any(some in one.replace("_", " ") for one in spec.regulations), spec.regulations
    assert len(spec.regulations) < 20
