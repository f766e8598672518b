"""Inputs with which each operand decides: behind the larger one of ``max(a, b)`` nobody sees a slip in the other.

The same holds for ``p or q``, for the branches of a condition and for what is multiplied by zero. The vectors of a
resolution start from its golden cases and often leave one side of such a place in the dark, however deep it lies. So
inputs are mixed from what is known, and those are kept in which an operand decides that did not before.

Belongs here: what decides a value, and the search. Does not belong here: slips at the places themselves
(``near_misses``), inputs around one case (``variations``).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from greenlang_sdk.decimals import CONTEXT

from greenlang.factory import limits
from greenlang.formulas.evaluate import Value
from greenlang.formulas.tree import Arithmetic, Call, If, Logic, Node, Sum, children
from greenlang.specs.model import AgentSpec, Given, InputSpec

_PATIENCE = 24  # mixtures without anything new, then the search ends: often no input lets an operand decide
_SHARES = tuple(map(Decimal, ("0.5", "0.8", "1.25", "2")))
Inputs = dict[str, Given]
Parts = Callable[[Node], Value | None]  # the value of a part of an expression, None where it has none
Place = tuple[int, int, bool]  # a node, which of its operands, and as what if it is a truth value


def deciding(
    spec: AgentSpec, trees: Sequence[Node], known: Iterable[tuple[Inputs, Parts]], ask: Callable[[Inputs], Parts | None]
) -> Iterator[Inputs]:
    """Inputs in which something decides that does in none of the ``known`` ones, from which they are mixed.

    ``ask`` gives the value of each part of an expression for inputs; None where they are refused.
    """
    wanted = {place for tree in trees for place in places(tree)}
    bases = []
    for given, parts in known:
        wanted -= {place for tree in trees for place in decided(tree, parts)} if wanted else wanted
        bases.append(given)
    fruitless = 0
    for given in mixtures(spec, bases) if bases else ():
        if not wanted or fruitless == _PATIENCE:
            return
        asked = ask(given)
        found = wanted & {place for tree in trees for place in decided(tree, asked)} if asked else set()
        fruitless = 0 if found else fruitless + 1
        if found:
            wanted -= found
            yield given


def places(tree: Node) -> Iterator[Place]:
    """Every operand that may decide; what is computed row by row is left to the vectors of the table."""
    match tree:
        case Call(function="min" | "max", arguments=arguments) if len(arguments) > 1:
            yield from ((id(tree), place, True) for place in range(len(arguments)))
        case If():
            yield from ((id(tree), place, True) for place in range(2))
        case Logic():
            yield from ((id(tree), place, truth) for place in range(2) for truth in (True, False))
    for child in () if isinstance(tree, Sum) else children(tree):
        yield from places(child)


def decided(tree: Node, value: Parts) -> Iterator[Place]:
    """The operands that decide the value of an expression."""
    match tree:
        case Call(function="min" | "max" as function, arguments=arguments) if len(arguments) > 1:
            known = [found for found in map(value, arguments) if isinstance(found, Decimal)]
            best = (min if function == "min" else max)(known) if len(known) == len(arguments) else None
            if best is not None and known.count(best) == 1:
                place = known.index(best)
                yield id(tree), place, True
                yield from decided(arguments[place], value)
        case If(condition=condition, then=then, otherwise=otherwise):
            holds = value(condition)
            if holds is not None:
                yield id(tree), int(not holds), True
                yield from decided(condition, value)
                yield from decided(then if holds else otherwise, value)
        case Logic(op=op, left=left, right=right):
            for place, (own, other) in enumerate(((left, right), (right, left))):
                truth, beside = value(own), value(other)
                if truth is not None and beside is (op == "and"):
                    yield id(tree), place, bool(truth)
                    yield from decided(own, value)
        case Arithmetic(op="*" | "/", left=left, right=right):
            for own, other in ((left, right), (right, left)):
                if value(other):
                    yield from decided(own, value)
        case Sum():
            return
        case _:
            for child in children(tree):
                yield from decided(child, value)


def mixtures(spec: AgentSpec, bases: Sequence[Mapping[str, Given]]) -> Iterator[Inputs]:
    """Inputs without end, each number that of a base, a share of it, or that of another input in the same unit."""
    number = 0
    while True:
        base = dict(bases[number % len(bases)])
        yield base | {
            name: _chosen(_values(spec, name, base), f"{number}:{name}") for name in base if name in spec.inputs
        }
        number += 1


def _chosen(values: Sequence[Given], key: str) -> Given:
    return values[zlib.crc32(key.encode()) % len(values)]


def _values(spec: AgentSpec, name: str, base: Mapping[str, Given]) -> list[Given]:
    declared, value = spec.inputs[name], base[name]
    if declared.enum or declared.dtype == "bool":
        return [value, *declared.enum, *((True, False) if declared.dtype == "bool" else ())]
    if not declared.numeric or not isinstance(value, (Decimal, int)):
        return [value]
    peers = [other for peer, other in base.items() if peer in spec.inputs and _alike(spec.inputs[peer], declared)]
    wanted = [*(Decimal(v) for v in peers if isinstance(v, (Decimal, int))), Decimal(0)]
    wanted += [CONTEXT.multiply(Decimal(value), share) for share in _SHARES]
    if declared.dtype == "int32":
        wanted = [number.to_integral_value() for number in wanted]
    fitting = [number for number in dict.fromkeys(wanted) if limits.fits(declared, number)] or [Decimal(value)]
    return [int(number) for number in fitting] if declared.dtype == "int32" else list(fitting)


def _alike(peer: InputSpec, declared: InputSpec) -> bool:
    return (peer.unit, peer.dtype, peer.enum) == (declared.unit, declared.dtype, declared.enum)
