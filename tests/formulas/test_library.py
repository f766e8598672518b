"""The formula library proves itself when it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang import _paths
from greenlang.errors import FormulaError
from greenlang.formulas.library import library, load

SOURCE = _paths.data() / "emission_factors" / "formulas" / "carbon" / "combustion.yaml"


def test_the_embedded_library_holds_and_cites() -> None:
    formulas = library()
    assert len(formulas) >= 2
    assert all(f.citation.document and f.citation.locator for f in formulas)
    assert {r["id"] for r in formulas.rows()} == set(formulas.formulas)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("energy * emission_factor", "energy + emission_factor", "cannot add kWh and kgCO2e/kWh"),
        ("expect: {co2e: 0.05444}", "expect: {co2e: 5.444}", "co2e is 0.0544"),
        ("unit: kgCO2/mmBtu", "unit: kgCO2/foo", "is unknown"),
        ("domain: carbon", "domain: carbon\n    colour: red", "Extra inputs"),
        ("energy * ef\n", "energy * \n", "expected a number"),
    ],
)
def test_a_wrong_formula_is_refused_with_the_reason(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = SOURCE.read_text()
    assert old in text
    (tmp_path / "carbon").mkdir()
    (tmp_path / "carbon" / "f.yaml").write_text(text.replace(old, new))
    with pytest.raises(FormulaError, match=message):
        load(tmp_path)


def test_the_digest_does_not_depend_on_file_order(tmp_path: Path) -> None:
    text = SOURCE.read_text()
    head, first, second = text.partition("  - id: carbon/energy-by-gas")[0], *text.split("  - id: ")[1:]
    for name, parts in (("one", (first, second)), ("two", (second, first))):
        (tmp_path / name / "carbon").mkdir(parents=True)
        for i, part in enumerate(parts):
            (tmp_path / name / "carbon" / f"{i}.yaml").write_text(f"{head}  - id: {part}")
    assert load(tmp_path / "one").digest == load(tmp_path / "two").digest
