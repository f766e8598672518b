"""Compiling a formula of the library (units checked, once) and proving it on its worked vectors.

Belongs here: the checked trees of a formula, its run, its proof. Does not belong here: declarations (``declare``),
the evaluator itself (``evaluate``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from greenlang_sdk import decimals

from greenlang.errors import CalculationError, FormulaError, UnitError
from greenlang.formulas import exact
from greenlang.formulas.check import Scope, Symbol, check, fit
from greenlang.formulas.declare import Draft, Given, LibraryFormula, WorkedVector, checked, pointed
from greenlang.formulas.evaluate import evaluate
from greenlang.formulas.parse import parse
from greenlang.formulas.reading import Problem
from greenlang.formulas.tree import Name, Node, Sum, substitute, walk


@dataclass(frozen=True, slots=True)
class CompiledFormula:
    """A formula with its unit-checked trees, in the order of its outputs; each is in its output's unit."""

    formula: LibraryFormula
    trees: dict[str, Node]

    def values(self, given: Mapping[str, Given]) -> dict[str, Given]:
        """What is given, with the defaults of parameters and constants.

        Raises CalculationError: ``missing`` for a symbol without value, ``out_of_range`` for one that it cannot have.
        """
        return checked(self.formula.symbols, given)

    def single(self, output: str) -> Node:
        """The checked tree of an output over the symbols alone: earlier outputs are put in."""
        known: dict[str, Node] = {}
        for name, tree in self.trees.items():
            known[name] = substitute(tree, known)
            if name == output:
                break
        return known[output]

    def used(self, output: str) -> tuple[str, ...]:
        """The symbols that an output depends on, in the order of their declaration."""
        names = _names(self.single(output))
        return tuple(name for name in self.formula.symbols if name in names)

    def answer(self, output: str, given: Mapping[str, Given], *, decimals: int | None = None) -> Decimal:
        """One output, exact and then rounded half-even once, to the digits of its unit.

        Raises CalculationError with its ``kind``; only the symbols that the output uses are looked at.
        """
        digits = decimals_of(self.formula, output) if decimals is None else decimals
        return exact.rounded(self.asker(output)(given), digits)

    def asker(self, output: str) -> Callable[[Mapping[str, Given | None]], exact.Pair]:
        """A function from what is given to the exact fraction of one output, for many inputs."""
        run = exact.program(self.single(output))
        symbols = {name: self.formula.symbols[name] for name in self.used(output)}

        def ask(given: Mapping[str, Given | None]) -> exact.Pair:
            pair = run(checked(symbols, given))
            assert isinstance(pair, tuple)
            return pair

        return ask

    def run(self, given: Mapping[str, Given]) -> dict[str, Decimal]:
        """Every output, unrounded (34 digits). Raises CalculationError with its ``kind``."""
        values = self.values(given)
        out: dict[str, Decimal] = {}
        for name, tree in self.trees.items():
            got = evaluate(tree, values, {})
            assert isinstance(got, Decimal)
            values[name] = out[name] = got
        return out


def decimals_of(formula: LibraryFormula, output: str) -> int:
    """Digits after the point of a declared output."""
    from greenlang import units

    return units.output_decimals(formula.outputs[output].unit)


def compiled(formula: LibraryFormula) -> CompiledFormula:
    """Check the units of every output. Raises FormulaError that names formula, output and sub-expression."""
    found = formula.__dict__.get("_compiled")
    if isinstance(found, CompiledFormula):
        return found
    trees, problems = _compile(Draft(formula))
    if problems:
        raise FormulaError(str(problems[0]))
    out = CompiledFormula(formula, trees)
    formula.__dict__["_compiled"] = out  # beside its cached properties: it lives as long as the formula
    return out


