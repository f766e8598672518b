"""ADEME Base Carbone 22.0: counts, the publisher's checks, and one test for every trap of the file."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.catalogue import Edition, catalogue
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader
from greenlang.factors.readers._base_carbone import factor_units, place, property_units, validity_year
from greenlang.units import conversion, parse_unit

START = "ademe/base-carbone/22.0/"
FILE = "Base_Carbone_V22.0.csv"


@pytest.fixture(scope="module")
def edition() -> Edition:
    return next(e for e in catalogue() if e.name == "ademe/base-carbone/22.0")


@pytest.fixture(scope="module")
def published(shared: Path) -> Path:
    return shared / "data" / "fr_ademe_base_carbone" / FILE


@pytest.fixture(scope="module")
def reading(edition: Edition, published: Path) -> Reading:
    return reader(edition.reader)(edition, {FILE: published})


@pytest.fixture(scope="module")
def rows(reading: Reading) -> dict[str, Factor]:
    return {row.key: row for row in reading.rows}


@pytest.fixture(scope="module")
def totals(rows: dict[str, Factor]) -> list[Factor]:
    """The rows of the column of totals: one a line of the file."""
    return [row for row in rows.values() if row.cell.endswith("Total poste non décomposé")]


def parts(rows: dict[str, Factor], kind: str) -> dict[str, list[Factor]]:
    found = defaultdict(list)
    for row in rows.values():
        if row.kind == kind and row.gas == "CO2e":
            found[row.part_of].append(row)
    return found


def test_every_source_value_is_kept_or_refused_with_a_reason(reading: Reading) -> None:
    assert (reading.seen, reading.kept, len(reading.refused)) == (43881, 37172, 6709)
    assert reading.reasons() == {
        "source data without a unit": 2,
        "statistic of a territory, not a factor": 1437,
        "unit that is not in the table of units": 1,
        "zero for a gas that is not named": 5269,
    }
    assert Counter(row.kind for row in reading.rows) == {
        "gas-part": 19548,
        "factor": 9008,
        "stage": 8178,
        "property": 302,
        "gwp": 136,
    }


def test_totals_are_the_lines_of_the_file_less_the_source_data(totals: list[Factor]) -> None:
    factors = [row for row in totals if row.kind in {"factor", "stage"}]
    assert Counter(row.kind for row in factors) == {"factor": 7745, "stage": 5641}
    assert Counter(row.status for row in factors) == {"valid": 8487, "archived": 4899}


def test_the_publishers_checks_hold(rows: dict[str, Factor]) -> None:
    lhv = rows[START + "gaz-naturel-2015/mix-moyen/consommation/fr/26621/co2e-per-kwh-lhv"]
    hhv = rows[START + "gaz-naturel-2015/mix-moyen/consommation/fr/26627/co2e-per-kwh-hhv"]
    assert (lhv.value, lhv.cell_text, lhv.calorific_basis, lhv.unit) == (Decimal("0.227"), "0,227", "LHV", "kgCO2e/kWh")
    assert (hhv.value, hhv.calorific_basis) == (Decimal("0.204"), "HHV")
    assert (lhv.region, lhv.region_name, lhv.language) == ("FR", "France continentale, France", "fr")


def test_windows_1252_and_line_breaks_inside_cells(rows: dict[str, Factor], published: Path) -> None:
    assert any("FACTEURS D’EMISSION" in row.note for row in rows.values())  # 0x92, a control character in Latin-1
    assert b"\x92" in published.read_bytes()
    assert max(row.source_row or 0 for row in rows.values()) <= 15265 < published.read_bytes().count(b"\n")


def test_postes_are_parts_of_their_element_and_add_up_to_it(rows: dict[str, Factor]) -> None:
    found = parts(rows, "stage")
    assert len(found) == 2044
    for key, stages in found.items():
        whole = rows[key]
        assert whole.kind == "factor"
        assert abs(sum(stage.value for stage in stages) - whole.value) <= max(abs(whole.value) / 50, Decimal("1e-6"))


def test_archived_rows_are_marked(totals: list[Factor], reading: Reading) -> None:
    archived = {row.source_row for row in totals if row.status == "archived"}
    assert len(archived) == 5132 - 26 - 1 - 2  # less refused statistics, an unclear unit and two without a unit
    assert {row.status for row in reading.rows} == {"valid", "archived"}


def test_source_data_are_no_factors(totals: list[Factor], reading: Reading) -> None:
    kept = [row for row in totals if row.kind in {"property", "gwp"}]
    assert len(kept) + sum(n for reason, n in reading.reasons().items() if "zero" not in reason) == 1878
    assert {row.unit for row in kept if row.kind == "property"} == {u.unit for u in property_units().values()}
    assert Counter(row.gwp_set for row in kept if row.kind == "gwp") == {"AR4GWP100": 79, "AR5GWP100": 57}


def test_gwps_of_the_source_data_say_their_report(rows: dict[str, Factor]) -> None:
    fossil = rows[START + "gwp/ar5gwp100/ch4f/22579/gwp-100"]
    assert (fossil.value, fossil.gas, fossil.unit, fossil.taken_from) == (30, "CH4", "kgCO2e/kgCH4", "ipcc")
    assert rows[START + "gwp/ar4gwp100/ch4f/22500/gwp-100"].value == 25


def test_gas_columns_are_already_co2e_and_add_up_without_biogenic_co2(rows: dict[str, Factor]) -> None:
    found = parts(rows, "gas-part")
    assert len(found) == 3800
    for key, gases in found.items():
        whole = rows[key]
        assert {gas.gwp_set for gas in gases} == {whole.gwp_set}
        assert {gas.unit for gas in gases} == {whole.unit}
        assert abs(sum(gas.value for gas in gases) - whole.value) <= max(abs(whole.value) / 50, Decimal("1e-6"))


def test_biogenic_co2_is_never_a_part_of_a_total(rows: dict[str, Factor]) -> None:
    biogenic = [row for row in rows.values() if row.biogenic]
    assert len(biogenic) == 3800
    assert {row.gas for row in biogenic} == {"CO2"}
    assert {row.gwp_set for row in biogenic} == {""}
    assert all(rows[row.part_of].biogenic for row in biogenic if row.part_of)
    log = rows[START + "gaz-naturel/europe/13523/of-co2-biogenic/co2-per-gj-lhv"]
    assert (log.unit, log.kind) == ("kgCO2/GJ", "factor")


def test_flights_with_contrails_need_their_further_gas(rows: dict[str, Factor]) -> None:
    held = [row for row in rows.values() if "/of-contrails/" in row.key and row.value and "avec-trainees" in row.key]
    totals = [row for row in held if rows[row.part_of].kind == "factor"]
    assert len(totals) == 40  # their CO2, CH4 and N2O alone are 55 %
    for contrails in totals:
        whole = rows[contrails.part_of]
        assert whole.radiative_forcing == "with"
        assert abs((whole.value - contrails.value) / whole.value - Decimal("0.55")) < Decimal("0.02")
    assert sum(row.radiative_forcing == "without" for row in rows.values()) == 42


def test_a_further_gas_is_named_on_the_line_of_the_element_only(rows: dict[str, Factor]) -> None:
    poste = rows[
        START + "avion-cargo/10-a-25-tonnes-500-1000-kms-2018/avec-trainees/fr/28057"
        "/emissions-fugitives/trainees-de-condensation/of-contrails/co2e-per-tonne-km"
    ]
    assert poste.value == Decimal("1.57")
    assert "contrails" in poste.activity


def test_sinks_stay_negative(totals: list[Factor]) -> None:
    negative = [row for row in totals if row.value < 0 and row.status == "valid"]
    assert len(negative) == 284
    avoided = [row for row in negative if "Emissions évitées" in row.name]
    assert avoided
    assert {row.permitted_use for row in avoided} == {"project"}


def test_every_spelling_of_a_unit_is_in_the_reviewed_table(totals: list[Factor]) -> None:
    for unit in (*factor_units().values(), *property_units().values()):
        parse_unit(unit.unit)
    assert len(factor_units()) == 111
    of_valid = {row.unit for row in totals if row.kind in {"factor", "stage"} and row.status == "valid"}
    assert len(of_valid) == 24  # out of 69 spellings


def test_a_tep_of_the_base_carbone_is_42_gigajoules(rows: dict[str, Factor]) -> None:
    assert conversion("tep", "GJ") == (42, 0)
    ratios = []
    per_gj = {row.activity + row.category + row.status: row.value for row in rows.values() if row.unit == "kgCO2e/GJ"}
    for row in rows.values():
        other = per_gj.get(row.activity + row.category + row.status)
        if row.unit == "kgCO2e/tep" and row.kind in {"factor", "stage"} and other:
            ratios.append(row.value / other)
    assert abs(sorted(ratios)[len(ratios) // 2] - 42) < Decimal("0.05")  # and not 41.868


@pytest.mark.parametrize(
    ("printed", "year"),
    [
        ("31/12/2023", 2023),
        ("11/03/2022 00:00", 2022),
        ("déc-17", 2017),
        ("déc.-19", 2019),
        ("31-mars-21", 2021),
        ("31-janv-23", 2023),
        ("sept-20", 2020),
        ("2025", 2025),
        ("Année 2012", 2012),
        ("43070", 2017),  # Excel's day number of 1 December 2017
        ("43465", 2018),
        ("43466", 2019),  # 1 January 2019
        ("45362", 2024),
        ("3 ans", None),
        ("5ème rapport du GIEC (2013)", None),
        ("", None),
    ],
)
def test_periods_of_validity(printed: str, year: int | None) -> None:
    assert validity_year(printed) == year


def test_a_period_that_ended_before_the_edition_is_said(rows: dict[str, Factor]) -> None:
    ended = [row for row in rows.values() if "before this edition" in row.note]
    assert Counter(row.status for row in ended) == {"archived": 1688, "valid": 1358}
    assert all(row.kind in {"factor", "property"} for row in ended)


def test_only_the_years_of_figures_are_data_years(rows: dict[str, Factor]) -> None:
    years = {row.data_year for row in rows.values()}
    assert years == {None, *range(2008, 2022)}


def test_rows_from_agribalyse_are_no_independent_witnesses(totals: list[Factor]) -> None:
    taken = [row for row in totals if row.taken_from == "agribalyse"]
    assert Counter(row.status for row in taken) == {"valid": 2327, "archived": 152}
    assert {row.gwp_set for row in taken} == {"unstated"}


def test_rows_of_the_iea_are_marked(totals: list[Factor]) -> None:
    taken = [row for row in totals if row.taken_from == "iea"]
    assert Counter(row.status for row in taken) == {"valid": 137, "archived": 146}
    assert all("AIE" in row.note for row in taken)


def test_the_basis_is_ar5_where_ademe_states_it(totals: list[Factor]) -> None:
    bases = {(row.status, row.gwp_set) for row in totals if row.gas == "CO2e" and not row.taken_from}
    assert bases == {("valid", "AR5GWP100"), ("archived", "unstated")}


def test_places_become_iso_codes(totals: list[Factor]) -> None:
    assert place("Autre pays du monde", "Pays Bas") == place("Autre pays du monde", "Pays-Bas")
    codes = {row.region_name: row.region for row in totals}
    assert codes["Outre-mer, Guadeloupe"] == "GP"
    assert codes["Outre-mer, Corse"] == "FR-20R"
    assert codes["Monde"] == "GLO"
    assert codes["France continentale, Alsace, Strasbourg"] == "FR"
    assert place("Autre pays du monde", "Atlantide") is None


def test_uncertainty_is_the_elements_and_missing_is_not_zero(totals: list[Factor]) -> None:
    assert {row.uncertainty for row in totals if row.kind == "stage"} == {None}
    wholes = [row.uncertainty for row in totals if row.kind == "factor"]
    assert None in wholes
    assert 0 not in wholes


def test_quality_scores_are_as_printed(rows: dict[str, Factor]) -> None:
    row = rows[START + "avion-passagers/over-220-sieges-over-3500-kms-2018/sans-trainees/fr/28093/co2e-per-tonne-km"]
    assert row.data_quality == "Transparence 4; TeR 5; GR 5; TiR 4; C 5; P 5; M 5"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Total poste non décomposé", "Total", "looked for 67 columns with"),
        ("Type Ligne;", "", "looked for 67 columns with"),
        (
            "\r\nElément;",
            "\r\nPosition;",
            "looked for one of Elément, Poste in `Type Ligne` of record 2; found Position",
        ),
        (";Valide générique;", ";Neuf;", "looked for one of Valide générique, Valide spécifique, Archivé"),
    ],
)
def test_another_layout_is_refused(
    edition: Edition, published: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    head = published.read_bytes().decode("cp1252")[:60_000].replace("\r\n", "\n").replace("\n", "\r\n")
    changed = head[: head.rindex("\r\nElément;")].replace(old, new, 1) + "\r\n"
    copy = tmp_path / FILE
    copy.write_bytes(changed.encode("cp1252"))
    with pytest.raises(LayoutError) as raised:
        reader(edition.reader)(edition, {FILE: copy})
    assert message in str(raised.value)
    assert str(raised.value).endswith("The file is not read.")
