"""Families: a formula of the library and the factor rows that it is meant for.

They are declared in ``emission_factors/formulas/families.yaml``. A family binds factor symbols of a formula to
selections of rows. Each row that the first binding selects gives one concrete formula, ``<formula id>:<factor key>``;
further bindings take the row of the same activity, place and edition that differs in the gas or the boundary only. The
units are checked by dimension: a row that does not fit gives none.

Belongs here: what is declared, and expanding it over rows. Does not belong here: choosing a factor for a calculation
(``greenlang.factors.select``), where rows come from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang import _paths
from greenlang.errors import FormulaError
from greenlang.formulas.library import FormulaLibrary
from greenlang.formulas.prove import CompiledFormula, compiled
from greenlang.formulas.reading import Place, Problem, Reader, near
from greenlang.formulas.tree import Convert, Node, Number, substitute

if TYPE_CHECKING:
    from greenlang.factors.fields import Field
    from greenlang.factors.model import Factor

COLUMNS = (
    *("publisher", "dataset", "vintage", "kind", "gas", "category", "activity", "region", "per", "boundary"),
    *("scope2_method", "calorific_basis", "scope", "scope_category", "currency", "price_basis", "radiative_forcing"),
)
_ALIKE = (
    *("publisher", "dataset", "vintage", "activity", "category", "region", "per", "calorific_basis"),
    *("data_year", "reporting_year", "scope2_method", "radiative_forcing"),
)  # what rows that are bound together have in common


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows by column: each column's value matches one of its patterns (``*`` stands for anything)."""

    where: dict[str, tuple[str, ...]]

    def takes(self, row: Factor) -> bool:
        """Whether a row is selected."""
        return all(_matches(getattr(row, column), patterns) for column, patterns in self.where.items())


@dataclass(frozen=True, slots=True)
class Family:
    """A formula and its selections by symbol. The first leads: one concrete formula a row."""

    id: str
    formula: str
    bind: dict[str, Selection]
    note: str = ""

    @property
    def lead(self) -> str:
        """The symbol whose rows are counted."""
        return next(iter(self.bind))


@dataclass(frozen=True, slots=True)
class ConcreteFormula:
    """A formula with its factor rows."""

    family: str
    whole: CompiledFormula
    factors: dict[str, Factor]

    @property
    def id(self) -> str:
        """``<formula id>:<key of the leading row>``."""
        return f"{self.whole.formula.id}:{next(iter(self.factors.values())).key}"

    def tree(self, output: str) -> Node:
        """The checked tree of an output; the rows stand in it as numbers, converted into the units of their symbols."""
        bound = {name: _bound(row, self.whole.formula.symbols[name].unit) for name, row in self.factors.items()}
        return substitute(self.whole.single(output), bound)

    def given(self) -> dict[str, Decimal]:
        """The values of the bound symbols in their units, to 34 digits."""
        from greenlang.formulas.evaluate import evaluate

        out: dict[str, Decimal] = {}
        for name, row in self.factors.items():
            value = evaluate(_bound(row, self.whole.formula.symbols[name].unit), {}, {})
            assert isinstance(value, Decimal)
            out[name] = value
        return out


@dataclass(slots=True)
class Expansion:
    """What expanding a family counted: rows that were selected, and why some gave no formula."""

    selected: int = 0
    concrete: int = 0
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def families(library: FormulaLibrary, path: Path | None = None) -> list[Family]:
    """The declared families. Raises FormulaError with the first mistake in the file."""
    found, problems = read_families(path or _paths.data() / "emission_factors" / "formulas" / "families.yaml", library)
    if problems:
        raise FormulaError(str(problems[0]))
    return found


def read_families(path: Path, library: FormulaLibrary) -> tuple[list[Family], list[Problem]]:
    """The families of a file, and everything that is wrong with it."""
    try:
        reader = Reader.open(path)
    except OSError as error:
        return [], [Problem(str(error), path)]
    if not isinstance(reader.value, dict):
        return [], reader.problems
    out: dict[str, Family] = {}
    raw = reader.mapping((), reader.value, needs=("families",)) or {}
    for i, entry in enumerate(reader.sequence(("families",), raw.get("families"))):
        reader.subject = str(entry.get("id") or path.stem) if isinstance(entry, dict) else path.stem
        fields = reader.mapping(("families", i), entry, needs=("id", "formula", "bind"), may=("note",))
        if fields is None:
            continue
        family = Family(
            reader.text(("families", i, "id"), fields["id"]),
            reader.text(("families", i, "formula"), fields["formula"]),
            _bindings(reader, i, fields["bind"]),
            reader.text(("families", i, "note"), fields.get("note", ""), empty=True),
        )
        if family.id and family.id in out:
            reader.fail(("families", i, "id"), f"{family.id} stands twice")
        out[family.id] = family
        _fits(reader, i, family, library)
    return list(out.values()), reader.problems


