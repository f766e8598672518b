"""Each gate on a handful of rows: what it finds, and what it leaves alone. No publisher's file is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.factors import Factor, FactorTable
from greenlang.factors.gates.all import GATES
from greenlang.factors.gates.columns import Pattern, columns
from greenlang.factors.gates.compare import last_digit, median, medians_of_others, printed, ratio_of, short
from greenlang.factors.gates.gwp import blend_gwp, composition, gwp_of, known_gwps, plain_name
from greenlang.factors.gates.run import Gate, gate_name
from tests.factors.gates.plant import BASE, figure

Small = Callable[[Iterable[Factor]], FactorTable]
GATE = {gate_name(gate): gate for gate in GATES}
KWH = {"unit": "kgCO2e/kWh", "region": "FR"}


def finds(gate: str, table: FactorTable, before: FactorTable | None = None) -> dict[str, str]:
    """Key -> message, of the rows that are not the embedded base's."""
    found, compared = GATE[gate](table, before)
    assert compared <= set(table.keys)
    return {finding.key: finding.message for finding in found if BASE.get(finding.key) is None}


@pytest.mark.parametrize("gate", GATES, ids=gate_name)
def test_a_gate_says_in_one_sentence_what_it_finds(gate: Gate) -> None:
    text = gate.__doc__ or ""
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize("gate", GATES, ids=gate_name)
def test_the_embedded_base_alone_goes_through(gate: Gate) -> None:
    from greenlang.factors.gates.run import run_gates

    report = run_gates(BASE, None, (gate,))
    assert (report.open, report.vanished) == ((), ())


def two_vintages(old: str, new: str, **fields: object) -> list[Factor]:
    place = "desnz/conversion-factors"
    given_ = {"unit": "kgCO2e/t", "publication_year": 2024, "reporting_year": 2024, **fields}
    return [
        figure(f"{place}/2024/waste/glass/co2e-per-tonne", old, **given_),
        figure(f"{place}/2025/waste/glass/co2e-per-tonne", new, **given_),
    ]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("10", "19", False),
        ("10", "21", True),
        ("10", "4", True),
        ("0.00001", "0", False),
        ("5", "0", True),
        ("0", "5", True),
        ("5", "-5", True),
        ("0", "0", False),
    ],
)
def test_a_figure_that_more_than_doubles_from_one_vintage_to_the_next(
    small: Small, old: str, new: str, found: bool
) -> None:
    key = "desnz/conversion-factors/2025/waste/glass/co2e-per-tonne"
    assert (key in finds("against_previous_vintage", small(two_vintages(old, new)))) is found


def test_a_vintage_is_not_compared_over_one_that_is_not_loaded(small: Small) -> None:
    rows = two_vintages("10", "1000")
    older = [figure(row.key.replace("/2024/", "/2022/"), "10", unit="kgCO2e/t") for row in rows[:1]]
    assert finds("against_previous_vintage", small([*older, rows[1]])) == {}
    between = figure("desnz/conversion-factors/2024/other/co2e-per-tonne", "1", unit="kgCO2e/t")
    assert len(finds("against_previous_vintage", small([*older, between, rows[1]]))) == 1


@pytest.mark.parametrize(
    ("old", "new", "slip"),
    [
        ("2", "2000", "1,000"),
        ("2.05", "2100", "1,000"),
        ("2", "0.002", "1,000"),
        ("10", "36", "kWh and MJ"),
        ("10", "22", "kg and lb"),
        ("10", "16.1", ""),
        ("10", "15", ""),
    ],
)
def test_a_ratio_that_is_a_units(small: Small, old: str, new: str, slip: str) -> None:
    found = finds("unit_scale", small(two_vintages(old, new)))
    assert bool(found) is bool(slip)
    assert all(slip in message for message in found.values())


def test_a_small_units_ratio_is_suspected_where_the_rest_of_the_table_stood_still(small: Small) -> None:
    still = [
        figure(f"epa/waste-model/{year}/glass/way-{n}/co2e-per-short-ton", f"0.{n}1", unit="tCO2e/short_ton")
        for year in ("2024", "2025")
        for n in range(1, 10)
    ]
    slipped = figure(
        "epa/waste-model/2025/glass/way-5/co2e-per-short-ton", str(Decimal("0.51") * Decimal("1.10231131"))
    )
    slipped = figure(slipped.key, str(slipped.value), unit="tCO2e/short_ton")
    table = small([*[row for row in still if row.key != slipped.key], slipped])
    assert list(finds("unit_scale", table)) == [slipped.key]
    moving = [figure(row.key, str(row.value * 2), unit=row.unit) if "/2025/" in row.key else row for row in still]
    assert finds("unit_scale", small([*[row for row in moving if row.key != slipped.key], slipped])) == {}


