"""A figure that breaks the declaration is refused, with the file, the row and what is wrong."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang import units
from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors import FactorTable, build_tables
from greenlang.factors.embedded import cell_value, gas_name, plain, read_embedded
from greenlang.factors.fields import declared_fields
from greenlang.factors.table import rows_digest

CSV = "embedded/epa_steam-and-heat_2025.csv"
YAML = "embedded/epa_steam-and-heat_2025.yaml"
LINE = "steam-and-heat,co2-per-mmbtu,steam-and-heat,CO2,66.33,66.33,kgCO2/mmBtu,mmBtu,"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(data() / "emission_factors", tmp_path / "emission_factors"))


def swap(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def repeat_row(folder: Path) -> None:
    path = folder / CSV
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n", encoding="utf-8")


def orphan(folder: Path) -> None:
    shutil.copy(folder / CSV, folder / "embedded" / "stray.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            repeat_row,
            "epa_steam-and-heat_2025.csv:5: key `epa/steam-and-heat/2025/steam-and-heat/co2-per-mmbtu` "
            "stands already in epa_steam-and-heat_2025.csv:2",
        ),
        (
            swap(CSV, "CO2,66.33,66.33", "CO2,66.33x,66.33"),
            "epa_steam-and-heat_2025.csv:2: column `value`: `66.33x` is not a plain decimal number",
        ),
        (
            swap(CSV, "CO2,66.33,66.33", "CO2,6.633e1,66.33"),
            "epa_steam-and-heat_2025.csv:2: column `value`: `6.633e1` is not a plain decimal number",
        ),
        (swap(CSV, "CO2,66.33,66.33", "CO2,NaN,NaN"), "column `value`: `NaN` is not a plain decimal number"),
        (
            swap(CSV, "CO2,66.33,66.33", "CO2,-66.33,-66.33"),
            "epa_steam-and-heat_2025.csv:2: column `value`: `-66.33` is negative",
        ),
        (
            swap(CSV, "CO2,66.33,66.33", "CO2,66.34,66.33"),
            "epa_steam-and-heat_2025.csv:2: column `value`: `66.34` is not the cell's `66.33`",
        ),
        (
            swap(CSV, "CO2,66.33,66.33", "CO2,66.33,sixty"),
            "epa_steam-and-heat_2025.csv:2: column `cell_text`: `sixty` is not a number",
        ),
        (swap(CSV, "CO2,66.33,66.33", "CO2,66.3300000000000000000000001,66.33"), "does not fit DECIMAL(38, 24)"),
        (swap(CSV, "CO2,66.33,66.33", "CO2,,66.33"), "epa_steam-and-heat_2025.csv:2: column `value` is empty"),
        (
            swap(CSV, "kgCO2/mmBtu,mmBtu", "kgCO2/mmBtu,GJ"),
            "epa_steam-and-heat_2025.csv:2: column `per`: `kgCO2/mmBtu` is not per `GJ`",
        ),
        (
            swap(CSV, ",CO2,66.33", ",CO2e,66.33"),
            "epa_steam-and-heat_2025.csv:2: column `unit`: `kgCO2/mmBtu` is no CO2e unit",
        ),
        (swap(CSV, "note", "remark"), "epa_steam-and-heat_2025.csv:1: column `remark` is not declared in fields.yaml"),
        (swap(CSV, "biogenic,note", "biogenic,note,note"), "epa_steam-and-heat_2025.csv:1: column `note` stands twice"),
        (swap(CSV, "category,", ""), "epa_steam-and-heat_2025.csv:1: column `category` is missing"),
        (
            swap(CSV, ",false,", ",no,"),
            "epa_steam-and-heat_2025.csv:2: column `biogenic`: `no` is neither true nor false",
        ),
        (swap(CSV, LINE, LINE + ","), "epa_steam-and-heat_2025.csv:2: the row has not the 12 columns of the header"),
        (swap(CSV, "steam-and-heat,co2-per-mmbtu", "Steam and Heat,co2-per-mmbtu"), "is no key: lower-case segments"),
        (swap(CSV, "steam-and-heat,co2-per-mmbtu", "../x,co2-per-mmbtu"), "is no key: lower-case segments"),
        (swap(CSV, "Emission Factors Hub!D410", ""), "epa_steam-and-heat_2025.csv:2: column `cell` is empty"),
        (
            swap(YAML, "table: Table 7 Steam and Heat\n", ""),
            "epa_steam-and-heat_2025.yaml: `table` is missing: a source needs its full citation",
        ),
        (
            swap(YAML, "licence: US Government work, public domain\n", ""),
            "epa_steam-and-heat_2025.yaml: `licence` is missing: a source needs its full citation",
        ),
        (
            swap(YAML, "publication_year: 2025\n", ""),
            "epa_steam-and-heat_2025.yaml: `publication_year` is missing: a source needs its full citation",
        ),
        (
            swap(YAML, "sha256: eb6", "sha256: xyz"),
            "epa_steam-and-heat_2025.yaml: `file` and its `sha256` (64 hex digits) are missing",
        ),
        (
            swap(YAML, "address: https", "address: http"),
            "epa_steam-and-heat_2025.yaml: `address` must be an official https:// address",
        ),
        (
            swap(YAML, "publisher: epa", "publisher: epa\ncolour: red"),
            "epa_steam-and-heat_2025.yaml: unknown key `colour`",
        ),
        (swap(YAML, "publisher: epa", "publisher: epa\npublisher: ec"), "`publisher` stands twice"),
        (
            swap(YAML, "publisher: epa", "publisher: acme"),
            "column `publisher`: `acme` is not one of ademe, desnz, ec, eea, epa, ipcc, owid, unfccc",
        ),
        (swap(YAML, "key: '{activity}/{quantity}'", "key: '{activity}'"), "`key` must hold {activity} and {quantity}"),
        (
            swap(YAML, "csv: epa_steam-and-heat_2025.csv", "csv: nowhere.csv"),
            "no declaration beside it names this file",
        ),
        (
            swap("embedded/ipcc_gwp_ar6.yaml", "column: AR6GWP100", "column: AR7GWP100"),
            "ipcc_gwp_ar6.yaml: `globalwarmingpotentials` has no table `AR7GWP100`",
        ),
        (
            swap("embedded/ipcc_gwp_ar6.yaml", "  SF6:", "  SF7:"),
            "`notes` names `SF7`, which `globalwarmingpotentials` does not hold",
        ),
        (swap("fields.yaml", "- name: note", "- name: remark"), "fields.yaml: the fields are not those of Factor"),
        (swap("fields.yaml", "type: decimal", "type: money"), "fields.yaml: field `value`: type `money` is unknown"),
        (swap("release.yaml", "embedded-1.3.0", "latest"), "release.yaml: `release` must look like embedded-1.0.0"),
        (orphan, "stray.csv: no declaration beside it names this file"),
        (
            swap("embedded/ec_cbam_2025-2621.yaml", "whole: total", "whole: everything"),
            "the whole `ec/cbam/2025-2621/everything/",
        ),
    ],
)
def test_a_planted_fault_is_refused(folder: Path, change: Callable[[Path], None], message: str) -> None:
    change(folder)
    with pytest.raises(FactorTableError, match=re.escape(message)):
        build_tables(folder.parent / "tables", folder=folder)
    assert not list(folder.parent.glob("tables/*"))


def test_bytes_that_are_not_utf_8_are_refused(folder: Path) -> None:
    (folder / CSV).write_bytes(b"activity\n\xff\n")
    with pytest.raises(FactorTableError, match=r"epa_steam-and-heat_2025\.csv: .*utf-8"):
        read_embedded(folder)


def test_the_order_of_rows_and_line_ends_do_not_change_the_digest(folder: Path) -> None:
    mixed = random.Random(7)
    for path in (folder / "embedded").glob("*.csv"):
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        mixed.shuffle(lines)
        path.write_text("\r\n".join([header, *lines]) + "\r\n", encoding="utf-8")
    assert rows_digest(read_embedded(folder)) == FactorTable.load().digest


def test_any_change_of_a_figure_changes_the_digest(folder: Path) -> None:
    swap(CSV, "CO2,66.33,66.33", "CO2,66.34,66.34")(folder)
    assert rows_digest(read_embedded(folder)) != FactorTable.load().digest


def test_the_base_keeps_its_own_rules() -> None:
    table = FactorTable.load()
    keys = [f.key for f in table]
    assert keys == sorted(set(keys))
    seen: dict[tuple[str, ...], str] = {}
    for f in table:
        # One figure for one question: who fixes these has no choice left to make.
        question = (
            f.publisher,
            f.dataset,
            f.vintage,
            f.activity,
            f.region,
            f.gas,
            f.unit,
            f.boundary,
            f.calorific_basis,
        )
        assert question not in seen, (f.key, seen[question])
        seen[question] = f.key
        assert f.key.startswith(f"{f.publisher}/{f.dataset}/{f.vintage}/")
        assert f.activity in f.key
        assert f.document and f.table and f.cell and f.licence
        assert (f.gwp_set != "") == (f.gas == "CO2e" or "/gwp" in f.key) or f.publisher == "ec"
        if f.gas in {"CO2", "CH4", "N2O", "CO2e"} and "/gwp-" not in f.key:
            assert f.unit.partition("/")[0].endswith(f.gas)
        if f.biogenic:
            assert f.gas == "CO2"


def test_every_unit_is_known_to_the_registry() -> None:
    for unit in sorted({f.unit for f in FactorTable.load()}):
        units.parse_unit(unit)
    grams = {"CO2": "kgCO2", "CH4": "kgCH4", "N2O": "kgN2O", "CO2e": "kgCO2e"}
    for f in FactorTable.load():
        if f.gas in grams and f.dataset != "gwp":
            assert units.same_dimension(f.unit, f"{grams[f.gas]}/{f.per}")


def test_field_origins_cover_what_sources_and_rows_give() -> None:
    assert [f.name for f in declared_fields() if f.origin == "derived"] == ["key"]
    assert all(f.description.endswith(".") for f in declared_fields())


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=6))
def test_float_noise_never_survives(value: Decimal) -> None:
    assert cell_value(repr(float(value))) == value


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=10**15, allow_nan=False, allow_infinity=False, places=15))
def test_plain_keeps_the_number_and_has_one_spelling(value: Decimal) -> None:
    assert plain(value) == value
    text = format(plain(value), "f")
    assert str(plain(Decimal(text))) == str(plain(value))
    assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize("text", ["", "NA", "< 1", "1,5", "0.1 0.2"])
def test_text_that_is_no_number_is_no_cell_value(text: str) -> None:
    with pytest.raises(InvalidOperation):
        cell_value(text)


@pytest.mark.parametrize(
    ("species", "name"),
    [
        ("HFC134a", "HFC-134a"),
        ("HFC4310mee", "HFC-43-10mee"),
        ("HFE4310pccc124", "HFE-43-10pccc124"),
        ("HCFE235da2", "HCFE-235da2"),
        ("Halon1301", "Halon-1301"),
        ("cC4F8", "c-C4F8"),
        ("CF4", "CF4"),
        ("CCl4", "CCl4"),
        ("CFC11", "CFC-11"),
    ],
)
def test_gases_bear_their_usual_names(species: str, name: str) -> None:
    assert gas_name(species) == name
