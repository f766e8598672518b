"""What the energy, water, waste and LCA parts of the library promise, and how their formulas work together.

Units, worked vectors and ids are proved for every domain elsewhere.
"""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.formulas.library import LibraryFormula, library
from greenlang.formulas.prove import compiled

DOMAINS = {"energy": 200, "water": 80, "waste": 55, "lca": 50}  # fewest formulas
SUBJECTS = {
    "energy": "heat boilers steam fuels heat-pumps chp compressed-air motors pumps-and-fans lighting pv wind storage "
    "degree-days envelope ventilation management data-centres economics exergy",
    "water": "evapotranspiration irrigation footprint cooling hydraulics supply treatment wastewater-plant drainage",
    "waste": "landfill landfill-epa biological incineration wastewater recycling",
    "lca": "impact allocation circular data-quality land-and-biogenic construction product",
}
NAME = re.compile(r"(?<![\d\[])\b[A-Za-z_]\w*(?:\.\w+)?\b(?![\w(\]])")


def run(formula_id: str, **values: object) -> dict[str, Decimal]:
    """The outputs of a formula; numbers may be given as texts."""
    formula = library().get(formula_id)
    assert formula is not None, formula_id
    given_values = {k: Decimal(v) if isinstance(v, (int, str)) and _is_number(v) else v for k, v in values.items()}
    return compiled(formula).run(given_values)  # type: ignore[arg-type]


def _is_number(value: int | str) -> bool:
    return isinstance(value, int) or re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", value) is not None


def shape(formula: LibraryFormula) -> str:
    """Its expressions with the symbols renamed in the order in which they come, without units and blanks."""
    seen: dict[str, str] = {}
    text = "; ".join(out.expression for out in formula.outputs.values())
    text = NAME.sub(lambda m: seen.setdefault(m[0], f"v{len(seen)}"), re.sub(r"\[[^\]]*\]", "", text))
    return re.sub(r"\s", "", text)


def test_every_subject_is_there_and_formulas_are_not_one_product_under_many_names() -> None:
    ours = [f for f in library() if f.domain in DOMAINS]
    for domain, fewest in DOMAINS.items():
        found = [f.id.split("/")[1] for f in ours if f.domain == domain]
        assert set(SUBJECTS[domain].split()) <= set(found)
        assert len(found) >= fewest
    assert len({shape(f) for f in ours}) >= 430


def test_published_cases_are_named_and_have_a_stated_tolerance() -> None:
    published = [v for f in library() if f.domain in DOMAINS for v in f.vectors if v.published]
    assert len(published) >= 45
    assert all("by hand" not in v.source for v in published)


def test_the_evapotranspiration_formulas_lead_from_raw_data_to_the_printed_result() -> None:
    """FAO 56, Example 18: Uccle, 6 July, from temperatures, humidity, wind and sunshine to 3.9 mm a day."""
    water = "water/evapotranspiration/"
    u = run(water + "wind-speed-at-two-metres", u_z="2.778", z=10)["u_2"]
    gamma = run(water + "atmospheric-pressure", z=100)["gamma"]
    delta = run(water + "vapour-pressure-slope", T="16.9")["delta"]
    e = run(water + "mean-saturation-vapour-pressure", T_max="21.5", T_min="12.3")
    e_a = run(water + "actual-vapour-pressure-humidity", e_min=e["e_min"], e_max=e["e_max"], RH_max=84, RH_min=63)[
        "e_a"
    ]
    r_s = run(water + "solar-radiation-sunshine", n="9.25", N="16.1", R_a="41.09")["R_s"]
    r_so = run(water + "clear-sky-radiation", z=100, R_a="41.09")["R_so"]
    r_nl = run(water + "net-longwave-radiation", T_max="294.7", T_min="285.5", e_a=e_a, R_s=r_s, R_so=r_so)["R_nl"]
    r_n = run(water + "net-radiation", R_s=r_s, R_nl=r_nl)["R_n"]
    assert r_n == pytest.approx(Decimal("13.28"), rel=Decimal("0.005"))
    et = run(water + "penman-monteith", R_n=r_n, G=0, T="16.9", u=u, e_s=e["e_s"], e_a=e_a, delta=delta, gamma=gamma)[
        "ET_0"
    ]
    assert et == pytest.approx(Decimal("3.88"), rel=Decimal("0.005"))


