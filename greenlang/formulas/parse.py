"""Text -> unchecked tree. A Pratt parser over a small grammar; no eval anywhere.

expression  numbers ``3.6``, with a unit ``3.6 [MJ/kWh]`` or ``(44/12) [kgCO2/kg]``, strings, true, false, names (``x``,
            ``input.x``, ``output.x``), ``factor("alias", activity = fuel_type, gas = "CO2")``,
            ``if(condition, then, otherwise)``, min max abs sqrt exp ln log10, ``round(x, 2)``, parentheses,
            ``sum(fuels, fuels.mass * fuels.ef)``, ``table("name", "column", key = kind)``
operators   or, and, not, == != < <= > >= (chains allowed), + -, * /, unary -, ** or ^ (right-associative)
            ``×  ·  ÷  −  ≤  ≥  ≠`` mean the same as their ASCII forms
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from greenlang.errors import FormulaError
from greenlang.formulas.tree import (
    Arithmetic,
    ArithmeticOp,
    Call,
    Compare,
    CompareOp,
    FactorCall,
    If,
    Logic,
    Name,
    Negate,
    Node,
    Not,
    Number,
    Sum,
    TableCall,
    Text,
    Truth,
    children,
    walk,
)

MAX_LENGTH = 10_000
MAX_DEPTH = 60
MAX_CHAIN = 150  # operations on one way from the whole expression down to a name
MAX_EXPONENT = 60
FUNCTIONS: dict[str, tuple[int, int | None]] = {  # name -> fewest and most arguments
    "min": (2, None),
    "max": (2, None),
    "abs": (1, 1),
    "sqrt": (1, 1),
    "exp": (1, 1),
    "ln": (1, 1),
    "log10": (1, 1),
    "round": (2, 2),
}
FORMS = ("factor", "if", "sum", "table")  # what reads like a function and takes arguments of its own kind
_SAME = str.maketrans({"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-"})
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)
      | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<unit>\[[^\[\]\n]*\])
      | (?P<op>\*\*|==|!=|<=|>=|≤|≥|≠|[-+*/^<>(),=])
    """,
    re.VERBOSE,
)
_COMPARE = {
    "==": "==",
    "!=": "!=",
    "≠": "!=",
    "<": "<",
    "<=": "<=",
    "≤": "<=",
    ">": ">",
    ">=": ">=",
    "≥": ">=",
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    offset: int


def parse(text: str) -> Node:
    """Parse one expression. Raises FormulaError with the offset of the first thing that does not fit."""
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"an expression may have {MAX_LENGTH:,} characters", source=text[:80])
    tree = _Parser(text).whole()
    level, depth = [tree], 0
    while level:
        depth += 1
        level = [child for node in level for child in children(node)]
    if depth > MAX_CHAIN:
        raise FormulaError(
            f"more than {MAX_CHAIN} operations hang together: give a part of it an output of its own", source=text[:80]
        )
    return tree


def _tokens(text: str) -> list[_Token]:
    clean = text.translate(_SAME)
    out: list[_Token] = []
    at = 0
    while at < len(clean):
        match = _TOKEN.match(clean, at)
        if match is None:
            raise FormulaError(f"unexpected character `{text[at]}`", source=text, offset=at)
        kind = match.lastgroup or ""
        if kind == "text":  # what stands between quotes is the author's, to the letter
            out.append(_Token(kind, text[at : match.end()], at))
        elif kind != "space":
            out.append(_Token(kind, match.group(), at))
        at = match.end()
    out.append(_Token("end", "", len(text)))
    return out


