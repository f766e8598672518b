"""A plan's formula as MathML: fractions stacked, powers raised, look-ups with their keys as a subscript.

Belongs here: from the text of a plan, as a certificate holds it, to MathML Core. Does not belong here: calculating. A
text that is no expression (``SHA-256 of the chain``) has no MathML; the page shows its words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce

from markupsafe import Markup

from greenlang.errors import FormulaError
from greenlang.formulas.parse import parse
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
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
)
from greenlang.pages import clean

_SIGNS = {"*": "×", "-": "−", "+": "+", "==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "and": "∧", "or": "∨"}
_STRENGTH = {"or": 1, "and": 2, "+": 5, "-": 5, "*": 6}
_HIGH = 8  # a fraction or a power: in brackets only where it is raised
_ATOM = 9
# As `greenlang.formulas.show` writes them, and the language does not read them: a look-up with its keys, a unit.
_LOOKUP = re.compile(r"([^\W\d]\w*)\[([^\[\]]+)\]")
_QUOTED = re.compile(r'("[^"]*")')
_UNIT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) (?!(?:and|or)\b)([^\W\d_][^\s(),]*)")


def mathml(output: str, text: str) -> Markup | None:
    """``output = text`` as MathML, with the text to read aloud; None where the text is no expression."""
    output, text = clean(output), clean(text)  # what no page may hold
    lookups: list[tuple[str, str]] = []

    def placeholder(match: re.Match[str]) -> str:
        lookups.append((match[1], match[2]))
        return f"{_HIDDEN}{len(lookups) - 1}"

    if _HIDDEN in text:
        return None
    parts = _QUOTED.split(text)
    parts[::2] = [_UNIT.sub(r"\1 [\2]", _LOOKUP.sub(placeholder, part)) for part in parts[::2]]
    try:
        tree = parse("".join(parts))
    except FormulaError:
        return None
    shown = _Shown({f"{_HIDDEN}{n}": found for n, found in enumerate(lookups)})
    body = Markup("<mrow>{}<mo>=</mo>{}</mrow>").format(_mi(output), shown.at(tree, 0))
    return Markup('<math displaystyle="true" alttext="{} = {}">{}</math>').format(output, text, body)


_HIDDEN = "lookup__"


class _Shown:
    """A tree as marks; ``lookups`` are the names that stand for look-ups with keys."""

    def __init__(self, lookups: Mapping[str, tuple[str, str]]) -> None:
        self.lookups = lookups

    def at(self, node: Node, least: int) -> Markup:
        """The node, in brackets where it binds weaker than ``least``."""
        marks, strength = self.of(node)
        return marks if strength >= least else _bracketed(marks)

    def of(self, node: Node) -> tuple[Markup, int]:
        """The node, and how strongly it binds."""
        match node:
            case Number(value=value, written_unit=unit):
                number = Markup("<mn>{}</mn>").format(f"{value:f}")
                return (_row(number, _space(), _mtext(unit)) if unit and unit != "1" else number), _ATOM
            case Text(value=value):
                return _mtext(f"“{value}”"), _ATOM
            case Truth(value=value):
                return _mtext(str(value).lower()), _ATOM
            case Name(name=name):
                return (_subscript(*self.lookups[name]) if name in self.lookups else _mi(name)), _ATOM
            case Negate(operand=operand):
                return _row(_mo("−"), self.at(operand, 7)), 7
            case Not(operand=operand):
                return _row(_mo("¬"), self.at(operand, _ATOM)), 7
            case Arithmetic():
                return self.arithmetic(node)
            case Compare(op=op, left=left, right=right):
                return _row(self.at(left, 5), _mo(_SIGNS.get(op, op)), self.at(right, 5)), 4
            case Logic(op=op, left=left, right=right):
                strength = _STRENGTH[op]
                return _row(self.at(left, strength), _mo(_SIGNS[op]), self.at(right, strength)), strength
            case If():
                return self.cases(node), 3
            case _:
                return self.called(node), _ATOM

    def arithmetic(self, node: Arithmetic) -> tuple[Markup, int]:
        """A fraction, a power, or two sides with a sign between."""
        if node.op == "/":
            return Markup("<mfrac>{}{}</mfrac>").format(self.at(node.left, 0), self.at(node.right, 0)), _HIGH
        if node.op == "**":
            return Markup("<msup>{}{}</msup>").format(self.at(node.left, _ATOM), self.at(node.right, 0)), _HIGH
        strength = _STRENGTH[node.op]
        right = self.at(node.right, strength + (node.op == "-"))
        return _row(self.at(node.left, strength), _mo(_SIGNS[node.op]), right), strength

    def cases(self, node: Node) -> Markup:
        """``if`` inside ``if`` as one list of cases."""
        rows = Markup()
        while isinstance(node, If):
            rows += _case(self.at(node.then, 0), _row(_mtext("if "), self.at(node.condition, 0)))
            node = node.otherwise
        rows += _case(self.at(node, 0), _mtext("otherwise"))
        return Markup('<mrow><mo fence="true" stretchy="true">{{</mo><mtable>{}</mtable></mrow>').format(rows)

    def called(self, node: Node) -> Markup:
        """A function, or one of the forms that read like one."""
        match node:
            case Call(function="sqrt", arguments=(argument,)):
                return Markup("<msqrt>{}</msqrt>").format(self.at(argument, 0))
            case Call(function="abs", arguments=(argument,)):
                return _row(_mo("|"), self.at(argument, 0), _mo("|"))
            case Call(function="exp", arguments=(argument,)):
                return Markup("<msup><mi>e</mi>{}</msup>").format(self.at(argument, 0))
            case Call(function=function, arguments=arguments):
                return _function(_mi(function), [self.at(argument, 0) for argument in arguments])
            case FactorCall(alias=alias, select=select):
                return _function(_mi("factor"), [_mtext(alias), *self.selected(select)])
            case TableCall(table=table, column=column, select=select):
                return _function(_mi(table), [_mtext(column), *self.selected(select)])
            case Sum(table=table, body=body):
                sign = Markup("<munder><mo>∑</mo>{}</munder>").format(_mi(table))
                return _row(sign, self.at(body, 6))
        raise TypeError(f"no way to show a {type(node).__name__}")

    def selected(self, select: Sequence[tuple[str, Node]]) -> list[Markup]:
        """``key = value`` of a look-up."""
        return [_row(_mi(name), _mo("="), self.at(value, 5)) for name, value in select]


def _row(*parts: Markup) -> Markup:
    return Markup("<mrow>{}</mrow>").format(Markup().join(parts))


def _bracketed(marks: Markup) -> Markup:
    return _row(_mo("("), marks, _mo(")"))


def _case(value: Markup, when: Markup) -> Markup:
    return Markup("<mtr><mtd>{}</mtd><mtd>{}</mtd></mtr>").format(value, when)


def _function(name: Markup, arguments: Sequence[Markup]) -> Markup:
    inside = reduce(lambda a, b: a + _mo(",") + b, arguments) if arguments else Markup()
    return _row(name, _bracketed(inside))


def _subscript(name: str, keys: str) -> Markup:
    return Markup("<msub>{}{}</msub>").format(_mi(name), _mtext(keys))


def _mi(text: str) -> Markup:
    return Markup("<mi>{}</mi>").format(text)


def _mo(text: str) -> Markup:
    return Markup("<mo>{}</mo>").format(text)


def _mtext(text: str) -> Markup:
    return Markup("<mtext>{}</mtext>").format(text)


def _space() -> Markup:
    return Markup('<mspace width="0.2em"></mspace>')