def _bindings(reader: Reader, i: int, raw: object) -> dict[str, Selection]:
    out: dict[str, Selection] = {}
    for symbol, where in reader.entries(("families", i, "bind"), raw):
        place = ("families", i, "bind", symbol)
        fields = reader.mapping(place, where, needs=("publisher", "dataset"), may=COLUMNS) or {}
        patterns: dict[str, tuple[str, ...]] = {}
        for column, value in fields.items():
            listed = reader.sequence((*place, column), value) if isinstance(value, list) else [value]
            patterns[column] = tuple(reader.text((*place, column), v, empty=True) for v in listed)
            if column in COLUMNS:
                _values(reader, (*place, column), column, patterns[column])
        _sources(reader, place, patterns)
        out[symbol] = Selection(patterns)
    return out


def _values(reader: Reader, place: Place, column: str, patterns: tuple[str, ...]) -> None:
    """Each pattern fits a value that the column can have."""
    from greenlang.factors.fields import declared_fields

    (declared,) = (f for f in declared_fields() if f.name == column)
    for pattern in patterns if not reader.told(place) else ():
        if why := _impossible(declared, pattern):
            reader.fail(place, why)


def _impossible(column: Field, pattern: str) -> str:
    """Why no row has such a value in a column; empty if one can have it."""
    from greenlang.formulas.prove import unit_problem

    if not pattern:
        return f"no row has an empty {column.name}" if column.required else ""
    if column.name == "per":
        return "" if "*" in pattern else unit_problem(pattern)
    if not column.allowed or any(_matches(value, (pattern,)) for value in column.allowed):
        return ""
    hint = near(pattern, list(column.allowed)) or f"; there are {', '.join(column.allowed)}"
    return f"no row has the {column.name} `{pattern}`{hint}"


def _sources(reader: Reader, place: Place, patterns: Mapping[str, tuple[str, ...]]) -> None:
    """Publisher, dataset and vintage name factor tables that there can be; the first two without patterns."""
    known = _editions()
    if any(reader.told((*place, column)) for column in ("publisher", "dataset")) or not patterns:
        return
    chosen = [(p, d) for p in patterns["publisher"] for d in patterns["dataset"]]
    for publisher, dataset in chosen:
        if (publisher, dataset) not in known:
            own = [f"{p}/{d}" for p, d in known]
            of = [d for p, d in known if p == publisher]
            hint = f"; {publisher} has {', '.join(of)}" if of else near(f"{publisher}/{dataset}", own)
            reader.fail((*place, "dataset"), f"there is no factor table {publisher}/{dataset}{hint}")
    vintages = sorted({v for key in chosen for v in known.get(key, ())})
    for pattern in patterns.get("vintage", ()) if vintages else ():
        if not any(_matches(v, (pattern,)) for v in vintages):
            reader.fail((*place, "vintage"), f"there is no vintage `{pattern}`; there are {', '.join(vintages)}")


@cache
def _editions() -> dict[tuple[str, str], frozenset[str]]:
    """The vintages of every factor table, by publisher and dataset: the catalogue's, and the embedded base's."""
    from greenlang.factors.catalogue import catalogue
    from greenlang.factors.table import FactorTable

    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edition in catalogue():
        if not edition.cross_check:
            found[edition.publisher, edition.dataset].add(edition.vintage)
    embedded = FactorTable.load()
    for publisher, dataset, vintage in zip(*map(embedded.column, ("publisher", "dataset", "vintage")), strict=True):
        found[publisher, dataset].add(vintage)
    return {key: frozenset(found[key]) for key in sorted(found)}


def _fits(reader: Reader, i: int, family: Family, library: FormulaLibrary) -> None:
    place: Place = ("families", i, "formula")
    if reader.told(place):
        return
    if family.formula not in library:
        reader.fail(place, f"there is no formula {family.formula}{near(family.formula, list(library.pieces))}")
        return
    try:
        formula = library.get(family.formula)
    except FormulaError as error:
        reader.fail(place, f"{family.formula} cannot be read: {error}")
        return
    assert formula is not None
    for symbol in family.bind:
        known = formula.symbols.get(symbol)
        if known is None or known.origin != "factor":
            factors = ", ".join(n for n, s in formula.symbols.items() if s.origin == "factor")
            reader.fail(
                ("families", i, "bind", symbol), f"{formula.id} has no factor `{symbol}`; it has {factors or 'none'}"
            )


# --- expanding ------------------------------------------------------------------------------------------------------


