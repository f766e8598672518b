"""Faults of every kind, planted in copies of the publishers' files: each is a new finding of a named gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from greenlang.factors import Factor, FactorTable
from greenlang.factors.gates.run import run_gates
from tests.factors.gates.plant import changed, found, with_value

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("full_table")]  # one worker loads it

DESNZ = "desnz/conversion-factors/2025"
DIESEL = f"{DESNZ}/fuels/liquid-fuels/diesel-average-biofuel-blend"
CAR = f"{DESNZ}/passenger-vehicles/cars-by-size/average-car/petrol"
BC = "ademe/base-carbone/22.0"
AGRIBALYSE = "ademe/agribalyse/3.1"
CBAM = "ec/cbam-default-values/2025-2621"
HUB = "epa/ghg-hub/2025"
CHAIN = "epa/supply-chain"
IFI = "unfccc/ifi-grid/2021-v3.1"


@dataclass(frozen=True)
class Plant:
    """A fault in one row. ``caught`` are the gates that must find it, at ``key`` or at ``at``."""

    what: str
    key: str
    change: Callable[[Factor], Factor]
    caught: tuple[str, ...]
    at: str = ""

    @property
    def expected(self) -> set[str]:
        return {f"{gate} {self.at or self.key}" for gate in self.caught}


def by(factor: str) -> Callable[[Factor], Factor]:
    return lambda row: with_value(row, row.value * Decimal(factor))


def to(value: str) -> Callable[[Factor], Factor]:
    return lambda row: with_value(row, value)


def marked(**fields: object) -> Callable[[Factor], Factor]:
    return lambda row: replace(row, **fields)  # type: ignore[arg-type]


SCALE = [
    (f"{BC}/gazole-routier/b7/fr/25775/co2e-per-litre", ("gases_add_up",)),
    (f"{AGRIBALYSE}/chipolata-cuite/30005/co2e-per-kg", ("gases_add_up", "against_siblings")),
    ("ademe/impact-co2/2026-07-01/alimentation/boeuf/co2e-per-kg", ("against_siblings",)),
    (f"{DESNZ}/waste-disposal/refuse/household-residual-waste/landfill/co2e-per-tonne", ("unit_scale",)),
    (f"{DESNZ}/secr-kwh-pass-delivery-vehs/motorbike/small/kwh-net-per-vehicle-km", ("unit_scale",)),
    ("desnz/ggi/2025/cement-industry/coal/co2-per-tonne", ("unit_scale", "against_previous_vintage")),
    ("desnz/electricity/2025/electricity-generated-wtt/co2e-per-kwh", ("as_printed",)),
    (f"{CBAM}/total/7607/route-l/ua/co2e-per-t", ("against_siblings", "gases_add_up")),
    ("ec/mrr-annex-vi/2018-2066/fuels/lignite/co2-per-tj", ("against_other_publishers",)),
    ("eea/electricity/electricity-generation-5/electricity/de/2018/co2-per-kwh", ("against_other_publishers",)),
    (
        f"{HUB}/stationary-combustion/natural-gas/co2-per-mmbtu",
        ("against_previous_vintage", "against_other_publishers"),
    ),
    ("epa/egrid-rates/2021/electricity/total-output/us-oh/co2e-per-mwh", ("unit_scale",)),
    (f"{CHAIN}/v1.3/naics-111140/with-margins/co2e-per-usd", ("gases_add_up", "against_previous_vintage")),
    (f"{CHAIN}/v1.2/naics-311224/with-margins/hfc-32-per-usd", ("gases_add_up",)),
    ("ipcc/gwp-values/ar5/hfc-134a/gwp-100", ("gwp_label", "unit_scale")),
    ("owid/electricity/2026/electricity/fr/2020/co2e-per-kwh", ("against_other_publishers", "unit_scale")),
    (f"{IFI}/electricity/de/operating-margin/co2-per-kwh", ("against_other_publishers", "against_siblings")),
]
PLANTS = [
    *(Plant("x1000", key, by("1000"), gates) for key, gates in SCALE),
    Plant("x0.001", f"{HUB}/gwp/hfc-125/gwp-100", by("0.001"), ("gwp_label", "unit_scale")),
    Plant("x0.001", f"{CBAM}/total/31028000/in/co2e-per-t", by("0.001"), ("against_siblings", "gases_add_up")),
    # units
    Plant("per mile as per km", f"{CAR}/co2e-per-vehicle-km", by("1.609344"), ("unit_scale",)),
    Plant("MJ as kWh", f"{BC}/anthracite/fr/12902/co2e-per-kwh-lhv", by("3.6"), ("unit_scale",)),
    Plant(
        "gallon as litre", f"{HUB}/mobile-combustion-co2/diesel-fuel/co2-per-gallon", by("0.264172052"), ("unit_scale",)
    ),
    Plant(
        "US gallon as imperial",
        "epa/mobile-combustion-co2/2025/motor-gasoline/co2-per-gallon",
        by("1.20095"),
        ("unit_scale", "against_other_publishers"),
    ),
    Plant("kg as lb", f"{HUB}/stationary-combustion/anthracite/co2-per-short-ton", by("2.20462"), ("unit_scale",)),
    Plant("carbon as CO2", "desnz/ggi/2025/power-stations/gas-oil/co2-per-tonne", by("0.272727"), ("unit_scale",)),
    Plant("short ton as tonne", f"{HUB}/waste/tires/combusted/co2e-per-short-ton", by("1.10231131"), ("unit_scale",)),
    Plant("g as kg", "owid/electricity/2026/electricity/de/2010/co2e-per-kwh", by("0.001"), ("unit_scale",)),
    # a lost "0."
    Plant(
        "0.177 as 177",
        f"{DESNZ}/uk-electricity/electricity-generated/electricity-uk/co2e-per-kwh",
        to("177"),
        ("gases_add_up",),
    ),
    Plant(
        "0.00921 as 921",
        f"{DESNZ}/freighting-goods/sea-tanker/crude-tanker/10000-59999-dwt/co2e-per-tonne-km",
        to("921"),
        ("dropped_point",),
    ),
    Plant("0.43 as 43", f"{HUB}/waste/mixed-msw/combusted/co2e-per-short-ton", to("43"), ("dropped_point",)),
    Plant("0.1 as 1", f"{HUB}/stationary-combustion/natural-gas/n2o-per-mmbtu", to("1"), ("dropped_point",)),
    # gases multiplied again
    Plant(
        "double GWP",
        f"{DIESEL}/co2e-per-litre",
        to("11.26425"),
        ("double_gwp", "gases_add_up", "against_other_publishers"),
    ),
    Plant("double GWP of a part", f"{DIESEL}/of-n2o/co2e-per-tonne", by("265"), ("double_gwp",)),
    Plant("double GWP of methane", f"{CAR}/of-ch4/co2e-per-vehicle-mile", by("28"), ("double_gwp",)),
    Plant(
        "double GWP of the CO2e of its gases",
        f"{BC}/houille/pcs-superieur-a-23865-kj-kg/fr/12945/combustion/co2e-per-kg",
        to(str(Decimal("3.04") + Decimal("0.0096") * 28 + Decimal("0.0254") * 265)),
        ("double_gwp", "gases_add_up"),
    ),
    # labels
    Plant("AR4 methane in an AR5 set", f"{DESNZ}/refrigerant-other/methane/gwp-100", to("25"), ("gwp_label",)),
    Plant("AR4 label on AR5", f"{CAR}/co2e-per-vehicle-mile", marked(gwp_set="AR4GWP100"), ("gwp_label",)),
    Plant("AR6 label on AR5", f"{BC}/gwp/ar5gwp100/sf6/22581/gwp-100", marked(gwp_set="AR6GWP100"), ("gwp_label",)),
    Plant("fossil methane at 28", f"{BC}/gwp/ar5gwp100/ch4f/22579/gwp-100", to("28"), ("gwp_label",)),
    Plant("blend of AR4 in AR5", f"{HUB}/gwp/r-410a/gwp-100", to("2088"), ("gwp_label",)),
    Plant(
        "AR5 label on AR4",
        f"{CHAIN}/v1.2/naics-111930/with-margins/co2e-per-usd",
        marked(gwp_set="AR5GWP100"),
        ("gwp_label",),
    ),
    Plant("N2O of AR4 in the MRR", "ec/mrr-annex-vi/2018-2066/gwp/n2o/gwp-100", to("298"), ("gwp_label",)),
    # wholes and parts
    Plant(
        "whole with its parts",
        f"{DESNZ}/homeworking/homeworking-office-equipment-plus-heating/co2e-per-fte-working-hour",
        by("2"),
        ("parts_and_wholes", "gases_add_up"),
    ),
    Plant(
        "whole with its parts",
        f"{BC}/fioul-domestique/fr/14085/co2e-per-kwh-lhv",
        by("2"),
        ("parts_and_wholes", "gases_add_up"),
    ),
    Plant(
        "whole with its parts", f"{CBAM}/total/28142000/eg/co2e-per-t", by("2"), ("parts_and_wholes", "gases_add_up")
    ),
    Plant(
        "whole with its parts",
        f"{AGRIBALYSE}/cidre-brut/5006/co2e-per-kg",
        by("2"),
        ("parts_and_wholes", "gases_add_up"),
    ),
    Plant(
        "part of nothing",
        f"{CBAM}/direct/28080000/co/co2e-per-t",
        marked(part_of=f"{CBAM}/total/0/co"),
        ("parts_and_wholes",),
    ),
    Plant(
        "a gas with too much mass", f"{CHAIN}/v1.2/naics-112120/with-margins/ch4-per-usd", by("1.5"), ("gases_add_up",)
    ),
    Plant(
        "a gas with too much mass, seen in its CO2e",
        f"{CHAIN}/v1.2/naics-112130/with-margins/ch4-per-usd",
        by("1.5"),
        ("gases_add_up",),
        at=f"{CHAIN}/v1.2/naics-112130/with-margins/co2e-per-usd",
    ),
    Plant(
        "cargo flight without its contrails, which leaves 55 %",
        f"{BC}/avion-cargo/10-a-25-tonnes-500-1000-kms-2018/avec-trainees/fr/28057/of-contrails/co2e-per-tonne-km",
        to("0"),
        ("gases_add_up",),
        at=f"{BC}/avion-cargo/10-a-25-tonnes-500-1000-kms-2018/avec-trainees/fr/28057/co2e-per-tonne-km",
    ),
    Plant(
        "blend with its HCFC in an edition that counts it as zero",
        f"{HUB}/gwp/r-402b/gwp-100",
        to("2261"),
        ("gwp_label",),
    ),
    # projections and illustrations
    Plant(
        "projection marked valid",
        "eea/electricity/co2-emission-intensity-6/electricity/eu27/2030/indicative-level-high/co2-per-kwh",
        marked(status="valid"),
        ("not_certified",),
    ),
    Plant(
        "scenario",
        f"{DESNZ}/water-treatment/co2e-per-m3",
        marked(name="Water treatment, indicative"),
        ("not_certified",),
    ),
    Plant(
        "year to come",
        "owid/electricity/2026/electricity/es/2024/co2e-per-kwh",
        marked(data_year=2035),
        ("not_certified",),
    ),
    Plant(
        "French",
        "ademe/impact-co2/2026-07-01/transport/tgv/co2e-per-passenger-km",
        marked(note="valeur provisoire"),
        ("not_certified",),
    ),
    Plant(
        "illustration",
        f"{HUB}/waste/glass/landfilled/co2e-per-short-ton",
        marked(table="Illustrative values"),
        ("not_certified",),
    ),
    # zeros, signs, repetitions
    Plant("zero", f"{CBAM}/total/28041000/tr/co2e-per-t", to("0"), ("zero_or_repeated", "gases_add_up")),
    Plant(
        "zero",
        f"{HUB}/stationary-combustion/lignite/co2-per-mmbtu",
        to("0"),
        ("zero_or_repeated", "against_previous_vintage"),
    ),
    Plant(
        "negative",
        "eea/electricity/electricity-generation-5/electricity/at/2012/co2-per-kwh",
        by("-1"),
        ("zero_or_repeated",),
    ),
    Plant("negative", "ipcc/gwp-values/ar6/hfc-32/gwp-100", by("-1"), ("zero_or_repeated", "gwp_label")),
    Plant(
        "last year's digits",
        "epa/egrid-rates/2020/electricity/total-output/us-tx/co2e-per-mwh",
        to("860.242"),
        ("zero_or_repeated",),
    ),
    # reading
    Plant(
        "another value than the cell's",
        f"{BC}/ter/2018/traction-moyenne/fr/28154/co2e-per-passenger-km",
        marked(value=Decimal("0.3")),
        ("as_printed",),
    ),
]


@pytest.fixture(scope="module")
def caught(untouched: FactorTable) -> set[str]:
    """What is found where all the faults are planted at once: they are far apart, and each is looked for by name."""
    rows = []
    for plant in PLANTS:
        row = untouched.get(plant.key)
        assert row is not None, plant.key
        rows.append(plant.change(row))
    assert len({row.key for row in rows}) == len(rows)
    return found(changed(untouched, rows))


@pytest.mark.parametrize("plant", PLANTS, ids=[f"{plant.what}: {plant.key}" for plant in PLANTS])
def test_a_planted_fault_is_a_new_finding(caught: set[str], plant: Plant) -> None:
    assert plant.expected <= caught


def test_the_value_of_the_public_slip_is_what_its_gases_give(untouched: FactorTable) -> None:
    co2, ch4, n2o = (untouched.get(f"{DIESEL}/of-{gas}/co2e-per-litre") for gas in ("co2", "ch4", "n2o"))
    assert co2 is not None
    assert ch4 is not None
    assert n2o is not None
    assert round(co2.value + ch4.value * 28 + n2o.value * 265, 2) == Decimal("11.26")


def test_gases_multiplied_together_with_their_whole_are_found_although_they_add_up(untouched: FactorTable) -> None:
    """Every column of the table was multiplied: the sums are right, and all of them are wrong."""
    parts = {gas: untouched.get(f"{DIESEL}/of-{gas}/co2e-per-kwh-net") for gas in ("co2", "ch4", "n2o")}
    whole = untouched.get(f"{DIESEL}/co2e-per-kwh-net")
    assert whole is not None
    rows = []
    for gas, gwp in (("co2", 1), ("ch4", 28), ("n2o", 265)):
        part = parts[gas]
        assert part is not None
        rows.append(with_value(part, part.value * gwp))
    rows.append(with_value(whole, sum((row.value for row in rows), Decimal(0))))
    new = found(changed(untouched, rows))
    assert f"gases_add_up {whole.key}" not in new
    assert {f"double_gwp {whole.key}", f"double_gwp {rows[2].key}", f"against_other_publishers {whole.key}"} <= new


def test_a_figure_that_moved_since_the_release_before_is_found_until_the_next_release(untouched: FactorTable) -> None:
    key = f"{CBAM}/total/7208/route-c/other/co2e-per-t"
    row = untouched.get(key)
    assert row is not None
    now = changed(untouched, [with_value(row, row.value * Decimal("1.12"))])
    report = run_gates(now, untouched)
    assert f"against_previous_release {key}" in {finding.id for finding in report.open}
    assert f"against_previous_release {key}" not in {finding.id for finding in run_gates(now, now).open}


def test_a_reviewed_finding_about_another_figure_is_open_again(untouched: FactorTable) -> None:
    key = f"{CBAM}/total/26011200/ru/co2e-per-t"
    row = untouched.get(key)
    assert row is not None
    (finding,) = [f for f in run_gates(untouched, None).findings if f.id == f"against_siblings {key}"]
    assert finding.decision == "keep"
    (again,) = [
        f
        for f in run_gates(changed(untouched, [with_value(row, row.value * 1000)]), None).open
        if f.id == f"against_siblings {key}"
    ]
    assert "it was reviewed as `1.61`" in again.message


def test_a_reviewed_finding_that_is_mended_has_vanished(untouched: FactorTable) -> None:
    key = "owid/electricity/2026/electricity/bi/2005/co2e-per-kwh"
    row = untouched.get(key)
    assert row is not None
    report = run_gates(changed(untouched, [with_value(row, "24")]), None)
    assert report.vanished == (f"zero_or_repeated {key}",)


@pytest.mark.parametrize("factor", ["1000", "0.001"])
def test_nearly_every_whole_figure_that_slips_by_a_thousand_is_found(untouched: FactorTable, factor: str) -> None:
    """A few hundred, evenly spread. What stands alone in its table, or is small beside others, may slip through."""
    chosen = [
        row
        for number in range(0, len(untouched), 211)
        if (row := untouched.at(number)).value and row.status == "valid" and not row.part_of
    ]
    table = changed(untouched, [with_value(row, row.value * Decimal(factor)) for row in chosen])
    new = {line.partition(" ")[2] for line in found(table)}
    missed = [row.key for row in chosen if row.key not in new and not _later(row) & new]
    assert len(chosen) > 200
    assert len(missed) < 0.1 * len(chosen), missed[:20]


def _later(row: Factor) -> set[str]:
    """The keys of the same path in other vintages: a slip in an older one is seen in the next."""
    path = row.key.split("/", 3)[3]
    return {f"{row.publisher}/{row.dataset}/{other}/{path}" for other in VINTAGES}


VINTAGES = ("2020", "2021", "2022", "2024", "2025", "2026", "v1.3", "ar5", "ar6", "electricity-generation-5")
