"""Bases of CO2e in a batch: decided once for each combination of factors, not in every row.

`greenlang.calc.basis` follows the shares of one calculation. Here the same rules are followed without numbers: a part
of an expression has a set of possible sets of bases, more than one only where a condition or a cell of a table decides.
Usually that settles a combination: one label for each output, or a refusal. Where it does not, the row itself is asked,
by the engine's own evaluator.

Belongs here: possible bases. Does not belong here: numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from greenlang.calc.basis import ANY, MIXED, Evaluator, Tagged, allowed, written
from greenlang.calc.mistakes import Refused
from greenlang.calc.quantity import CO2E, power_of
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    If,
    Logic,
    Name,
    Negate,
    Node,
    Not,
    Number,
    TableCall,
)

Bases = frozenset[str]
_NONE: Bases = frozenset()


@dataclass(frozen=True, slots=True)
class Possible:
    """What a part may stand on, and whether it may be refused."""

    bases: frozenset[Bases]
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """The label of each output; or a refusal; or neither, where the row decides (``depends``)."""

    labels: dict[str, str]
    refusal: str = ""
    depends: bool = False


def label(bases: Iterable[str]) -> str:
    """How a result names what it stands on, as the shares of a single result do."""
    named = sorted(basis for basis in bases if basis != ANY)
    if len(named) == 1:
        return named[0]
    return " and ".join(sorted(bases))


def settle(trees: Mapping[str, Node], symbols: Mapping[str, Bases], policy: str, owner: str) -> Settled:
    """What the outputs of a formula stand on. ``symbols`` maps each symbol to its bases, none for what is no CO2e."""
    walker = _Walker({name: frozenset({bases}) for name, bases in symbols.items()}, policy, owner)
    labels: dict[str, str] = {}
    depends = False
    for name, tree in trees.items():
        found = walker.walk(tree)
        walker.symbols[name] = found.bases
        if found.refused and not found.bases:
            return Settled({}, refusal=_reason(trees, symbols, policy, owner), depends=False)
        depends = depends or found.refused or len({label(bases) for bases in found.bases}) > 1
        labels[name] = label(next(iter(found.bases)))
    return Settled({} if depends else labels, depends=depends)


def asked(
    trees: Mapping[str, Node], values: Mapping[str, Tagged], policy: str, owner: str
) -> tuple[dict[str, str], str]:
    """The labels of one row by the engine's evaluator, or its refusal. An arithmetic error ends it without either."""
    evaluator = Evaluator(values, policy=policy, owner=owner)
    labels: dict[str, str] = {}
    for name, tree in trees.items():
        try:
            tagged = evaluator.evaluate(tree, f"outputs.{name}")
        except Refused as error:
            return ({}, str(error.at(f"outputs.{name}"))) if error.code == "mixed_basis" else ({}, "")
        evaluator.values[name] = tagged
        labels[name] = label(tagged.shares)
    return labels, ""


def _reason(trees: Mapping[str, Node], symbols: Mapping[str, Bases], policy: str, owner: str) -> str:
    """The engine's own sentence: the names of the bases do not depend on the numbers."""
    values = {name: Tagged(Decimal(1), dict.fromkeys(bases, Decimal(1))) for name, bases in symbols.items()}
    _, refusal = asked(trees, values, policy, owner)
    return refusal or "CO2e on unlike bases would be added; name a policy in the context"


class _Walker:
    def __init__(self, symbols: dict[str, frozenset[Bases]], policy: str, owner: str) -> None:
        self.symbols = symbols
        self.policy = policy
        self.owner = owner

    def walk(self, node: Node) -> Possible:
        match node:
            case Number(value=value, unit=unit):
                return _one(frozenset(written(value, unit, self.owner)))
            case Name(name=name):
                return Possible(self.symbols.get(name, frozenset({_NONE})))
            case TableCall():
                return self.cell(node)
            case Convert(operand=operand) | Negate(operand=operand) | Not(operand=operand):
                return self.walk(operand)
            case If(condition=condition, then=then, otherwise=otherwise):
                test, yes, no = self.walk(condition), self.walk(then), self.walk(otherwise)
                if test.refused and not test.bases:
                    return test
                return Possible(yes.bases | no.bases, test.refused or yes.refused or no.refused)
            case Logic(left=left, right=right):
                first, second = self.walk(left), self.walk(right)
                if first.refused and not first.bases:
                    return first
                return Possible(frozenset({_NONE}), first.refused or second.refused)
            case Arithmetic() | Compare():
                return self.pair(node)
            case Call():
                return self.call(node)
        return _one(_NONE)

    def cell(self, node: TableCall) -> Possible:
        unit = node.unit or "1"
        if not power_of(CO2E, unit):
            return _one(_NONE)
        found = {frozenset(written(value, unit, node.table)) for value in (node.rows or {}).values()}
        return Possible(frozenset(found) or frozenset({_NONE}))

    def pair(self, node: Arithmetic | Compare) -> Possible:
        left, right = self.walk(node.left), self.walk(node.right)
        found: set[Bases] = set()
        refused = left.refused or right.refused
        for a, b in product(left.bases, right.bases):
            made = self.joined(node, a, b)
            refused = refused or made is None
            if made is not None:
                found.add(made)
        return Possible(frozenset(found), refused)

    def joined(self, node: Arithmetic | Compare, a: Bases, b: Bases) -> Bases | None:
        """The bases of the whole; None where the two must not meet."""
        op = node.op
        if op == "*" and not (a and b):
            return a or b
        if op == "/" and not b:
            return a
        if not self.meets(a, b):
            return None
        if isinstance(node, Compare):
            return _NONE
        return a | b if op in {"+", "-"} else self.whole(node, (a, b))

    def meets(self, a: Bases, b: Bases) -> bool:
        return allowed(self.policy, (a | b) - {ANY})

    def whole(self, node: Node, parts: Iterable[Bases]) -> Bases:
        together = frozenset().union(*parts)
        if not together or node.unit is None or not power_of(CO2E, node.unit):
            return _NONE
        named = together - {ANY}
        return frozenset({MIXED}) if len(named) > 1 else named or frozenset({ANY})

    def call(self, node: Call) -> Possible:
        parts = [self.walk(argument) for argument in node.arguments]
        if node.function in {"abs", "round"}:
            return parts[0]
        refused = any(part.refused for part in parts)
        found: set[Bases] = set()
        for chosen in product(*(part.bases for part in parts)):
            if node.function not in {"min", "max"}:
                found.add(self.whole(node, chosen))
            elif all(self.meets(chosen[0], other) for other in chosen[1:]):
                found |= set(chosen)
            else:
                refused = True
        return Possible(frozenset(found), refused)


def _one(bases: Bases) -> Possible:
    return Possible(frozenset({bases}))
