"""Scope 2 by both methods: instruments, criteria, volumes, the order, what is disclosed, what stays outside."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.calc import CalculationContext, CalculationEngine
from greenlang.calc.overlaps import check, total
from greenlang.calc.scope2 import calculate
from greenlang.calc.scope2_allocate import Offer, allocate, decimals_of, exact_decimal
from greenlang.calc.scope2_result import Scope2Result
from greenlang.calc.scope2_rules import declared_rules
from greenlang.calc.scope2_shapes import plain_request, read_request
from greenlang.calc.verify_accounting import verify_scope2
from greenlang.factors import FactorTable
from tests.calc.example import row

AR5 = CalculationContext(gwp_set="AR5GWP100")
GRID = {"scope": "2", "scope2_method": "location-based", "gwp_set": "AR5GWP100", "region": "GB"}
ROWS = (
    row("desnz/cf/2025/grid/co2e-per-kwh", "0.2", "kgCO2e/kWh", **GRID),
    row("desnz/cf/2025/green/co2e-per-kwh", "0.3", "kgCO2e/kWh", **{**GRID, "scope2_method": "market-based"}),
    row("desnz/cf/2025/wtt/co2e-per-kwh", "0.04", "kgCO2e/kWh", scope="3", boundary="WTT", gwp_set="AR5GWP100"),
    row("desnz/cf/2025/td/co2e-per-kwh", "0.02", "kgCO2e/kWh", scope="3", boundary="T&D", gwp_set="AR5GWP100"),
    row("desnz/cf/2025/wtt-td/co2e-per-kwh", "0.004", "kgCO2e/kWh", scope="3", boundary="WTT-T&D", gwp_set="AR5GWP100"),
    row("desnz/cf/2025/bio/co2-per-kwh", "0.11", "kgCO2/kWh", gas="CO2", biogenic=True),
    row("desnz/cf/2025/heat/co2e-per-kwh", "0.17", "kgCO2e/kWh", **{**GRID, "scope2_method": ""}),
    row("owid/power/2024/gb/co2e-per-kwh", "0.24", "kgCO2e/kWh", boundary="life-cycle", gwp_set="AR5GWP100"),
    row("ademe/base/22/grid/co2e-per-kwh", "0.05", "kgCO2e/kWh", **{**GRID, "gwp_set": "unstated"}),
    row("epa/egrid/2023/camx/co2-per-mwh", "400", "lbCO2/MWh", gas="CO2", **{**GRID, "gwp_set": "", "boundary": "TTW"}),
    row(
        "epa/egrid/2023/camx/ch4-per-mwh", "0.02", "lbCH4/MWh", gas="CH4", **{**GRID, "gwp_set": "", "boundary": "TTW"}
    ),
    row(
        "epa/egrid/2023/camx/n2o-per-mwh", "0.003", "lbN2O/MWh", gas="N2O", **{**GRID, "gwp_set": "", "boundary": "TTW"}
    ),
    row("eea/power/6/fr/co2-per-kwh", "0.06", "kgCO2/kWh", gas="CO2", **{**GRID, "gwp_set": "", "boundary": "TTW"}),
    row("ipcc/gwp/ar5/ch4/gwp-100", "28", "kgCO2e/kgCH4", gas="CH4", gwp_set="AR5GWP100", kind="gwp"),
    row("ipcc/gwp/ar5/n2o/gwp-100", "265", "kgCO2e/kgN2O", gas="N2O", gwp_set="AR5GWP100", kind="gwp"),
)
CF = "ef://desnz/cf/2025"
LIFE = "the whole life cycle (generation, supply of fuels, plants), and generation alone is needed"
YES = {"sole-claim": True, "retired": True}
ALL_YES = {**YES, "delivered-energy": True, "transferred-only": True}


@pytest.fixture(scope="module")
def engine() -> CalculationEngine:
    return CalculationEngine(FactorTable(ROWS, "test-1.0.0"))


def site(name: str = "hq", quantity: str = "1000 MWh", **more: Any) -> dict[str, Any]:
    plain = {"year": 2025, "region": "GB", "grid": f"{CF}/grid/co2e-per-kwh"}
    return {"id": name, "quantity": quantity, **plain, **more}


def instrument(
    name: str = "GO", volume: str | None = "400 MWh", rate: str = "0 kgCO2e/kWh", **more: Any
) -> dict[str, Any]:
    stated = {"value": rate, "basis": "AR5GWP100", "citation": f"register, {name}"}
    declared = ALL_YES if more.get("kind") == "supplier" else {**YES, "transferred-only": True}
    plain: dict[str, Any] = {
        "kind": "certificate",
        "vintage": 2025,
        "market": "GB",
        "rate": stated,
        "declared": declared,
    }
    return {"id": name, **({"volume": volume} if volume else {}), **plain, **more}


def mix(rate: str = "0.45 kgCO2e/kWh", **more: Any) -> dict[str, Any]:
    stated = {"value": rate, "basis": "AR5GWP100", "citation": "issuing body, table 2"}
    return {"market": "GB", "year": 2025, "rate": stated, **more}


def done(engine: CalculationEngine, request: dict[str, Any], context: CalculationContext = AR5) -> Scope2Result:
    result = calculate(engine, request, context)
    assert result.success, result.mistakes
    return result


def both(result: Scope2Result) -> tuple[Decimal, Decimal]:
    assert result.location is not None
    assert result.market is not None
    return result.location.value, result.market.value


def tranches(result: Scope2Result) -> list[tuple[str, str, Decimal]]:
    return [(line.consumption, line.tranche, line.quantity) for line in result.of("market-based")]


# worked cases


def test_a_published_case(engine: CalculationEngine) -> None:
    """tools.gera.services, Scope 2 market vs location based: 1,000,000 kWh at 0.20; certificates of 600,000 kWh at zero
    and a residual mix of 0.45 kgCO2e/kWh give 200 t location-based and 180 t market-based."""
    request = {
        "consumption": [site(quantity="1000000 kWh")],
        "instruments": [instrument(volume="600000 kWh")],
        "residual_mixes": [mix()],
    }
    assert both(done(engine, request)) == (200_000, 180_000)


def test_the_figures_of_the_embedded_base() -> None:
    """DESNZ 2025 flat file, rows 3066, 3627, 3939 and 3940: 0.177, 0.01853, 0.0459 and 0.00397 kgCO2e per kWh."""
    base = "ef://desnz/electricity/2025"
    asked = {
        "grid": f"{base}/electricity-generated/co2e-per-kwh",
        "wtt": f"{base}/electricity-generated-wtt/co2e-per-kwh",
        "td": f"{base}/transmission-and-distribution/co2e-per-kwh",
        "wtt_td": f"{base}/transmission-and-distribution-wtt/co2e-per-kwh",
    }
    result = done(CalculationEngine(), {"consumption": [site(quantity="100 MWh", **asked)]})
    assert both(result) == (17_700, 17_700)
    assert [(line.stage, line.value) for line in result.upstream] == [("WTT", 4590), ("T&D", 1853), ("WTT-T&D", 397)]


def test_gas_by_gas_with_gwps(engine: CalculationEngine) -> None:
    asked = {"consumption": [site(region="CAMX", grid="ef://epa/egrid/2023/camx")]}
    result = done(engine, asked)
    pound = Decimal("0.45359237")
    wanted = 1000 * pound * (400 + Decimal("0.02") * 28 + Decimal("0.003") * 265)
    assert both(result) == (round(wanted, 6), round(wanted, 6))
    assert [(line.gas, line.gwp is not None) for line in result.of("location-based")] == [
        ("CO2", False),
        ("CH4", True),
        ("N2O", True),
    ]
    assert result.location is not None
    assert [(share.basis, share.value) for share in result.location.shares] == [("AR5GWP100", round(wanted, 6))]
    refused = calculate(engine, asked, CalculationContext())
    assert [mistake.place for mistake in refused.mistakes] == ["context.gwp_set"]


def test_co2_alone_is_disclosed(engine: CalculationEngine) -> None:
    result = done(engine, {"consumption": [site(region="FR", grid="ef://eea/power/6/fr/co2-per-kwh")]})
    assert both(result)[0] == 60_000
    assert "CO2 alone" in result.disclosed("co2-only")[0]


PERCENT = st.integers(0, 100)
RATE = st.decimals(0, 1, places=4)


@settings(max_examples=40)
@given(
    consumed=st.integers(1, 10_000),
    parts=st.lists(st.tuples(PERCENT, RATE), max_size=4),
    supplied=st.tuples(PERCENT, RATE),
    residual=RATE,
)
def test_both_results_are_those_of_the_library_formula(
    engine: CalculationEngine,
    consumed: int,
    parts: list[tuple[int, Decimal]],
    supplied: tuple[int, Decimal],
    residual: Decimal,
) -> None:
    """`carbon/scope-2/dual-reporting` computes the same from volumes that are given to it."""
    shares = [share for share, _ in (*parts, supplied)]
    scale = max(100, sum(shares))
    volumes = [Decimal(consumed * share) / scale for share in shares]
    volumes = [volume.quantize(Decimal("0.001"), rounding="ROUND_DOWN") for volume in volumes]
    listed = [
        instrument(f"GO-{n}", f"{volume} MWh", f"{rate} kgCO2e/kWh")
        for n, (volume, (_, rate)) in enumerate(zip(volumes, parts, strict=False))
    ]
    listed.append(instrument("supplier", f"{volumes[-1]} MWh", f"{supplied[1]} kgCO2e/kWh", kind="supplier"))
    request = {
        "consumption": [site(quantity=f"{consumed} MWh")],
        "instruments": listed,
        "residual_mixes": [mix(f"{residual} kgCO2e/kWh")],
    }

    def stated(rate: Decimal) -> dict[str, Any]:
        told = {"reason": "a test", "approver": "A. Auditor", "basis": "AR5GWP100"}
        return {"value": rate * 1000, "unit": "kgCO2e/MWh", **told}

    formula = engine.calculate(
        "carbon/scope-2/dual-reporting",
        {
            "consumption": consumed,
            "grid": stated(Decimal("0.2")),
            "instruments": [
                {"volume": volume, "ef": {"value": rate * 1000, "unit": "kgCO2e/MWh", "basis": "AR5GWP100"}}
                for volume, (_, rate) in zip(volumes, parts, strict=False)
            ],
            "supplier_volume": volumes[-1],
            "supplier": stated(supplied[1]),
            "residual": stated(residual),
        },
        AR5,
    )
    assert formula.success, formula.errors
    wanted = (formula.value("location_based") * 1000, formula.value("market_based") * 1000)
    found = both(done(engine, request))
    assert all(abs(a - b) <= Decimal("0.001") for a, b in zip(found, wanted, strict=True))


# the order, and volumes


def test_the_order_is_instrument_supplier_residual_mix_whatever_the_order_given(engine: CalculationEngine) -> None:
    kinds = [
        instrument("supplier", None, "0.1 kgCO2e/kWh", kind="supplier", applies_to=["b"]),
        instrument("ppa", "150 MWh", kind="contract"),
        instrument("go", "100 MWh"),
    ]
    request = {
        "consumption": [site("a", "200 MWh"), site("b", "300 MWh")],
        "instruments": kinds,
        "residual_mixes": [mix()],
    }
    wanted = [("a", "go", 100), ("a", "ppa", 100), ("b", "ppa", 50), ("b", "supplier", 250)]
    assert tranches(done(engine, request)) == wanted
    request["instruments"] = kinds[::-1]
    assert tranches(done(engine, request)) == wanted


def test_what_nothing_covers_takes_the_residual_mix_and_without_one_the_grid_with_a_disclosure(
    engine: CalculationEngine,
) -> None:
    request: dict[str, Any] = {"consumption": [site()], "instruments": [instrument()], "residual_mixes": [mix()]}
    assert tranches(done(engine, request))[-1] == ("hq", "residual-mix", 600)
    request["residual_mixes"] = [mix(market="DE"), mix(year=2024)]
    result = done(engine, request)
    assert tranches(result)[-1] == ("hq", "location-based", 600)
    (told,) = result.disclosed("no-residual-mix")
    assert told.startswith("no residual mix for market GB in 2025: 600 MWh stand on the location-based factor")
    assert both(result) == (200_000, 120_000)
    request["residual_mixes"] = [mix(year=2024, used_for=[2025])]
    assert done(engine, request).disclosed("no-residual-mix") == ()


def test_a_residual_mix_may_be_a_row_of_the_table_if_it_is_market_based(engine: CalculationEngine) -> None:
    request: dict[str, Any] = {"consumption": [site()]}
    request["residual_mixes"] = [{"market": "GB", "year": 2025, "factor": f"{CF}/green/co2e-per-kwh"}]
    assert both(done(engine, request)) == (200_000, 300_000)
    request["residual_mixes"][0]["factor"] = f"{CF}/grid/co2e-per-kwh"
    refused = calculate(engine, request, AR5)
    assert "is location-based, and a market-based one is needed" in refused.mistakes[0].message


def test_both_results_are_there_without_any_instrument(engine: CalculationEngine) -> None:
    result = done(engine, {"consumption": [site()]})
    assert both(result) == (200_000, 200_000)
    assert result.disclosed("no-instruments")
    assert result.disclosed("no-residual-mix")


def test_volumes_in_other_units_are_exact(engine: CalculationEngine) -> None:
    request = {"consumption": [site(quantity="1000 kWh")], "instruments": [instrument(volume="1 GJ")]}
    result = done(engine, request)
    first, rest = (quantity for _, _, quantity in tranches(result))
    assert first == Decimal("277.777777777777777777777777")
    assert exact_decimal(Fraction(first) + Fraction(rest)) == 1000
    whole = {"consumption": [site(quantity="1000 kWh")], "instruments": [instrument(volume="3.6 GJ")]}
    assert tranches(done(engine, whole)) == [("hq", "GO", 1000)]


def test_more_than_is_consumed_is_never_applied(engine: CalculationEngine) -> None:
    result = done(engine, {"consumption": [site(quantity="100 MWh")], "instruments": [instrument(volume="130.5 MWh")]})
    (report,) = result.instruments
    assert (report.applied, report.unused, report.unit) == (Decimal(100), Decimal("30.5"), "MWh")
    assert "30.5 MWh of instrument GO are not applied" in result.disclosed("unused-volume")[0]
    assert both(result)[1] == 0


AMOUNT = st.fractions(0, 1000, max_denominator=997)


@given(
    st.dictionaries(st.sampled_from("abcd"), AMOUNT, min_size=1),
    st.lists(st.tuples(st.none() | AMOUNT, st.sets(st.sampled_from("abcd"))), max_size=5),
)
def test_allocation_is_exact_and_bounded(
    consumed: dict[str, Fraction], offers: list[tuple[Fraction | None, set[str]]]
) -> None:
    listed = [Offer(f"o{n}", volume, tuple(sorted(to))) for n, (volume, to) in enumerate(offers)]
    covered, unused = allocate(consumed, listed)
    for name, amount in consumed.items():
        assert sum((part.amount for part in covered if part.consumption == name), Fraction(0)) == amount
    for offer in listed:
        applied = sum((part.amount for part in covered if part.offer == offer.id), Fraction(0))
        assert offer.volume is None or applied + unused[offer.id] == offer.volume
        assert all(part.consumption in offer.to for part in covered if part.offer == offer.id)
        reachable = [part for part in covered if not part.offer and part.consumption in offer.to and part.amount]
        assert not (reachable and unused[offer.id])  # nothing is left over while somebody could use it
    assert all(part.amount >= 0 for part in covered)


@given(st.lists(st.fractions(0, 10, max_denominator=7), min_size=1, max_size=5), st.decimals(60, 90, places=3))
def test_decimal_parts_add_up_to_the_whole(parts: list[Fraction], whole: Decimal) -> None:
    parts = [*parts, Fraction(whole) - sum(parts, Fraction(0))]
    made = decimals_of(parts, whole)
    assert sum((Fraction(part) for part in made), Fraction(0)) == Fraction(whole)
    assert all(Fraction(a) <= b for a, b in zip(made[:-1], parts, strict=False))


# quality criteria


def test_the_criteria_are_the_eight_of_table_7_1() -> None:
    rules = declared_rules()
    assert [criterion.number for criterion in rules.criteria] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [entry.kind for entry in rules.order] == [
        "certificate",
        "contract",
        "supplier",
        "residual-mix",
        "location-based",
    ]


@pytest.mark.parametrize(
    ("changes", "number", "reason"),
    [
        ({"rate": None}, 1, "it states no emission rate"),
        ({"rate": {"value": "0 kgCO2e/kWh"}}, 1, "the source of its emission rate is not named"),
        ({"declared": {"retired": True}}, 2, "not answered"),
        ({"declared": {**YES, "sole-claim": False}}, 2, "declared not to be so"),
        ({"declared": {"sole-claim": True}}, 3, "not answered"),
        ({"vintage": 2024}, 4, "vintage 2024, accepted for 2025: 2025"),
        ({"vintage": None}, 4, "it names no vintage"),
        ({"market": "DE"}, 5, "from DE, the consumption is in GB"),
        ({"market": ""}, 5, "it names no market"),
        ({"kind": "supplier", "declared": YES}, 6, "not answered"),
        ({"kind": "contract", "declared": YES}, 7, "not answered"),
    ],
)
def test_a_failed_criterion_is_a_value_and_the_instrument_is_not_applied(
    engine: CalculationEngine, changes: dict[str, Any], number: int, reason: str
) -> None:
    request = {"consumption": [site()], "instruments": [{**instrument(), "applies_to": ["hq"], **changes}]}
    result = done(engine, request)
    (report,) = result.instruments
    verdicts = (*report.failed, *report.unfit.get("hq", ()))
    assert [(verdict.number, verdict.reason) for verdict in verdicts] == [(number, reason)]
    assert report.applied == 0
    assert both(result) == (200_000, 200_000)
    told = (*result.disclosed("failed-instrument"), *result.disclosed("partly-unfit"))
    assert f"criterion {number}" in told[0]


def test_a_window_of_vintages_is_the_callers_and_is_disclosed(engine: CalculationEngine) -> None:
    request = {"consumption": [site()], "instruments": [instrument(vintage=2024)], "vintage": {"before": 1}}
    result = done(engine, request)
    assert tranches(result)[0] == ("hq", "GO", 400)
    assert "up to 1 years before and 0 years after" in result.disclosed("vintage-window")[0]


def test_markets_are_the_region_and_what_contains_it_or_the_one_named(engine: CalculationEngine) -> None:
    def applied(origin: str, **of_site: Any) -> Decimal:
        request = {"consumption": [site(**of_site)], "instruments": [instrument(market=origin)]}
        return done(engine, request).instruments[0].applied

    assert applied("US", region="CAMX") == applied("US", region="US-CA") == applied("EU27", region="DE") == 400
    assert applied("EU27", region="GB") == applied("GB", region="US") == 0
    assert applied("AIB", region="GB", market="AIB") == 400
    assert applied("GB", region="GB", market="AIB") == 0


def test_instruments_are_for_one_kind_of_energy(engine: CalculationEngine) -> None:
    heat = site("heat", energy="heat", grid=f"{CF}/heat/co2e-per-kwh")
    result = done(engine, {"consumption": [heat], "instruments": [instrument()]})
    assert result.instruments[0].applied == 0
    assert both(result) == (170_000, 170_000)
    result = done(engine, {"consumption": [heat], "instruments": [instrument(energy="heat")]})
    assert result.instruments[0].applied == 400


# what is never inside


def test_upstream_lines_are_disjoint_and_outside_scope_2(engine: CalculationEngine) -> None:
    asked = {"wtt": f"{CF}/wtt/co2e-per-kwh", "td": f"{CF}/td/co2e-per-kwh", "wtt_td": f"{CF}/wtt-td/co2e-per-kwh"}
    result = done(engine, {"consumption": [site(**asked)]})
    assert both(result) == (200_000, 200_000)
    assert [(line.stage, line.scope, line.category, line.method, line.value) for line in result.upstream] == [
        ("WTT", "3", "3.3", "", 40_000),
        ("T&D", "3", "3.3", "", 20_000),
        ("WTT-T&D", "3", "3.3", "", 4_000),
    ]
    ledger = [line for line in result.ledger(engine.table) if line.method != "location-based"]
    assert check(ledger) == ()
    added = total(result.ledger(engine.table), method="market-based")
    assert added.value == Decimal(264)
    assert [finding.rule for finding in total(result.ledger(engine.table)).open] == ["two-methods"]


@pytest.mark.parametrize(
    ("name", "ref", "problem"),
    [
        ("grid", f"{CF}/wtt/co2e-per-kwh", "covers the supply of fuels alone (WTT), and generation alone is needed"),
        ("grid", "ef://owid/power/2024/gb/co2e-per-kwh", f"covers {LIFE}"),
        ("grid", f"{CF}/green/co2e-per-kwh", "is market-based, and a location-based one is needed"),
        ("td", f"{CF}/wtt/co2e-per-kwh", "covers the supply of fuels alone (WTT), and grid losses alone (T&D) is"),
        ("wtt", f"{CF}/wtt-td/co2e-per-kwh", "losses alone (WTT-T&D), and the supply of fuels alone (WTT) is"),
        ("wtt_td", f"{CF}/grid/co2e-per-kwh", "covers generation alone, and the supply of fuels for grid"),
    ],
)
def test_a_row_of_another_stage_is_refused(engine: CalculationEngine, name: str, ref: str, problem: str) -> None:
    refused = calculate(engine, {"consumption": [site(**{name: ref})]}, AR5)
    (mistake,) = refused.mistakes
    assert mistake.place == f"consumption[0].{name}"
    assert problem in mistake.message


KENYA = "owid/electricity/2026/electricity/ke/2025/co2e-per-kwh"


@pytest.mark.parametrize(
    "asked",
    [
        f"ef://{KENYA}",
        {"activity": "electricity"},
        {"activity": "electricity", "source": "owid"},
        {"activity": "electricity", "boundary": "life-cycle"},
    ],
)
def test_a_region_with_life_cycle_intensities_alone_is_told_in_words_why_none_counts(asked: Any) -> None:
    told: dict[str, Any] = {"boundary": "life-cycle", "gwp_set": "unstated", "activity": "electricity"}
    kenya = row(KENYA, "70", "gCO2e/kWh", region="KE", data_year=2025, publication_year=2026, **told)
    engine = CalculationEngine(FactorTable([*ROWS, kenya], "test-1.0.0"))
    refused = calculate(engine, {"consumption": [site(region="KE", grid=asked)]}, AR5)
    (mistake,) = refused.mistakes
    assert f"ef://{KENYA}" in mistake.message
    assert LIFE in mistake.message
    assert mistake.message.endswith("a figure that holds them is permitted in neither method.")
    mend = "name a row for generation alone; release test-1.0.0 holds none that is location-based for KE"
    assert mistake.mend == mend


def test_rows_that_would_do_are_named(engine: CalculationEngine) -> None:
    (mistake,) = calculate(engine, {"consumption": [site(grid="ef://owid/power/2024/gb/co2e-per-kwh")]}, AR5).mistakes
    assert mistake.mend.startswith("name a row for generation alone, such as ef://")
    assert f"{CF}/grid/co2e-per-kwh" in mistake.mend
    assert "green" not in mistake.mend


def test_biogenic_co2_is_outside_both(engine: CalculationEngine) -> None:
    wood = instrument(rate="0.015 kgCO2e/kWh", outside={"value": "0.35 kgCO2b/kWh", "citation": "register"})
    request = {"consumption": [site(outside=f"{CF}/bio/co2-per-kwh")], "instruments": [wood]}
    result = done(engine, request)
    assert both(result) == (200_000, 126_000)
    assert result.location is not None
    assert result.market is not None
    assert (result.location.outside, result.market.outside) == (110_000, 140_000 + 66_000)
    assert result.disclosed("biogenic")
    added = total(result.ledger(engine.table), method="location-based")
    assert (added.value, dict(added.outside or {})) == (Decimal(200), {"kgCO2b": Decimal(110_000)})


def test_unlike_bases_need_a_policy(engine: CalculationEngine) -> None:
    sites = [site(), site("fr", region="FR", grid="ef://ademe/base/22/grid/co2e-per-kwh")]
    refused = calculate(engine, {"consumption": sites}, AR5)
    assert {mistake.code for mistake in refused.mistakes} == {"mixed_basis"}
    result = done(engine, {"consumption": sites}, CalculationContext(policy="disclose-unstated"))
    assert result.location is not None
    assert [(share.basis, share.value) for share in result.location.shares] == [
        ("AR5GWP100", 200_000),
        ("unstated (ademe/base/22)", 50_000),
    ]
    unsaid = instrument(rate="0.1 kgCO2e/kWh")
    unsaid["rate"].pop("basis")
    assert not calculate(engine, {"consumption": [site()], "instruments": [unsaid]}, AR5).success


# requests


def test_a_request_to_the_selection_rule_never_takes_the_other_method(engine: CalculationEngine) -> None:
    asked = {"activity": "grid", "source": "desnz/cf", "year": 2025, "region": "GB"}
    assert both(done(engine, {"consumption": [site(grid=asked)]}))[0] == 200_000
    asked = {"activity": "green", "source": "desnz/cf"}
    refused = calculate(engine, {"consumption": [site(grid=asked)]}, AR5)
    assert [mistake.code for mistake in refused.mistakes] == ["factor_refused"]


def test_a_request_takes_region_and_year_of_the_consumption_and_a_row_of_elsewhere_is_told(
    engine: CalculationEngine,
) -> None:
    assert both(done(engine, {"consumption": [site(grid={"activity": "grid", "source": "desnz/cf"})]}))[0] == 200_000
    refused = calculate(
        engine, {"consumption": [site(region="FR", grid={"activity": "grid", "source": "desnz/cf"})]}, AR5
    )
    assert not refused.success
    result = done(engine, {"consumption": [site(region="FR")]})
    assert [text for text in result.warnings if "is for GB, the energy was consumed in FR" in text]
    assert done(engine, {"consumption": [site(region="GB")]}).warnings == ()


@pytest.mark.parametrize(
    ("request_", "places"),
    [
        ({}, ["consumption"]),
        ({"consumption": [{"id": "x"}]}, ["quantity", "year", "region", "grid"]),
        ({"consumption": [site(quantity="12 kg")]}, ["quantity"]),
        ({"consumption": [site(quantity="-1 kWh")]}, ["quantity"]),
        ({"consumption": [site(grid="0.2 kgCO2e/kWh")]}, ["grid"]),
        ({"consumption": [site(grid="ef://nobody/nothing")]}, ["grid"]),
        ({"consumption": [site(), site()]}, ["consumption"]),
        ({"consumption": [site(energy="gas")]}, ["energy"]),
        ({"consumption": [site(typo=1)]}, ["typo"]),
        ({"consumption": [site()], "instruments": [instrument(applies_to=["hp"])]}, ["instruments"]),
        ({"consumption": [site()], "instruments": [instrument(volume=None)]}, ["volume"]),
        ({"consumption": [site()], "instruments": [instrument(kind="rec")]}, ["kind"]),
        ({"consumption": [site()], "instruments": [instrument(rate="1 kgCO2e/kg")]}, ["rate"]),
        ({"consumption": [site()], "instruments": [instrument(declared={"retired": "yes"})]}, ["retired"]),
        ({"consumption": [site()], "instruments": [instrument(declared={"market": True})]}, ["market"]),
        ({"consumption": [site()], "residual_mixes": [{"market": "GB", "year": 2025}]}, ["residual_mixes[0]"]),
        ({"consumption": [site()], "residual_mixes": [mix(rate=None)]}, ["residual_mixes[0]"]),
        ({"consumption": [site()], "vintage": {"before": "x"}}, ["before"]),
    ],
)
def test_mistakes_are_told_with_their_place(engine: CalculationEngine, request_: Any, places: list[str]) -> None:
    if request_.get("residual_mixes") and request_["residual_mixes"][0].get("rate", {}) == {"value": None}:
        request_["residual_mixes"][0].pop("rate")
    found = calculate(engine, request_, AR5)
    assert not found.success
    ends = [mistake.place.rpartition(".")[2] for mistake in found.mistakes]
    assert all(place in ends for place in places), found.mistakes


def test_the_plain_form_gives_the_same_request_again() -> None:
    raw = {
        "consumption": [site(wtt={"activity": "wtt", "year": 2025}, place="London")],
        "instruments": [instrument(evidence={"retired": "entry 7"}), instrument("s", None, kind="supplier")],
        "residual_mixes": [mix(used_for=[2025, 2026])],
        "vintage": {"before": 1, "after": 0},
    }
    first, mistakes = read_request(raw)
    assert mistakes == []
    assert first is not None
    again, _ = read_request(json.loads(json.dumps(plain_request(first))))
    assert again == first


def test_a_stored_result_is_computed_again_and_a_changed_digit_is_found(engine: CalculationEngine) -> None:
    request = {"consumption": [site(wtt=f"{CF}/wtt/co2e-per-kwh")], "instruments": [instrument()]}
    stored = json.loads(json.dumps(done(engine, request).as_dict()))
    assert verify_scope2(stored, engine).verified
    changed = copy.deepcopy(stored)
    changed["lines"][0]["value"] = "200000.000001"
    assert [finding.place for finding in verify_scope2(changed, engine).findings] == ["lines", "lines[0].value"]
    changed = copy.deepcopy(stored)
    changed["request"]["consumption"][0]["quantity"] = "1000.1 MWh"
    assert {"request", "lines", "location_based"} <= set(verify_scope2(changed, engine).links)
    assert not verify_scope2({"lines": []}, engine).verified
