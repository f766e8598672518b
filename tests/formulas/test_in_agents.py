"""What of the language an agent can hold is generated and agrees; the rest is refused with a finding, never a crash."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from greenlang_sdk import decimals

from greenlang.factors import FactorTable
from greenlang.factory.constants import Constants
from greenlang.factory.render import render
from greenlang.formulas.check import Scope, Symbol, check
from greenlang.formulas.evaluate import evaluate
from greenlang.formulas.library import library
from greenlang.formulas.parse import parse
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read

SPEC = """
schema_version: "2.0.0"
id: energy/try_v1
name: Try
version: 1.0.0
summary: a try
compute:
  inputs:
    power: {{dtype: float64, unit: kW, ge: 1}}
  outputs:
    level: {{dtype: float64, unit: "1"}}
  formulas:
    level: {formula}
"""


def run(text: str, values: Mapping[str, Decimal]) -> Any:
    scope = Scope({name: Symbol(name, "input", "number", "1") for name in values})
    node = check(parse(text), scope)
    body = render(node, names={("input", n): n for n in values}, constants=Constants())
    source = f"def tool({', '.join(values)}):\n" + "\n".join(body.lines)
    space: dict[str, Any] = {"Decimal": Decimal, **{f: getattr(decimals, f) for f in body.functions}}
    exec(source, space)
    with decimals.calculation():
        got = space["tool"](**values)
    assert got == evaluate(node, values, {})
    return got


def test_log10_and_round_are_generated() -> None:
    values = {"a": Decimal("1234.5678"), "b": Decimal("2.5")}
    assert run("log10(1000)", values) == 3
    assert run("round(a, 2)", values) == Decimal("1234.57")
    assert run("round(a * b, -2)", values) == 3100
    assert run("round(b, 0)", values) == 2
    assert run("round(2.5, 0)", values) == 2
    long = "round(" + " + ".join(["log10(a * b) * round(a / b, 3)"] * 9) + ", 4) + max(log10(a), round(b, 0))"
    assert run(long, values) > 0


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ('power * table("factors", "value", kind = "x") / 1 [kW]', "there is no parameter table `factors`"),
        ("sum(power, 1)", "`power` is no table"),
        ("{formula: carbon/mobile/fuel-from-economy}", "carbon/mobile/fuel-from-economy"),
    ],
)
def test_what_an_agent_cannot_hold_is_a_finding(formula: str, message: str) -> None:
    quoted = formula if formula.startswith("{") else f"'{formula}'"
    spec, findings = read(SPEC.format(formula=quoted).encode())
    if spec is not None:
        findings += resolve(spec, FactorTable.load(), library()).diagnostics
    assert any(message in f.message for f in findings), findings


@pytest.mark.parametrize("word", ["sum", "table"])
def test_new_words_of_the_language_stay_usable_as_names(word: str) -> None:
    scope = Scope({word: Symbol(word, "input", "number", "1")})
    assert evaluate(check(parse(f"{word} * 2"), scope), {word: Decimal(4)}, {}) == 8