def test_one_activity_in_two_units(small: Small) -> None:
    start = "desnz/conversion-factors/2025/passenger-vehicles/cars/small"
    mile = figure(f"{start}/co2e-per-vehicle-mile", "0.16093", unit="kgCO2e/vehicle_mile")
    assert (
        finds("unit_scale", small([mile, figure(f"{start}/co2e-per-vehicle-km", "0.1", unit="kgCO2e/vehicle_km")]))
        == {}
    )
    wrong = small([mile, figure(f"{start}/co2e-per-vehicle-km", "0.16093", unit="kgCO2e/vehicle_km")])
    assert set(finds("unit_scale", wrong)) == {f"{start}/co2e-per-vehicle-mile", f"{start}/co2e-per-vehicle-km"}


@pytest.mark.parametrize(
    ("old", "new", "found"), [("0.177", "177", True), ("0.177", "0.178", False), ("20", "2", True)]
)
def test_the_same_digits_with_the_point_elsewhere(small: Small, old: str, new: str, found: bool) -> None:
    assert bool(finds("dropped_point", small(two_vintages(old, new)))) is found


def grid(publisher: str, value: str, unit: str, year: int, **fields: object) -> Factor:
    keys = {
        "owid": f"owid/electricity/2026/electricity/fr/{year}/co2e-per-kwh",
        "eea": f"eea/electricity/electricity-generation-5/electricity/fr/{year}/co2-per-kwh",
        "unfccc": "unfccc/ifi-grid/2021-v3.1/electricity/fr/operating-margin/co2-per-kwh",
    }
    gas = unit.partition("/")[0].removeprefix("g").removeprefix("k")
    own = {"unit": unit, "region": "FR", "gas": gas.removeprefix("g"), "data_year": year, "gwp_set": "unstated"}
    return figure(keys[publisher], value, **{**own, **fields})


def test_publishers_are_compared_country_by_country_and_year_by_year(small: Small) -> None:
    ember = grid("owid", "60", "gCO2e/kWh", 2018)
    assert finds("against_other_publishers", small([ember, grid("eea", "50", "gCO2/kWh", 2018)])) == {}
    far = grid("eea", "600", "gCO2/kWh", 2018)
    assert set(finds("against_other_publishers", small([ember, far]))) == set()  # half of EEA and OWID is not loaded
    gross = grid("eea", "60000", "gCO2/kWh", 2018)
    assert set(finds("against_other_publishers", small([ember, gross]))) == {ember.key, gross.key}
    assert finds("against_other_publishers", small([ember, grid("eea", "60000", "gCO2/kWh", 1990)])) == {}


def test_a_whole_dataset_is_a_full_witness_and_a_copy_is_none(small: Small) -> None:
    ember, margin = grid("owid", "60", "gCO2e/kWh", 2018), grid("unfccc", "600", "gCO2/kWh", 2018, data_year=None)
    assert set(finds("against_other_publishers", small([ember, margin]))) == {ember.key}
    copied = grid("unfccc", "600", "gCO2/kWh", 2018, data_year=None, taken_from="owid")
    assert finds("against_other_publishers", small([ember, copied])) == {}


def test_a_figure_far_from_its_siblings(small: Small) -> None:
    origins = [
        figure(f"ec/cbam-default-values/2025-2621/total/7207/{code}/co2e-per-t", f"2.{n}", unit="tCO2e/t")
        for n, code in enumerate(("cn", "in", "tr", "us", "br", "za", "kr"))
    ]
    slip = figure("ec/cbam-default-values/2025-2621/total/7207/ua/co2e-per-t", "2300", unit="tCO2e/t")
    assert list(finds("against_siblings", small([*origins, slip]))) == [slip.key]
    assert finds("against_siblings", small([*origins[:3], slip])) == {}  # too few to tell


def test_a_figure_outside_the_usual_range_of_its_table(small: Small) -> None:
    rows = [
        figure(f"ademe/impact-co2/2026/things/thing-{n}/co2e-per-item", f"{n}", unit="kgCO2e/item")
        for n in range(1, 40)
    ]
    slip = figure("ademe/impact-co2/2026/things/slip/co2e-per-item", "5000", unit="kgCO2e/item")
    assert list(finds("against_siblings", small([*rows, slip]))) == [slip.key]


