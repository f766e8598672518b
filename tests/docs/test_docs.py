"""Docs that are made from the code are up to date, and every code of a finding is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.specs.codes import CODES
from greenlang.specs.reader import read
from tools.docs import DOCS, pages

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "run: python -m tools.docs"


def test_every_code_is_documented_and_used() -> None:
    used = {
        code
        for path in (ROOT / "greenlang").rglob("*.py")
        if path.name != "codes.py"
        for code in re.findall(r"GLS\d{3}", path.read_text())
    }
    assert used == set(CODES)


def test_the_lock_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock
    pins = [line for line in lock.splitlines() if "==" in line]
    assert len(pins) > 100
    assert all(line.endswith("\\") for line in pins), "every pin is followed by its hashes"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert [p.name for p in DOCS.glob("*.md") if p.name not in navigation] == []


def test_the_spec_in_the_docs_is_a_good_one() -> None:
    text = (DOCS / "specs.md").read_text().split("```yaml\n", 1)[1].split("```", 1)[0]
    spec, findings = read(text.encode())
    assert spec is not None, findings
    resolution = resolve(spec, FactorTable.load(), library())
    assert resolution.complete
    assert findings + resolution.diagnostics == ()
