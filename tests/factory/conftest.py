"""Resolutions made by hand, so that generation is tested without the resolver."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D

import pytest

from greenlang.factors.model import Factor
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    If,
    Lookup,
    Name,
    Node,
    Number,
    SystemValue,
    Text,
)
from greenlang.resolution.plan import Evidence, FactorLookup, Gap, OutputPlan, Resolution, Vector
from greenlang.specs.model import AgentSpec, InputSpec, OutputSpec, Property


def factor(activity: str, gas: str, value: str, unit: str) -> Factor:
    return Factor(
        key=f"epa/stationary-combustion/2024/{activity}/{gas.lower()}-per-mmbtu",
        publisher="epa",
        dataset="stationary-combustion",
        vintage="2024",
        activity=activity,
        category="",
        gas=gas,
        gwp_set="",
        region="US",
        value=D(value),
        cell_text=value,
        unit=unit,
        per="mmBtu",
        data_year=None,
        publication_year=2024,
        scope="1",
        boundary="TTW",
        scope2_method="",
        calorific_basis="HHV",
        biogenic=False,
        licence="US public domain",
        document="EPA GHG Emission Factors Hub 2024",
        table="Table 1",
        cell=f"{activity}, {gas}",
        source_digest="ab" * 32,
    )


def given(name: str, unit: str | None = "1") -> Name:
    return Name(name=name, kind="input", unit=unit)


def output(name: str, unit: str = "1") -> Name:
    return Name(name=name, kind="output", unit=unit)


def number(text: str) -> Number:
    return Number(value=D(text), unit="1")


def op(sign: str, left: Node, right: Node) -> Arithmetic:
    return Arithmetic(op=sign, left=left, right=right, unit="1")  # type: ignore[arg-type]


def plan(name: str, expression: Node, text: str, decimals: int | None = 6, **more: object) -> OutputPlan:
    evidence = (Evidence("dimensions", "the units agree"),)
    return OutputPlan(name, "given", expression, text, decimals, evidence=evidence, **more)  # type: ignore[arg-type]


def spec(agent_id: str, inputs: list[InputSpec], outputs: list[OutputSpec], **more: object) -> AgentSpec:
    return AgentSpec(
        dialect="pack_compute",
        digest=hashlib.sha256(agent_id.encode()).hexdigest(),
        agent_id=agent_id,
        version="1.0.0",
        name=agent_id.rsplit("/", maxsplit=1)[-1].replace("_", " ").title(),
        inputs={i.name: i for i in inputs},
        outputs={o.name: o for o in outputs},
        **more,  # type: ignore[arg-type]
    )


def build_combustion() -> Resolution:
    """Two gases, a look-up by fuel and country with gaps, a conversion, a provenance output."""
    kwh_to_mmbtu = D("0.003412141633127941920046026160112198")
    energy = Convert(operand=given("consumption", "kWh"), source_unit="kWh", unit="mmBtu", factor=kwh_to_mmbtu)
    selectors = ("fuel_type", "country")
    co2 = op("*", energy, Lookup(table="co2_factor", inputs=selectors, unit="kgCO2/mmBtu"))
    ch4_g = op("*", energy, Lookup(table="ch4_factor", inputs=selectors, unit="gCH4/mmBtu"))
    ch4 = Convert(operand=ch4_g, source_unit="gCH4", unit="kgCH4", factor=D("0.001"))
    total = op("+", output("co2_kg", "kg"), op("*", output("ch4_kg", "kg"), Lookup(table="gwp_ch4", unit="1")))
    fuels = {"natural_gas": ("natural-gas", "53.06", "1.0"), "diesel": ("distillate-fuel-oil-no-2", "73.96", "3.0")}
    gaps = (
        Gap((("fuel_type", "coal"),), "coal is ambiguous: anthracite, bituminous", ("anthracite", "bituminous")),
        Gap((("fuel_type", "electricity"),), "electricity stands in none of the references"),
        Gap((("country", "*"),), "only US stands in the references"),
    )
    lookups = {
        "co2_factor": FactorLookup(
            "co2_factor",
            selectors,
            "kgCO2/mmBtu",
            {(f, "US"): factor(a, "CO2", v, "kgCO2/mmBtu") for f, (a, v, _) in fuels.items()},
            gaps,
            "CO2 factor of the fuel",
        ),
        "ch4_factor": FactorLookup(
            "ch4_factor",
            selectors,
            "gCH4/mmBtu",
            {(f, "US"): factor(a, "CH4", v, "gCH4/mmBtu") for f, (a, _, v) in fuels.items()},
            gaps,
            "CH4 factor of the fuel",
        ),
        "gwp_ch4": FactorLookup("gwp_ch4", (), "1", {(): factor("gwp", "CH4", "29.8", "kgCO2e/kgCH4")}),
    }
    k = kwh_to_mmbtu * 1000
    cases = [
        Vector(
            f"{fuel}-1000",
            "golden",
            {"fuel_type": fuel, "consumption": D(1000), "country": "US"},
            {
                "co2e_kg": _fixed(k * D(c) + k * D(m) / 1000 * D("29.8")),
                "co2_kg": _fixed(k * D(c)),
                "ch4_kg": _fixed(k * D(m) / 1000),
            },
        )
        for fuel, (_, c, m) in fuels.items()
    ]
    cases += [
        Vector(
            "nothing burnt",
            "boundary",
            {"fuel_type": "diesel", "consumption": D(0), "country": "US"},
            {"co2e_kg": "0", "co2_kg": "0", "ch4_kg": "0"},
        ),
        Vector("coal", "gap", {"fuel_type": "coal", "consumption": D(1), "country": "US"}, error="not_covered"),
        Vector("abroad", "gap", {"fuel_type": "diesel", "consumption": D(1), "country": "DE"}, error="not_covered"),
    ]
    return Resolution(
        spec=spec(
            "emissions/carbon_calculator_v1",
            [
                InputSpec("fuel_type", "string", enum=("natural_gas", "diesel", "coal", "electricity")),
                InputSpec("consumption", "float64", "kWh", ge=D(0), description="Energy in the fuel (gross)"),
                InputSpec("country", "string", pattern="^[A-Z]{2}$", description='ISO code such as "US"'),
            ],
            [
                OutputSpec("co2e_kg", "float64", "kgCO2e", "Greenhouse gases released"),
                OutputSpec("co2_kg", "float64", "kgCO2"),
                OutputSpec("ch4_kg", "float64", "kgCH4"),
                OutputSpec("calculation_provenance", "string", description="SHA-256 hash of calculation chain"),
            ],
            summary="Calculate carbon emissions with zero hallucination",
            tags=("scope1",),
            owners=("emissions-team",),
            properties=(Property("never negative", "co2e_kg >= 0"),),
        ),
        plans={
            "co2_kg": plan("co2_kg", co2, "consumption × co2_factor"),
            "ch4_kg": plan("ch4_kg", ch4, "consumption × ch4_factor"),
            "co2e_kg": plan("co2e_kg", total, "co2_kg + ch4_kg × gwp_ch4", citation="GHG Protocol, chapter 6"),
            "calculation_provenance": OutputPlan(
                "calculation_provenance",
                "system",
                SystemValue(what="provenance", type="text"),
                "SHA-256 of the chain",
                None,
            ),
        },
        order=("co2_kg", "ch4_kg", "co2e_kg", "calculation_provenance"),
        lookups=lookups,
        vectors=tuple(cases),
    )


def build_heat_pump() -> Resolution:
    """If, min, max, sqrt, powers, a shifted scale, an optional input, a whole number, awkward names."""
    kelvin = Convert(operand=given("lambda", "degC"), source_unit="degC", unit="K", factor=D(1), shift=D("273.15"))
    lift = op(
        "-",
        Convert(operand=given("sink", "degC"), source_unit="degC", unit="K", factor=D(1), shift=D("273.15")),
        kelvin,
    )
    ideal = op(
        "/", Convert(operand=given("sink", "degC"), source_unit="degC", unit="K", factor=D(1), shift=D("273.15")), lift
    )
    cop = If(
        condition=Compare(op=">", left=given("sink"), right=given("lambda")),
        then=Call(
            function="min",
            arguments=(op("*", ideal, given("grade")), Call(function="max", arguments=(number("1"), given("cap")))),
        ),
        otherwise=number("1"),
    )
    size = Call(
        function="sqrt",
        arguments=(op("/", op("**", output("cop"), number("2")), op("*", given("units"), number("3"))),),
    )
    label = If(
        condition=Compare(op=">=", left=output("cop"), right=number("3")),
        then=Text(value="good", type="text"),
        otherwise=Text(value='"poor"', type="text"),
        type="text",
    )
    return Resolution(
        spec=spec(
            "buildings/heat-pump",
            [
                InputSpec("lambda", "float64", "degC", ge=D(-30), le=D("40.5"), description="Source | outside air"),
                InputSpec("sink", "float64", "degC", gt=D(0), lt=D(90)),
                InputSpec(
                    "grade",
                    "float64",
                    required=False,
                    default=D("0.45"),
                    gt=D(0),
                    le=D(1),
                    description="Second-law\\efficiency",
                ),
                InputSpec("units", "int32", ge=D(1)),
                InputSpec("cap", "float64", enum=(D(5), D("7.5"))),
                InputSpec("note", "string", required=False, description='"""quoted"""'),
                InputSpec("copy", "bool", required=False, default=False),
            ],
            [
                OutputSpec("cop", "float64", "1", "Coefficient of performance"),
                OutputSpec("size", "float64"),
                OutputSpec("label", "string"),
            ],
            summary="COP of a heat pump, per Carnot",
            license="MIT",
        ),
        plans={
            "cop": plan("cop", cop, "min(η × T_sink ÷ ΔT, max(1, cap))", 3, formula_id="heat_pump_cop"),
            "size": plan("size", size, "√(cop² ÷ (units × 3))", 4),
            "label": plan("label", label, "good or poor", None),
        },
        order=("cop", "size", "label"),
        lookups={},
        vectors=(
            Vector(
                "mild day",
                "golden",
                {"lambda": D(7), "sink": D(35), "units": 3, "cap": D(5)},
                {"cop": "4.952", "size": "1.6508", "label": "good"},
                tolerances={"size": "0.001"},
            ),
            Vector(
                "warm source",
                "reference",
                {"lambda": D(30), "sink": D(20), "units": 1, "cap": D(5)},
                {"cop": "1", "size": "0.5774", "label": '"poor"'},
            ),
        ),
    )


def build_constant() -> Resolution:
    """Nothing to look up, one input, a formula too long for a line, no vectors but one."""
    names = [f"contribution_of_the_{n}_source" for n in ("first", "second", "third", "fourth", "fifth", "sixth")]
    total: Node = given(names[0])
    for name in names[1:]:
        total = op("+", total, op("*", given(name), op("/", number("1"), number("3"))))
    return Resolution(
        spec=spec("x/sum", [InputSpec(n, "float64", "kg") for n in names], [OutputSpec("total", "float64", "kg")]),
        plans={"total": plan("total", total, "sum of all")},
        order=("total",),
        lookups={},
        vectors=(Vector("ones", "reference", {n: D(3) for n in names}, {"total": "8"}),),
    )


def build_odd() -> Resolution:
    """A look-up by a whole number, truth and whole-number outputs, an optional input, a list, a pattern."""
    rows = {
        (year,): replace(factor(f"grid-{year}", "CO2", value, "kg/kWh"), vintage=year)
        for year, value in (("2023", "0.2"), ("2024", "0.19"))
    }
    emissions = op("*", given("energy", "kWh"), Lookup(table="grid", inputs=("year",), unit="kg/kWh"))
    clean = Compare(op="<", left=output("emissions"), right=given("limit"), type="truth")
    known = {"energy": D("2.5"), "year": 2024, "limit": D(1), "code": "UX"}
    return Resolution(
        spec=spec(
            "grid/odd_one",
            [
                InputSpec("energy", "float64", "kWh", ge=D(0)),
                InputSpec("year", "int32", enum=(D(2023), D(2024), D(2025))),
                InputSpec("limit", "float64", "kg", required=False),
                InputSpec("code", "string", pattern="^U[A-Z]$"),
                InputSpec("tags", "list", required=False),
            ],
            [OutputSpec("emissions", "float64", "kg"), OutputSpec("clean", "bool"), OutputSpec("whole", "int32", "kg")],
        ),
        plans={
            "emissions": plan("emissions", emissions, "energy × grid"),
            "clean": plan("clean", clean, "emissions < limit", None),
            "whole": plan("whole", Call(function="max", arguments=(output("emissions"), number("0"))), "emissions", 0),
        },
        order=("emissions", "clean", "whole"),
        lookups={
            "grid": FactorLookup("grid", ("year",), "kg/kWh", rows, (Gap((("year", "2025"),), "2025 is not out"),))
        },
        vectors=(
            Vector("plain", "golden", known, {"emissions": "0.475", "clean": "true", "whole": "0"}),
            Vector(
                "plain", "reference", known | {"energy": D(10)}, {"emissions": "1.9", "clean": "false", "whole": "2"}
            ),
            Vector("next year", "gap", known | {"year": 2025}, error="not_covered"),
            Vector("no limit", "boundary", {k: v for k, v in known.items() if k != "limit"}, error="invalid_input"),
        ),
    )


def build_smallest() -> Resolution:
    """One input, one output, one vector, nothing described."""
    return Resolution(
        spec=spec("x/smallest", [InputSpec("a", "float64")], [OutputSpec("b", "float64")]),
        plans={"b": plan("b", op("*", given("a"), number("2")), "a × 2")},
        order=("b",),
        lookups={},
        vectors=(Vector("two", "golden", {"a": D(1)}, {"b": "2"}),),
    )


def as_part(resolution: Resolution, whole: AgentSpec, name: str) -> Resolution:
    """A flat resolution as one of several tools."""
    own = resolution.spec
    part = replace(own, agent_id=whole.agent_id, version=whole.version, digest=whole.digest, part=name)
    return replace(resolution, spec=part)


def build_toolbox() -> Resolution:
    """Four tools behind a dispatcher; two of them mean different rows by one name of a look-up."""
    whole = spec("plant/toolbox", [], [], summary="Several tools of a plant in one agent", license="MIT")
    second = build_combustion()
    table = second.lookups["gwp_ch4"]
    other = replace(table, rows={(): replace(table.rows[()], key="ipcc/ar5/gwp/ch4", value=D(28))})
    second = replace(
        second,
        lookups=second.lookups | {"gwp_ch4": other},
        vectors=tuple(v for v in second.vectors if v.error or v.name == "nothing burnt"),
    )
    found = {
        "burn_fuel": build_combustion(),
        "burn_fuel_ar5": second,
        "heat_pump": build_heat_pump(),
        "Double": build_smallest(),
    }
    parts = tuple(as_part(one, whole, name) for name, one in found.items())
    return Resolution(replace(whole, parts=tuple(p.spec for p in parts)), {}, (), {}, parts=parts)


def _fixed(value: D) -> str:
    return f"{value.quantize(D('0.000001')):f}".rstrip("0").rstrip(".")


BUILDERS = {
    "combustion": build_combustion,
    "heat_pump": build_heat_pump,
    "constant": build_constant,
    "odd": build_odd,
    "smallest": build_smallest,
    "toolbox": build_toolbox,
}


@pytest.fixture(scope="session")
def combustion() -> Resolution:
    return build_combustion()


@pytest.fixture(scope="session")
def heat_pump() -> Resolution:
    return build_heat_pump()


@pytest.fixture(scope="session")
def constant() -> Resolution:
    return build_constant()


@pytest.fixture(scope="session")
def builders() -> dict[str, Callable[[], Resolution]]:
    return BUILDERS


@pytest.fixture(scope="session")
def toolbox() -> Resolution:
    return build_toolbox()


@pytest.fixture(scope="session", params=sorted(BUILDERS))
def resolution(request: pytest.FixtureRequest) -> Resolution:
    """Each of them in turn."""
    return BUILDERS[request.param]()
