"""The agent's answers without running its code: a reader of the few statements that packs are made of.

A mutant that answers every input as the pack does is no mutant: nothing could notice it. Whether one does is worked out
here, on the syntax trees of ``tools.py`` and ``agent.py``, with the arithmetic of the SDK. Foreign code is never run;
what is not understood raises Unreadable, and then nothing is said about it.

Belongs here: values of expressions. Does not belong here: which inputs are tried (``telling``).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException, localcontext
from functools import cached_property
from typing import Any

from greenlang_sdk import decimals
from greenlang_sdk.decimals import CalculationError, DecimalError
from greenlang_sdk.factors import key_text

from greenlang.quality.mutation.code import number_of

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": decimals.sqrt,
    "exp": decimals.exp,
    "ln": decimals.ln,
    "log10": decimals.log10,
    "power": decimals.power,
    "round_half_even": decimals.round_half_even,
    "round_output": decimals.round_output,
    "round_whole": decimals.round_whole,
    "sum_over": decimals.sum_over,
}


class Unreadable(Exception):
    """Code of a form that packs of this factory do not have."""


class NotCovered(Exception):
    """A look-up without a row."""


@dataclass
class Reading:
    """The parsed files of one agent or part, and the figures of its look-ups: table -> key -> value."""

    tools: ast.Module
    agent: ast.Module
    tables: Mapping[str, Mapping[tuple[str, ...], Decimal]]
    constants: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.tools.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = number_of(node.value)
                if value is not None:
                    self.constants[node.targets[0].id] = value

    @cached_property
    def _execute(self) -> ast.FunctionDef | None:
        found = (n for n in ast.walk(self.agent) if isinstance(n, ast.FunctionDef) and n.name == "execute")
        return next(found, None)

    def answer(self, given: Mapping[str, Any]) -> dict[str, str] | str:
        """The outputs by their names in Python as texts, or a word for the refusal. Raises Unreadable."""
        if self._execute is None:
            raise Unreadable("no execute")
        try:
            with localcontext(decimals.CONTEXT):
                found = self._body(self._execute.body, {"given": given})
        except NotCovered:
            return "not_covered"
        except (CalculationError, DecimalException):
            return "calculation"
        except (DecimalError, TypeError, AttributeError, ValueError, LookupError) as error:
            return f"broken: {type(error).__name__}"
        if not isinstance(found, dict):
            raise Unreadable("execute gives no Output")
        return {name: _text(value) for name, value in found.items()}

    def _body(self, body: list[ast.stmt], names: dict[str, Any]) -> Any:
        for node in body:
            match node:
                case ast.Expr(value=ast.Constant()):
                    continue
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    names[name] = self._value(value, names)
                case ast.If(test=test, body=then, orelse=orelse):
                    found = self._body(then if self._value(test, names) else orelse, names)
                    if found is not None:
                        return found
                case ast.Return(value=ast.expr() as value):
                    return self._value(value, names)
                case _:
                    raise Unreadable(type(node).__name__)
        return None

    def _value(self, node: ast.expr, names: dict[str, Any]) -> Any:
        kind = type(node)  # the most frequent first: this is where the time goes
        if kind is ast.Name and node.id in names:  # type: ignore[attr-defined]
            return names[node.id]  # type: ignore[attr-defined]
        if kind is ast.Constant:
            return node.value  # type: ignore[attr-defined]
        match node:
            case ast.Name(id=name) if name in self.constants:
                return self.constants[name]
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
                a, b = self._value(left, names), self._value(right, names)
                if not isinstance(a, (Decimal, int)) or not isinstance(b, (Decimal, int)):
                    raise Unreadable("arithmetic with what is no number")  # a text a billion times over, for one
                return _BINARY[type(sign)](a, b)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if isinstance(names.get(name), dict):
                return names[name].get(attribute)
            case ast.Call(func=ast.Name(id="Decimal")) if (number := number_of(node)) is not None:
                return number
            case ast.Call():
                return self._call(node, names)
            case ast.UnaryOp() if (number := number_of(node)) is not None:
                return int(number) if isinstance(node.operand, ast.Constant) else number
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand, names)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._value(operand, names)
            case ast.BoolOp(op=sign, values=values):
                return self._either(isinstance(sign, ast.And), values, names)
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARE:
                return _COMPARE[type(sign)](self._value(left, names), self._value(right, names))
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                return self._value(then if self._value(test, names) else otherwise, names)
            case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=row)]), body=body):
                return lambda value: self._value(body, {**names, row: value})
        raise Unreadable(ast.unparse(node)[:60])

    def _either(self, every: bool, values: list[ast.expr], names: dict[str, Any]) -> Any:
        found: Any = every
        for value in values:
            found = self._value(value, names)
            if bool(found) != every:
                break
        return found

    def _call(self, node: ast.Call, names: dict[str, Any]) -> Any:
        match node.func:
            case ast.Name(id=name):
                return self._named(name, node, names)
            case ast.Attribute(value=ast.Name(id="context"), attr="step"):
                return self._step(node, names)
            case ast.Attribute(value=ast.Name(id="context"), attr="provenance"):
                return "provenance"
            case ast.Attribute(value=value, attr="quantize"):
                digits, rounding = (self._value(a, names) for a in node.args)
                return self._value(value, names).quantize(digits, rounding, context=decimals.CONTEXT)
            case ast.Attribute(value=ast.Name(id="tools"), attr="Decimal"):
                return Decimal(self._value(node.args[0], names))
        raise Unreadable(ast.unparse(node)[:60])

    def _named(self, name: str, node: ast.Call, names: dict[str, Any]) -> Any:
        """The call of a function by its name."""
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(self._value(a, names) for a in node.args))
        match name:
            case "Output":
                return {k.arg: self._value(k.value, names) for k in node.keywords}
            case "need":
                value = self._value(node.args[0], names)
                if value is None:
                    raise CalculationError("an input lacks")
                return value
            case "lookup":
                return self._lookup([self._value(a, names) for a in node.args])
            case "Decimal":
                return Decimal(self._value(node.args[0], names))
        raise Unreadable(ast.unparse(node)[:60])

    def _step(self, node: ast.Call, names: dict[str, Any]) -> Any:
        tool = node.args[0]
        function = self.functions.get(tool.attr) if isinstance(tool, ast.Attribute) else None
        if function is None:
            raise Unreadable("a step of no tool")
        given = {k.arg: self._value(k.value, names) for k in node.keywords if k.arg}
        return self._body(function.body, given)

    def _lookup(self, arguments: list[Any]) -> Decimal:
        table, *keys = arguments
        if table not in self.tables:
            raise Unreadable(f"no table {table}")
        found = self.tables[table].get(tuple(key_text(key) for key in keys))
        if found is None:
            raise NotCovered
        return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return decimals.normal_text(value) if isinstance(value, Decimal) else str(value)