def test_the_methane_of_all_years_is_the_generation_potential() -> None:
    potential = run(
        "waste/landfill/decomposable-carbon", W=1000, site="managed-anaerobic", DOC="0.15", DOC_f="0.5", F="0.5"
    )
    deposited, acc, total = potential["ddocm"], Decimal(0), Decimal(0)
    for _ in range(200):
        step = run("waste/landfill/first-order-decay-step", acc_0=acc, ddocm=deposited, k="0.2", F="0.5")
        deposited, acc, total = Decimal(0), step["acc"], total + step["CH4"]
    assert total == pytest.approx(potential["L_0"], rel=Decimal("1e-12"))


@pytest.mark.parametrize(
    ("formula_id", "parts", "whole", "values"),
    [
        ("energy/chp/efficiency-method", ("E_H", "E_P"), 900, {"H": 40, "P": 30, "e_H": "0.8", "e_P": "0.4"}),
        ("energy/chp/energy-content-method", ("E_H", "E_P"), 900, {"H": 40, "P": 30}),
        (
            "energy/chp/work-potential-method",
            ("E_S", "E_P"),
            900,
            {"m": 20, "h": 2800, "s": "6.6", "h_ref": 420, "s_ref": "1.3", "T_ref": 373, "P": 30},
        ),
        (
            "energy/chp/carnot-method",
            ("a_e", "a_h"),
            1,
            {"eta_e": "0.4", "eta_h": "0.45", "T_f": 90, "T_r": 60, "T_0": 10},
        ),
    ],
)
def test_allocation_to_heat_and_power_leaves_nothing_over(
    formula_id: str, parts: tuple[str, str], whole: int, values: dict[str, object]
) -> None:
    total = {"E_T": whole} if whole != 1 else {}
    got = run(formula_id, **values, **total)
    assert sum(got[p] for p in parts) == pytest.approx(Decimal(whole), rel=Decimal("1e-25"))


def test_burnt_carbon_is_either_fossil_or_biogenic() -> None:
    rows = ({"SW": Decimal(10), "dm": Decimal("0.9"), "CF": Decimal("0.5"), "FCF": Decimal("0.3")},)
    got = run("waste/incineration/fossil-carbon-dioxide", wastes=rows, OF=1)
    assert got["CO2"] + got["CO2_biogenic"] == pytest.approx(Decimal("4.5") * 44 / 12, rel=Decimal("1e-25"))


def test_a_product_that_is_neither_recycled_nor_recovered_is_made_and_disposed_of() -> None:
    zeros = dict.fromkeys(("E_rec", "E_eol", "E_vs", "E_er", "B", "R_1", "R_2", "R_3", "LHV", "X_h", "X_e"), 0)
    got = run(
        "lca/circular/circular-footprint-formula",
        **zeros, E_v=5, E_D=2, A="0.5", Q_in=1, Q_out=1, E_sh=0, E_se=0,
    )  # fmt: skip
    assert got["total"] == 7


@given(
    ntu=st.decimals(min_value="0.01", max_value=10, places=3), c_r=st.decimals(min_value="0.01", max_value=1, places=3)
)
def test_counterflow_is_never_worse_than_parallel_flow(ntu: Decimal, c_r: Decimal) -> None:
    counter = run("energy/heat/ntu-counterflow", NTU=ntu, C_r=c_r)["eps"]
    crossed = run("energy/heat/ntu-crossflow-unmixed", NTU=ntu, C_r=c_r)["eps"]
    parallel = run("energy/heat/ntu-parallel-flow", NTU=ntu, C_r=c_r)["eps"]
    assert 0 < parallel <= counter < 1
    assert 0 < crossed < 1
