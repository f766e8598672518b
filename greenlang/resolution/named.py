"""A formula of the library by its id: which of its outputs is meant, and what its symbols stand for.

Belongs here: binding symbols to inputs, expressions and the formula's own values. Does not belong here: finding a
formula that nobody names (``match``, ``choose``), the values that a formula declares itself (``held``).
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal

from greenlang import units
from greenlang.errors import FormulaError
from greenlang.formulas.check import check, fit, pretty
from greenlang.formulas.library import FormulaSymbol, LibraryFormula, substitute
from greenlang.formulas.parse import parse
from greenlang.formulas.tree import Name, Node, Text, walk
from greenlang.resolution.held import own_value, own_values, shown, tree_of, used_symbols
from greenlang.resolution.plan import Evidence
from greenlang.resolution.work import Work
from greenlang.specs.model import FormulaGiven, OutputSpec


def from_library(work: Work, out: OutputSpec, named: FormulaGiven) -> None:
    """Enter the formula whose id is given as the plan of an output. Raises FormulaError."""
    formula = work.library.get(named.formula_id or "")
    if formula is None:
        near = get_close_matches(named.formula_id or "", work.library.pieces, n=3, cutoff=0.6)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise FormulaError(f"there is no formula `{named.formula_id}` in the library{hint}")
    output = _output(formula, out, named.formula_output)
    tree = tree_of(formula, output)
    bound, kept = _bound(work, formula, used_symbols(formula, tree), named)
    _columns_held(formula, tree, bound)
    by = "the spec" if named.means == "given" else "the reviewed overlay"
    which = f"{formula.id}, its `{output}`" if named.formula_output else formula.id
    said = (Evidence("note", named.source),) if named.source else ()
    work.plan(
        out,
        named.means,
        formula.outputs[output].expression,
        bound_tree(work, formula, output, bound),
        formula_id=formula.id,
        citation=f"{formula.citation.document}, {formula.citation.locator}",
        notes=(Evidence("formula", f"{which}, named by {by}"), *own_values(formula, kept), *said),
        enums=known_texts(formula, bound),
    )


def _output(formula: LibraryFormula, out: OutputSpec, wanted: str) -> str:
    """The formula's output that is meant: the one that is named, that of the same name, the only one that fits."""
    listed = ", ".join(f"`{n}` ({pretty(o.unit)})" for n, o in formula.outputs.items())
    fits = [n for n, o in formula.outputs.items() if units.same_dimension(o.unit, out.unit)]
    if wanted:
        if wanted not in formula.outputs:
            raise FormulaError(f"`{formula.id}` has no output `{wanted}`; it has {listed}")
        if wanted not in fits:
            unit = formula.outputs[wanted].unit
            raise FormulaError(f"`{wanted}` of `{formula.id}` is in {pretty(unit)}, not in {pretty(out.unit)}")
        return wanted
    if out.name in fits:
        return out.name
    if len(fits) == 1:
        return fits[0]
    if not fits:
        raise FormulaError(f"`{formula.id}` has no output that converts into {pretty(out.unit)}; it has {listed}")
    few = ", ".join(f"`{n}`" for n in fits)
    raise FormulaError(f"`{formula.id}` has {len(fits)} outputs in {pretty(out.unit)}: name one with `output`: {few}")


