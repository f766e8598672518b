"""What a formula of the library declares, and reading that from YAML with every mistake collected.

Belongs here: the shape of a declaration and what can be said about it without units. Does not belong here: units and
worked vectors (``prove``), files (``library``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, cast

from greenlang_sdk.decimals import normal_text

from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas.parse import parse
from greenlang.formulas.ranges import unsaid
from greenlang.formulas.reading import Citation, Place, Reader, near
from greenlang.formulas.tables import TableSet
from greenlang.formulas.tree import Name, Node, Sum, TableCall, walk

DOMAINS = ("carbon", "energy", "water", "waste", "lca")
Origin = Literal["input", "factor", "gwp", "parameter", "constant"]
SymbolType = Literal["number", "text", "truth", "table"]
Given = Decimal | str | bool | tuple[dict[str, Any], ...]
Range = tuple[Decimal | None, Decimal | None]

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*){1,3}")
_NAME = re.compile(r"[^\W\d]\w*")
_WORDS = frozenset(
    {"and", "or", "not", "if", "true", "false", "factor", "table", "sum", "input", "output"}
    | {"min", "max", "abs", "sqrt", "exp", "ln", "log10", "round"}
)
_MAX_TOLERANCE = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class FormulaColumn:
    """A column of a table input."""

    type: SymbolType
    unit: str = ""
    meaning: str = ""
    range: Range = (None, None)
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormulaSymbol:
    """A symbol. ``origin`` tells who gives its value.

    An input of the calculation, a factor row, a GWP of the GWP set, a parameter with a default that may be replaced,
    or a constant of nature that may not.
    """

    origin: Origin
    unit: str  # empty for texts, truth values and tables
    meaning: str
    type: SymbolType = "number"
    gas: str = ""
    activity: str = ""
    names: tuple[str, ...] = ()
    default: Decimal | None = None
    source: str = ""  # of the default
    range: Range = (None, None)  # inclusive, in ``unit``; None is open
    enum: tuple[str, ...] = ()
    columns: dict[str, FormulaColumn] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FormulaOutput:
    """An output. Without ``names`` it is never matched to an output of a spec by itself."""

    unit: str
    expression: str
    meaning: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkedVector:
    """A worked case with its source. ``tol`` is relative; ``published`` if a document prints given and expected."""

    source: str
    given: dict[str, Given]
    expect: dict[str, Decimal]
    tol: Decimal = Decimal("1e-9")
    published: bool = False


@dataclass(frozen=True)
class LibraryFormula:
    """One formula of the library."""

    id: str
    name: str
    domain: str
    citation: Citation
    symbols: dict[str, FormulaSymbol]
    outputs: dict[str, FormulaOutput]
    vectors: tuple[WorkedVector, ...]
    note: str = ""
    tags: tuple[str, ...] = ()
    tables: TableSet | None = field(default=None, compare=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the declaration, and the parameter tables that it reads."""
        read = {name: self.tables.get(name).digest for name in self.reads} if self.tables else {}
        content = {"formula": _plain(self), "tables": read}
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _trees(self) -> dict[str, Node]:
        return {name: parse(out.expression) for name, out in self.outputs.items()}

    def trees(self) -> dict[str, Node]:
        """The unchecked tree of each output. Raises FormulaError."""
        return dict(self._trees)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The parameter tables that it reads, sorted."""
        found = {n.table for tree in self._trees.values() for n in walk(tree) if isinstance(n, TableCall)}
        return tuple(sorted(found))

    @property
    def needed(self) -> tuple[str, ...]:
        """The symbols that must be given: those without a default."""
        return tuple(name for name, symbol in self.symbols.items() if symbol.default is None)


@dataclass(frozen=True, slots=True)
class Draft:
    """A formula as far as it could be read, so that its mistakes can be told in one pass; never calculated with."""

    formula: LibraryFormula
    unsure: frozenset[str] = frozenset()  # symbols and outputs of which a mistake hides what they are
    unread: frozenset[str] = frozenset()  # outputs whose expression could not be parsed


_SYMBOL_KEYS = ("unit", "gas", "activity", "names", "default", "source", "range", "type", "enum", "columns")
_TYPES = ("number", "text", "truth", "table")
_ORIGINS = ("input", "factor", "gwp", "parameter", "constant")


def read_formula(reader: Reader, place: Place, tables: TableSet | None) -> Draft | None:
    """The declaration at ``place``, as far as it can be read; what is wrong is in ``reader.problems``.

    None where no mapping stands there.
    """
    raw = reader.value
    for part in place:
        raw = raw[part]
    reader.within(place, str(raw.get("id") or reader.subject) if isinstance(raw, dict) else reader.subject)
    fields = reader.mapping(
        (),
        raw,
        needs=("id", "name", "domain", "citation", "symbols", "outputs", "vectors"),
        may=("note", "tags"),
    )
    if fields is None:
        return None
    formula = LibraryFormula(
        id=reader.text(("id",), fields["id"]),
        name=reader.text(("name",), fields["name"]),
        domain=reader.text(("domain",), fields["domain"]),
        citation=reader.citation(("citation",), fields["citation"]),
        note=reader.text(("note",), fields.get("note", ""), empty=True),
        tags=reader.texts(("tags",), fields["tags"]) if fields.get("tags") else (),
        symbols={n: _symbol(reader, n, s) for n, s in reader.entries(("symbols",), fields["symbols"])},
        outputs={n: _output(reader, n, o) for n, o in reader.entries(("outputs",), fields["outputs"])},
        vectors=tuple(_vector(reader, i, v) for i, v in enumerate(reader.sequence(("vectors",), fields["vectors"]))),
        tables=tables,
    )
    _named(reader, formula)
    _used(reader, formula)
    for i, vector in enumerate(formula.vectors):
        if not reader.told(("vectors", i)):
            _covers(reader, formula, i, vector)
    return _draft(reader, formula)


def _draft(reader: Reader, formula: LibraryFormula) -> Draft:
    unread = {n for n in formula.outputs if reader.told(("outputs", n, "expression"))}
    if not formula.symbols:
        unread |= formula.outputs.keys()  # every name would be unknown
    return Draft(formula, frozenset(n for n in _names(formula) if _unsure(reader, n)), frozenset(unread))


def _names(formula: LibraryFormula) -> tuple[str, ...]:
    return (*formula.symbols, *formula.outputs)


def _unsure(reader: Reader, name: str) -> bool:
    """Whether a mistake hides what a symbol or an output is: its type, unit, columns or values."""
    return (
        reader.told(("symbols", name))
        or reader.told(("outputs", name))
        or reader.told(("outputs", name, "unit"))
        or any(reader.told(("symbols", name, key), below=True) for key in ("type", "unit", "columns", "enum"))
    )


def _symbol(reader: Reader, name: str, raw: object) -> FormulaSymbol:
    place: Place = ("symbols", name)
    fields = reader.mapping(place, raw, needs=("origin", "meaning"), may=_SYMBOL_KEYS)
    if fields is None:
        return FormulaSymbol("input", "1", "")
    _legal(reader, place, name)
    origin, kind = fields["origin"], fields.get("type", "number")
    if origin is not None and origin not in _ORIGINS:
        reader.fail((*place, "origin"), f"the origin is one of {', '.join(_ORIGINS)}, not {origin!r}")
    if kind not in _TYPES or (kind != "number" and origin not in ("input", None)):
        reader.fail((*place, "type"), f"the type is one of {', '.join(_TYPES)}, and only inputs are no numbers")
        kind = kind if kind in _TYPES else "number"
    unit = _typed(reader, place, fields, kind)
    default = _default(reader, place, fields)
    if origin == "gwp" and not (fields.get("gas") and fields.get("activity")):
        reader.fail((*place, "gas"), "a gwp needs `gas` and `activity`")
    columns = dict(reader.entries((*place, "columns"), fields["columns"])) if fields.get("columns") else {}
    if len({str(c).lower() for c in columns}) != len(columns):
        reader.fail((*place, "columns"), "two columns differ in capitals only, which DuckDB takes for one")
    return FormulaSymbol(
        origin=cast(Origin, origin),
        unit=unit,
        meaning=reader.text((*place, "meaning"), fields["meaning"]),
        type=cast(SymbolType, kind),
        gas=reader.text((*place, "gas"), fields.get("gas", ""), empty=True),
        activity=reader.text((*place, "activity"), fields.get("activity", ""), empty=True),
        names=reader.texts((*place, "names"), fields["names"]) if fields.get("names") else (),
        default=default,
        source=reader.text((*place, "source"), fields.get("source", ""), empty=True),
        range=unsaid(origin, kind, unit) if fields.get("range") is None else _range(reader, place, fields, default),
        enum=reader.texts((*place, "enum"), fields["enum"]) if fields.get("enum") else (),
        columns={n: _column(reader, (*place, "columns", n), c) for n, c in columns.items()},
    )


def _default(reader: Reader, place: Place, fields: Mapping[str, Any]) -> Decimal | None:
    """The value of a parameter or constant, which needs its source; nothing else has one."""
    origin, raw = fields["origin"], fields.get("default")
    if raw is None:
        if origin == "constant" and not reader.told((*place, "default")):
            reader.fail((*place, "default"), "a constant needs its `default`")
        return None
    if not fields.get("source"):
        reader.fail((*place, "source"), "a default needs its `source`: document, table or page")
    if reader.told((*place, "default")):
        return None
    if origin in _ORIGINS and origin not in ("parameter", "constant"):
        reader.fail((*place, "default"), "only a parameter or a constant has a default")
        return None
    found = reader.number((*place, "default"), raw)
    return None if reader.told((*place, "default")) else found


def _typed(reader: Reader, place: Place, fields: Mapping[str, Any], kind: str) -> str:
    """The unit that a number needs and nothing else has."""
    if kind == "number":
        if fields.get("unit") is None:
            reader.fail((*place, "unit"), "`unit` is missing; a pure number has the unit 1")
            return "1"
        return reader.unit((*place, "unit"), fields["unit"])
    for key in ("unit", "range", "default"):
        if fields.get(key) is not None:
            reader.fail((*place, key), f"a {kind} has no {key}")
    if kind != "text" and fields.get("enum"):
        reader.fail((*place, "enum"), "only a text has an enum")
    if (kind == "table") != bool(fields.get("columns")):
        reader.fail((*place, "columns"), "a table, and only a table, has `columns`")
    return ""


def _column(reader: Reader, place: Place, raw: object) -> FormulaColumn:
    fields = reader.mapping(place, raw, may=("unit", "meaning", "type", "range", "enum"))
    if fields is None:
        return FormulaColumn("number", "1")
    _legal(reader, place, str(place[-1]))
    kind = fields.get("type", "number")
    if kind not in ("number", "text"):
        reader.fail((*place, "type"), "a column holds numbers or texts")
        kind = "number"
    unit = _typed(reader, place, fields, kind)
    return FormulaColumn(
        cast(SymbolType, kind),
        unit,
        reader.text((*place, "meaning"), fields.get("meaning", ""), empty=True),
        unsaid("input", kind, unit) if fields.get("range") is None else _range(reader, place, fields, None),
        reader.texts((*place, "enum"), fields["enum"]) if fields.get("enum") else (),
    )


def _legal(reader: Reader, place: Place, name: str) -> None:
    if not _NAME.fullmatch(name) or name in _WORDS:
        reader.fail(place, f"`{name}` cannot be a name: letters, digits and _, and no word of the language")


def _range(reader: Reader, place: Place, fields: Mapping[str, Any], default: Decimal | None) -> Range:
    raw = fields.get("range")
    if raw is None or reader.told((*place, "range")):
        return (None, None)
    if not isinstance(raw, list) or len(raw) != 2:
        reader.fail((*place, "range"), "a range is [lowest, highest], null where it is open")
        return (None, None)
    low, high = (None if v is None else reader.number((*place, "range"), v) for v in raw)
    if reader.told((*place, "range")):
        return (None, None)
    if low is not None and high is not None and low > high:
        reader.fail((*place, "range"), f"{low} is above {high}")
        return (None, None)
    if default is not None and not within(default, (low, high)):
        reader.fail((*place, "default"), f"the default {default} is outside its own range")
    return low, high


def within(value: Decimal, bounds: Range) -> bool:
    """Whether a value lies in a range; the ends belong to it."""
    low, high = bounds
    return (low is None or value >= low) and (high is None or value <= high)


def _output(reader: Reader, name: str, raw: object) -> FormulaOutput:
    place: Place = ("outputs", name)
    fields = reader.mapping(place, raw, needs=("unit", "expression"), may=("meaning", "names"))
    if fields is None:
        return FormulaOutput("1", "0")
    _legal(reader, place, name)
    expression = fields["expression"]
    if isinstance(expression, (int, Decimal)) and not isinstance(expression, bool):
        expression = str(expression)
    return FormulaOutput(
        reader.unit((*place, "unit"), fields["unit"]),
        reader.text((*place, "expression"), expression),
        reader.text((*place, "meaning"), fields.get("meaning", ""), empty=True),
        reader.texts((*place, "names"), fields["names"]) if fields.get("names") else (),
    )


def _vector(reader: Reader, i: int, raw: object) -> WorkedVector:
    place: Place = ("vectors", i)
    fields = reader.mapping(place, raw, needs=("source", "given", "expect"), may=("tol", "published"))
    if fields is None:
        return WorkedVector("", {}, {})
    given = fields["given"]
    if not isinstance(given, dict) and not reader.told((*place, "given")):
        reader.fail((*place, "given"), "a mapping of symbols to values is needed here; {} where all have defaults")
    given = given if isinstance(given, dict) else {}
    tol = reader.number((*place, "tol"), fields["tol"]) if fields.get("tol") is not None else Decimal("1e-9")
    if not 0 <= tol <= _MAX_TOLERANCE:
        reader.fail((*place, "tol"), f"a relative tolerance lies between 0 and {_MAX_TOLERANCE}")
    if not isinstance(fields.get("published", False), bool):
        reader.fail((*place, "published"), "true or false")
    return WorkedVector(
        reader.text((*place, "source"), fields["source"]),
        {n: _given(reader, (*place, "given", n), v) for n, v in given.items()},
        {n: reader.number((*place, "expect", n), v) for n, v in reader.entries((*place, "expect"), fields["expect"])},
        tol,
        fields.get("published") is True,
    )


def _given(reader: Reader, place: Place, value: object) -> Given:
    if isinstance(value, list):
        rows = []
        for i, row in enumerate(value):
            fields = reader.mapping((*place, i), row, may=tuple(row) if isinstance(row, dict) else ())
            rows.append({k: _given(reader, (*place, i, k), v) for k, v in (fields or {}).items()})
        return tuple(rows)
    if isinstance(value, (bool, str)):
        return value
    return reader.number(place, value)


def _named(reader: Reader, formula: LibraryFormula) -> None:
    """Id, domain, and the names that must differ."""
    if formula.id and not _ID.fullmatch(formula.id):
        reader.fail(("id",), "an id is <domain>/<subject>/<name> in small letters, digits and hyphens")
    starts = not formula.id or formula.id.split("/")[0] == formula.domain
    if formula.domain and (formula.domain not in DOMAINS or not starts):
        reader.fail(("domain",), f"the domain is one of {', '.join(DOMAINS)}, and the id starts with it")
    for name in formula.outputs:
        if name in formula.symbols:
            reader.fail(("outputs", name), f"`{name}` is a symbol already")


def _used(reader: Reader, formula: LibraryFormula) -> None:
    """Every expression can be parsed, and every symbol stands in one."""
    used: set[str] = set()
    for name, out in formula.outputs.items():
        if reader.told(("outputs", name)) or reader.told(("outputs", name, "expression")):
            continue
        try:
            for node in walk(parse(out.expression)):
                used |= {node.name.partition(".")[0]} if isinstance(node, Name) else set()
                used |= {node.table} if isinstance(node, Sum) else set()
        except FormulaError as error:
            reader.fail(("outputs", name, "expression"), pointed(error))
    read = [not reader.told(("outputs", n)) and not reader.told(("outputs", n, "expression")) for n in formula.outputs]
    if not read or not all(read):
        return  # what could not be read may use any symbol
    for name in formula.symbols:
        if name not in used:
            reader.fail(("symbols", name), "no output uses it")


def _covers(reader: Reader, formula: LibraryFormula, i: int, vector: WorkedVector) -> None:
    """What a worked vector gives and expects; nothing is said about symbols that are mistaken themselves."""
    place: Place = ("vectors", i)
    sure = {n: s for n, s in formula.symbols.items() if not reader.told(("symbols", n), below=True)}
    needed = () if reader.told((*place, "given")) else tuple(n for n, s in sure.items() if s.default is None)
    for name in needed:
        if name not in vector.given:
            reader.fail((*place, "given"), f"`{name}` is not given")
    for name, value in vector.given.items():
        here = (*place, "given", name)
        if reader.told(here, below=True) or not formula.symbols:
            continue
        if name not in formula.symbols:
            reader.fail(here, f"there is no such symbol{near(name, list(formula.symbols))}")
        elif formula.symbols[name].origin == "constant":
            reader.fail(here, "a constant cannot be given")
        elif name in sure and (why := misfit(sure[name], value)):
            reader.fail(here, why)
    for name in vector.expect:
        if formula.outputs and name not in formula.outputs:
            reader.fail((*place, "expect", name), f"there is no such output{near(name, list(formula.outputs))}")


def checked(symbols: Mapping[str, FormulaSymbol], given: Mapping[str, Given | None]) -> dict[str, Given]:
    """The values of the symbols, with defaults.

    Raises CalculationError: ``missing`` for a symbol without value, ``out_of_range`` for one that it cannot have.
    """
    out: dict[str, Given] = {}
    for name, symbol in symbols.items():
        value = given.get(name)
        value = symbol.default if value is None else value
        if value is None:
            raise CalculationError(f"`{name}` ({symbol.meaning}) is not given", kind="missing")
        if isinstance(value, tuple) and any(row.get(c) is None for row in value for c in symbol.columns):
            raise CalculationError(f"`{name}` ({symbol.meaning}) has a row without a value", kind="missing")
        if why := misfit(symbol, value):
            raise CalculationError(f"`{name}` ({symbol.meaning}): {why}", kind="out_of_range")
        out[name] = value
    return out


def misfit(symbol: FormulaSymbol | FormulaColumn, value: Given) -> str:
    """Why a value is none that the symbol can have; empty if it is one."""
    if symbol.type == "number":
        if not isinstance(value, Decimal):
            return f"a number is needed, not {value!r}"
        if within(value, symbol.range):
            return ""
        low, high = ("open" if b is None else normal_text(b) for b in symbol.range)
        return f"{value} is outside the valid range [{low}, {high}]"
    if symbol.type == "text":
        if not isinstance(value, str):
            return f"a text is needed, not {value!r}"
        return "" if not symbol.enum or value in symbol.enum else f'"{value}" is none of {", ".join(symbol.enum)}'
    if symbol.type == "truth":
        return "" if isinstance(value, bool) else f"true or false is needed, not {value!r}"
    if not isinstance(value, tuple):
        return "a list of rows is needed"
    columns = symbol.columns if isinstance(symbol, FormulaSymbol) else {}
    for row in value:
        if row.keys() != columns.keys():
            return f"each row has {', '.join(columns)}"
        for name, cell in row.items():
            if why := misfit(columns[name], cell):
                return f"{name}: {why}"
    return ""


def pointed(error: FormulaError) -> str:
    """The message, and the text with a mark under the place."""
    if not error.source or error.offset >= len(error.source):
        return str(error)
    line = error.source.count("\n", 0, error.offset)
    start = error.source.rfind("\n", 0, error.offset) + 1
    return f"{error}\n    {error.source.splitlines()[line]}\n    {' ' * (error.offset - start)}^"


def _plain(value: object) -> Any:
    """A declaration as JSON values; numbers in their one normal text."""
    if isinstance(value, Decimal):
        return normal_text(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "__dataclass_fields__"):
        names = (n for n in value.__dataclass_fields__ if n != "tables")
        return {n: _plain(getattr(value, n)) for n in names}
    return value