def diesel(whole: str, co2: str, ch4: str, n2o: str, year: str = "2025") -> list[Factor]:
    start = f"desnz/conversion-factors/{year}/fuels/liquid-fuels/a-diesel"
    key = f"{start}/co2e-per-litre"
    part = {"unit": "kgCO2e/litre", "kind": "gas-part", "part_of": key}
    return [
        figure(key, whole, unit="kgCO2e/litre"),
        *(
            figure(f"{start}/of-{gas}/co2e-per-litre", value, **part)
            for gas, value in (("co2", co2), ("ch4", ch4), ("n2o", n2o))
        ),
    ]


def test_uk_diesel_of_257_becomes_1126(small: Small) -> None:
    right = diesel("2.57082", "2.53763", "0.00029", "0.0329")
    key = right[0].key
    assert finds("double_gwp", small(right)) == {}
    assert finds("gases_add_up", small(right)) == {}
    wrong = small(diesel("11.26425", "2.53763", "0.00029", "0.0329"))
    assert list(finds("double_gwp", wrong)) == [key]
    assert list(finds("gases_add_up", wrong)) == [key]


def test_gases_multiplied_in_every_column_are_seen_against_the_vintage_before(small: Small) -> None:
    before = diesel("2.57082", "2.53763", "0.00029", "0.0329", "2024")
    after = diesel("11.26425", "2.53763", "0.00812", "8.7185")
    table = small([*before, *after])
    assert finds("gases_add_up", table) == {}
    assert set(finds("double_gwp", table)) == {after[0].key, after[2].key, after[3].key}


@pytest.mark.parametrize(("whole", "found"), [("2.57082", False), ("2.571", False), ("2.60", True), ("5.14164", True)])
def test_gases_add_up_within_the_rounding(small: Small, whole: str, found: bool) -> None:
    assert bool(finds("gases_add_up", small(diesel(whole, "2.53763", "0.00029", "0.0329")))) is found


def test_a_whole_that_was_added_to_its_parts(small: Small) -> None:
    rows = diesel("5.14164", "2.53763", "0.00029", "0.0329")
    assert "twice the sum" in finds("parts_and_wholes", small(rows))[rows[0].key]
    halved = diesel("1.28541", "2.53763", "0.00029", "0.0329")
    assert "twice the whole" in finds("parts_and_wholes", small(halved))[halved[0].key]
    lost = finds("parts_and_wholes", small(rows[1:]))
    assert set(lost) == {row.key for row in rows[1:]}
    other = [rows[0], figure(rows[1].key, "2", unit="kgCO2e/kg", kind="gas-part", part_of=rows[0].key)]
    assert "its whole in" in finds("parts_and_wholes", small(other))[rows[1].key]


def gwp(key: str, gas: str, value: str, name: str = "AR5GWP100", note: str = "") -> Factor:
    return figure(key, value, kind="gwp", gas=gas, gwp_set=name, unit="kgCO2e/kg", note=note)


@pytest.mark.parametrize(
    ("gas", "value", "name", "found"),
    [
        ("CH4", "28", "AR5GWP100", False),
        ("CH4", "25", "AR5GWP100", True),
        ("CH4", "25", "AR4GWP100", False),
        ("N2O", "298", "AR5GWP100", True),
        ("R134a", "1300", "AR5GWP100", False),
        ("R134a", "1430", "AR5GWP100", True),
        ("R-12", "10200", "AR5GWP100", False),
        ("HFC-134a (1,1,1,2-tetrafluoroethane)", "1430", "AR4GWP100", False),
        ("SF6", "23500", "AR6GWP100", True),
        ("R-134a", "1", "unstated", False),
        ("a gas that nobody knows", "5", "AR5GWP100", False),
    ],
)
def test_a_gwp_belongs_to_the_set_on_its_label(small: Small, gas: str, value: str, name: str, found: bool) -> None:
    row = gwp("ademe/base-carbone/22.0/gwp/one/gwp-100", gas, value, name)
    assert bool(finds("gwp_label", small([row]))) is found


def test_fossil_methane_has_a_gwp_of_its_own_from_ar5_on(small: Small) -> None:
    key = "ademe/base-carbone/22.0/gwp/ar5gwp100/ch4f/1/gwp-100"
    assert finds("gwp_label", small([gwp(key, "CH4", "30")])) == {}
    assert "30" in finds("gwp_label", small([gwp(key, "CH4", "28")]))[key]


