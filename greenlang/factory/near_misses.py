"""Vectors that tell a plan from its near misses: a limit that lies one off, a forgotten case, ties rounded up.

Most slips show on any input. These do not: ``>`` for ``>=`` shows where both sides are equal, a forgotten ``min`` where
it holds something back, half-up for half-even on a tie. So the inputs on which they show are searched for, on the
trees alone, and the expected values come from the reference evaluator.

Belongs here: near misses of a tree, and the vectors that tell them. Does not belong here: evaluating (``search``), ties
(``ties``), other cases (``cases``), mutants of code (``greenlang.quality.mutation``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import DecimalException, localcontext
from itertools import chain, islice

from greenlang_sdk.decimals import CONTEXT, DecimalError

from greenlang.errors import CalculationError
from greenlang.factory import limits
from greenlang.factory.deciding import Inputs, Parts, deciding
from greenlang.factory.search import Search
from greenlang.factory.ties import tie as find_tie
from greenlang.factory.ties import ties
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    If,
    Logic,
    Negate,
    Node,
    Number,
    Sum,
    children,
    rebuild,
    walk,
)
from greenlang.resolution import run
from greenlang.resolution.plan import OutputPlan, Resolution, Vector

MOST = 24  # vectors for a part; pathological specs must not fill their packs
_DECISIONS = 16  # of them for operands that decide
_CASES = 240  # evaluations of a part at most: a search must not cost more than the rest of the pack
_EACH = 30  # for an output at least
_FIRST, _ONE = 10, 40  # of them for one place at most, so that one without an answer does not take all
_FLIPPED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


def telling(resolution: Resolution, bases: Iterable[Inputs]) -> list[Vector]:
    """Vectors beside those of the resolution, at most MOST. ``bases`` are inputs from which the search starts."""
    found: list[Vector] = []
    with localcontext(CONTEXT):
        search = Search(resolution, list(bases))
        told = chain(_as_far(_decisions(search)), _as_far(_cases(search)), _as_far(ties(search)))
        for given in islice(told, MOST):
            vector = search.vector(f"told_apart_{len(found) + 1}", given)
            search.taken.append((given, search.run(given)))
            found.append(vector)
    return found


def _decisions(search: Search) -> Iterator[Inputs]:
    trees = [plan.expression for plan in search.plans.values() if plan.means != "system"]
    known = [(run.with_defaults(search.spec, g), search.parts(g, a)) for g, a in search.taken if isinstance(a, dict)]

    def ask(given: Inputs) -> Parts | None:
        answer = search.run(given)
        return search.parts(given, answer) if isinstance(answer, dict) else None

    return islice(deciding(search.spec, trees, known, ask), _DECISIONS)


def _as_far(found: Iterator[Inputs]) -> Iterator[Inputs]:
    """What a search gives before it comes to the end of all numbers."""
    try:
        yield from found
    except (CalculationError, DecimalError, DecimalException):
        return


def tie(resolution: Resolution, output: str, bases: Iterable[Inputs]) -> Inputs | None:
    """Inputs whose value for an output lies on a tie that half-even rounds down; None where none was found."""
    with localcontext(CONTEXT):
        return find_tie(Search(resolution, list(bases)), resolution.plans[output])


def near_misses(tree: Node) -> Iterator[tuple[Node, Node, tuple[Node, Node] | None]]:
    """(place, tree with the slip, two sides whose meeting shows it) for each delicate place of a tree."""
    for node in _outside_sums(tree):
        for miss, sides in _misses(node):
            yield node, _put(tree, node, miss), sides


def _outside_sums(node: Node) -> Iterator[Node]:
    """The node and its parts; what is computed row by row is left to the vectors of the table."""
    yield node
    for child in () if isinstance(node, Sum) else children(node):
        yield from _outside_sums(child)


def _misses(node: Node) -> Iterator[tuple[Node, tuple[Node, Node] | None]]:
    match node:
        case Compare(op=op, left=left, right=right) if op in _FLIPPED:
            yield replace(node, op=_FLIPPED[op]), (left, right)  # type: ignore[arg-type]
            for short in (*_without_a_term(left), *_without_a_term(right)):
                yield _put(node, *short), (left, right)  # between the limit and the one that lacks a term
        case If(condition=condition, then=then, otherwise=otherwise):
            ordered = (c for c in walk(condition) if isinstance(c, Compare) and c.left.type == "number")
            sides = next(((c.left, c.right) for c in ordered), None)
            yield then, sides
            yield otherwise, sides
        case Logic(left=left, right=right):
            for kept, dropped in ((left, right), (right, left)):
                sides = (dropped.left, dropped.right) if isinstance(dropped, Compare) else None
                yield kept, sides if sides and sides[0].type == "number" else None
        case Call(function="min" | "max", arguments=arguments) if len(arguments) > 1:
            for dropped in arguments:
                rest = tuple(a for a in arguments if a is not dropped)
                miss = rest[0] if len(rest) == 1 else replace(node, arguments=rest)
                yield miss, (dropped, rest[0])
        case Call(function="abs", arguments=(operand,)):
            yield operand, None
        case Arithmetic(op="**", left=left, right=right) if not isinstance(right, Number):
            yield replace(node, left=Negate(operand=left, unit=left.unit)), None  # shows for odd exponents


def _without_a_term(side: Node) -> Iterator[tuple[Node, Node]]:
    """Each sum in a side of a comparison, and one of its operands in its place."""
    for node in walk(side):
        if isinstance(node, Arithmetic) and node.op in "+-":
            yield node, node.left
            yield node, node.right


def _put(tree: Node, place: Node, new: Node) -> Node:
    return new if tree is place else rebuild(tree, lambda part: _put(part, place, new))


def _cases(search: Search) -> Iterator[Inputs]:
    """The quick ones first: a place for which no inputs are found must not use up what others need."""
    search.left = _CASES
    plans = [plan for output in search.resolution.order if (plan := search.plans[output]).means != "system"]
    for allowed in (_FIRST, _ONE):
        for plan in plans:
            search.left = max(search.left, _EACH if allowed == _FIRST else 0)
            for _, miss, sides in near_misses(plan.expression):
                found = _case(search, plan, miss, sides, allowed)
                if found is not None:
                    yield found


def _case(search: Search, plan: OutputPlan, miss: Node, sides: tuple[Node, Node] | None, allowed: int) -> Inputs | None:
    """Inputs that show a slip; None where a vector shows it, and where so many evaluations find none."""
    if search.left <= 0 or any(search.tells(plan, miss, given, answer) for given, answer in search.taken):
        return None
    least = max(search.left - allowed, 0)
    for given in _candidates(search, sides):
        if search.left < least:
            return None
        if given is not None and search.tells(plan, miss, given, search.run(given)):
            return given
    return None


def _candidates(search: Search, sides: tuple[Node, Node] | None) -> Iterator[Inputs | None]:
    """Inputs where two sides meet, and some to the left and right of that; then the ends of every number.

    None where the search went on and found nothing.
    """
    for given in search.bases if sides else ():
        assert sides is not None
        for root in search.met(*sides, given):
            if root is None:
                yield None
                continue
            name, met = root
            yield met
            for value in search.around(met, name):
                moved = search.set(met, name, value)
                if moved is not None:
                    yield moved
    for given in search.bases[:2]:
        yield from _ends(search, given)


def _ends(search: Search, given: Inputs) -> Iterator[Inputs]:
    yield from search.next_numbers(given)
    for name, declared in search.spec.inputs.items():
        if declared.dtype == "bool" and not declared.enum:
            yield {**given, name: not given.get(name, declared.default)}
        for _, value in limits.inside(declared) if not declared.enum else ():
            yield {**given, name: int(value) if declared.dtype == "int32" else value}