def _compile(draft: Draft) -> tuple[dict[str, Node], list[Problem]]:
    """The checked trees of the outputs that can be checked, and what is wrong with their units.

    An expression is left out if it could not be parsed, or if it uses something that is mistaken itself.
    """
    formula, unsure = draft.formula, set(draft.unsure)
    symbols: dict[str, Symbol] = {}
    problems: list[Problem] = []
    for name, symbol in formula.symbols.items():
        columns = tuple(
            Symbol(f"{name}.{c}", "column", column.type, column.unit or None, column.enum)
            for c, column in symbol.columns.items()
        )
        symbols[name] = Symbol(name, "symbol", symbol.type, symbol.unit or None, symbol.enum, columns)
        for place, unit in ((name, symbol.unit), *((c.name, c.unit or "") for c in columns)):
            if name not in unsure and (why := unit_problem(unit)):
                problems.append(Problem(why, subject=formula.id, where=f"symbols.{place}.unit"))
    unsure |= {problem.where.split(".")[1] for problem in problems}
    scope = Scope(symbols, table=formula.tables.get if formula.tables is not None else None)
    trees: dict[str, Node] = {}
    for name, out in formula.outputs.items():
        if name not in unsure and (why := unit_problem(out.unit)):
            problems.append(Problem(why, subject=formula.id, where=f"outputs.{name}.unit"))
            unsure.add(name)
        if name not in draft.unread:
            try:
                tree = parse(out.expression)
                if not unsure & _names(tree):
                    checked = check(tree, scope, source=out.expression)
                    trees[name] = checked if name in unsure else fit(checked, out.unit, source=out.expression)
            except FormulaError as error:
                problems.append(Problem(pointed(error), subject=formula.id, where=f"outputs.{name}.expression"))
            except UnitError as error:
                problems.append(Problem(str(error), subject=formula.id, where=f"outputs.{name}.unit"))
        symbols[name] = Symbol(name, "symbol", "number", out.unit)
    return trees, problems


def _names(tree: Node) -> set[str]:
    """The symbols and outputs that an expression uses, tables included."""
    names = {n.name.partition(".")[0] for n in walk(tree) if isinstance(n, Name)}
    return names | {n.table for n in walk(tree) if isinstance(n, Sum)}


def unit_problem(unit: str) -> str:
    """Why a unit does not parse; empty if it does."""
    from greenlang import units

    try:
        if unit:
            units.parse_unit(unit)
    except UnitError as error:
        return str(error)
    return ""


def findings(formula: LibraryFormula) -> list[Problem]:
    """What is wrong with a formula that could be read: units that do not fit; vectors that are not reproduced, where
    all units fit."""
    trees, problems = _compile(Draft(formula))
    if problems:
        return problems
    whole = CompiledFormula(formula, trees)
    if not formula.vectors:
        return [Problem("has no worked vector", subject=formula.id)]
    for i, vector in enumerate(formula.vectors):
        problems += [Problem(m, subject=formula.id, where=f"vectors[{i}]") for m in _reproduce(whole, vector)]
    return problems


def unit_findings(draft: Draft) -> list[Problem]:
    """What is wrong with the units of a formula that has other mistakes, as far as these leave them known."""
    return _compile(draft)[1]


def _reproduce(whole: CompiledFormula, vector: WorkedVector) -> list[str]:
    try:
        got = whole.run(vector.given)
    except CalculationError as error:
        return [f"{vector.source}: {error}"]
    return [
        f"{vector.source}: {name} is {_short(got[name])}, {'published' if vector.published else 'expected'} {wanted}"
        for name, wanted in vector.expect.items()
        if not agrees(got[name], wanted, vector.tol)
    ]


def agrees(got: Decimal, wanted: Decimal, tolerance: Decimal) -> bool:
    """Whether two values agree to a relative tolerance; beside zero it is absolute."""
    return abs(got - wanted) <= tolerance * (abs(wanted) or Decimal(1))


def _short(value: Decimal) -> str:
    with decimals.calculation() as context:
        context.prec = 15
        return decimals.normal_text(+value)


def prove(formula: LibraryFormula) -> None:
    """Check the units and reproduce every worked vector. Raises FormulaError with the first thing that is wrong."""
    problems = findings(formula)
    if problems:
        raise FormulaError(str(problems[0]))
