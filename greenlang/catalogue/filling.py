"""A template filled for a region and a sector: the body of a spec, every change put in, every figure worked out.

Belongs here: applying changes. Does not belong here: whether the spec is good (``proof``), the names of an
agent (``naming``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import cached_property
from typing import Any

from greenlang_sdk.decimals import normal_text, round_output

from greenlang import units
from greenlang.catalogue.arithmetic import is_worked, worked
from greenlang.catalogue.parameters import SETTABLE
from greenlang.catalogue.schema import Change, Choice
from greenlang.catalogue.template import Template
from greenlang.errors import CalculationError, FactorNotFound, FormulaError, UnitError
from greenlang.factors.model import Factor
from greenlang.factors.table import FactorTable
from greenlang.specs import yamltext
from greenlang.specs.source import Path

_SHORT = Context(prec=15)  # digits of a worked value whose output has no usable unit


@dataclass(frozen=True, slots=True)
class Problem:
    """A change or a figure that does not fit, with the key of the template file at which it stands."""

    code: str
    message: str
    hint: str
    path: Path


@dataclass(frozen=True)
class Filled:
    """The body of a spec: summary, tags, compute, provenance, tests. ``region`` and ``sector`` are empty for none."""

    template: Template
    region: str
    sector: str
    body: dict[str, Any]
    notes: tuple[str, ...]
    sources: tuple[str, ...]
    left_out: tuple[str, ...] = ()  # golden cases that other ranges of the inputs exclude

    @cached_property
    def text(self) -> str:
        """Everything below the head of the spec as YAML: the same for every agent of this region and sector."""
        return yamltext.block({k: self.body[k] for k in ("compute", "provenance", "tests") if self.body.get(k)})


@dataclass
class _Filling:
    template: Template
    table: FactorTable
    region: str
    body: dict[str, Any]
    chosen: dict[str, Choice] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def fail(self, code: str, message: str, hint: str, path: Path) -> None:
        self.problems.append(Problem(code, message, hint, path))


def fill(
    template: Template,
    table: FactorTable,
    *,
    region: str = "",
    sector: str = "",
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Filled, tuple[Problem, ...]]:
    """The template for a region and a sector, and what does not fit. Whether it is refused there is not asked here.

    ``inputs`` are a person's own changes of inputs; golden cases that they exclude are left out.
    """
    body = deepcopy(template.declared.spec.model_dump(exclude_defaults=True))
    filling = _Filling(template, table, region, body)
    by_region = template.region(region) if region else Change()
    by_sector = template.sector(sector) if sector else Change()
    for change, path in ((by_region, ("regions", region)), (by_sector, ("sectors", sector))):
        _apply(filling, change, path)
    _inputs(filling, dict(inputs or {}), ())
    left_out = _exclude(filling) if inputs else ()
    _work_out(filling)
    filled = Filled(
        template,
        region,
        sector,
        body,
        tuple(c.note for c in (by_region, by_sector) if c.note),
        tuple(dict.fromkeys([*template.declared.sources, *(c.source for c in (by_region, by_sector) if c.source)])),
        left_out,
    )
    return filled, tuple(filling.problems)


def _apply(filling: _Filling, change: Change, path: Path) -> None:
    factors = _section(filling.body, "factors")
    for alias, ref in change.factors.items():
        if isinstance(factors.get(alias), dict):
            factors[alias]["ref"] = ref
        else:
            _no_alias(filling, alias, (*path, "factors", alias))
    for alias, choice in change.choose.items():
        if not isinstance(factors.get(alias), dict):
            _no_alias(filling, alias, (*path, "choose", alias))
        else:
            _choose(filling, alias, choice, (*path, "choose", alias))
    if change.gwp_set is not None:
        filling.body.setdefault("provenance", {})["gwp_set"] = change.gwp_set
    if any("default" in new for new in change.inputs.values()) and not change.source:
        filling.fail("GLT006", "a default is changed without its source", "add `source:` with the citation", path)
    _inputs(filling, change.inputs, (*path, "inputs"))


def _section(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body["compute"].get(name)
    return found if isinstance(found, dict) else {}


def _no_alias(filling: _Filling, alias: str, path: Path) -> None:
    known = ", ".join(_section(filling.body, "factors")) or "none"
    filling.fail("GLT006", f"the spec has no alias `{alias}`", f"its aliases are {known}", path)


def _choose(filling: _Filling, alias: str, choice: Choice, path: Path) -> None:
    """``factor(alias)`` becomes a look-up by an input that names the place."""
    inputs = _section(filling.body, "inputs")
    if choice.input in inputs:
        filling.fail("GLT006", f"the spec has an input `{choice.input}` already", "rename it", path)
        return
    if choice.example not in choice.values:
        filling.fail("GLT006", f"`{choice.example}` is none of the values", "choose one of them", path)
        return
    inputs[choice.input] = {"dtype": "string", "enum": list(choice.values), "description": choice.description}
    _section(filling.body, "factors")[alias]["ref"] = choice.table
    call = re.compile(rf"factor\(\s*\"?{re.escape(alias)}\"?\s*\)")
    new = f"factor({alias}, region = {choice.input})"
    formulas = _section(filling.body, "formulas")
    for name, text in formulas.items():
        formulas[name] = _replaced(text, call, new)
    for case in _golden(filling.body):
        case["input"] = {**case["input"], choice.input: choice.example}
    filling.chosen[alias] = choice


def _replaced(value: Any, call: re.Pattern[str], new: str) -> Any:
    if isinstance(value, str):
        return call.sub(new, value)
    return {k: _replaced(v, call, new) for k, v in value.items()} if isinstance(value, dict) else value


def _inputs(filling: _Filling, changes: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    inputs = _section(filling.body, "inputs")
    for name, new in changes.items():
        if not isinstance(inputs.get(name), dict):
            own = ", ".join(_section(filling.template.declared.spec.model_dump(), "inputs"))
            filling.fail("GLT006", f"the spec has no input `{name}`", f"its inputs are {own}", (*path, name))
            continue
        for key in new.keys() - set(SETTABLE):
            hint = f"a region, a sector or a person changes {', '.join(SETTABLE)}"
            filling.fail("GLT006", f"`{key}` of an input is not changed", hint, (*path, name, key))
        kept = {k: v for k, v in new.items() if k in SETTABLE}
        gone = {"ge": "gt", "gt": "ge", "le": "lt", "lt": "le"}  # the other form of the same bound
        for key in kept.keys() & gone.keys():
            inputs[name].pop(gone[key], None)
        inputs[name].update(kept)
        if "default" in kept:
            inputs[name].pop("required", None)


def _golden(body: dict[str, Any]) -> list[dict[str, Any]]:
    cases = body["tests"].get("golden")
    whole = cases if isinstance(cases, list) else []
    return [c for c in whole if isinstance(c, dict) and isinstance(c.get("input"), dict)]


def _exclude(filling: _Filling) -> tuple[str, ...]:
    """Take out the golden cases whose inputs lie outside the ranges that a person set; their names."""
    inputs = _section(filling.body, "inputs")
    out = [c for c in _golden(filling.body) if any(_outside(inputs.get(n), v) for n, v in c["input"].items())]
    filling.body["tests"]["golden"] = [c for c in filling.body["tests"]["golden"] if c not in out]
    return tuple(str(c.get("name", "")) for c in out)


def _outside(declared: Any, value: Any) -> bool:
    if not isinstance(declared, dict):
        return False
    if declared.get("enum") and value not in declared["enum"]:
        return True
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    ends = {k: declared[k] for k in ("ge", "gt", "le", "lt") if isinstance(declared.get(k), int | Decimal)}
    return (
        ("ge" in ends and value < ends["ge"])
        or ("gt" in ends and value <= ends["gt"])
        or ("le" in ends and value > ends["le"])
        or ("lt" in ends and value >= ends["lt"])
    )


def _work_out(filling: _Filling) -> None:
    """Put the figures into the expected values of the golden cases."""
    cases = filling.body["tests"].get("golden")
    for i, case in enumerate(cases if isinstance(cases, list) else []):
        expect = case.get("expect") if isinstance(case, dict) else None
        if not isinstance(expect, dict):
            continue
        shown = []
        for name, wanted in expect.items():
            text = wanted.get("value") if isinstance(wanted, dict) else wanted
            if not isinstance(text, str) or not is_worked(text):
                continue
            try:
                exact, plain = worked(text, lambda alias: _figure(filling, alias))
            except (FormulaError, UnitError, CalculationError, FactorNotFound) as error:
                path = ("spec", "tests", "golden", i, "expect", name)
                filling.fail("GLT007", f"`{text}`: {error}", "plain numbers, {alias} and {alias [unit]}", path)
                exact, plain = Decimal(0), text
            value = _rounded(filling, name, exact)
            expect[name] = {**wanted, "value": value} if isinstance(wanted, dict) else value
            shown.append(f"{name} = {plain}")
        if shown:
            case["description"] = "; ".join([*([case["description"]] if case.get("description") else []), *shown])


def _figure(filling: _Filling, alias: str) -> Factor:
    """The one row that an alias names here."""
    declared = _section(filling.body, "factors").get(alias)
    if not isinstance(declared, dict):
        known = ", ".join(_section(filling.body, "factors")) or "none"
        raise FormulaError(f"`{alias}` is no alias under `compute.factors`; there are {known}")
    rows = filling.table.resolve(str(declared.get("ref")))
    if alias in filling.chosen:
        example = filling.chosen[alias].example
        rows = tuple(r for r in rows if r.region == example)
    if len(rows) != 1:
        raise FormulaError(f"`{alias}` names {len(rows)} rows, not one: write the figure itself")
    return rows[0]


def _rounded(filling: _Filling, output: str, value: Decimal) -> Decimal | int:
    """A worked value with the digits that the output has."""
    declared = _section(filling.body, "outputs").get(output)
    unit, dtype = (declared.get("unit", "1"), declared.get("dtype")) if isinstance(declared, dict) else (None, None)
    try:
        short = round_output(value, units.output_decimals(str(unit), str(dtype)))
    except UnitError:
        short = _SHORT.plus(value)
    plain = Decimal(normal_text(short))
    return int(plain) if plain == plain.to_integral_value() else plain