@pytest.mark.parametrize(
    ("value", "note", "says"),
    [
        ("3943", "44% HFC-125, 4% HFC-134a, 52% HFC-143a", ""),
        ("3922", "44% HFC-125, 4% HFC-134a, 52% HFC-143a", ""),  # within one percent
        ("3104", "50.5% HFC-125, 47% HFC-134a, 2.5% butane/pentane", "2212"),
        ("1205", "60% HCFC-22, 38% HFC-125, 2% propane; HCFC-22 counted as zero", ""),
        ("2261", "60% HCFC-22, 38% HFC-125, 2% propane; HCFC-22 counted as zero", "1205"),
        ("3985", "5% HFC-125, 5% HFC-143a", "adds up to 10 %"),
    ],
)
def test_a_blend_follows_from_its_composition(small: Small, value: str, note: str, says: str) -> None:
    found = finds("gwp_label", small([gwp("epa/ghg-hub/2025/gwp/r-999a/gwp-100", "R-999A", value, note=note)]))
    assert bool(found) is bool(says)
    assert all(says in message for message in found.values())


def test_a_label_that_the_edition_does_not_use(small: Small) -> None:
    rows = [figure(f"desnz/conversion-factors/2025/fuels/f-{n}/co2e-per-kwh", "0.2", **KWH) for n in range(3)]
    odd = figure("desnz/conversion-factors/2025/fuels/odd/co2e-per-kwh", "0.2", gwp_set="AR4GWP100", **KWH)
    unstated = figure("desnz/conversion-factors/2025/fuels/un/co2e-per-kwh", "0.2", gwp_set="unstated", **KWH)
    assert list(finds("gwp_label", small([*rows, odd, unstated]))) == [odd.key]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"name": "Electricity"}, False),
        ({"name": "Electricity, projection"}, True),
        ({"name": "Électricité, scénario haut"}, True),
        ({"note": "for illustration only; illustrative"}, True),
        ({"note": "valeur indicative"}, True),
        ({"name": "Grid in 2040"}, True),
        ({"name": "Grid in 2020"}, False),
        ({"data_year": 2030}, True),
        ({"data_year": 2030, "status": "projection"}, False),
        ({"name": "Electricity, projection", "permitted_use": "project"}, False),
        ({"name": "tubes (for example couplings)"}, False),
    ],
)
def test_what_is_no_inventory_figure_does_not_stand_as_one(
    small: Small, fields: dict[str, object], found: bool
) -> None:
    row = figure("eea/electricity/other/electricity/fr/co2e-per-kwh", "0.2", **{**KWH, **fields})
    assert bool(finds("not_certified", small([row]))) is found


def test_zeros_and_negatives_where_nearly_all_others_are_positive(small: Small) -> None:
    rows = [figure(f"eea/heat/1/heat/c{n}/co2e-per-kwh", f"0.{n}", **KWH) for n in range(1, 31)]
    zero, negative = (
        figure(f"eea/heat/1/heat/{name}/co2e-per-kwh", value, **KWH) for name, value in (("z", "0"), ("n", "-1"))
    )
    assert list(finds("zero_or_repeated", small([*rows, zero]))) == [zero.key]
    assert set(finds("zero_or_repeated", small([*rows, zero, negative]))) == {zero.key, negative.key}
    many = [figure(f"eea/heat/1/heat/z{n}/co2e-per-kwh", "0", **KWH) for n in range(6)]
    assert finds("zero_or_repeated", small([*rows, *many])) == {}
    stored = figure("eea/heat/1/heat/wood/co2-per-kwh", "-1", biogenic=True, **KWH)
    assert finds("zero_or_repeated", small([*rows, stored])) == {}


@pytest.mark.parametrize(("value", "found"), [("1563.896", True), ("0.5", False), ("1500", False)])
def test_last_years_digits_once_more(small: Small, value: str, found: bool) -> None:
    rows = [
        figure(
            f"epa/egrid-rates/{year}/electricity/total-output/pr/co2e-per-mwh",
            value,
            unit="lbCO2e/MWh",
            data_year=year,
            publication_year=year + 2,
        )
        for year in (2018, 2019)
    ]
    assert list(finds("zero_or_repeated", small(rows))) == ([rows[0].key] if found else [])


