"""Unchecked tree -> checked tree: names resolved, dimensions checked, conversions inserted as nodes.

kWh + GB is an error that names the sub-expression. kWh + MJ is converted, visibly. Temperatures with a shifted zero
(degC, degF) become kelvin before any arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, NoReturn

from greenlang import units
from greenlang.errors import FormulaError, UnitError
from greenlang.formulas.show import show
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    FactorCall,
    If,
    Logic,
    Lookup,
    Name,
    Negate,
    Node,
    Not,
    Number,
    Sum,
    SystemValue,
    TableCall,
    Text,
    Truth,
)

if TYPE_CHECKING:
    from greenlang.formulas.tables import ParameterTable

KELVIN = "kelvin"
MAX_ROUND = 30  # digits after the point in round(x, digits)
DIFFERENCE = "delta_degree_Celsius"


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a name stands for. ``unit`` is None for text, truth values and tables."""

    name: str
    kind: Literal["input", "output", "symbol", "column"]
    type: Literal["number", "text", "truth", "table"]
    unit: str | None = None
    enum: tuple[str, ...] = ()  # of a text: the only values it can have
    columns: tuple[Symbol, ...] = ()  # of a table


@dataclass(frozen=True, slots=True)
class Scope:
    """What a formula may use: ``symbols`` by name, how a factor call is pinned, where parameter tables come from."""

    symbols: dict[str, Symbol]
    factor: Callable[[FactorCall], Lookup] | None = None
    table: Callable[[str], ParameterTable] | None = None  # raises FormulaError for a name that is no table

    def find(self, name: str) -> Symbol | None:
        """The symbol behind ``x``, ``input.x`` or ``output.x``."""
        prefix, _, rest = name.partition(".")
        if rest and prefix in {"input", "output"}:
            found = self.symbols.get(f"{prefix}.{rest}") or self.symbols.get(rest)
            return found if found is not None and found.kind == prefix else None
        return self.symbols.get(name)


def check(node: Node, scope: Scope, *, source: str = "") -> Node:
    """The checked tree. Raises FormulaError that names the sub-expression and its offset."""
    return _Checker(scope, source).check(node)


def fit(node: Node, unit: str, *, source: str = "") -> Node:
    """A checked numeric tree brought into ``unit``. Raises FormulaError if the dimensions differ."""
    if node.type != "number" or node.unit is None:
        raise FormulaError(f"`{show(node)}` is no number", source=source, offset=node.offset)
    if _same(node.unit, unit):
        return replace(node, unit=unit)
    if "delta_degree" in node.unit and units.is_offset(unit):
        raise FormulaError(
            f"`{show(node)}` is a difference of temperatures, not a temperature in {unit}: declare it in K",
            source=source,
            offset=node.offset,
        )
    try:
        factor, shift = units.conversion(node.unit, unit)
    except UnitError:
        raise FormulaError(
            f"`{show(node)}` is in {pretty(node.unit)}, which does not convert into {pretty(unit)}",
            source=source,
            offset=node.offset,
        ) from None
    if factor == 1 and not shift:
        return replace(node, unit=unit)
    return Convert(node, node.unit, factor, shift, offset=node.offset, unit=unit)


def pretty(unit: str) -> str:
    """A unit for a reader: "a pure number" instead of "1", and symbols instead of Pint's names: kgCO2e, MWh, m^3."""
    return "a pure number" if unit == "1" else _WORD.sub(_symbol, unit).replace("**", "^").replace("*", "·")


_WORD = re.compile(r"[A-Za-z]\w*")


def _symbol(match: re.Match[str]) -> str:
    return units.symbol(match[0])


def _same(a: str, b: str) -> bool:
    return a == b or (not units.is_offset(a) and bool(units.parse_unit(a) == units.parse_unit(b)))


