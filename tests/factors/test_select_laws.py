"""Laws of selection, over tables and requests made at random."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.factors import Factor, FactorTable
from greenlang.factors.select import Request, Selection, SelectionRefused, Selector
from greenlang.factors.select_convert import is_energy, per_fits
from greenlang.factors.select_places import off
from greenlang.factors.select_rule import declared_rule
from tests.factors.rows import row

PLACES = ("GB", "US", "US-CA", "CAMX", "FR", "DE", "EU27", "OTHER", "")
DATASETS = ("desnz/conversion-factors", "epa/ghg-hub", "owid/electricity", "epa/supply-chain", "ipcc/gwp", "ec/cbam")
ACTIVITIES = ("gas", "oil", "fuels/gas", "gas/lean")
YEARS = st.integers(2018, 2026)

FIELDS = {
    "gas": st.sampled_from(["CO2e", "CO2e", "CO2", "CH4"]),
    "gwp_set": st.sampled_from(["AR4GWP100", "AR5GWP100"]),
    "boundary": st.sampled_from(["", "TTW", "WTT"]),
    "scope2_method": st.sampled_from(["", "location-based", "market-based"]),
    "calorific_basis": st.sampled_from(["", "HHV", "LHV"]),
    "radiative_forcing": st.sampled_from(["", "with", "without"]),
    "permitted_use": st.sampled_from(["inventory", "inventory", "project"]),
    "kind": st.sampled_from(["factor", "factor", "factor", "gas-part", "property"]),
    "price_basis": st.sampled_from(["", "purchaser"]),
    "biogenic": st.booleans(),
    "region": st.sampled_from(PLACES),
    "status": st.sampled_from(["valid", "valid", "valid", "archived"]),
    "value": st.sampled_from(["0.1", "0.2", "0.3"]),
    "taken_from": st.sampled_from(["", "", "epa", "electricity"]),
}
CHANGED = (*FIELDS, "data_year", "reporting_year", "vintage", "dataset", "unit")
WORDS = ("gwp_set", "boundary", "scope2_method", "calorific_basis", "radiative_forcing", "price_basis", "biogenic")


@st.composite
def rows(draw: st.DrawFn, activities: tuple[str, ...] = ACTIVITIES) -> Factor:
    """One row; its key holds a number, so that rows seldom meet."""
    dataset, vintage = draw(st.sampled_from(DATASETS)), draw(st.sampled_from(["2023", "2024", "2025"]))
    said = {name: draw(values) for name, values in FIELDS.items()}
    said["unit"] = draw(st.sampled_from(["kgCO2e/kWh", "kgCO2e/MWh", "kgCO2e/litre"]))
    if said["gas"] != "CO2e":
        said["unit"], said["gwp_set"] = said["unit"].replace("CO2e", str(said["gas"])), ""
    return row(
        f"{dataset}/{vintage}/{draw(st.sampled_from(activities))}/{draw(st.integers(0, 60))}",
        data_year=draw(YEARS),
        reporting_year=int(vintage),
        price_year=draw(st.sampled_from([2021, 2022])),
        publication_year=int(vintage),
        **said,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Factor], Request]:
    """A request that one row answers, and that row among others which differ from it in a few fields."""
    base = draw(rows(("gas",)))
    base = replace(
        base, status="valid", kind="factor", taken_from="", gwp_set="AR5GWP100" if base.gas == "CO2e" else ""
    )
    found = [base]
    for number in range(draw(st.integers(0, 12))):
        other = draw(rows(("gas", "gas", "gas/lean", "oil")))
        changed = draw(st.sets(st.sampled_from(CHANGED), max_size=4))
        if base.gas != other.gas:
            changed -= {"gas", "gwp_set", "unit"}
        changed |= {"per"} if "unit" in changed else set()
        changed |= {"publisher"} if "dataset" in changed else set()
        made = replace(base, **{name: getattr(other, name) for name in changed})
        found.append(replace(made, key=f"{made.publisher}/{made.dataset}/{made.vintage}/gas/other-{number}"))
    unsaid: dict[str, Any] = {}
    for name in WORDS:
        if draw(st.integers(0, 2)):
            unsaid[name] = draw(FIELDS[name]) if draw(st.integers(0, 9)) == 0 else getattr(base, name)
    own, _ = declared_rule().year_rule(f"{base.publisher}/{base.dataset}").stands(base.as_dict())
    request = Request(
        activity=draw(st.sampled_from(["gas", "gas", "gas", base.key, "oil"])),
        region=draw(st.sampled_from([base.region or "GB", base.region or "GB", "US-CA", "CAMX", "DE", "MG", None])),
        year=draw(st.one_of(st.none(), st.integers(-2, 2).map(lambda years: (own or 2024) + years))),
        source=draw(st.sampled_from([None, None, base.publisher, f"{base.publisher}/{base.dataset}/{base.vintage}"])),
        gas=base.gas,
        per=draw(st.sampled_from([None, base.per, "kWh", "MJ"])),
        kind=draw(st.sampled_from(["factor", "factor", "factor", "gas-part"])),
        permitted_use=base.permitted_use,
        relax_region=draw(st.booleans()),
        relax_years=draw(st.integers(0, 3)),
        **{"biogenic": base.biogenic, **unsaid},
    )
    return found, request


def outcome(found: list[Factor], request: Request) -> tuple[Any, ...]:
    """Everything about an answer or a refusal that a person sees."""
    try:
        selection = Selector(FactorTable(found, "test-1.0.0")).select(request)
    except SelectionRefused as refused:
        return "refused", str(refused), refused.candidates, refused.steps, sorted(refused.rejected, key=str)
    rejected = sorted(selection.rejected, key=str)
    return selection.factor.key, selection.value, selection.unit, selection.relaxed, selection.steps, rejected


def select(found: list[Factor], request: Request) -> Selection | None:
    try:
        return Selector(FactorTable(found, "test-1.0.0")).select(request)
    except SelectionRefused:
        return None


@settings(max_examples=150, deadline=None)
@given(cases())
def test_what_never_relaxes_never_does(case: tuple[list[Factor], Request]) -> None:
    found, request = case
    selection = select(found, request)
    if selection is None:
        return
    factor = selection.factor
    assert factor.gas == request.gas
    assert factor.kind == request.kind
    assert factor.permitted_use == request.permitted_use
    assert factor.biogenic == bool(request.biogenic)
    for word in ("boundary", "scope2_method", "radiative_forcing", "price_basis"):
        assert getattr(request, word) in {None, getattr(factor, word)}, word
    if request.gwp_set is not None and factor.gas == "CO2e":
        assert factor.gwp_set == request.gwp_set
    if request.calorific_basis is not None and is_energy(factor.per):
        assert factor.calorific_basis == request.calorific_basis or "heating" in selection.conversion.citation
    assert factor.status == "valid"
    assert request.source is None or f"{factor.key}/".startswith(f"{request.source}/")


@settings(max_examples=150, deadline=None)
@given(cases())
def test_region_and_year_relax_only_as_far_as_allowed(case: tuple[list[Factor], Request]) -> None:
    found, request = case
    selection = select(found, request)
    if selection is None:
        return
    factor, rule = selection.factor, declared_rule()
    inside = [place for place, _ in rule.containing(request.region or "", factor.publisher)]
    if request.region is not None and factor.region not in {request.region, ""}:
        assert request.relax_region
        assert factor.region in {*inside, "OTHER"}
        assert any(how.startswith(f"region {request.region} to {factor.region}") for how in selection.relaxed)
    if request.year is not None:
        own, after = rule.year_rule(f"{factor.publisher}/{factor.dataset}").stands(factor.as_dict())
        years = 0 if own is None else max(own - request.year, request.year - own - after, 0)
        assert years <= request.relax_years
        assert bool(years) == any(how.startswith("year ") for how in selection.relaxed)
    if not request.relax_region and not request.relax_years:
        assert selection.relaxed == ()


@settings(max_examples=80, deadline=None)
@given(cases(), rows(("wood", "wood/oil", "lean/gas", "gasoline", "fuels/gasoline")))
def test_a_row_of_another_activity_changes_nothing(case: tuple[list[Factor], Request], other: Factor) -> None:
    found, request = case
    with_it, without = outcome([*found, other], request), outcome(found, request)
    if without[0] != "refused" or with_it[0] != "refused":
        assert with_it == without
    else:  # a publisher or region may be known only now; that is said in the refusal, and decides nothing
        assert with_it[2] == without[2]


@settings(max_examples=150, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(case: tuple[list[Factor], Request], chance: Any) -> None:
    found, request = case
    mixed = list(found)
    chance.shuffle(mixed)
    assert outcome(mixed, request) == outcome(found, request)


@settings(max_examples=120, deadline=None)
@given(cases())
def test_every_row_considered_is_the_answer_remains_or_is_rejected_once(case: tuple[list[Factor], Request]) -> None:
    found, request = case
    selector = Selector(FactorTable(found, "test-1.0.0"))
    try:
        selection = selector.select(request)
    except SelectionRefused as refused:
        left, steps, rejected, counts = refused.candidates, refused.steps, refused.rejected, refused.rejected_counts
    else:
        left, steps, rejected = (selection.factor.key,), selection.steps, selection.rejected
        counts = selection.rejected_counts
        assert selection.value == selection.factor.value or selection.conversion.citation
    keys = [one.key for one in rejected]
    assert len(keys) == len(set(keys)) == sum(counts.values())
    assert not set(keys) & set(left)
    if steps and steps[0].rule == "activity":
        assert steps[0].left == len(keys) + len(left)
    counts_left = [step.left for step in steps]
    assert counts_left == sorted(counts_left, reverse=True)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_saying_what_the_answer_is_changes_no_answer(case: tuple[list[Factor], Request]) -> None:
    found, request = case
    selection = select(found, request)
    if selection is None:
        return
    factor = selection.factor
    said = replace(
        request,
        source=f"{factor.publisher}/{factor.dataset}/{factor.vintage}",
        boundary=factor.boundary,
        gwp_set=factor.gwp_set,
        scope2_method=factor.scope2_method,
        radiative_forcing=factor.radiative_forcing,
        price_basis=factor.price_basis,
    )
    again = select(found, said)
    assert again is not None
    assert (again.factor.key, again.value, again.unit) == (factor.key, selection.value, selection.unit)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_every_mend_of_a_refusal_leads_to_the_figure_that_it_names(case: tuple[list[Factor], Request]) -> None:
    found, request = case
    selector = Selector(FactorTable(found, "test-1.0.0"))
    try:
        selector.select(request)
    except SelectionRefused as refused:
        for mend in refused.mends:
            assert selector.select(replace(request, **mend.changes)).factor.ref == mend.ref
        # a sentence that offers something to say names nothing else than what was tried
        if any(f" {how}" in refused.hint for how in ("allows ", "allow ", "decides", "decide")):
            assert refused.mends


@settings(max_examples=150, deadline=None)
@given(cases())
def test_an_unsaid_boundary_is_usual_or_told(case: tuple[list[Factor], Request]) -> None:
    found, request = case
    selection = select(found, request)
    if selection is None:
        return
    told = any(warning.startswith("boundary was not said") for warning in selection.warnings)
    named = request.activity == selection.factor.key
    unusual = request.boundary is None and selection.factor.boundary == "WTT" and not named
    if is_energy(selection.factor.per):
        assert told == unusual
    else:
        assert told <= unusual


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["kWh", "MWh", "MJ", "GJ", "mmBtu", "litre", "m^3"]), st.decimals("0.000001", "100000", places=6)
)
def test_a_converted_value_converts_back(per: str, value: Decimal) -> None:
    unit = "kWh" if is_energy(per) else "gallon"
    factor = row("desnz/x/2025/gas/x", unit=f"kgCO2e/{unit}", value=value)
    there = select([factor], Request(activity="gas", per=per))
    assert there is not None
    back = select([row("desnz/x/2025/gas/x", unit=there.unit, value=there.value)], Request(activity="gas", per=unit))
    assert back is not None
    assert abs(back.value - factor.value) <= factor.value * Decimal("1e-20")


@pytest.mark.parametrize("pair", [("kWh", "kW.h"), ("litre", "L"), ("tonne_km", "tkm")])
def test_other_spellings_of_one_unit_are_the_same(pair: tuple[str, str]) -> None:
    assert per_fits(*pair) == "same"


@settings(max_examples=120, deadline=None)
@given(st.integers(1990, 2050), st.integers(1990, 2050), st.integers(0, 5))
def test_how_far_a_year_is_off(own: int, year: int, after: int) -> None:
    from greenlang.factors.select_groups import Row

    years = off(Row(own, after, (0, ()), 0, ""), year)
    assert years == min(abs(year - stands) for stands in range(own, own + after + 1))