def test_a_value_is_what_its_cell_holds(small: Small) -> None:
    key = "desnz/conversion-factors/2025/fuels/x/co2e-per-kwh"
    for cell in ("0.2", "0,2", " 0.20 ", "0.20000000000000001", "2e-1", "0,2 (<sup>2</sup>)", "< 1"):
        assert finds("as_printed", small([figure(key, "0.2", cell_text=cell, **KWH)])) == {}, cell
    assert list(finds("as_printed", small([figure(key, "200", cell_text="0.2", **KWH)]))) == [key]


def test_two_rows_from_one_cell_are_one_figure(small: Small) -> None:
    entered = BASE.get("desnz/fuels/2025/natural-gas/co2e-per-kwh-gross")
    assert entered is not None
    place = {"source_digest": entered.source_digest, "cell": entered.cell, "unit": entered.unit}
    key = "desnz/conversion-factors/2025/fuels/gaseous-fuels/natural-gas/co2e-per-kwh-gross"
    found, _ = GATE["as_printed"](small([figure(key, "0.5", **place)]), None)
    assert [finding.key for finding in found] == [entered.key]
    found, _ = GATE["as_printed"](small([figure(key, str(entered.value), **place)]), None)
    assert found == []


def test_a_figure_that_moved_under_its_key(small: Small) -> None:
    key = "desnz/conversion-factors/2025/fuels/x/co2e-per-kwh"
    before = small([figure(key, "0.2", **KWH)])
    assert finds("against_previous_release", small([figure(key, "0.21", **KWH)]), before) == {}
    assert list(finds("against_previous_release", small([figure(key, "0.25", **KWH)]), before)) == [key]
    assert finds("against_previous_release", small([figure(key, "0.25", **KWH)])) == {}


def test_patterns_know_all_vintages_and_what_tells_siblings_apart(small: Small) -> None:
    rows = [
        figure(f"ec/values/{vintage}/total/{code}/{place}/co2e-per-t", "1", unit="tCO2e/t")
        for vintage in ("1", "2")
        for code in ("7207", "7208/route-c")
        for place in ("cn", "in")
    ]
    pattern = Pattern("ec/values/total/**/(*)/co2e-per-t")
    found = {
        pattern.group(row.keys[place], match)
        for row in [columns(small(rows))]
        for place, match in row.matching(pattern)
    }
    assert found == {f"ec/values/{v}/total/{c}/*/co2e-per-t" for v in ("1", "2") for c in ("7207", "7208/route-c")}
    assert [1 for _ in columns(small(rows)).matching(Pattern("ec/values/total/{7207,9}/*/co2e-per-t"))] == [1] * 4


def test_names_of_gases() -> None:
    ar5 = known_gwps(BASE)["AR5GWP100"]
    assert plain_name("HFC-43-10mee") == "hfc4310mee"
    assert (gwp_of("R134a", ar5), gwp_of("R22", ar5), gwp_of("R318", ar5)) == (
        Decimal(1300),
        Decimal(1760),
        Decimal(9540),
    )
    assert composition("38% HCFC-22, 6% HFC-125, 2% propane; HCFC-22 counted as zero") == {
        "HCFC-22": Decimal(38),
        "HFC-125": Decimal(6),
        "propane": Decimal(2),
    }
    assert blend_gwp({"HFC-32": Decimal(50), "unheard-of": Decimal(50)}, ar5, without_ozone_depleting=True) is None


@given(st.lists(st.decimals("0.001", "1000", places=3), min_size=2, max_size=40))
def test_the_median_of_the_others_is_the_median_without_oneself(values: list[Decimal]) -> None:
    assert medians_of_others(values) == [median([*values[:n], *values[n + 1 :]]) for n in range(len(values))]


@given(st.decimals("-1000", "1000", places=4), st.decimals("-1000", "1000", places=4))
def test_a_ratio_has_no_direction(one: Decimal, other: Decimal) -> None:
    ratio = ratio_of(one, other)
    assert ratio == ratio_of(other, one)
    assert (ratio is None) is (not one or not other)
    assert ratio is None or ratio >= 1


def test_cells_and_their_last_digit() -> None:
    assert [last_digit(cell) for cell in ("0,20", "12", "1.5e-3", "0.00e+00", "-")] == [
        Decimal("0.01"),
        Decimal(1),
        Decimal("0.0001"),
        Decimal(0),
        Decimal(0),
    ]
    assert (printed("1 234,5"), printed("`"), printed("nan")) == (Decimal("1234.5"), None, None)
    assert (short(Decimal("0.000123456")), short(Decimal("12345678")), short(Decimal(0))) == (
        "0.0001235",
        "12350000",
        "0",
    )
