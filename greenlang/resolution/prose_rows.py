"""Which list an author's sum goes over, and which of its columns each symbol is: exactly one, or none.

The list is the one that the text names, or the only one whose columns fit. A symbol with the index of the sum, or with
the name of a row before it (``emission.kg``), is a column; any other may also be a single input, and where it may be
both nothing is taken.

Belongs here: lists and columns. Does not belong here: where a sum ends (``prose_sums``), what a single input is
(``prose_bind``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from greenlang.formulas.tree import Name, Node, Number, Sum, substitute, walk
from greenlang.resolution.prose_bind import BY_NAME, Binder, Hit, Unbound
from greenlang.resolution.prose_equation import Equation
from greenlang.resolution.prose_meaning import key, same_kind
from greenlang.resolution.prose_sums import Rows
from greenlang.specs.model import InputSpec

_ANY = frozenset("row record item entry line element source all each every i j k n".split())  # noqa: SIM905

_EACH = re.compile(r"(?:for|in) (?:each|every|all) ([A-Za-z][\w -]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Symbol:
    """A symbol inside a sum; ``sure``: the text marks it as something of each row. ``of`` is what it calls the row."""

    name: str
    column: str
    words: tuple[str, ...]
    unit: str
    sure: bool
    of: str = ""


@dataclass(frozen=True, slots=True)
class _Fit:
    """A list with the columns that symbols are, and by the how manyeth of the means."""

    table: InputSpec
    columns: Mapping[str, tuple[int, InputSpec]]


def row_by_row(equation: Equation, equations: Iterable[Equation], lists: Iterable[InputSpec]) -> Equation:
    """An equation with what the text gives for each row put into its sums: ``E_i = m_i × EF_i``, then ``E = Σ E_i``."""
    columns = {key(column.name) for table in lists for column in table.columns}
    equations = [e for e in equations if e is not equation]
    whole = equation
    for node in (n for n in walk(equation.right) if isinstance(n, Sum)):
        said = equation.sums[node.table]
        marked = rf"_{said.index or '[ijk]'}$"
        for name in dict.fromkeys(n.name for n in walk(node.body) if isinstance(n, Name)):
            rows = [e for e in equations if e.left == name]
            if len(rows) == 1 and re.search(marked, name) and key(name[:-2]) not in columns and _each_row(rows[0]):
                whole = _with_row(whole, node.table, rows[0])
    return whole


def _each_row(row: Equation) -> bool:
    """Whether an equation holds for every row: without a condition, or ``for each`` of them."""
    free = not row.condition or _EACH.fullmatch(row.condition) is not None
    return free and not row.sums and not row.remarks and not isinstance(row.right, Number)


def _with_row(whole: Equation, table: str, row: Equation) -> Equation:
    rows = whole.sums[table]
    each = _EACH.fullmatch(row.condition)
    return replace(
        whole,
        right=substitute(whole.right, {row.left: row.right}),
        text=f"{row.text}; {whole.text}",
        words=row.words | whole.words,
        units=row.units | whole.units,
        sums=whole.sums | {table: replace(rows, noun=f"{rows.noun} {each[1] if each else ''}".strip())},
    )


def bound_sums(
    binder: Binder, equation: Equation, output: str, defined: Iterable[str]
) -> tuple[dict[str, Node], list[str]]:
    """The tables of an equation's sums and the columns by symbol, with what is to be said of them. Raises Unbound.

    ``output`` is being computed; ``defined`` are the symbols that have an equation of their own.
    """
    out: dict[str, Node] = {}
    said: list[str] = []
    _outside(equation)
    for node in (n for n in walk(equation.right) if isinstance(n, Sum)):
        found, notes = _bound(binder, node, equation, output, defined)
        if any(out.get(name, meant) != meant for name, meant in found.items()):
            raise Unbound("it sums over two lists, and one symbol would be a column of both")
        out |= found
        said += notes
    return out, said


def _outside(equation: Equation) -> None:
    """Raises Unbound where a symbol outside the sums has the index of one: ``Σ(m_i) × EF_i``."""
    inside = {n.name for s in walk(equation.right) if isinstance(s, Sum) for n in walk(s.body) if isinstance(n, Name)}
    marks = {f"_{rows.index}" for rows in equation.sums.values() if rows.index}
    marks |= {name[-2:] for name in inside if re.search(r"_[ijk]$", name)}
    for name in (n.name for n in walk(equation.right) if isinstance(n, Name)):
        if name not in inside and name[-2:] in marks:
            raise Unbound(f"`{name}` has the index of the sum and stands outside of it: put it into the brackets")


def _bound(
    binder: Binder, node: Sum, equation: Equation, output: str, defined: Iterable[str]
) -> tuple[dict[str, Node], list[str]]:
    rows = equation.sums[node.table]
    names = dict.fromkeys(n.name for n in walk(node.body) if isinstance(n, Name))
    if rows.index in names:
        raise Unbound(f"it sums, and `{rows.index}`, which counts the rows, is itself a quantity of the formula")
    if rows.end and any(key(i.name) == key(rows.end) for i in binder.spec.inputs.values()):
        raise Unbound(f"it sums up to `{rows.end}`, which is an input, and not over every row")
    symbols = [_symbol(n, equation.words.get(n, (n,)), rows, equation.units.get(n, "")) for n in names]
    lists = [i for i in (binder.spec.inputs | binder.spec.unused).values() if i.dtype == "list"]
    lists = [i for i in lists if i.name not in {"input", "output"}]  # `input.x` is the input x
    fit = _fitting(binder, symbols, _called(lists, [rows.noun, *(s.of for s in symbols)]))
    out: dict[str, Node] = {node.table: Name(fit.table.name)}
    said = [f"summed over the rows of {fit.table.name}"]
    taken: dict[str, str] = {}
    for symbol in symbols:
        if symbol.name not in fit.columns:
            continue
        rank, column = fit.columns[symbol.name]
        if not _is_column(binder, symbol, output, rank, f"`{column.name}` of `{fit.table.name}`"):
            continue
        _certain(binder, symbol, column, fit.table, taken, defined)
        out[symbol.name] = Name(f"{fit.table.name}.{column.name}")
        if key(symbol.column) != key(column.name):
            said.append(f"{symbol.name} is its column {column.name}")
    if not taken:
        raise Unbound(f"it sums over the rows of `{fit.table.name}`, and nothing in it is certainly a column of them")
    return out, said


def _symbol(name: str, words: tuple[str, ...], rows: Rows, unit: str) -> _Symbol:
    """A symbol without its index, or without the row before it."""
    of, dot, column = words[-1].rpartition(".")
    if len(words) == 1 and dot:
        return _Symbol(name, column, (column,), unit, True, "" if of == rows.variable else of)
    if len(words) == 1 and re.search(rf"_{rows.index or '[ijk]'}$", words[0]):
        return _Symbol(name, name[:-2], (words[0][:-2],), unit, True)
    return _Symbol(name, name, words, unit, False)


def _called(lists: list[InputSpec], nouns: Iterable[str]) -> list[InputSpec]:
    """The lists that the text may mean: those whose names hold every word that it has for the rows. Raises Unbound."""
    for noun in dict.fromkeys(n for n in nouns if n):
        asked = set(_stems(noun)) - _ANY
        lists = [i for i in lists if asked <= set(_stems(i.name))]
        if not lists:
            raise Unbound(f"it sums over `{noun}`, and no list input is called so")
    return lists


def _stems(text: str) -> list[str]:
    words = re.split(r"[\s_-]+", text.lower())
    return [f"{w[:-3]}y" if w.endswith("ies") else w[:-1] if w.endswith("s") else w for w in words]


def _fitting(binder: Binder, symbols: list[_Symbol], lists: list[InputSpec]) -> _Fit:
    """The one list of those whose columns the symbols are. Raises Unbound."""
    fits: list[_Fit] = []
    why = "it sums over rows, and the spec has no such list of rows as an input"
    for table in lists:
        try:
            columns = _columns(binder, symbols, table)
        except Unbound as reason:
            why = str(reason)
            continue
        fits.append(_Fit(table, columns))
    if len(fits) > 1:
        raise Unbound(f"it may sum over the rows of {' or '.join(f'`{f.table.name}`' for f in fits)}")
    if not fits:
        raise Unbound(why)
    return fits[0]


def _columns(binder: Binder, symbols: list[_Symbol], table: InputSpec) -> dict[str, tuple[int, InputSpec]]:
    """The columns of a list that symbols are, each by the surest means. Raises Unbound."""
    out: dict[str, tuple[int, InputSpec]] = {}
    for symbol in symbols:
        hits = [Hit("input", c) for c in table.columns if c.numeric]
        for name in dict.fromkeys((symbol.column, symbol.name)):
            rank, found = binder.ranked(name, symbol.words, symbol.unit, hits)
            if found:
                break
        if len(found) > 1:
            listed = " or ".join(f"`{h.port.name}`" for h in found)
            raise Unbound(f"`{symbol.name}` may be the column {listed} of `{table.name}`")
        if found and isinstance(found[0].port, InputSpec):
            out[symbol.name] = rank, found[0].port
        elif symbol.sure:
            there = ", ".join(c.name for c in table.columns) or "columns that the spec does not declare"
            raise Unbound(f"`{symbol.name}` is no column of `{table.name}`, which has {there}")
    if not out:
        raise Unbound(f"it sums over rows, and nothing in it is a column of `{table.name}`")
    return out


def _is_column(binder: Binder, symbol: _Symbol, output: str, rank: int, column: str) -> bool:
    """Whether a symbol is the column and no single input or output. Raises Unbound where it may be either."""
    if symbol.sure:
        return True
    among = [*binder.inputs(), *(h for h in binder.outputs() if h.port.name != output)]
    other, singles = binder.ranked(symbol.name, symbol.words, symbol.unit, among)
    outputs = all(h.side == "output" for h in singles)  # after the inputs, as everywhere
    if not singles or (rank <= BY_NAME < other) or (outputs and rank <= other):
        return True
    if other <= BY_NAME < rank:
        return False
    listed = " or ".join(f"`{h.port.name}`" for h in singles)
    raise Unbound(f"`{symbol.name}` may be {listed} or the column {column}")


def _certain(
    binder: Binder,
    symbol: _Symbol,
    column: InputSpec,
    table: InputSpec,
    taken: dict[str, str],
    defined: Iterable[str],
) -> None:
    """Raises Unbound where anything speaks against a symbol being the column."""
    if symbol.name in defined:
        raise Unbound(f"`{symbol.name}` has an equation of its own, and may be the column `{column.name}`")
    if not column.unit or not column.unit_from:
        raise Unbound(f"nobody states in what the column `{column.name}` of `{table.name}` is measured")
    unit = binder.unit(symbol.column, symbol.unit)
    if unit and unit != column.unit and same_kind(unit, column.unit):
        raise Unbound(f"`{symbol.name}` counts in {unit}, the column `{column.name}` in {column.unit}")
    if (other := taken.setdefault(column.name, symbol.name)) != symbol.name:
        raise Unbound(f"`{other}` and `{symbol.name}` would both be the column `{column.name}`")