class _Checker:
    def __init__(self, scope: Scope, source: str) -> None:
        self.scope = scope
        self.source = source

    def fail(self, message: str, node: Node) -> NoReturn:
        raise FormulaError(message, source=self.source, offset=node.offset)

    def check(self, node: Node) -> Node:
        match node:
            case Number(written_unit=written):
                unit = written or "1"
                self.known(unit, node)
                return replace(node, unit=unit)
            case Text():
                return replace(node, type="text")
            case Truth():
                return replace(node, type="truth")
            case Name():
                return self.name(node)
            case FactorCall():
                return self.factor(node)
            case TableCall():
                return self.table(node)
            case Sum():
                return self.sum(node)
            case Lookup() | Convert() | SystemValue():
                return node
            case Negate(operand=operand):
                inner = self.unshifted(self.number(operand), node)
                return replace(node, operand=inner, unit=inner.unit)
            case Arithmetic():
                return self.arithmetic(node)
            case Compare():
                return self.compare(node)
            case Logic(left=left, right=right):
                return replace(node, left=self.truth(left), right=self.truth(right), type="truth")
            case Not(operand=operand):
                return replace(node, operand=self.truth(operand), type="truth")
            case Call():
                return self.call(node)
            case If():
                return self.choice(node)
        raise TypeError(f"no rule for {type(node).__name__}")

    def known(self, unit: str, node: Node) -> None:
        try:
            units.parse_unit(unit)
        except UnitError as error:
            self.fail(str(error), node)

    def name(self, node: Name) -> Node:
        symbol = self.scope.find(node.name)
        if symbol is None:
            self.unknown(node)
        if symbol.type == "table":
            self.fail(f"`{symbol.name}` is a table: it stands in sum({symbol.name}, ...)", node)
        return replace(node, name=symbol.name, kind=symbol.kind, type=symbol.type, unit=symbol.unit)

    def unknown(self, node: Name) -> NoReturn:
        table = self.scope.symbols.get(node.name.partition(".")[0])
        if table is not None and table.type == "table" and "." in node.name:
            columns = ", ".join(c.name for c in table.columns)
            if node.name in {c.name for c in table.columns}:
                self.fail(f"`{node.name}` is a column: it stands inside sum({table.name}, ...)", node)
            self.fail(f"`{table.name}` has no column of that name; it has {columns}", node)
        near = _nearest(node.name, list(self.scope.symbols))
        self.fail(f"`{node.name}` is neither an input nor an output{near}", node)

    def sum(self, node: Sum) -> Node:
        symbol = self.scope.find(node.table)
        if symbol is None or symbol.type != "table":
            self.fail(f"`{node.table}` is no table: `sum` goes over the rows of a table input", node)
        if any(column.name in self.scope.symbols for column in symbol.columns):
            self.fail(f"`{show(node)}`: the rows of `{node.table}` are summed already", node)
        inside = Scope(
            self.scope.symbols | {c.name: c for c in symbol.columns}, factor=self.scope.factor, table=self.scope.table
        )
        body = _Checker(inside, self.source).number(node.body)
        return replace(node, body=self.unshifted(body, node), unit=body.unit)

    def table(self, node: TableCall) -> Node:
        if self.scope.table is None:
            self.fail(f"`{show(node)}`: parameter tables cannot be used here, only in formulas of the library", node)
        try:
            table = self.scope.table(node.table)
        except FormulaError as error:
            self.fail(str(error), node)
        column = table.columns.get(node.column)
        if column is None:
            near = _nearest(node.column, list(table.columns)) or f"; it has {', '.join(table.columns)}"
            self.fail(f"table `{table.name}` has no column `{node.column}`{near}", node)
        self.known(column.unit, node)
        given = dict(node.select)
        if set(given) != set(table.keys):
            self.fail(f"table `{table.name}` is read by {', '.join(table.keys)}, not by {', '.join(given)}", node)
        select = tuple((key, self.key(given[key], table, i)) for i, key in enumerate(table.keys))
        return replace(node, select=select, rows=table.column(node.column), unit=column.unit)

    def key(self, node: Node, table: ParameterTable, place: int) -> Node:
        """A text that selects a row; one that no row has is a slip."""
        checked = self.check(node)
        if checked.type != "text":
            self.fail(f"`{show(node)}` selects a row of table `{table.name}` and must be a text", node)
        symbol = self.scope.find(checked.name) if isinstance(checked, Name) else None
        possible = (checked.value,) if isinstance(checked, Text) else symbol.enum if symbol is not None else ()
        there = {key[place] for key in table.rows}
        for value in possible:
            if value not in there:
                near = _nearest(value, sorted(there)) or f"; it has {', '.join(sorted(there)[:8])}"
                self.fail(f'table `{table.name}` has no row for {table.keys[place]} "{value}"{near}', node)
        return checked

    def factor(self, node: FactorCall) -> Node:
        if self.scope.factor is None:
            self.fail("factors cannot be used here", node)
        pinned: Lookup = self.scope.factor(node)
        return replace(pinned, offset=node.offset)

    def number(self, node: Node) -> Node:
        checked = self.check(node)
        if checked.type != "number":
            self.fail(f"`{show(node)}` is no number", node)
        return checked

    def truth(self, node: Node) -> Node:
        checked = self.check(node)
        if checked.type != "truth":
            self.fail(f"`{show(node)}` is neither true nor false", node)
        return checked

    def absolute(self, node: Node) -> Node:
        if _shifted(node):
            return fit(node, KELVIN, source=self.source)
        return node

    def unshifted(self, inner: Node, node: Node) -> Node:
        if _shifted(inner):
            self.fail(f"`{show(node)}`: {inner.unit} has a shifted zero, so this has no meaning; use K", node)
        return inner

    def arithmetic(self, node: Arithmetic) -> Node:
        left, right = self.number(node.left), self.number(node.right)
        difference = node.op == "-" and _shifted(left) and _shifted(right)
        left, right = self.absolute(left), self.absolute(right)
        assert left.unit is not None
        assert right.unit is not None
        if node.op in {"+", "-"}:
            if not units.same_dimension(left.unit, right.unit):
                what = "add" if node.op == "+" else "subtract"
                self.fail(f"cannot {what} {pretty(left.unit)} and {pretty(right.unit)} in `{show(node)}`", node)
            self.plain(left, right, node)
            unit = DIFFERENCE if difference else left.unit
            return replace(node, left=left, right=fit(right, left.unit, source=self.source), unit=unit)
        if node.op in {"*", "/"}:
            return replace(node, left=left, right=right, unit=units.combine(left.unit, node.op, right.unit))
        return self.power(node, left, right)

    def power(self, node: Arithmetic, left: Node, right: Node) -> Node:
        if not units.same_dimension(right.unit or "1", "1"):
            self.fail(f"an exponent is a pure number, not {pretty(right.unit or '1')}, in `{show(node)}`", node)
        right = fit(right, "1", source=self.source)
        if units.same_dimension(left.unit or "1", "1"):
            return replace(node, left=fit(left, "1", source=self.source), right=right, unit="1")
        exponent = -right.operand.value if isinstance(right, Negate) and isinstance(right.operand, Number) else None
        if isinstance(right, Number):
            exponent = right.value
        if exponent is None:
            self.fail(f"{pretty(left.unit or '1')} can only be raised to a written number, in `{show(node)}`", node)
        return replace(node, left=left, right=right, unit=units.power(left.unit or "1", exponent))

    def compare(self, node: Compare) -> Node:
        left, right = self.check(node.left), self.check(node.right)
        if left.type != right.type:
            self.fail(f"`{show(node)}` compares a {left.type} with a {right.type}", node)
        if left.type == "number":
            self.plain(left, right, node, bound=True)
            left, right = (self.absolute(x) for x in _bounds_adopt(left, right))
            right = self.alike(left, right, node)
        elif node.op not in {"==", "!="}:
            self.fail(f"`{show(node)}`: only numbers have an order", node)
        else:
            self.possible(left, right)
            self.possible(right, left)
        return replace(node, left=left, right=right, type="truth")

    def possible(self, name: Node, text: Node) -> None:
        """A text that its input can never have is a slip, not a false."""
        if not isinstance(name, Name) or not isinstance(text, Text):
            return
        symbol = self.scope.symbols.get(name.name)
        if symbol is not None and symbol.enum and text.value not in symbol.enum:
            near = _nearest(text.value, list(symbol.enum)) or f"; it can be {', '.join(symbol.enum[:8])}"
            self.fail(f'`{name.name}` can never be "{text.value}"{near}', text)

    def alike(self, left: Node, right: Node, node: Node) -> Node:
        assert left.unit is not None
        assert right.unit is not None
        if not units.same_dimension(left.unit, right.unit):
            self.fail(f"`{show(node)}` compares {pretty(left.unit)} with {pretty(right.unit)}", node)
        return fit(right, left.unit, source=self.source)

    def round(self, node: Call) -> Node:
        """The digits are written, not computed: how a value is rounded is a part of the formula."""
        value, digits = self.unshifted(self.number(node.arguments[0]), node), node.arguments[1]
        whole = digits.operand if isinstance(digits, Negate) else digits
        if (
            not isinstance(whole, Number)
            or whole.written_unit is not None
            or whole.value != whole.value.to_integral_value()
            or whole.value > MAX_ROUND
        ):
            self.fail(
                f"`{show(node)}`: the digits after the point are a written whole number up to {MAX_ROUND}", digits
            )
        written = replace(whole, value=-whole.value if isinstance(digits, Negate) else whole.value, unit="1")
        return replace(node, arguments=(value, written), unit=value.unit)

    def call(self, node: Call) -> Node:
        if node.function == "round":
            return self.round(node)
        arguments = [self.number(a) for a in node.arguments]
        if node.function in {"min", "max"}:
            arguments = _zeros_adopt(arguments)
        if node.function == "abs":
            self.unshifted(arguments[0], node)
        arguments = [self.absolute(a) for a in arguments]
        first = arguments[0]
        if node.function in {"min", "max"}:
            rest = [self.joined(first, a, node) for a in arguments[1:]]
            return replace(node, arguments=(first, *rest), unit=first.unit)
        if node.function == "abs":
            return replace(node, arguments=(first,), unit=first.unit)
        if node.function == "sqrt":
            first = self.rootable(first)
            return replace(node, arguments=(first,), unit=units.power(first.unit or "1", _HALF))
        if not units.same_dimension(first.unit or "1", "1"):
            self.fail(
                f"`{node.function}` takes a pure number, not {pretty(first.unit or '1')}: `{show(node)}`",
                node,
            )
        return replace(node, arguments=(fit(first, "1", source=self.source),), unit="1")

    def rootable(self, node: Node) -> Node:
        """What stands under a root, in base units if its root is a whole unit only there: ``sqrt(m^2 * ft / m)``."""
        unit = node.unit or "1"
        base = units.combine(units.in_base_units(unit)[1], "*", "1")
        halves = "." in units.power(unit, _HALF) and "." not in units.power(base, _HALF)
        return fit(node, base, source=self.source) if halves else node

    def plain(self, left: Node, right: Node, node: Node, *, bound: bool = False) -> None:
        """A bare number beside a quantity in % (ppm, kg/t) is refused where it could be meant in either way.

        As a bound it is meant in that unit (``x < 50``) and elsewhere as a pure number (``1 - x``); so a bound up to 1,
        and a number above 1 elsewhere, may be a slip.
        """
        for number, other in ((left, right), (right, left)):
            value = _bare_number(number)
            if not value or other.unit is None or _bare_number(other) is not None or not _scaled(other.unit):
                continue
            if (abs(value) <= 1) == bound:
                unit = pretty(other.unit)
                self.fail(
                    f"`{show(node)}`: `{show(other)}` is in {unit}, so a bare {value:f} can be read in two ways: "
                    f"write {value:f} [{unit}] or {value:f} [1]",
                    node,
                )

    def joined(self, first: Node, other: Node, node: Node) -> Node:
        assert first.unit is not None
        assert other.unit is not None
        if not units.same_dimension(first.unit, other.unit):
            self.fail(f"`{show(node)}` mixes {pretty(first.unit)} and {pretty(other.unit)}", node)
        self.plain(first, other, node)
        return fit(other, first.unit, source=self.source)

    def choice(self, node: If) -> Node:
        condition = self.truth(node.condition)
        then, otherwise = self.check(node.then), self.check(node.otherwise)
        if then.type != otherwise.type:
            self.fail(f"`{show(node)}` is a {then.type} or a {otherwise.type}", node)
        if then.type == "number":
            then, otherwise = (self.absolute(x) for x in _zeros_adopt([then, otherwise]))
            otherwise = self.joined(then, otherwise, node)
        return replace(node, condition=condition, then=then, otherwise=otherwise, unit=then.unit, type=then.type)


