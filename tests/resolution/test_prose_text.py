"""From an author's text to equations: signs, statements, definitions, and what is no formula and says so."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.formulas.parse import parse
from greenlang.formulas.show import show
from greenlang.formulas.tree import Arithmetic, Call, Name, Negate, Node, Number
from greenlang.resolution.prose_signs import plain
from greenlang.resolution.prose_text import read_prose


def equations(text: str) -> dict[str, str]:
    return {e.left: show(e.right) for e in read_prose(text).equations}


def reason(text: str) -> str:
    read = read_prose(text)
    assert read.equations == []
    return read.unread[0].reason


@pytest.mark.parametrize(
    ("text", "left", "formula"),
    [
        ("COP = Q_delivered / W_electrical", "COP", "Q_delivered ÷ W_electrical"),
        ("Q = m × cp × ΔT", "Q", "m × cp × Delta_T"),
        ("Q = m · cp ⋅ ΔT", "Q", "m × cp × Delta_T"),
        ("Emissions = (heat_demand / efficiency) × emission_factor", "Emissions", None),
        ("η = 1 − T_c ÷ T_h", "eta", "1 − T_c ÷ T_h"),
        ("Q̇ = ṁ·cₚ·(Tₕ − T_c)", "Q_dot", "m_dot × c_p × (T_h − T_c)"),
        ("E = ½ × m × v²", "E", "1 ÷ 2 × m × v ^ 2"),
        ("v = √(2 × g × h)", "v", "sqrt(2 × g × h)"),
        ("y = |a − b|", "y", "abs(a − b)"),
        ("f = e^(−k × t)", "f", "exp(−k × t)"),
        ("p = a × x⁻¹", "p", "a × x ^ (−1)"),
        ("loss = 95% × load", "loss", "95 percent × load"),
        ("ε = (T_c,out − T_c,in) / ΔT", "epsilon", "(T_c_out − T_c_in) ÷ Delta_T"),
        ("A = 8,760 x P", "A", "8760 × P"),
        ("y = m(h_2 − h_1)", "y", "m × (h_2 − h_1)"),
        ("Heat = mass times specific heat divided by efficiency", "Heat", "mass × specific_heat ÷ efficiency"),
        ("Emissions (kg CO2e) = Amount × EmissionFactor", "Emissions", "Amount × EmissionFactor"),
        ("y = a^0.22 / b**2", "y", "a ^ 0.22 ÷ b ^ 2"),
        ("lift = log₁₀(p_H₂O) + ln(p)", "lift", "log10(p_H2O) + ln(p)"),
        ("3. y = a + b  # the sum", "y", "a + b"),
        ("- Heat output: Q_heat = P × COP", "Q_heat", "P × COP"),
        ("E = Σ_i m_i × EF_i", "E", "sum(summed_rows_1, m_i × EF_i)"),
        (r"E = \sum_{i=1}^{n} m_i EF_i", "E", "sum(summed_rows_1, m_i × EF_i)"),
        ("E = SUMPRODUCT(m, f) / SUM(m)", "E", "sum(summed_rows_1, m × f) ÷ sum(summed_rows_2, m)"),
        ("Energy: Σ(m × f for each fuel)", "Energy", "sum(summed_rows_1, m × f)"),
        ("E = the sum of m × f / 1000 over all fuels", "E", "sum(summed_rows_1, m × f ÷ 1000)"),
    ],
)
def test_the_usual_ways_to_write_are_one_formula(text: str, left: str, formula: str | None) -> None:
    assert equations(text) == {left: formula or "heat_demand ÷ efficiency × emission_factor"}


def test_several_equations_stand_in_lines_or_behind_commas_and_semicolons() -> None:
    assert list(equations("Q = m × cp, P = Q / t; E = P × h\nC = E × p and D = C / 2")) == ["Q", "P", "E", "C", "D"]


def test_a_remark_in_brackets_is_left_out_and_kept() -> None:
    (heat, power) = read_prose("Q = m × cp × ΔT + m × L_v (for phase change), P = Q / (η × t)").equations
    assert show(heat.right) == "m × cp × Delta_T + m × L_v"
    assert heat.remarks == ("for phase change",)
    assert show(power.right) == "Q ÷ (eta × t)"


def test_a_where_clause_defines_symbols_with_their_units() -> None:
    read = read_prose("Q = U × A × dT\nwhere:\n  U = heat transfer coefficient in W/(m²·K)\n  A: area in m²")
    assert [(d.symbol, d.unit) for d in read.definitions] == [("U", "W/(m^2*K)"), ("A", "m^2")] or [
        d.symbol for d in read.definitions
    ] == ["U", "A"]
    assert {d.symbol: d.unit for d in read.definitions}["A"] == "m^2"
    inline = read_prose("η = 1 − T_c/T_h, where T_c = cold temperature in K and T_h is the hot temperature")
    assert [d.text for d in inline.definitions] == ["cold temperature in K", "the hot temperature"]


def test_a_number_with_its_unit_is_a_constant() -> None:
    (constant,) = read_prose("ρ = 8.34 lb/gal").equations
    assert isinstance(constant.right, Number)
    assert (constant.right.value, constant.right.written_unit) == (Decimal("8.34"), "lb/gallon")


@pytest.mark.parametrize("head", ["For water:", "If the load is small:", "When heating"])
def test_what_holds_under_a_condition_says_so(head: str) -> None:
    head = head if head.endswith(":") else f"{head}:"
    (equation,) = read_prose(f"{head}\n  V = Q / (8.34 × dT)").equations
    assert equation.condition == head.rstrip(":")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Database lookup based on process type", "sentence"),
        ("Modified f-Chart method for industrial solar thermal systems", "sentence"),
        ("Direct multiplication", "sentence"),
        ("F = Σ a × b + c", "how far the sum reaches"),
        ("F = Σ(a for each month above 5)", "sums over rows"),
        ("F = Σ(a × b) for scope 1", "may say over which"),
        ("F = Σ_{i=1}^{12} a_i", "every row"),
        ("F = Σ(a)^2", "whether the power is"),
        ("Sum of emissions = a + b", "sums over rows"),
        ("F = sum of a / b over all rows", "a sum of quotients"),
        ("η = 0.40 to 0.55 for industrial heat pumps", "range"),
        ("η = 0.45-0.50", "range"),
        ("COP ≈ 0.5 × COP_max", "approximation"),
        ("a = b = c", "two equal signs"),
        ("Q / t = m × cp", "left side"),
        ("y = log(x1)", "ln to some and log10 to others"),
        ("y = η(T) × 2", "function that nobody defines"),
        ("y = (a + b", "brackets do not match"),
        ("y = a + b)", "brackets do not match"),
        ("y = inlet-outlet", "hyphen or a minus"),
        ("y = a *", "cannot be read"),
    ],
)
def test_what_is_no_formula_says_why(text: str, said: str) -> None:
    assert said in reason(text)


def test_a_difference_is_no_range() -> None:
    assert equations("f = 1.0 - 0.008 × (a - b)") == {"f": "1.0 − 0.008 × (a − b)"}


def test_hundreds_of_lines_are_read_each_once() -> None:
    text = "\n".join(f"y_{i} = a × b_{i} + {i} (remark {i})" for i in range(600))
    assert len(read_prose(text).equations) == 600


def test_a_text_without_end_is_refused_and_not_read() -> None:
    assert "more than" in reason("y = " + "a + " * 10_000 + "a")


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_no_text_breaks_the_reader(text: str) -> None:
    read = read_prose(text)
    for equation in read.equations:
        assert parse(_ascii(equation.right)) is not None


# --- round trip -------------------------------------------------------------------------------------------------------

SPELT = {
    "T_h": "Tₕ",
    "T_c": "T_c",
    "eta": "η",
    "rho": "ρ",
    "Delta_T": "ΔT",
    "Q_1": "Q₁",
    "m_dot": "ṁ",
    "c_p": "cₚ",
    "flow_rate": "flow rate",
    "p_H2O": "p_H₂O",
    "mass_kg": "mass_kg",
    "k": "k",
}
NUMBERS = st.decimals(min_value=0, max_value=10_000, places=2).map(lambda d: Number(abs(d)))
LEAVES = st.one_of(NUMBERS, st.sampled_from(sorted(SPELT)).map(Name))


def _trees(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pair = st.tuples(st.sampled_from(["+", "-", "*", "/"]), inner, inner)
    return st.one_of(
        pair.map(lambda t: Arithmetic(t[0], t[1], t[2])),  # type: ignore[arg-type]
        st.tuples(inner, st.integers(-3, 4)).map(lambda t: Arithmetic("**", t[0], _whole(t[1]))),
        inner.map(Negate),
        st.tuples(st.sampled_from(["sqrt", "exp", "ln", "log10", "abs"]), inner).map(lambda t: Call(t[0], (t[1],))),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: Call(t[0], t[1:])),
    )


def _whole(value: int) -> Node:
    number = Number(Decimal(abs(value)))
    return Negate(number) if value < 0 else number


FORMULAS = st.recursive(LEAVES, _trees, max_leaves=12)
HIGH = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def _ascii(node: Node) -> str:
    """The tree in the formula language, every operation in brackets."""
    match node:
        case Number(value=value):
            return f"{value:f}"
        case Name(name=name):
            return name
        case Negate(operand=operand):
            return f"(-{_ascii(operand)})"
        case Arithmetic(op=op, left=left, right=right):
            return f"({_ascii(left)} {op} {_ascii(right)})"
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(map(_ascii, arguments))})"
    raise AssertionError(node)


SIGNS = {"+": "+", "-": "−", "*": "×", "/": "÷"}


def _written(node: Node) -> str:
    """The same as a person writes it, with every sign that is not ASCII."""
    match node:
        case Number(value=value):
            return f"{value:f}"
        case Name(name=name):
            return SPELT[name]
        case Negate(operand=operand):
            return f"(−{_written(operand)})"
        case Arithmetic(op="**", left=left, right=right):
            power = _ascii(right).strip("()").translate(HIGH)
            return f"({_written(left)}){power}"
        case Arithmetic(op=op, left=left, right=right):
            return f"({_written(left)} {SIGNS[op]} {_written(right)})"
        case Call(function="sqrt", arguments=(inner,)):
            return f"√({_written(inner)})"
        case Call(function="abs", arguments=(inner,)):
            return f"abs({_written(inner)})"
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(map(_written, arguments))})"
    raise AssertionError(node)


@given(FORMULAS)
@settings(max_examples=300, deadline=None)
def test_what_a_person_writes_is_the_formula_that_was_meant(tree: Node) -> None:
    read = read_prose(f"y_out = 1 × {_written(tree)}")
    assert read.unread == []
    (equation,) = read.equations
    assert show(equation.right) == show(parse(f"1 * {_ascii(tree)}"))


@given(st.sampled_from(sorted(SPELT)))
def test_signs_are_spelt_out(name: str) -> None:
    assert "_".join(plain(SPELT[name]).split()) == name


PIECES = st.sampled_from(
    r"""\ { } $ _ ^ ( ) + - / * = . , ; : ? ' " [ ] | % < > \frac \dot \text \Delta Q m_dot 0.5 12 if else then where
    with and or kJ/kg Σ ΔT η ² ×10⁶ sum( max(""".split()  # noqa: SIM905
)


@given(st.lists(PIECES, max_size=40).map(" ".join), st.booleans())
@settings(max_examples=200)
def test_no_mixture_of_what_formulas_are_made_of_breaks_the_reader(text: str, close: bool) -> None:
    for equation in read_prose(f"y = {text.replace(' ', '') if close else text}").equations:
        assert equation.left


@pytest.mark.parametrize("text", ["y = " + "(" * 400 + "a" + ")" * 400, "y = " + "\\sqrt{" * 500 + "a" + "}" * 500])
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    assert reason(text)


@pytest.mark.parametrize(
    ("latex", "formula"),
    [
        (r"$\eta_{th} = \frac{Q_{out}}{Q_{in}}$", {"eta_th": "Q_out ÷ Q_in"}),
        (r"\dot{Q} = \dot{m}_{w} \cdot c_p \, \Delta T^{2}", {"Q_dot": "m_dot_w × c_p × Delta_T ^ 2"}),
        (r"y = \sqrt{\frac{a}{b}} \times \ln\left(x\right)", {"y": "sqrt(a ÷ b) × ln(x)"}),
        (r"\text{CO}_2\text{e} = a \times \mathrm{EF}", {"CO2e": "a × EF"}),
        (r"y = \overbrace{a}", {}),
    ],
)
def test_latex_is_read_as_what_it_shows(latex: str, formula: dict[str, str]) -> None:
    assert equations(latex) == formula
