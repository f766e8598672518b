"""No double counting: what is found, what is not, and a total that is refused until somebody says what is meant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.calc import CalculationContext, CalculationEngine
from greenlang.calc.overlaps import (
    Finding,
    Line,
    Resolution,
    certificate_lines,
    check,
    declared_rules,
    line_of,
    read_lines,
    total,
)
from greenlang.factors import FactorTable
from tests.calc.example import row

SUPPLY = {"scope": "3", "scope_category": "3.1", "boundary": "cradle-to-gate"}
WITH = "epa/supply-chain/v1.3/naics-111110/with-margins/co2e-per-usd"
HOME = "desnz/conversion-factors/2025/homeworking/homeworking-office-equipment-plus-heating/co2e-per-hour"
ELEMENT = "ademe/base-carbone/22.0/electricite/fr/1/co2e-per-kwh"
TRAVEL = {"scope": "3", "scope_category": "3.6"}
ROWS = (
    row(WITH, "0.532", "kgCO2e/USD", **SUPPLY),
    row(WITH.replace("with-m", "without-m"), "0.488", "kgCO2e/USD", part_of=WITH, kind="stage", **SUPPLY),
    row(WITH.replace("with-margins", "margins"), "0.044", "kgCO2e/USD", part_of=WITH, kind="stage", **SUPPLY),
    row(HOME, "0.33378", "kgCO2e/person_hour", scope="3", scope_category="3.7"),
    row(
        HOME.replace("homeworking-office-equipment-plus-heating", "heating"),
        "0.30234",
        "kgCO2e/person_hour",
        scope="3",
        scope_category="3.7",
        part_of=HOME,
        kind="stage",
    ),
    row(ELEMENT, "0.0785", "kgCO2e/kWh", boundary="life-cycle"),
    row(ELEMENT.replace("/1/", "/1/amont/"), "0.0129", "kgCO2e/kWh", scope="3", boundary="WTT", part_of=ELEMENT),
    row(
        ELEMENT.replace("/1/", "/1/amont/of-ch4/"),
        "0.001",
        "kgCO2e/kWh",
        scope="3",
        boundary="WTT",
        part_of=ELEMENT.replace("/1/", "/1/amont/"),
        kind="gas-part",
    ),
    row("ec/cbam/2025-2621/total/25231000/cn/co2e-per-t", "1.5", "tCO2e/t", scope="3", boundary="total"),
    row("ec/cbam/2025-2621/direct/25231000/cn/co2e-per-t", "1.2", "tCO2e/t", scope="3", boundary="direct"),
    row("desnz/cf/2025/flight/co2e-per-km", "0.2", "kgCO2e/passenger_km", boundary="TTW", **TRAVEL),
    row("desnz/cf/2025/flight-wtt/co2e-per-km", "0.03", "kgCO2e/passenger_km", boundary="WTT", **TRAVEL),
    row("desnz/cf/2025/grid/co2e-per-kwh", "0.2", "kgCO2e/kWh", scope="2", scope2_method="location-based"),
    row("desnz/cf/2025/wtt/co2e-per-kwh", "0.04", "kgCO2e/kWh", scope="3", scope_category="3.3", boundary="WTT"),
    row("desnz/cf/2025/td/co2e-per-kwh", "0.02", "kgCO2e/kWh", scope="3", scope_category="3.3", boundary="T&D"),
    row(
        "desnz/cf/2025/wtt-td/co2e-per-kwh", "0.004", "kgCO2e/kWh", scope="3", scope_category="3.3", boundary="WTT-T&D"
    ),
    row("desnz/cf/2025/diesel-wtw/co2e-per-litre", "3.1", "kgCO2e/litre", boundary="WTW"),
    row("desnz/cf/2025/diesel/co2e-per-litre", "2.5", "kgCO2e/litre", scope="1", boundary="TTW"),
    row("epa/hub/2025/gas/co2-per-mmbtu", "53.06", "kgCO2/mmBtu", gas="CO2", scope="1", boundary="TTW"),
    row("epa/hub/2025/gas/ch4-per-mmbtu", "0.001", "kgCH4/mmBtu", gas="CH4", scope="1", boundary="TTW"),
    row("epa/hub/2025/gas/co2e-per-mmbtu", "53.11", "kgCO2e/mmBtu", scope="1", boundary="TTW"),
    row("epa/hub/2025/wood/co2-per-mmbtu", "93.8", "kgCO2/mmBtu", gas="CO2", scope="1", boundary="TTW", biogenic=True),
)
BY_END = {one.key: one for one in ROWS}


@pytest.fixture(scope="module")
def table() -> FactorTable:
    return FactorTable(ROWS, "test-1.0.0")


@pytest.fixture
def line(table: FactorTable) -> Any:
    """A function from a key and more fields to a line."""
    counted = iter(range(1, 1000))

    def make(key: str = "", **said: Any) -> Line:
        plain = {"id": f"l{next(counted)}", "value": Decimal(100), "unit": "kgCO2e", "basis": "AR5GWP100", **said}
        return line_of(BY_END[key], table, **plain) if key else Line(**plain)

    return make


def rules_of(findings: tuple[Finding, ...], *, certain: bool = True) -> list[str]:
    return [finding.rule for finding in findings if finding.certain is certain]


# totals beside their parts


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        (WITH, WITH.replace("with-m", "without-m")),
        (WITH, WITH.replace("with-margins", "margins")),
        (HOME, HOME.replace("homeworking-office-equipment-plus-heating", "heating")),
        (ELEMENT, ELEMENT.replace("/1/", "/1/amont/")),
        (ELEMENT, ELEMENT.replace("/1/", "/1/amont/of-ch4/")),
        (
            "ec/cbam/2025-2621/total/25231000/cn/co2e-per-t",
            "ec/cbam/2025-2621/direct/25231000/cn/co2e-per-t",
        ),
    ],
)
def test_a_total_beside_its_part_is_found_with_both_keys(line: Any, whole: str, part: str) -> None:
    findings = check([line(part, activity="a"), line(whole, activity="b")])
    (found,) = [finding for finding in findings if finding.certain]
    assert (found.rule, found.first, found.second) == ("part-and-whole", ("l2",), ("l1",))
    assert found.keys == (whole, part)
    assert f"ef://{whole}" in found.message
    assert found.citation


def test_parts_of_one_whole_may_stand_together(line: Any) -> None:
    parts = [WITH.replace("with-m", "without-m"), WITH.replace("with-margins", "margins")]
    assert rules_of(check([line(part, activity="invoice 1") for part in parts])) == []


def test_a_part_elsewhere_is_another_thing(line: Any) -> None:
    part = HOME.replace("homeworking-office-equipment-plus-heating", "heating")
    assert rules_of(check([line(HOME, place="Leeds"), line(part, place="York")])) == []
    assert rules_of(check([line(HOME, period="2024"), line(part, period="2025")])) == []
    assert rules_of(check([line(HOME, place="Leeds"), line(part)])) == ["part-and-whole"]


def test_one_line_may_hold_a_whole_and_its_part(table: FactorTable) -> None:
    part = WITH.replace("with-m", "without-m")
    lines, _ = read_lines([{"value": 1, "unit": "tCO2e", "factor": f"ef://{WITH}; ef://{part}"}], table)
    (found,) = check(lines)
    assert (found.rule, found.first, found.second) == ("part-and-whole", ("line 1",), ("line 1",))


# one activity, several lines


def test_the_lines_of_energy_are_disjoint(line: Any) -> None:
    keys = [f"desnz/cf/2025/{name}/co2e-per-kwh" for name in ("grid", "wtt", "td", "wtt-td")]
    assert check([line(key, activity="meter 1") for key in keys]) == ()


def test_a_stage_twice_or_inside_another_is_found(line: Any) -> None:
    td = "desnz/cf/2025/td/co2e-per-kwh"
    assert rules_of(check([line(td, activity="m"), line(td, activity="m")])) == ["twice"]
    assert rules_of(check([line(td, activity="m"), line(td, activity="n")])) == []
    wide = check([line(ELEMENT, activity="m"), line("desnz/cf/2025/wtt/co2e-per-kwh", activity="m")])
    assert rules_of(wide) == ["stage-in-stage"]
    assert "covers life-cycle" in wide[0].message
    fuel = [
        line("desnz/cf/2025/diesel-wtw/co2e-per-litre", activity="t"),
        line("desnz/cf/2025/diesel/co2e-per-litre", activity="t"),
    ]
    assert rules_of(check(fuel)) == ["stage-in-stage"]


def test_the_same_activity_in_two_scopes_or_categories(line: Any) -> None:
    diesel = "desnz/cf/2025/diesel/co2e-per-litre"
    leased = line(diesel, activity="van 7", scope="3", category="3.8")
    findings = check([line(diesel, activity="van 7"), leased])
    assert rules_of(findings) == ["two-scopes"]
    assert "activity van 7 stands in scope 1 (l2) and in category 3.8 (l1)" in findings[0].message
    everywhere = [line(diesel, activity="van 7", scope="3", category=f"3.{n}") for n in (4, 6, 8)]
    (found,) = [finding for finding in check(everywhere) if finding.certain]
    assert (found.first, found.second) == (("l3",), ("l4", "l5"))
    assert rules_of(findings, certain=False) == ["categories"]


def test_an_activity_under_many_factors_is_one_finding() -> None:
    same = [
        Line(id=str(n), value=Decimal(1), unit="kgCO2e", scope="3", category="3.1", activity="all", factors=(f"k{n}",))
        for n in range(1500)
    ]
    for lines in (same[:300], same):
        (found,) = check(lines)
        assert (found.rule, found.first, len(found.second)) == ("twice", ("0",), len(lines) - 1)
    assert "298" not in found.id


def test_a_whole_beside_several_stages_is_one_finding(line: Any) -> None:
    names = ("diesel", "diesel-wtw")
    fuel = [line(f"desnz/cf/2025/{name}/co2e-per-litre", activity="t") for name in names]
    fuel.append(line("desnz/cf/2025/wtt/co2e-per-kwh", activity="t"))
    (found,) = [finding for finding in check(fuel) if finding.certain]
    assert (found.rule, found.first, found.second) == ("stage-in-stage", ("l2",), ("l1", "l3"))


def test_gases_and_their_co2e(line: Any) -> None:
    gases = [line(f"epa/hub/2025/gas/{gas}-per-mmbtu", activity="boiler") for gas in ("co2", "ch4")]
    assert check(gases) == ()
    whole = line("epa/hub/2025/gas/co2e-per-mmbtu", activity="boiler")
    (found,) = check([*gases, whole])
    assert (found.rule, found.first, found.second) == ("gases-and-whole", ("l3",), ("l1", "l2"))
    assert check([*gases, line("epa/hub/2025/gas/co2e-per-mmbtu", activity="oven")]) == ()


def test_tranches_of_one_activity_are_parts_of_it(line: Any) -> None:
    tranches = [line("", scope="2", method="market-based", activity="m", tranche=name) for name in ("GO", "rest")]
    assert check(tranches) == ()


def test_biogenic_co2_is_never_an_overlap(line: Any) -> None:
    wood = line("epa/hub/2025/wood/co2-per-mmbtu", activity="stove", unit="kgCO2b")
    assert check([wood, line("epa/hub/2025/gas/co2-per-mmbtu", activity="stove")]) == ()


# methods, places in the inventory, categories


def test_location_and_market_based_in_one_sum(line: Any) -> None:
    lines = [line("", scope="2", method="location-based"), line("", scope="2", method="market-based")]
    (found,) = check(lines)
    assert (found.rule, found.certain, found.first, found.second) == ("two-methods", True, ("l1",), ("l2",))


def test_losses_inside_scope_2_are_pointed_out(line: Any) -> None:
    (found,) = check([line("desnz/cf/2025/td/co2e-per-kwh", scope="2", category="")])
    assert (found.rule, found.certain) == ("misplaced", False)


@pytest.mark.parametrize("pair", declared_rules().categories, ids=lambda entry: "+".join(entry.pair))
def test_categories_that_can_hold_the_same_are_flagged(pair: Any) -> None:
    def of(bucket: str, name: str, **more: Any) -> Line:
        place = {"scope": bucket} if bucket in {"1", "2"} else {"scope": "3", "category": bucket}
        return Line(id=name, value=Decimal(1), unit="kgCO2e", **place, **more)

    findings = check([of(pair.pair[0], "a"), of(pair.pair[1], "b")])
    (found,) = [finding for finding in findings if finding.rule == "categories"]
    assert not found.certain
    assert (found.why, found.citation) == (pair.why, pair.citation)
    apart = [of(pair.pair[0], "a", place="x"), of(pair.pair[1], "b", place="y")]
    assert check(apart) == ()


def test_wtt_of_travel_in_category_3_is_flagged_and_that_of_energy_is_not_with_losses(line: Any) -> None:
    flight = line("desnz/cf/2025/flight/co2e-per-km")
    wtt = line("desnz/cf/2025/flight-wtt/co2e-per-km", category="3.3")
    assert [finding.id for finding in check([flight, wtt])] == ["categories: 3.3 + 3.6"]
    assert check([flight, line("desnz/cf/2025/td/co2e-per-kwh")]) == ()
    assert check([flight, line("desnz/cf/2025/flight-wtt/co2e-per-km", activity="f")]) == ()


# totals


def resolved(finding: str, keep: str, reason: str = "told by the site") -> list[Resolution]:
    return [Resolution(finding=finding, keep=keep, reason=reason)]


def test_a_total_is_refused_while_an_overlap_stands_and_made_once_it_is_resolved(line: Any) -> None:
    part = HOME.replace("homeworking-office-equipment-plus-heating", "heating")
    lines = [line(HOME, value=Decimal(300)), line(part, value=Decimal(100)), line("desnz/cf/2025/grid/co2e-per-kwh")]
    refused = total(lines)
    assert (refused.success, refused.value) == (False, None)
    (found,) = refused.open
    assert found.id == f"part-and-whole: {HOME} > {part}"
    assert total(lines, resolutions=resolved(found.id, "first")).value == Decimal("0.4")
    second = total(lines, resolutions=resolved(found.id, "second"), unit="kgCO2e")
    assert second.value == Decimal(200)
    (gone,) = second.left_out
    assert (gone.id, gone.value, gone.unit) == ("l1", Decimal(300), "kgCO2e")
    assert gone.reason == f"{found.id}: told by the site"
    assert total(lines, resolutions=resolved(found.id, "both"), unit="kgCO2e").value == Decimal(500)


def test_what_is_only_possible_does_not_stand_in_the_way(line: Any) -> None:
    lines = [line("", scope="3", category="3.1"), line("", scope="3", category="3.2")]
    found = total(lines)
    assert found.value == Decimal("0.2")
    assert [finding.id for finding in found.findings] == ["categories: 3.1 + 3.2"]


@pytest.mark.parametrize(
    ("resolutions", "place"),
    [
        (resolved("nothing", "first"), "resolutions[0]"),
        (resolved("two-methods", "neither"), "resolutions[0]"),
        (resolved("two-methods", "first", " "), "resolutions[0]"),
        (resolved("two-methods", "first") * 2, "resolutions[1]"),
    ],
)
def test_resolutions_must_be_whole(line: Any, resolutions: list[Resolution], place: str) -> None:
    lines = [line("", scope="2", method="location-based"), line("", scope="2", method="market-based")]
    found = total(lines, resolutions=resolutions)
    assert not found.success
    assert [mistake.place for mistake in found.mistakes] == [place]


def test_one_method_is_picked(line: Any) -> None:
    lines = [
        line("", scope="1"),
        line("", scope="2", method="location-based", value=Decimal(30)),
        line("", scope="2", method="market-based", value=Decimal(10)),
    ]
    assert not total(lines).success
    assert total(lines, method="location-based", unit="kgCO2e").value == 130
    assert total(lines, method="market-based", unit="kgCO2e").value == 110
    assert [mistake.place for mistake in total(lines, method="both").mistakes] == ["method"]


def test_a_total_is_split_by_scope_and_category_and_the_parts_add_up_to_it(line: Any) -> None:
    third = Decimal("0.3333333")
    lines = [
        line("", scope="1", value=third),
        line("", scope="1", value=third),
        line("", scope="2", method="location-based", value=third),
        line("", scope="2", method="market-based", value=Decimal(9)),
        line("", scope="3", category="3.10", value=third),
        line("", scope="3", category="3.3", value=third),
        line("", scope="3", value=third),
        line("", value=third),
        line("", scope="1", value=Decimal(7), unit="kgCO2b", biogenic=True),
    ]
    found = total(lines, unit="kgCO2e", method="location-based")
    assert found.value == Decimal("2.333333")
    assert [(part.name, part.value, part.lines) for part in found.subtotals] == [
        ("scope 1", Decimal("0.666668"), 2),  # the largest takes what rounding left
        ("scope 2 location-based", Decimal("0.333333"), 1),
        ("scope 3", Decimal("0.999999"), 3),
        ("category 3.3", Decimal("0.333333"), 1),
        ("category 3.10", Decimal("0.333333"), 1),
        ("no named scope", Decimal("0.333333"), 1),
    ]
    assert sum(part.value for part in found.subtotals if not part.category) == found.value
    plain = found.as_dict()
    assert plain["subtotals"][0] == {"scope": "1", "category": "", "method": "", "value": "0.666668", "lines": 2}
    assert [(one["id"], one["value"], one["reason"]) for one in plain["left_out"]] == [
        ("l4", "9", "the total is location-based")
    ]


def test_biogenic_co2_and_bases(line: Any) -> None:
    lines = [
        line("", value=Decimal("1.5"), unit="tCO2e"),
        line("", value=Decimal(7), unit="kgCO2b", biogenic=True),
        line("", value=Decimal(500), basis="AR4GWP100"),
    ]
    refused = total(lines)
    assert [mistake.code for mistake in refused.mistakes] == ["mixed_basis"]
    found = total(lines, policy="disclose-mixed")
    assert (found.value, dict(found.outside or {})) == (Decimal(2), {"kgCO2b": Decimal(7)})
    assert [(share.basis, share.value) for share in found.shares] == [
        ("AR4GWP100", Decimal("0.5")),
        ("AR5GWP100", Decimal("1.5")),
    ]
    joined = total([line("", basis="any GWP set (CO2 itself)"), line("")], unit="kgCO2e")
    assert [(share.basis, share.value) for share in joined.shares] == [("AR5GWP100", 200)]


def test_a_gas_is_no_co2e_and_ids_are_unique(line: Any) -> None:
    assert [m.place for m in total([line("", unit="kgCH4")]).mistakes] == ["lines.l1"]
    assert [m.code for m in total([line("")], unit="kWh").mistakes] == ["unit"]
    assert [m.code for m in total([line("")], unit="nonsense").mistakes] == ["unit"]
    assert not total([line("", id="x"), line("", id="x")]).success


AMOUNTS = st.lists(st.tuples(st.decimals(-(10**9), 10**9, places=9), st.booleans()), max_size=12)


@given(AMOUNTS)
def test_a_total_is_the_sum_whatever_the_order_and_the_units(amounts: list[tuple[Decimal, bool]]) -> None:
    lines = [
        Line(id=str(number), value=value, unit="tCO2e" if tonnes else "kgCO2e", basis="AR5GWP100")
        for number, (value, tonnes) in enumerate(amounts)
    ]
    found = total(lines, unit="kgCO2e")
    assert found.value is not None
    wanted = sum((value * (1000 if tonnes else 1) for value, tonnes in amounts), Decimal(0))
    assert abs(found.value - wanted) <= Decimal("0.0000005")
    assert total(lines[::-1], unit="kgCO2e").value == found.value
    assert sum((share.value for share in found.shares), Decimal(0)) == found.value


# reading lines


def test_rows_are_filled_in_from_their_factor(table: FactorTable) -> None:
    rows = [{"id": "m1", "value": "12.5", "unit": "tCO2e", "factor": "ef://desnz/cf/2025/td/co2e-per-kwh@test-1.0.0"}]
    (line,), mistakes = read_lines(rows, table)
    assert mistakes == []
    assert (line.scope, line.category, line.stage, line.gas, line.bucket) == ("3", "3.3", "T&D", "CO2e", "3.3")
    (line,), _ = read_lines([{"value": 1, "unit": "kgCO2e", "category": "7", "biogenic": "false"}])
    assert (line.id, line.scope, line.category) == ("line 1", "3", "3.7")


@pytest.mark.parametrize(
    "row_",
    [
        {"value": 1},
        {"unit": "kgCO2e"},
        {"value": "x", "unit": "kgCO2e"},
        {"value": 1, "unit": "nonsense"},
        {"value": 1, "unit": "kgCO2e", "scope": "4"},
        {"value": 1, "unit": "kgCO2e", "scope": "1", "category": "3.1"},
        {"value": 1, "unit": "kgCO2e", "category": "3.16"},
        {"value": 1, "unit": "kgCO2e", "method": "residual"},
        {"value": 1, "unit": "kgCO2e", "factor": "ef://nobody/nothing"},
        {"value": 1, "unit": "kgCO2e", "colour": "red"},
        {"value": 1, "unit": "kgCO2e", "biogenic": "perhaps"},
    ],
)
def test_a_row_that_is_wrong_is_a_mistake_with_its_place(table: FactorTable, row_: dict[str, Any]) -> None:
    lines, mistakes = read_lines([row_], table)
    assert lines == []
    assert [mistake.place for mistake in mistakes] == ["lines[0]"]


def test_the_same_id_twice(table: FactorTable) -> None:
    _, mistakes = read_lines([{"id": "a", "value": 1, "unit": "kgCO2e"}] * 2, table)
    assert [mistake.place for mistake in mistakes] == ["lines[1]"]


def test_certificates_become_lines() -> None:
    engine = CalculationEngine()
    ref = "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"
    formula = "carbon/energy-times-intensity"
    result = engine.calculate(formula, {"energy": "1 MWh", "ef": ref}, CalculationContext())
    assert result.certificate is not None
    (line,), mistakes = certificate_lines(result.certificate.as_dict(), engine.table)
    assert mistakes == []
    assert (line.value, line.unit, line.scope, line.method, line.basis) == (
        Decimal(177),
        "kgCO2e",
        "2",
        "location-based",
        "AR5GWP100",
    )
    part = "ef://desnz/electricity/2025/electricity-generated/of-co2/co2e-per-kwh"
    other = engine.calculate(formula, {"energy": "2 MWh", "ef": part}, CalculationContext())
    assert other.certificate is not None
    more, _ = certificate_lines(other.certificate.as_dict(), engine.table)
    assert rules_of(check([line, *more])) == ["part-and-whole"]
    assert certificate_lines({"outputs": []}, engine.table)[1]


# the publishers' own rows


@pytest.mark.slow
@pytest.mark.xdist_group("full_table")
def test_every_part_of_the_publishers_leads_to_a_whole_that_is_there(full_table: FactorTable) -> None:
    """Every row that names a whole: the whole is in the table, and the pair is found when both are summed."""
    rules = declared_rules()
    parts = [number for number, whole in enumerate(full_table.column("part_of")) if whole]
    assert len(parts) > 50_000
    for number in parts[:: len(parts) // 400]:
        part = full_table.at(number)
        wholes = rules.wholes(part, full_table)
        assert wholes
        assert wholes[0] == part.part_of
        for key in wholes:
            whole = full_table.get(key)
            assert whole is not None, key
            said = {"value": Decimal(1), "unit": "kgCO2e"}
            pair = [
                line_of(part, full_table, rules, id="part", **said),
                line_of(whole, full_table, rules, id="whole", **said),
            ]
            if not part.biogenic and not whole.biogenic:
                assert "part-and-whole" in rules_of(check(pair)), part.key


@pytest.mark.slow
@pytest.mark.xdist_group("full_table")
def test_the_stages_of_electricity_are_told_apart_in_the_publishers_rows(full_table: FactorTable) -> None:
    rules = declared_rules()
    full, base = "desnz/conversion-factors/2025", "desnz/electricity/2025"
    keys = {
        f"{full}/uk-electricity/electricity-generated/electricity-uk": "use",
        f"{full}/wtt-uk-electricity/wtt-uk-electricity-generation/electricity-uk": "WTT",
        f"{full}/transmission-and-distribution/t-d-uk-electricity/electricity-uk": "T&D",
        f"{full}/wtt-uk-electricity/wtt-uk-electricity-t-d/electricity-uk": "WTT-T&D",
        f"{base}/electricity-generated": "use",
        f"{base}/electricity-generated-wtt": "WTT",
        f"{base}/transmission-and-distribution": "T&D",
        f"{base}/transmission-and-distribution-wtt": "WTT-T&D",
    }
    for key, stage in keys.items():
        row_ = full_table.get(f"{key}/co2e-per-kwh")
        assert row_ is not None, key
        assert rules.stage(row_) == stage, key