_HALF = Decimal("0.5")


def _shifted(node: Node) -> bool:
    """Whether a value is on a scale with a shifted zero, as degC is."""
    return node.unit is not None and units.is_offset(node.unit)


def _zeros_adopt(nodes: list[Node]) -> list[Node]:
    """A bare 0 beside quantities takes their unit: ``max(0, a - b)``."""
    unit = next((n.unit for n in nodes if not _bare_zero(n)), None)
    return nodes if unit is None else [replace(n, unit=unit) if _bare_zero(n) else n for n in nodes]


def _bounds_adopt(left: Node, right: Node) -> tuple[Node, Node]:
    """A bare number in a comparison is meant in the unit of what it bounds: ``0 < output.intensity < 0.2``."""
    if isinstance(right, Number) and right.written_unit is None and left.unit is not None:
        right = replace(right, unit=left.unit)
    elif isinstance(left, Number) and left.written_unit is None and right.unit is not None:
        left = replace(left, unit=right.unit)
    return left, right


def _bare_number(node: Node) -> Decimal | None:
    """The value of a number without a unit; None for anything else."""
    if isinstance(node, Negate):
        inner = _bare_number(node.operand)
        return None if inner is None else -inner
    return node.value if isinstance(node, Number) and node.written_unit is None else None


def _scaled(unit: str) -> bool:
    """Whether a unit is a pure number times something: %, ppm, kg/t."""
    return units.same_dimension(unit, "1") and units.conversion(unit, "1")[0] != 1


def _bare_zero(node: Node) -> bool:
    return isinstance(node, Number) and node.value == 0 and node.written_unit is None


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name.rsplit(".", maxsplit=1)[-1], known, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
