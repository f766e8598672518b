"""TemplateManager as the design document uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.errors import TemplateError, TemplateNotFound
from greenlang.factory.templates import TemplateManager
from greenlang.specs.reader import read
from tests.templates.example import TEMPLATE


def test_list_by_domain_subdomain_and_category() -> None:
    manager = TemplateManager()
    everything = manager.list_templates()
    assert len(everything) >= 3
    boilers = manager.list_templates(domain="Industrial", subdomain="Steam & Boilers", category="Optimizer")
    assert "steam-boiler-fuel-emissions" in {t.name for t in boilers}
    assert all(t.domain == "Industrial" for t in boilers)
    assert manager.list_templates(domain="Industrial", subdomain="Livestock") == []
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
