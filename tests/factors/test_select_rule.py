"""The written rule: `emission_factors/selection.yaml`, its page, and the reviewed aliases of the full tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors.catalogue import catalogue
from greenlang.factors.select_aliases import read_release_aliases, selection_aliases
from greenlang.factors.select_docs import filled
from greenlang.factors.select_model import Request
from greenlang.factors.select_rule import declared_rule, read_rule

PAGE = Path(__file__).resolve().parents[2] / "docs" / "selection.md"
FILE = data() / "emission_factors" / "selection.yaml"
ALIASES = data() / "emission_factors" / "aliases" / "release_activities.yaml"


def changed(tmp_path: Path, change: Any, source: Path = FILE) -> Path:
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / source.name
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_page_says_what_the_rule_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text) == text


def test_a_mark_that_is_not_known_is_an_error() -> None:
    with pytest.raises(KeyError):
        filled("<!-- from selection.yaml: nothing -->\n<!-- end -->")


def test_every_word_of_the_rule_is_a_word_of_a_request() -> None:
    words = [word.word for word in declared_rule().never_relaxes]
    assert set(words) <= set(Request.__slots__)
    assert set(words) >= {
        *("gas", "gwp_set", "boundary", "scope2_method", "calorific_basis"),
        *("radiative_forcing", "biogenic", "permitted_use"),
    }


def test_every_dataset_of_the_catalogue_has_a_rule_of_its_own_for_years() -> None:
    rule = declared_rule()
    unnamed = {
        name
        for edition in catalogue()
        if not edition.cross_check
        and rule.year_rule(name := f"{edition.publisher}/{edition.dataset}").datasets == ("*",)
    }
    assert unnamed == {"unfccc/ifi-grid"}  # its edition of 2021 is for 2021; nothing else is on record


def test_every_rule_has_its_reason_and_its_evidence() -> None:
    rule = declared_rule()
    for entry in (*rule.years, *rule.regions.parents, *rule.regions.fall_backs, rule.regions.subdivisions):
        assert len(entry.why) > 10
        assert len(entry.evidence) > 5
    assert all(len(word.why) > 20 for word in rule.never_relaxes)


def test_containment_is_honest() -> None:
    rule = declared_rule()
    parents = {region: entry.parent for entry in rule.regions.parents for region in entry.regions}
    assert len(parents) == sum(len(entry.regions) for entry in rule.regions.parents)  # no region has two parents
    assert "GB" not in parents
    assert len([region for region, parent in parents.items() if parent == "EU27"]) == 27
    assert (
        len([region for region, parent in parents.items() if parent == "US"]) == 26
    )  # 27 subregions without Puerto Rico
    assert list(rule.containing("GLO", "")) == []


def test_the_nearest_that_contains_comes_first() -> None:
    found = [place for place, _ in declared_rule().containing("DE-BY", "owid")]
    assert found == ["DE", "EU27"]


def test_a_chain_of_regions_ends(tmp_path: Path) -> None:
    loop = {"parent": "AKGD", "regions": ["US"], "why": "a loop on purpose", "evidence": "none"}
    rule = read_rule(changed(tmp_path, lambda c: c["regions"]["parents"].append(loop)))
    assert [place for place, _ in rule.containing("AKGD", "epa")] == ["US"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("years"), "years: Field required"),
        (lambda c: c["years"].pop(), 'years: the last entry must be for ["*"]'),
        (lambda c: c["years"][0].pop("evidence"), "years.0.evidence: Field required"),
        (lambda c: c["years"][0].update({"any": True}), "give exactly one of `fields`, `from` and `any`"),
        (lambda c: c["years"][0].update({"fields": ["month"]}), "years.0.fields.0"),
        (lambda c: c["never_relaxes"][0].update({"extra": 1}), "Extra inputs are not permitted"),
        (lambda c: c["calorific_pairs"]["fuels"][0].update({"net": "about 5"}), "String should match pattern"),
    ],
)
def test_a_rule_that_is_none_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(FactorTableError, match=r"selection\.yaml") as caught:
        read_rule(changed(tmp_path, change))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["aliases"]["owid/electricity"][0].update({"evidence": "short"}), "at least 10 characters"),
        (lambda c: c["aliases"]["owid/electricity"][0]["values"].append("Grid"), "must be lower case with `-`"),
        (lambda c: c["aliases"]["owid/electricity"][0]["values"].append("grid"), "`grid` stands twice"),
        (lambda c: c.pop("longest_prefix"), "Field required"),
    ],
)
def test_an_alias_without_evidence_is_refused(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(FactorTableError) as caught:
        read_release_aliases(changed(tmp_path, change, ALIASES))
    assert message in str(caught.value)


def test_the_aliases_of_both_files_are_joined() -> None:
    datasets = selection_aliases().activities
    assert {"desnz/fuels", "desnz/conversion-factors", "owid/electricity"} <= set(datasets)
    assert set(selection_aliases().longest_prefix) == {"ec/cbam", "ec/cbam-default-values"}


def test_heating_values_are_those_of_the_publishers_sheet(shared: Path) -> None:
    from greenlang.factors.readers._base import slug, workbook

    pairs = declared_rule().calorific_pairs
    book = workbook(shared / "data" / "uk_desnz_workbooks" / "ghg-conversion-factors-2025-full-set.xlsx")
    sheet = book.get_sheet_by_name(pairs.sheet).to_python(skip_empty_area=False)
    assert [sheet[13][column] for column in (3, 4)] == ["GJ/tonne", "GJ/tonne"]
    for fuel in pairs.fuels:
        line = sheet[fuel.row - 1]
        name = slug(str(line[1])).replace("-btl-or-", "-").replace("grasses", "grass")
        assert (name, str(float(fuel.net)), str(float(fuel.gross))) == (fuel.fuel, str(line[3]), str(line[4]))


def test_the_years_of_desnz_are_what_its_introduction_says(shared: Path) -> None:
    from greenlang.factors.readers._base import workbook

    book = workbook(shared / "data" / "uk_desnz_workbooks" / "ghg-conversion-factors-2025-full-set.xlsx")
    sheet = book.get_sheet_by_name("Introduction").to_python(skip_empty_area=False)
    assert "factors labelled as 2024 should be used for data from calendar year 2024" in sheet[37][0]
