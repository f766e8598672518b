"""Overlays: a reviewer's additions, merged into the model; mistakes stand at the overlay's own lines."""

from __future__ import annotations

from decimal import Decimal

import pytest

from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec
from greenlang.specs.overlay import is_overlay, overlay_name
from greenlang.specs.reader import read
from tests.specs.texts import SECOND, A, good

OVERLAY = """\
overlay: 1
spec: {id: industrial/heat_agent, version: "1.0.0"}
reviewed: {by: "A. Reviewer", on: 2026-01-31}
units:
  heat_kw: MW
formulas:
  heat_kw: {expression: "mass_flow * cp * 10 [K]", source: "Handbook, p. 3"}
factors:
  grid: {ref: "ef://desnz/electricity/2025"}
names:
  m: mass_flow
set_aside:
  example: "rounded for print"
leave_out:
  method: "a text only"
"""


def merged(overlay: str, text: str = A) -> tuple[AgentSpec | None, list[Diagnostic]]:
    spec, findings = read(text.encode(), "heat.yaml", overlay=overlay.encode(), overlay_name="heat.overlay.yaml")
    return spec, [d for d in findings if d.file]


def test_an_overlay_is_merged_into_the_model() -> None:
    spec, findings = merged(OVERLAY)
    assert findings == []
    assert spec is not None
    out = spec.outputs["heat_kw"]
    assert (out.unit, out.unit_from) == ("MW", "overlay")
    assert list(spec.outputs) == ["heat_kw"]
    given = spec.formulas["heat_kw"]
    assert (given.means, given.source, given.line) == ("overlay", "Handbook, p. 3", 7)
    assert spec.factors["grid"].overlay
    assert spec.golden[0].set_aside == "rounded for print"
    assert list(spec.golden[0].expect) == ["heat_kw"]
    assert spec.overlay is not None
    assert (spec.overlay.reviewer, spec.overlay.name) == ("A. Reviewer", "heat.overlay.yaml")
    assert spec.overlay.left_out == {"method": "a text only"}
    assert spec.overlay.names == {"m": "mass_flow"}


def test_the_author_s_file_counts_for_the_digest() -> None:
    spec, _ = merged(OVERLAY)
    assert spec is not None
    assert spec.digest == good(A).digest
    assert spec.raw == A


def test_names_of_parts_stand_before_the_name() -> None:
    text = """\
overlay: 1
spec: {id: industrial/heat_agent, version: "1.0.0"}
reviewed: {by: R}
units: {cost.energy: MWh}
formulas: {cost.cost_usd: {formula: energy/some, bind: {e: energy}}}
set_aside: {heat_demand.example: "why"}
"""
    spec, findings = merged(text, A + SECOND)
    assert findings == []
    assert spec is not None
    heat, cost = spec.parts
    assert cost.inputs["energy"].unit == "MWh"
    assert cost.formulas["cost_usd"].formula_id == "energy/some"
    assert heat.formulas == {}
    assert heat.golden[0].set_aside == "why"
    assert heat.overlay == cost.overlay == spec.overlay


def test_a_part_whose_outputs_are_all_left_out_is_left_out() -> None:
    text = 'overlay: 1\nspec: {id: industrial/heat_agent, version: "1.0.0"}\nreviewed: {by: R}\n'
    spec, _ = merged(text + "leave_out: {cost.cost_usd: nobody asks}\n", A + SECOND)
    assert spec is not None
    assert [p.part for p in spec.parts] == ["heat_demand"]
    assert spec.overlay is not None
    assert spec.overlay.left_out == {"cost.cost_usd": "nobody asks"}


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("industrial/heat_agent", "industrial/other", "GLS080", 2),
        ('version: "1.0.0"', 'version: "1.0.1"', "GLS080", 2),
        ('version: "1.0.0"}', 'version: "1.0.0", sha256: abc}', "GLS080", 2),
        ("heat_kw: MW", "heat: MW", "GLS081", 5),
        ("heat_kw: MW", "heat_kw: tons", "GLS020", 5),
        ("  heat_kw: {expression", "  heet_kw: {expression", "GLS081", 7),
        (', source: "Handbook, p. 3"', "", "GLS082", 7),
        ("mass_flow * cp", "mass_flow * * cp", "GLS040", 7),
        ('expression: "mass_flow * cp * 10 [K]"', "bind: {a: b}", "GLS040", 7),
        ("ef://desnz", "desnz", "GLS030", 9),
        ("m: mass_flow", "m: mass_flo", "GLS081", 11),
        ("  example:", "  exmple:", "GLS081", 13),
        ('"a text only"', '""', "GLS082", 15),
        ('by: "A. Reviewer"', 'by: " "', "GLS082", 3),
        ("set_aside:", "set_asides:", "GLS010", 12),
        ("overlay: 1", "overlay: 2", "GLS012", 1),
        ('reviewed: {by: "A. Reviewer", on: 2026-01-31}\n', "", "GLS011", 1),
        ('  method: "a text only"', '  method: "x"\n  heat_kw: "y"', "GLS027", 14),
    ],
)
def test_mistakes_stand_at_the_overlay_s_own_lines(old: str, new: str, code: str, line: int) -> None:
    assert OVERLAY.count(old) == 1
    spec, findings = merged(OVERLAY.replace(old, new))
    assert spec is None
    assert [(d.code, d.line, d.file) for d in findings if d.code == code] == [(code, line, "heat.overlay.yaml")]
    assert findings[0].text("heat.yaml").startswith("heat.overlay.yaml:")


def test_broken_yaml_is_a_finding_of_the_overlay() -> None:
    spec, findings = merged("overlay: [1\n")
    assert spec is None
    assert [(d.code, d.file) for d in findings] == [("GLS002", "heat.overlay.yaml")]


def test_an_overlay_may_state_a_unit_that_is_in_doubt() -> None:
    text = A.replace('units: "kW"', 'units: "tons"')
    spec, findings = merged(OVERLAY.replace("heat_kw: MW", "heat_kw: refrigeration_ton"), text)
    assert findings == []
    assert spec is not None
    assert spec.outputs["heat_kw"].unit == "refrigeration_ton"
    assert spec.inputs["cp"].default == Decimal("4.18")


def test_the_name_of_an_overlay() -> None:
    assert overlay_name("boiler.pack.yaml") == "boiler.pack.overlay.yaml"
    assert is_overlay("boiler.pack.overlay.yaml")
    assert not is_overlay("boiler.pack.yaml")
