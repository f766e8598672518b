"""A checked tree -> Python source over Decimals, as a person would write it.

Parentheses stand only where Python needs them or where regrouping would round differently; conversions become named
constants; look-ups that are certainly needed get a name of their own; what does not fit on a line is taken apart.

Belongs here: the body of one tool. Does not belong here: the files around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenlang.factory.constants import Constants
from greenlang.factory.identifiers import identifier
from greenlang.factory.parameters import lookup_name
from greenlang.factory.text import WIDTH, py_decimal, py_text
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
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
    children,
    rebuild,
)

_CHOICE, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _ATOM = range(1, 10)
_STRENGTH = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}
_SDK = {"sqrt", "exp", "ln", "log10"}
_INDENT = "    "
_ROLES: dict[type[Node], str] = {
    Compare: "side",
    Convert: "amount",
    If: "choice",
    Logic: "condition",
    Negate: "amount",
    Not: "condition",
}


@dataclass(slots=True)
class Body:
    """The statements of a tool, and what they need imported."""

    lines: list[str]
    functions: set[str]
    looks_up: bool
    decimal: bool


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    strength: int
    plain: bool = False  # a bare Python int, which must not meet another one


def render(
    node: Node,
    *,
    names: Mapping[tuple[str, str], str],
    constants: Constants,
    tables: Mapping[str, str] | None = None,
) -> Body:
    """The statements that compute ``node`` and return it.

    ``names`` maps (kind, name) of inputs and outputs to parameters, ``tables`` a look-up to its name in the pack where
    that is another. Raises TypeError for a tree that is not checked.
    """
    writer = _Writer(names, constants, tables or {})
    lines = writer.function(_without_ones(node))
    return Body(lines, writer.functions, writer.looks_up, any("Decimal(" in line for line in lines))


class _Writer:
    def __init__(self, names: Mapping[tuple[str, str], str], constants: Constants, tables: Mapping[str, str]) -> None:
        self.names = names
        self.constants = constants
        self.tables = tables
        self.row = ""  # the name of the row inside a sum
        self.functions: set[str] = set()
        self.looks_up = False
        self.locals: set[str] = set(names.values())

    def function(self, node: Node) -> list[str]:
        lines: list[str] = []
        if not isinstance(node, Lookup):
            for table in _eager_lookups(node):
                name = self.local(table.table)
                lines.append(f"{_INDENT}{name} = {self.expression(table).text}")
                node = _swap(node, table, _named(name, table))
        return lines + self.statement(node, "return ", _INDENT)

    def local(self, wish: str) -> str:
        name = identifier(wish, self.locals)
        self.locals.add(name)
        return name

    def statement(self, node: Node, prefix: str, pad: str) -> list[str]:
        """``prefix`` + the expression, taken apart until every line fits."""
        line = f"{pad}{prefix}{self.decimal(node).text}"
        if len(line) <= WIDTH:
            return [line]
        if isinstance(node, If):
            inside = [] if prefix == "return " else self.choice(node, pad + _INDENT)
            return [f"{pad}{prefix}(", *inside, f"{pad})"] if inside else self.branches(node, prefix, pad)
        inside = self.inside(node, pad + _INDENT)
        if inside:
            opening = f"{node.function}(" if isinstance(node, Call) else "sum_over(" if isinstance(node, Sum) else "("
            return [f"{pad}{prefix}{opening}", *inside, f"{pad})"]
        inner = [n for n in self.operands(node) if not isinstance(n, (Name, Number, Text, Truth))]
        if not inner:
            return [line]
        longest = max(inner, key=lambda n: len(self.expression(n).text))
        name = self.local(self.role(node, longest))
        return [
            *self.statement(longest, f"{name} = ", pad),
            *self.statement(_swap(node, longest, _named(name, longest)), prefix, pad),
        ]

    def operands(self, node: Node) -> list[Node]:
        """Parts of an expression that may be computed before it; the right side of and/or may not."""
        if isinstance(node, Logic):
            return [node.left]
        if isinstance(node, (Sum, TableCall)):
            return []  # what a row holds cannot be computed before the rows are gone through
        chain = self.chain(node) if isinstance(node, (Arithmetic, Convert)) else []
        return [inner for _, inner in chain] if len(chain) > 1 else list(children(node))

    def role(self, node: Node, part: Node) -> str:
        """What a part is to its whole: the name of the variable that it is computed into."""
        if isinstance(node, Arithmetic) and node.op == "**":
            return "base" if part is node.left else "exponent"
        chain = self.chain(node) if isinstance(node, (Arithmetic, Convert)) else []
        if len(chain) < 2:
            return _ROLES.get(type(node), "argument")
        sign = next(sign for sign, operand in chain if operand is part)
        if not sign:
            return {"/": "dividend", "*": "factor"}.get(chain[1][0], "term")
        return {"/": "divisor", "*": "factor"}.get(sign, "term")

    def branches(self, node: If, prefix: str, pad: str) -> list[str]:
        condition = self.expression(node.condition).text
        lines: list[str] = []
        if len(pad) + len(condition) + 4 > WIDTH:
            name = self.local("condition")
            lines += self.statement(node.condition, f"{name} = ", pad)
            condition = name
        lines += [f"{pad}if {condition}:", *self.statement(node.then, prefix, pad + _INDENT)]
        if prefix == "return ":
            return lines + self.statement(node.otherwise, prefix, pad)
        return [*lines, f"{pad}else:", *self.statement(node.otherwise, prefix, pad + _INDENT)]

    def inside(self, node: Node, pad: str) -> list[str]:
        """The lines between brackets of a chain of operators or of a call; none if they do not fit either."""
        if isinstance(node, Call):
            if node.function == "round":
                return []  # its name in Python is another
            self.expression(node)
            lines = [f"{pad}{self.decimal(a).text}," for a in node.arguments]
            if len(lines) == 1:
                return self.inside(node.arguments[0], pad) if isinstance(node.arguments[0], Arithmetic) else []
        elif isinstance(node, Sum):
            arguments = self.expression(node).text.removeprefix("sum_over(").removesuffix(")")
            rows, _, term = arguments.partition(", ")
            lines = [f"{pad}{arguments}"]
            return lines if len(lines[0]) <= WIDTH else [f"{pad}{rows},", f"{pad}{term},"]
        elif isinstance(node, (Arithmetic, Compare, Convert, Logic)) and len(self.chain(node)) > 1:
            text = f"{pad}{self.expression(node).text}"
            if len(self.chain(node)) == 2 and "(" in text:
                return []  # a formatter would break inside those brackets; a name reads better
            lines = [text] if len(text) <= WIDTH else [f"{pad}{line}" for line in self.links(node)]
        else:
            return []
        return lines if max(map(len, lines)) <= WIDTH else []

    def choice(self, node: If, pad: str) -> list[str]:
        """A conditional expression, a case a line; none if it does not fit."""
        text = f"{pad}{self.expression(node).text}"
        if len(text) <= WIDTH:
            return [text]
        lines: list[str] = []
        rest: Node = node
        head = ""
        while isinstance(rest, If):
            lines += [
                f"{pad}{head}{self.wrapped(rest.then, _OR, decimal=True)}",
                f"{pad}if {self.wrapped(rest.condition, _OR)}",
            ]
            head, rest = "else ", rest.otherwise
        lines.append(f"{pad}{head}{self.decimal(rest).text}")
        return lines if max(map(len, lines)) <= WIDTH else []

    def chain(self, node: Node) -> list[tuple[str, Node]]:
        """The operands of a chain of operators of one strength, each with the operator before it."""
        if isinstance(node, Compare):
            return [("", node.left), (node.op, node.right)]
        strength = self.expression(node).strength
        tail: list[tuple[str, Node]] = []
        rest: Node = node
        while self.expression(rest).strength == strength:
            if isinstance(rest, Logic) or (isinstance(rest, Arithmetic) and rest.op != "**"):
                tail.insert(0, (rest.op, rest.right))
                rest = rest.left
            elif isinstance(rest, Convert) and rest.factor != 1 and not rest.shift:
                tail[:0] = [(sign, Name(name=name, kind="symbol")) for sign, name in self.conversion_terms(rest)]
                rest = rest.operand
            else:
                break
        return [("", rest), *tail]

    def links(self, node: Node) -> list[str]:
        """One operand a line, with its operator in front."""
        # comparisons do not associate: both of their sides are sums at least
        least = _SUM if isinstance(node, Compare) else self.expression(node).strength
        (_, first), *tail = self.chain(node)
        head = self.wrapped(first, least, decimal=isinstance(node, (Arithmetic, Convert)))
        after = least + (not isinstance(node, Compare))
        return [head, *(f"{sign} {self.wrapped(n, after)}" for sign, n in tail)]

    def decimal(self, node: Node) -> _Part:
        """An expression that is certainly a Decimal where it is a number, never a bare int."""
        part = self.expression(node)
        if not part.plain:
            return part
        if isinstance(node, Number):
            return _Part(py_decimal(node.value), _ATOM)
        return _Part(f"Decimal({part.text})", _ATOM)

    def wrapped(self, node: Node, least: int, *, decimal: bool = False) -> str:
        part = self.decimal(node) if decimal else self.expression(node)
        return part.text if part.strength >= least else f"({part.text})"

    def expression(self, node: Node) -> _Part:
        match node:
            case Number(value=value):
                text = py_decimal(value)
                if text.startswith("Decimal(") and '"' not in text:
                    number = text[8:-1]
                    return _Part(number, _SIGN if number[0] == "-" else _ATOM, plain=True)
                return _Part(text, _ATOM)
            case Text(value=value):
                return _Part(py_text(value), _ATOM)
            case Truth(value=value):
                return _Part(str(value), _ATOM)
            case Name(name=name, kind="symbol"):
                return _Part(name, _ATOM)
            case Name(name=name, kind="column"):
                return _Part(f"{self.row}.{identifier(name.rpartition('.')[2])}", _ATOM)
            case Name(name=name, kind=kind):
                return _Part(self.names[kind, name], _ATOM)
            case Lookup(table=table, inputs=inputs):
                self.looks_up = True
                keys = ", ".join(
                    [py_text(self.tables.get(table, table)), *(self.names["input", name] for name in inputs)]
                )
                return _Part(f"lookup({keys})", _ATOM)
            case Negate(operand=operand):
                part = self.expression(operand)
                text = part.text if part.strength > _SIGN else f"({part.text})"
                return _Part(f"-{text}", _SIGN, part.plain)
            case Arithmetic():
                return self.arithmetic(node)
            case Convert():
                return self.conversion(node)
            case Compare(op=op, left=left, right=right):
                both = self.expression(left).plain and self.expression(right).plain
                return _Part(f"{self.wrapped(left, _SUM, decimal=both)} {op} {self.wrapped(right, _SUM)}", _COMPARE)
            case Logic(op=op, left=left, right=right):
                strength = _AND if op == "and" else _OR
                text = f"{self.wrapped(left, strength)} {op} {self.wrapped(right, strength + 1)}"
                return _Part(text, strength)
            case Not(operand=Not(operand=operand)):
                return self.expression(operand)
            case Not(operand=Compare(op="==" | "!=" as op, left=left, right=right)):
                return self.expression(Compare(op="!=" if op == "==" else "==", left=left, right=right))
            case Not(operand=operand):
                return _Part(f"not {self.wrapped(operand, _NOT)}", _NOT)
            case Call(function="round", arguments=(value, Number(value=digits))):
                self.functions.add("round_half_even")
                return _Part(f"round_half_even({self.decimal(value).text}, {int(digits)})", _ATOM)
            case Call(function=function, arguments=arguments):
                if function in _SDK:
                    self.functions.add(function)
                return _Part(f"{function}({', '.join(self.decimal(a).text for a in arguments)})", _ATOM)
            case If(condition=condition, then=then, otherwise=otherwise):
                first = self.wrapped(then, _OR, decimal=True)
                last = self.wrapped(otherwise, _CHOICE, decimal=True)
                return _Part(f"{first} if {self.wrapped(condition, _OR)} else {last}", _CHOICE)
            case SystemValue():
                raise TypeError("a system value is the runtime's, not a tool's")
            case TableCall(select=select):
                self.looks_up = True
                keys = ", ".join([py_text(lookup_name(node)), *(self.expression(key).text for _, key in select)])
                return _Part(f"lookup({keys})", _ATOM)
            case Sum(table=table, body=body):
                return self.sum(table, body)
        raise TypeError(f"{type(node).__name__} stands in no checked tree")

    def sum(self, table: str, body: Node) -> _Part:
        """``sum_over(rows, lambda row: ...)``; sums do not nest in the formula language."""
        self.functions.add("sum_over")
        self.row = identifier("row", self.locals)
        term = self.decimal(body).text
        return _Part(f"sum_over({self.names['input', table]}, lambda {self.row}: {term})", _ATOM)

    def arithmetic(self, node: Arithmetic) -> _Part:
        if node.op == "**":
            self.functions.add("power")
            return _Part(f"power({self.decimal(node.left).text}, {self.decimal(node.right).text})", _ATOM)
        strength = _STRENGTH[node.op]
        left, right = self.expression(node.left), self.expression(node.right)
        if left.plain and right.plain:
            left = self.decimal(node.left)
        a = left.text if left.strength >= strength else f"({left.text})"
        # a * (b * c) keeps its brackets: regrouping would round differently
        b = right.text if right.strength > strength else f"({right.text})"
        return _Part(f"{a} {node.op} {b}", strength)

    def conversion_terms(self, node: Convert) -> list[tuple[str, str]]:
        return self.constants.conversion(node.source_unit, node.unit or "1", node.factor)

    def conversion(self, node: Convert) -> _Part:
        target = node.unit or "1"
        if node.factor == 1 and not node.shift:
            return self.decimal(node.operand)
        strength = _SUM if node.factor == 1 else _PRODUCT
        text = self.wrapped(node.operand, strength, decimal=True)  # once: conversions stand inside conversions
        if node.factor != 1:
            text = " ".join([text, *(f"{sign} {name}" for sign, name in self.conversion_terms(node))])
        if node.shift:
            name = self.constants.shift(node.source_unit, target, node.shift)
            text, strength = f"{text} + {name}", _SUM
        return _Part(text, strength)


def _without_ones(node: Node) -> Node:
    """The tree without products and quotients by a plain one: ``x / (1 %)`` changes the unit and not the figure."""
    node = rebuild(node, _without_ones)
    if isinstance(node, Arithmetic) and node.op in {"*", "/"}:
        if _is_one(node.right):
            return node.left
        if _is_one(node.left) and node.op == "*":
            return node.right
    return node


def _is_one(node: Node) -> bool:
    return isinstance(node, Number) and node.value == 1


def _named(name: str, like: Node) -> Name:
    return Name(name=name, kind="symbol", unit=like.unit, offset=like.offset)


def _eager_lookups(node: Node) -> list[Lookup]:
    """The look-ups that are needed whatever the inputs are, once each, in order."""
    found: list[Lookup] = []

    def visit(inner: Node) -> None:
        match inner:
            case Lookup():
                if not any(_same(inner, other) for other in found):
                    found.append(inner)
            case If(condition=condition):
                visit(condition)
            case Logic(left=left):
                visit(left)
            case Sum():
                pass  # over no rows its look-ups are not needed
            case _:
                for child in children(inner):
                    visit(child)

    visit(node)
    return found


def _same(a: Node, b: Node) -> bool:
    if isinstance(a, Lookup) and isinstance(b, Lookup):
        return (a.table, a.inputs) == (b.table, b.inputs)
    return a is b


def _swap(node: Node, old: Node, new: Node) -> Node:
    """The tree with ``old`` replaced by ``new``."""
    return new if _same(node, old) else rebuild(node, lambda part: _swap(part, old, new))