class _Parser:
    def __init__(self, text: str) -> None:
        self.source = text
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def fail(self, message: str, token: _Token | None = None) -> FormulaError:
        return FormulaError(message, source=self.source, offset=(token or self.token).offset)

    def next(self) -> _Token:
        token = self.token
        self.at += 1
        return token

    def accept(self, *texts: str) -> _Token | None:
        if self.token.kind in {"op", "name"} and self.token.text in texts:
            return self.next()
        return None

    def expect(self, text: str) -> _Token:
        token = self.accept(text)
        if token is None:
            found = f"`{self.token.text}`" if self.token.kind != "end" else "the end"
            raise self.fail(f"expected `{text}`, found {found}")
        return token

    def whole(self) -> Node:
        node = self.either()
        if self.token.kind != "end":
            raise self.fail(f"unexpected `{self.token.text}`")
        return node

    def either(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"nested more than {MAX_DEPTH} levels deep")
        node = self.both()
        while token := self.accept("or"):
            node = Logic("or", node, self.both(), offset=token.offset)
        self.depth -= 1
        return node

    def both(self) -> Node:
        node = self.negated()
        while token := self.accept("and"):
            node = Logic("and", node, self.negated(), offset=token.offset)
        return node

    def negated(self) -> Node:
        nots = []
        while token := self.accept("not"):
            nots.append(token)
        node = self.comparison()
        for token in reversed(nots):
            node = Not(node, offset=token.offset)
        return node

    def comparison(self) -> Node:
        node = self.sum()
        chain: list[Node] = []
        left = node
        while self.token.kind == "op" and self.token.text in _COMPARE:
            token = self.next()
            right = self.sum()
            chain.append(Compare(cast(CompareOp, _COMPARE[token.text]), left, right, offset=token.offset))
            left = right
        if not chain:
            return node
        out = chain[0]
        for link in chain[1:]:
            out = Logic("and", out, link, offset=link.offset)
        return out

    def sum(self) -> Node:
        node = self.product()
        while token := self.accept("+", "-"):
            node = Arithmetic(cast(ArithmeticOp, token.text), node, self.product(), offset=token.offset)
        return node

    def product(self) -> Node:
        node = self.unary()
        while token := self.accept("*", "/"):
            self.plain_fraction(token)
            node = Arithmetic(cast(ArithmeticOp, token.text), node, self.unary(), offset=token.offset)
        return node

    def plain_fraction(self, token: _Token) -> None:
        """``44/12 [kg]``: is it 44/12 of a kg, or 44 per 12 kg? Refused, as it can be read in two ways."""
        around = (self.tokens[self.at - 2], *self.tokens[self.at : self.at + 2])
        if token.text == "/" and [t.kind for t in around] == ["number", "number", "unit"]:
            a, b, unit = (t.text for t in around)
            raise self.fail(
                f"`{a} / {b} {unit}` can be read in two ways: write ({a}/{b}) {unit} or {a} / ({b} {unit})", token
            )

    def unary(self) -> Node:
        signs = []
        while token := self.accept("-", "+"):
            signs.append(token)
        if len(signs) > MAX_DEPTH:
            raise self.fail(f"nested more than {MAX_DEPTH} levels deep", signs[0])
        node = self.power()
        for token in reversed(signs):
            if token.text == "-":
                node = Negate(node, offset=token.offset)
        return node

    def power(self) -> Node:
        base = self.atom()
        if token := self.accept("**", "^"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.fail(f"nested more than {MAX_DEPTH} levels deep")
            base = Arithmetic("**", base, self.unary(), offset=token.offset)
            self.depth -= 1
        return base

    def atom(self) -> Node:
        token = self.next()
        if token.kind == "number":
            unit = self.next().text[1:-1].strip() if self.token.kind == "unit" else None
            value = self.measurable(token)
            return Number(value, unit, offset=token.offset)
        if token.kind == "text":
            return Text(token.text[1:-1], offset=token.offset)
        if token.kind == "op" and token.text == "(":
            node = self.either()
            self.expect(")")
            return self.constant(node, token) if self.token.kind == "unit" else node
        if token.kind == "name":
            if token.text in {"true", "false"}:
                return Truth(token.text == "true", offset=token.offset)
            if self.token.text == "(" and self.token.kind == "op":
                return self.call(token)
            if token.text in {"and", "or", "not", "if", "factor", *FUNCTIONS}:
                raise self.fail(f"`{token.text}` is a word of the language, not a name", token)
            return Name(token.text, offset=token.offset)
        found = f"`{token.text}`" if token.kind != "end" else "the end"
        raise self.fail(f"expected a number, a name or `(`, found {found}", token)

    def constant(self, node: Node, opening: _Token) -> Node:
        """``(44/12) [kgCO2/kg]``: a computed literal and its unit."""
        for part in walk(node):
            if not isinstance(part, (Number, Negate, Arithmetic)) or (isinstance(part, Number) and part.written_unit):
                raise self.fail("only a number can be given a unit: 3.6 [MJ/kWh] or (44/12) [kgCO2/kg]")
        unit = self.next()
        one = Number(Decimal(1), unit.text[1:-1].strip(), offset=unit.offset)
        return Arithmetic("*", node, one, offset=opening.offset)

    def measurable(self, token: _Token) -> Decimal:
        mantissa, _, exponent = token.text.lower().partition("e")
        if (
            len(mantissa) > MAX_EXPONENT
            or len(exponent.lstrip("+-").lstrip("0")) > 2
            or abs(int(exponent or 0)) > MAX_EXPONENT
        ):
            raise self.fail("a number of this size is no measurement", token)
        return Decimal(token.text)

    def call(self, name: _Token) -> Node:
        self.expect("(")
        if name.text in {"factor", "table", "sum"}:
            return {"factor": self.factor, "table": self.table, "sum": self.sum_over}[name.text](name)
        arguments: list[Node] = []
        if not self.accept(")"):
            arguments.append(self.either())
            while self.accept(","):
                arguments.append(self.either())
            self.expect(")")
        if name.text == "if":
            if len(arguments) != 3:
                raise self.fail(f"`if` takes 3 arguments, not {len(arguments)}", name)
            return If(*arguments, offset=name.offset)
        if name.text not in FUNCTIONS:
            known = ", ".join(sorted([*FUNCTIONS, *FORMS]))
            raise self.fail(f"unknown function `{name.text}`; there are {known}", name)
        fewest, most = FUNCTIONS[name.text]
        if len(arguments) < fewest or (most is not None and len(arguments) > most):
            wants = str(fewest) if fewest == most else f"{fewest} or more"
            raise self.fail(f"`{name.text}` takes {wants} argument(s), not {len(arguments)}", name)
        return Call(name.text, tuple(arguments), offset=name.offset)

    def factor(self, name: _Token) -> Node:
        alias = self.next()
        if alias.kind not in {"text", "name"}:
            raise self.fail('`factor` starts with the alias of a reference: factor("alias", ...)', alias)
        text = alias.text[1:-1] if alias.kind == "text" else alias.text
        return FactorCall(text, self.selection(), offset=name.offset)

    def selection(self) -> tuple[tuple[str, Node], ...]:
        """``, column = value`` as often as it stands there, and the closing bracket."""
        select: list[tuple[str, Node]] = []
        while self.accept(","):
            column = self.next()
            if column.kind != "name":
                raise self.fail("expected a column name such as `activity`", column)
            self.expect("=")
            if column.text in dict(select):
                raise self.fail(f"column `{column.text}` is selected twice", column)
            select.append((column.text, self.sum()))
        self.expect(")")
        return tuple(select)

    def table(self, name: _Token) -> Node:
        table = self.next()
        if table.kind != "text":
            raise self.fail('`table` starts with the name of a table in quotes: table("name", "column", ...)', table)
        self.expect(",")
        column = self.next()
        if column.kind != "text":
            raise self.fail('the second word of `table` is a column in quotes: table("name", "column", ...)', column)
        select = self.selection()
        if not select:
            raise self.fail('`table` needs its keys: table("name", "column", key = kind)', name)
        return TableCall(table.text[1:-1], column.text[1:-1], select, offset=name.offset)

    def sum_over(self, name: _Token) -> Node:
        table = self.next()
        if table.kind != "name" or "." in table.text:
            raise self.fail("`sum` starts with a table input: sum(fuels, fuels.mass * fuels.ef)", table)
        self.expect(",")
        body = self.either()
        self.expect(")")
        return Sum(table.text, body, offset=name.offset)
