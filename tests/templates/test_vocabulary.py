"""The words of the catalogue are those that its file prints; the shared sets name rows of the embedded base."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.catalogue.rows import faults, read_rows
from greenlang.catalogue.vocabulary import shared_sets, vocabulary
from greenlang.factors import FactorTable


def test_the_words_are_those_of_the_catalogue(shared: Path) -> None:
    rows = read_rows(shared / "specs" / "catalogue" / "agent_catalogue_10400.csv")
    words = vocabulary()
    assert set(words.domains) == {r.domain for r in rows}
    for name, domain in words.domains.items():
        assert set(domain.subdomains) == {r.subdomain for r in rows if r.domain == name}
        assert set(domain.sectors) == {r.sector for r in rows if r.domain == name}
    assert set(words.categories) == {r.category for r in rows}
    assert set(words.regions) == {r.region for r in rows}
    assert faults(rows) == {}
    assert (len(rows), sum(len(d.subdomains) for d in words.domains.values())) == (10_400, 40)


@pytest.mark.parametrize("name", shared_sets())
def test_a_shared_set_covers_every_region_with_rows_of_one_kind(name: str) -> None:
    table, units = FactorTable.load(), set()
    assert set(shared_sets()[name].regions) == set(vocabulary().regions)
    for change in shared_sets()[name].regions.values():
        rows = [row for ref in change.factors.values() for row in table.resolve(ref)]
        for choice in change.choose.values():
            found = [r for r in table.resolve(choice.table) if r.region in choice.values]
            assert {r.region for r in found} == set(choice.values)
            assert len(found) == len(choice.values)
            assert choice.example in choice.values
            rows += found
        assert rows
        units |= {(r.unit, r.boundary, r.data_year, r.gwp_set) for r in rows}
    assert len(units) == 1


def test_the_grid_of_each_region_is_the_one_that_bears_its_name() -> None:
    table = FactorTable.load()
    named = {
        region: table.resolve(change.factors["grid"])[0].region_name
        for region, change in shared_sets()["grid"].regions.items()
        if change.factors
    }
    assert named == {
        "Global": "World",
        "US": "United States",
        "EU": "European Union (27)",
        "UK": "United Kingdom",
        "China": "China",
        "India": "India",
        "SEAsia": "ASEAN (Ember)",
        "LatAm": "Latin America and Caribbean (Ember)",
        "Africa": "Africa (Ember)",
        "Japan": "Japan",
        "Canada": "Canada",
        "Australia": "Australia",
        "Brazil": "Brazil",
    }