def _bound(
    work: Work, formula: LibraryFormula, used: Mapping[str, FormulaSymbol], named: FormulaGiven
) -> tuple[dict[str, Node], list[str]]:
    """What each symbol stands for, in the symbol's unit; and the symbols that keep the formula's own value.

    In this order: the ``bind`` of the spec, its input of that name, the declared default. A constant is always its
    cited value. Raises FormulaError.
    """
    texts = dict(named.bind)
    for name in texts:
        if name not in formula.symbols:
            near = get_close_matches(name, formula.symbols, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else f" (it has {', '.join(formula.symbols)})"
            raise FormulaError(f"`{formula.id}` has no symbol `{name}`{hint}")
        if formula.symbols[name].origin == "constant":
            raise FormulaError(f"`{name}` of `{formula.id}` is a constant: leave it out of `bind`")
    nodes = {name: parse(text) for name, text in texts.items() if name in used}
    nodes |= {name: Name(f"input.{name}") for name in used if name not in texts and _takes(work, name, used[name])}
    bound = fitted(work, formula, nodes)
    kept, open_ = [], []
    for name, symbol in used.items():
        own = own_value(symbol)
        if name in bound:
            continue
        if own is not None:
            bound[name] = own
            kept.append(name)
        else:
            open_.append(f"`{name}` ({symbol.meaning}, {symbol.unit or symbol.type})")
    if open_:
        raise FormulaError(f"`{formula.id}` needs {', '.join(open_)}: bind {'it' if len(open_) == 1 else 'them'}")
    return bound, kept


def _takes(work: Work, name: str, symbol: FormulaSymbol) -> bool:
    """Whether a symbol stands for the input of its name. Raises FormulaError where that may be left out."""
    item = work.spec.inputs.get(name)
    if item is None or symbol.origin not in {"input", "parameter"}:
        return False
    if symbol.default is not None and not item.required and item.default is None:
        own = f"{shown(symbol)} ({symbol.source})"
        raise FormulaError(f"`{name}` may be left out and has no default: the formula's own is {own}")
    return True


def fitted(work: Work, formula: LibraryFormula, nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Each node in the unit of its symbol: a bare number beside it, and a rounding, are meant in that unit.

    A text is one that its symbol can have. Raises FormulaError.
    """
    scope = work.scope()
    out: dict[str, Node] = {}
    for name, node in nodes.items():
        symbol = formula.symbols[name]
        if symbol.type == "table":
            out |= _table(work, formula, name, node)
            continue
        checked = check(node, scope)
        if symbol.type == "number":
            out[name] = fit(checked, symbol.unit)
            continue
        if checked.type != symbol.type:
            raise FormulaError(f"`{name}` of `{formula.id}` is a {symbol.type}, what is bound is a {checked.type}")
        if symbol.enum:
            _possible(work, formula, name, checked)
        out[name] = checked
    return out


def _table(work: Work, formula: LibraryFormula, name: str, node: Node) -> dict[str, Node]:
    """A table input, and those of its columns that the formula knows, each in the formula's unit."""
    what = f"the table `{name}` ({formula.symbols[name].meaning}) of `{formula.id}`"
    item = work.spec.inputs.get(node.name.removeprefix("input.")) if isinstance(node, Name) else None
    if item is None or not item.columns:
        raise FormulaError(f"{what} is an input that is a list with `columns`")
    out: dict[str, Node] = {name: Name(item.name, "input")}
    for column in item.columns:
        known = formula.symbols[name].columns.get(column.name)
        if known is None:
            continue
        kind: Literal["number", "text", "truth"] = (
            "number" if column.numeric else "truth" if column.dtype == "bool" else "text"
        )
        if kind != known.type:
            raise FormulaError(f"`{column.name}` in {what} is a {known.type}, the input's is a {kind}")
        strange = [v for v in column.enum if known.enum and v not in known.enum]
        if known.enum and (strange or not column.enum):
            raise FormulaError(f"`{column.name}` in {what} needs an `enum` of {', '.join(known.enum)}")
        value = Name(f"{item.name}.{column.name}", "column", type=kind, unit=column.unit if column.numeric else None)
        out[f"{name}.{column.name}"] = fit(value, known.unit) if column.numeric else value
    return out


def _columns_held(formula: LibraryFormula, tree: Node, bound: Mapping[str, Node]) -> None:
    """Raises FormulaError where a table input lacks a column that the formula reads."""
    for part in walk(tree):
        table, dot, column = part.name.partition(".") if isinstance(part, Name) else ("", "", "")
        if dot and table in bound and f"{table}.{column}" not in bound:
            known = formula.symbols[table].columns[column]
            raise FormulaError(
                f"the table `{table}` of `{formula.id}` needs a column `{column}` ({known.unit or known.type})"
            )


def _possible(work: Work, formula: LibraryFormula, name: str, node: Node) -> None:
    """Raises FormulaError where a text can be one that the formula's symbol cannot have."""
    enum = formula.symbols[name].enum
    has = f"`{name}` of `{formula.id}` is one of {', '.join(enum)}"
    if isinstance(node, Text):
        values: tuple[str, ...] = (node.value,)
    elif isinstance(node, Name) and node.kind == "input":
        values = tuple(map(str, work.spec.inputs[node.name].enum))
        if not values:
            raise FormulaError(f"{has}: `{node.name}` needs an `enum` of these")
    else:
        raise FormulaError(f"{has}: bind an input with an `enum` of these, or one of them in quotes")
    if strange := [v for v in values if v not in enum]:
        raise FormulaError(f"{has}, not {', '.join(strange)}")


def bound_tree(work: Work, formula: LibraryFormula, output: str, bound: Mapping[str, Node]) -> Node:
    """The tree of an output over what is bound; each earlier output in its declared unit, as bare numbers mean it.

    Raises FormulaError.
    """
    scope, trees, known = work.scope(known_texts(formula, bound)), formula.trees(), dict(bound)
    needed = {output}
    for name in reversed(trees):
        if name in needed:
            needed |= {part.name for part in walk(trees[name]) if isinstance(part, Name) and part.name in trees}
    for name in trees:
        if name in needed and name != output:
            known[name] = fit(check(substitute(trees[name], known), scope), formula.outputs[name].unit)
    return substitute(trees[output], known)


def known_texts(formula: LibraryFormula, bound: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    """Input -> every text that the formula knows of it, so that an input may allow fewer than the formula handles."""
    return {
        node.name: formula.symbols[name].enum
        for name, node in bound.items()
        if isinstance(node, Name) and name in formula.symbols and formula.symbols[name].type == "text"
    }