def expand(
    declared: Iterable[Family],
    rows: Iterable[Factor],
    library: FormulaLibrary,
    *,
    eligible: Callable[[Factor], bool] | None = None,
    every_vintage: bool = False,
    counts: dict[str, Expansion] | None = None,
) -> Iterator[ConcreteFormula]:
    """The concrete formulas of families over factor rows.

    ``eligible`` says which rows may lead (default: `greenlang.factors.standing.by_declaration`, valid wholes for an
    inventory); where a binding names the kind of its rows, that decides. Of each dataset the latest vintage counts,
    or ``every_vintage``. ``counts`` is filled by family. Raises FormulaError for a formula that does not compile.
    """
    from greenlang.factors.standing import by_declaration

    may = eligible or by_declaration
    listed = list(declared)
    chosen = _chosen(listed, rows, every_vintage=every_vintage)
    for family in listed:
        formula = library.get(family.formula)
        if formula is None:
            raise FormulaError(f"{family.id}: there is no formula {family.formula}")
        count = Expansion() if counts is None else counts.setdefault(family.id, Expansion())
        yield from _expand(family, compiled(formula), chosen, may, count)


def _chosen(
    listed: list[Family], rows: Iterable[Factor], *, every_vintage: bool
) -> dict[tuple[str, str], list[Factor]]:
    """The rows that any family may take, by publisher and dataset."""
    wanted = {
        (publisher, dataset)
        for family in listed
        for selection in family.bind.values()
        for publisher in selection.where["publisher"]
        for dataset in selection.where["dataset"]
    }
    found: dict[tuple[str, str], list[Factor]] = defaultdict(list)
    for row in rows:
        if (row.publisher, row.dataset) in wanted:
            found[row.publisher, row.dataset].append(row)
    if every_vintage:
        return found
    latest = {key: max((r.publication_year, r.vintage) for r in part) for key, part in found.items()}
    return {key: [r for r in part if (r.publication_year, r.vintage) == latest[key]] for key, part in found.items()}


def _expand(
    family: Family,
    whole: CompiledFormula,
    chosen: Mapping[tuple[str, str], list[Factor]],
    may: Callable[[Factor], bool],
    count: Expansion,
) -> Iterator[ConcreteFormula]:
    lead, *others = family.bind
    beside = {symbol: _by_likeness(_rows(family.bind[symbol], whole, symbol, chosen, None)) for symbol in others}
    for row in _rows(family.bind[lead], whole, lead, chosen, may):
        count.selected += 1
        factors = {lead: row}
        if why := _unfit(whole, lead, row):
            count.refused[why] += 1
            continue
        for symbol in others:
            found = beside[symbol].get(_likeness(row), [])
            why = f"{len(found) or 'no'} rows for {symbol}" if len(found) != 1 else _unfit(whole, symbol, found[0])
            if why:
                count.refused[why] += 1
                break
            factors[symbol] = found[0]
        else:
            count.concrete += 1
            yield ConcreteFormula(family.id, whole, factors)


def _rows(
    selection: Selection,
    whole: CompiledFormula,
    symbol: str,
    chosen: Mapping[tuple[str, str], list[Factor]],
    may: Callable[[Factor], bool] | None,
) -> Iterator[Factor]:
    """The rows of a selection. The gas is the symbol's, unless the selection names one."""
    gas = whole.formula.symbols[symbol].gas
    named = "kind" in selection.where
    for publisher in selection.where["publisher"]:
        for dataset in selection.where["dataset"]:
            for row in chosen.get((publisher, dataset), ()):
                good = may is None or (row.status == "valid" if named else may(row))
                if good and ("gas" in selection.where or row.gas == gas) and selection.takes(row):
                    yield row


def _by_likeness(rows: Iterable[Factor]) -> dict[tuple[Any, ...], list[Factor]]:
    out: dict[tuple[Any, ...], list[Factor]] = defaultdict(list)
    for row in rows:
        out[_likeness(row)].append(row)
    return out


def _likeness(row: Factor) -> tuple[Any, ...]:
    return tuple(getattr(row, column) for column in _ALIKE)


def _matches(value: object, patterns: tuple[str, ...]) -> bool:
    text = "" if value is None else str(value)
    return any(text == p or ("*" in p and fnmatchcase(text, p)) for p in patterns)


def _unfit(whole: CompiledFormula, symbol: str, row: Factor) -> str:
    unit = whole.formula.symbols[symbol].unit
    return "" if _same_dimension(row.unit, unit) else f"{row.unit} is not {unit}"


@cache
def _same_dimension(a: str, b: str) -> bool:
    from greenlang import units

    return units.same_dimension(a, b)


def _bound(row: Factor, unit: str) -> Node:
    """The row's value as a number in the unit of its symbol."""
    factor, shift = _conversion(row.unit, unit)
    number = Number(row.value, row.unit, unit=row.unit)
    return (
        Convert(number, row.unit, factor, shift, unit=unit)
        if factor != 1 or shift
        else Number(row.value, unit, unit=unit)
    )


@cache
def _conversion(source: str, target: str) -> tuple[Decimal, Decimal]:
    from greenlang import units

    return units.conversion(source, target)
