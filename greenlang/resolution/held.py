"""What of a library formula an agent holds: values that its inputs, factor rows, and the formula's own sources give.

Belongs here: the symbols that an output needs, and the values that a formula declares itself (constants, defaults of
parameters). Does not belong here: what a symbol is bound to (``match``, ``named``).
"""

from __future__ import annotations

from collections.abc import Iterable

from greenlang_sdk.decimals import normal_text

from greenlang.formulas.library import FormulaSymbol, LibraryFormula
from greenlang.formulas.tree import Name, Node, Number, Sum, substitute, walk
from greenlang.resolution.plan import Evidence


def tree_of(formula: LibraryFormula, output: str) -> Node:
    """The unchecked tree of an output over the symbols alone: earlier outputs are put in."""
    trees = formula.trees()
    tree = trees[output]
    for inner in reversed(list(formula.outputs)):
        tree = substitute(tree, {inner: trees[inner]}) if inner != output else tree
    return tree


def used_symbols(formula: LibraryFormula, tree: Node) -> dict[str, FormulaSymbol]:
    """The symbols that a tree uses, in the order of their declaration."""
    parts = tuple(walk(tree))
    names = {p.name.partition(".")[0] for p in parts if isinstance(p, Name)}
    names |= {p.table for p in parts if isinstance(p, Sum)}
    return {name: symbol for name, symbol in formula.symbols.items() if name in names}


def own_value(symbol: FormulaSymbol) -> Number | None:
    """The value that the formula declares for a symbol, in its unit; None if somebody must give one."""
    return None if symbol.default is None else Number(symbol.default, symbol.unit)


def own_values(formula: LibraryFormula, names: Iterable[str]) -> tuple[Evidence, ...]:
    """For each symbol that keeps the formula's own value: the value and where it comes from."""
    symbols = {name: formula.symbols[name] for name in names}
    return tuple(Evidence("formula", f"`{n}` ({s.meaning}) is {shown(s)}: {s.source}") for n, s in symbols.items())


def shown(symbol: FormulaSymbol) -> str:
    """A symbol's own value with its unit; empty if it has none."""
    if symbol.default is None:
        return ""
    return normal_text(symbol.default) + (f" {symbol.unit}" if symbol.unit != "1" else "")
