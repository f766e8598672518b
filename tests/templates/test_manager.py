"""TemplateManager as the design document uses it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.errors import TemplateError, TemplateNotFound
from greenlang.factors import FactorTable
from greenlang.factory.generate import generate
from greenlang.factory.templates import TemplateManager
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read
from tests.templates.example import TEMPLATE


def test_list_by_domain_subdomain_and_category() -> None:
    manager = TemplateManager()
    everything = manager.list_templates()
    assert len(everything) >= 3
    boilers = manager.list_templates(domain="Industrial", subdomain="Steam & Boilers", category="Optimizer")
    assert "steam-boiler-fuel-emissions" in {t.name for t in boilers}
    assert all(t.domain == "Industrial" for t in boilers)
    assert manager.list_templates(domain="industrial", subdomain="livestock") == []
    with pytest.raises(TemplateError, match="no category `Calculater`; did you mean `Calculator`"):
        manager.list_templates(category="Calculater")
    counts = manager.get_categories()
    assert sum(counts.values()) == sum(len(t.declared.serves) for t in everything)
    assert len(counts) == 11


def test_get_takes_either_spelling_and_names_what_is_near() -> None:
    manager = TemplateManager()
    assert manager.get_template("cattle_enteric_methane") is manager.get_template("cattle-enteric-methane")
    with pytest.raises(
        TemplateNotFound, match="there is no template `cattle-methane`; nearest: cattle-enteric-methane"
    ):
        manager.get_template("cattle-methane")


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "industrial").mkdir()
    path = tmp_path / "industrial" / "small-motor.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    assert list(TemplateManager(tmp_path).templates) == ["small-motor"]
    path.write_text(TEMPLATE.replace("domain: Industrial", "domain: Moon"), encoding="utf-8")
    with pytest.raises(TemplateError, match=r"small-motor\.yaml:6:1: error GLT003: the catalogue has no domain `Moon`"):
        _ = TemplateManager(tmp_path).templates


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("steam-boiler-fuel-emissions", "Industrial"),
        ("cattle-enteric-methane", "Agriculture"),
        ("listed-equity-financed-emissions", "Supply Chain & Finance"),
    ],
)
def test_a_spec_is_matched_to_its_domain(name: str, domain: str) -> None:
    manager = TemplateManager()
    match = manager.match_domain(manager.get_template(name).create_spec())
    assert (match.domain, match.suggested_templates[0]) == (domain, name)
    assert 0 < match.confidence <= 1
    assert len(match.suggested_templates) <= 3


def test_a_spec_without_any_known_word_has_no_confidence() -> None:
    text = """schema_version: "2.0.0"
id: x/y
name: zzz
version: "1.0.0"
compute: {inputs: {q: {dtype: float64}}, outputs: {r: {dtype: float64}}, formulas: {r: q}}
"""
    spec, _ = read(text.encode())
    assert spec is not None
    assert TemplateManager().match_domain(spec).confidence == 0.0


def test_the_snippet_of_the_design_document_gives_an_agent() -> None:
    template = TemplateManager().get_template("industrial_heat_pump")
    spec = template.create_spec(name="my_heat_pump_agent", parameters={"max_temperature": 250, "cop_range": [2.5, 4.5]})
    assert spec.agent_id == "industrial/my_heat_pump_agent"
    assert spec.inputs["temperature"].le == 250
    assert (spec.inputs["cop"].ge, spec.inputs["cop"].le) == (Decimal("2.5"), Decimal("4.5"))
    resolution = resolve(spec, FactorTable.load(), library())
    assert resolution.complete
    assert resolution.diagnostics == ()
    assert any(name.endswith("my_heat_pump_agent/agent.py") for name in generate(resolution))


def test_customize_takes_the_domain_as_well() -> None:
    template = TemplateManager().get_template("industrial-heat-pump")
    assert template.customize(name="ours", domain="industrial").agent_id == "industrial/ours"
    with pytest.raises(TemplateError, match="is a template of Industrial, not of transport"):
        template.customize(name="ours", domain="transport")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cop_range": [4.5, 2.5]}, "its lowest end 4.5 is above its highest 2.5"),
        ({"cop_range": [2.5]}, "a range has two ends"),
        ({"cop_range": [5, 6]}, "no golden case lies in the ranges that were set, .* cases have cop 3 and 4.4"),
        ({"refrigerants": ["R134a"]}, "no input `refrigerants`; its inputs are heat, temperature, lift, cop"),
    ],
)
def test_parameters_that_do_not_fit(parameters: dict[str, list[float | str]], message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        TemplateManager().get_template("industrial-heat-pump").create_spec("ours", parameters)


def test_names_that_hold_the_words_are_near() -> None:
    with pytest.raises(TemplateNotFound, match=r"nearest: .*industrial-heat-pump"):
        TemplateManager().get_template("heat_pumps")
    with pytest.raises(TemplateNotFound, match="`greenlang template list WORD`"):
        TemplateManager().get_template("quantum")
