"""What of a library formula an agent holds: numbers that its inputs, factor rows, and the formula's own sources give.

Belongs here: the values that a formula declares itself (constants, defaults of parameters), and what is refused because
an agent has no place for it. Does not belong here: which input or factor a symbol is bound to (``match``, ``resolve``).
"""

from __future__ import annotations

from collections.abc import Iterable

from greenlang_sdk.decimals import normal_text

from greenlang.errors import FormulaError
from greenlang.formulas.library import FormulaSymbol, LibraryFormula
from greenlang.formulas.tree import Name, Node, Number, Sum, TableCall, substitute, walk
from greenlang.resolution.plan import Evidence

_KINDS = {"text": "text", "truth": "truth value", "table": "table"}
_INSTEAD = "write the expression itself under `compute.formulas`"


def tree_of(formula: LibraryFormula, output: str) -> Node:
    """The unchecked tree of an output over the symbols alone: earlier outputs are put in."""
    trees = formula.trees()
    tree = trees[output]
    for inner in reversed(list(formula.outputs)):
        tree = substitute(tree, {inner: trees[inner]}) if inner != output else tree
    return tree


def used_symbols(formula: LibraryFormula, tree: Node) -> dict[str, FormulaSymbol]:
    """The symbols that a tree uses, in the order of their declaration.

    Raises FormulaError that names the text, truth value, table or parameter table that an agent cannot hold.
    """
    parts = tuple(walk(tree))
    names = {p.name.partition(".")[0] for p in parts if isinstance(p, Name)}
    names |= {p.table for p in parts if isinstance(p, Sum)}
    used = {name: symbol for name, symbol in formula.symbols.items() if name in names}
    for name, symbol in used.items():
        if symbol.type != "number":
            raise FormulaError(
                f"`{formula.id}` takes the {_KINDS[symbol.type]} `{name}` ({symbol.meaning}), and an agent holds "
                f"formulas over numbers only: {_INSTEAD}"
            )
    for part in parts:
        if isinstance(part, TableCall):
            raise FormulaError(
                f"`{formula.id}` reads the parameter table `{part.table}`, and an agent holds factor rows only: "
                f"{_INSTEAD}"
            )
    return used


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
