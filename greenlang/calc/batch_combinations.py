"""Distinct combinations of what decides factors, units and bases: each is worked out once, by the engine's own rules.

A batch of ten million rows has perhaps fifty combinations of activity, region, year and unit. For each the selection
rule is asked once, units are looked at, bases are settled; rows are joined to the answer. A combination is numbered by
its place in the order of its values, and has a digest that every row of it carries.

Belongs here: combinations and their table in DuckDB. Does not belong here: the arithmetic of rows (``batch_plan``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import calculation, normal_text

from greenlang.calc.basis import ANY, Tagged
from greenlang.calc.batch_basis import Settled, settle
from greenlang.calc.batch_binding import Binding, probed
from greenlang.calc.batch_mapping import BatchMapping, FactorEntry, FromColumn, MappingMistake
from greenlang.calc.batch_numbers import MAX_SCALE, MAX_WHOLE
from greenlang.calc.batch_source import UNREADABLE, Source
from greenlang.calc.batch_units import SAME, Path, figure, path_between
from greenlang.calc.binding import Bound, bind
from greenlang.calc.certificate import plain_values
from greenlang.calc.engine import CalculationEngine
from greenlang.calc.mistakes import Mistake, Refused
from greenlang.calc.quantity import has_co2e
from greenlang.calc.records import FactorRecord
from greenlang.factors.select_model import Request
from greenlang.sql import quoted

if TYPE_CHECKING:
    import duckdb

MAX_COMBINATIONS = 200_000
MAX_PATHS = 64  # ways of converting; with more, factors are taken as the engine converted them
_TYPES = {name: str(kind) for name, kind in Request.__annotations__.items()}
Variant = tuple[tuple[str, Path], ...]  # symbol -> its conversion, for those that differ between rows


@dataclass(slots=True)
class Combination:
    """One combination: its values by column, the rows and conversions that follow, or why there are none."""

    number: int
    key: dict[str, Any]
    texts: dict[str, str | None] = field(default_factory=dict)  # the key as DuckDB writes it
    units: dict[str, str] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)  # of inputs that are CO2e
    factors: tuple[FactorRecord, ...] = ()
    figures: dict[str, Decimal] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    tagged: dict[str, Tagged] = field(default_factory=dict)
    mistakes: dict[str, Mistake] = field(default_factory=dict)  # by symbol, the first one
    warnings: tuple[str, ...] = ()
    settled: Settled = field(default_factory=lambda: Settled({}))
    variant: int = 0
    digest: str = ""

    def content(self) -> dict[str, Any]:
        """What a certificate says of it, plain; its digest covers this, so every row that carries the digest does."""
        return {
            "key": self.texts,
            "units": self.units,
            "bases": self.bases,
            "factors": plain_values(self.factors),
            "outputs": {"labels": self.settled.labels, "refusal": self.settled.refusal, "by_row": self.settled.depends},
            "mistakes": {name: mistake.as_dict() for name, mistake in self.mistakes.items()},
            "warnings": list(self.warnings),
        }

    def record(self) -> dict[str, Any]:
        """The entry in a certificate."""
        return {"number": self.number, **self.content(), "digest": self.digest}


@dataclass(slots=True)
class Combinations:
    """All of them, the ways of converting that occur, and the table ``table`` that rows are joined to."""

    rows: list[Combination]
    variants: list[Variant]
    columns: tuple[str, ...]  # of the key
    widths: dict[str, tuple[int, int]]  # symbol of a factor -> precision and scale of its figures
    wide: bool  # whether the figures of some do not fit a DECIMAL
    table: str = ""


def combinations(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    mapping: BatchMapping,
    binding: Binding,
    engine: CalculationEngine,
    name: str = "gl",
) -> tuple[Combinations | None, list[MappingMistake]]:
    """Every combination that the activities hold, worked out, as a table ``<name>_combinations`` on the connection."""
    columns = mapping.class_columns
    keys, mistakes = _keys(connection, source, columns, name)
    if mistakes:
        return None, mistakes
    common = common_digest(binding.declaration.digest, constants_record(binding.constants))
    worker = _Worker(mapping, binding, engine)
    with calculation():
        rows = [worker.work(Combination(number, *key)) for number, key in enumerate(keys, start=1)]
    variants = _variants(rows, binding)
    for row in rows:
        row.digest = combination_digest(common, row.content())
    widths, wide = _widths(rows, binding)
    out = Combinations(rows, variants, columns, widths, wide, f"{name}_combinations")
    _store(connection, out, binding, name)
    return out, []


def constants_record(bound: Bound) -> dict[str, Any]:
    """What is the same in every row, as it stands in a certificate."""
    names = ("inputs", "parameters", "factors", "overrides", "conversions")
    return {name: plain_values(getattr(bound, name)) for name in names}


def common_digest(formula: str, constants: Mapping[str, Any]) -> str:
    """The digest of what all combinations share: the formula's digest, and what is the same in every row."""
    return digest({"formula": formula, "constants": constants})


def combination_digest(common: str, content: Mapping[str, Any]) -> str:
    """The digest of a combination, which the text of each of its rows holds."""
    return digest({"common": common, **content})


_Key = tuple[dict[str, Any], dict[str, str | None]]


def _keys(
    connection: duckdb.DuckDBPyConnection, source: Source, columns: Sequence[str], name: str
) -> tuple[list[_Key], list[MappingMistake]]:
    """The distinct values, in their order, with their texts; one empty combination where nothing depends on the row."""
    if not columns:
        return [({}, {})], []
    listed = ", ".join(map(quoted, columns))
    order = ", ".join(f"{quoted(column)} NULLS FIRST" for column in columns)
    read = f" WHERE {UNREADABLE} IS NULL" if source.unreadable else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {name}_keys AS SELECT row_number() OVER (ORDER BY {order}) AS gl_c, {listed} "  # noqa: S608
        f"FROM (SELECT DISTINCT {listed} FROM {source.relation}{read} LIMIT {MAX_COMBINATIONS + 1})"
    )
    texts = ", ".join(f"CAST({quoted(column)} AS VARCHAR)" for column in columns)
    keys = connection.execute(f"SELECT {listed}, {texts} FROM {name}_keys ORDER BY gl_c").fetchall()  # noqa: S608
    if len(keys) > MAX_COMBINATIONS:
        return [], [
            MappingMistake(
                "factors",
                f"{', '.join(columns)} have more than {MAX_COMBINATIONS:,} different combinations",
                "does one of these columns hold an id?",
            )
        ]
    width = len(columns)
    return [
        (dict(zip(columns, row[:width], strict=True)), dict(zip(columns, row[width:], strict=True))) for row in keys
    ], []


class _Worker:
    """Works out one combination after another."""

    def __init__(self, mapping: BatchMapping, binding: Binding, engine: CalculationEngine) -> None:
        self.mapping = mapping
        self.binding = binding
        self.engine = engine
        declared = binding.declaration
        self.formula = replace(declared, symbols={name: declared.symbols[name] for name in binding.factors})
        self.settled: dict[tuple[tuple[str, frozenset[str]], ...], Settled] = {}
        self.trees = binding.trees

    def work(self, out: Combination) -> Combination:
        for name in self.binding.numbers:
            try:
                self.unit(name, out)
            except Refused as error:
                out.mistakes[name] = error.at(f"inputs.{name}")
        self.rows(out)
        if not out.mistakes:
            out.settled = self.settle(out)
            out.warnings = tuple(dict.fromkeys((*out.warnings, *self.disclosed(out.settled))))
        return out

    def disclosed(self, settled: Settled) -> Iterator[str]:
        """What the engine says of a result that stands on another basis than the context asks for, or on several."""
        context = self.binding.context
        for name, label in settled.labels.items():
            if context.gwp_set and label not in {"", ANY, context.gwp_set}:
                yield f"{name} stands on {label}, the context asks for {context.gwp_set}"
            if context.policy and " and " in label:
                yield f"{name} adds CO2e on unlike bases ({context.policy}): {label}"

    def unit(self, name: str, out: Combination) -> None:
        """Unit and basis of a column of numbers. Raises Refused."""
        entry, symbol = self.binding.numbers[name], self.binding.symbol(name)
        unit = entry.unit or symbol.unit
        if entry.unit_column:
            given = out.key[entry.unit_column]
            if given is None or not str(given).strip():
                raise Refused("unit", f"the unit of the {symbol.meaning} is missing", f"give it in {symbol.unit}")
            unit = str(given).strip()
        out.units[name] = unit
        basis = str(out.key[entry.basis_column] or "").strip() if entry.basis_column else entry.basis
        bound = probed(name, symbol, unit, basis, self.binding.context, self.engine.sources)
        out.warnings += tuple(bound.warnings)
        if bound.mistakes:
            out.mistakes[name] = bound.mistakes[0]
            return
        out.paths[name] = path_between(unit, symbol.unit)
        if has_co2e(symbol.unit):
            out.bases[name] = bound.inputs[0].basis

    def rows(self, out: Combination) -> None:
        """The factor rows."""
        given: dict[str, Any] = {}
        for name, entry in self.binding.factors.items():
            try:
                given[name] = _given(entry, out.key)
            except Refused as error:
                out.mistakes[name] = error.at(f"inputs.{name}")
        asked = replace(self.formula, symbols={n: s for n, s in self.formula.symbols.items() if n not in out.mistakes})
        bound = bind(
            asked, {n: g for n, g in given.items() if g is not None}, self.binding.context, self.engine.sources
        )
        for mistake in bound.mistakes:
            name = mistake.place.removeprefix("inputs.").partition(".")[0]
            out.mistakes.setdefault(name if name in self.binding.factors else next(iter(given), ""), mistake)
        out.factors, out.warnings = tuple(bound.factors), tuple(dict.fromkeys((*out.warnings, *bound.warnings)))
        self.figures(out, bound)

    def figures(self, out: Combination, bound: Bound) -> None:
        for name, tagged in bound.values.items():
            assert isinstance(tagged, Tagged)
            assert isinstance(tagged.value, Decimal)
            steps = [step for step in bound.conversions if step.place == f"inputs.{name}"]
            out.tagged[name] = tagged
            out.figures[name], out.paths[name] = figure(tagged.value, steps)

    def settle(self, out: Combination) -> Settled:
        """The bases of the outputs; combinations on the same bases are settled once."""
        symbols = {name: frozenset[str]() for name in self.binding.declaration.symbols}
        symbols |= {
            name: frozenset(t.shares) for name, t in self.binding.constants.values.items() if isinstance(t, Tagged)
        }
        symbols |= {name: frozenset(t.shares) for name, t in out.tagged.items()}
        symbols |= {name: frozenset({basis}) for name, basis in out.bases.items()}
        same = tuple(sorted(symbols.items()))
        if same not in self.settled:
            policy, owner = self.binding.context.policy, self.binding.declaration.id
            self.settled[same] = settle(self.trees, symbols, policy, owner)
        found = self.settled[same]
        return replace(found, labels={name: found.labels.get(name, "") for name in self.binding.basis_columns})


def _given(entry: FactorEntry, key: Mapping[str, Any]) -> Any:
    """What the row gives for a factor. Raises Refused."""
    if entry.column:
        value = key[entry.column]
        return None if value is None or not str(value).strip() else str(value).strip()
    request: dict[str, Any] = {}
    for word, said in entry.select.items():
        value = key[said.column] if isinstance(said, FromColumn) else said
        if value is None or value == "":
            continue
        request[word] = _word(word, value) if isinstance(said, FromColumn) else value
    if "activity" not in request:
        raise Refused("missing_input", "the request names no activity: the cell is empty")
    return {"request": request}


def _word(word: str, value: Any) -> str | int | bool:
    """A cell as a word of a request. Raises Refused."""
    kind = _TYPES.get(word, "str")
    text = str(value).strip()
    if kind.startswith("int"):
        whole = text.removesuffix(".0")
        if not whole.removeprefix("-").isdecimal():
            raise Refused("wrong_type", f"`{text}` is no {word.replace('_', ' ')}", "give a whole number")
        return int(whole)
    if kind.startswith("bool"):
        if text.lower() not in {"true", "false"}:
            raise Refused("wrong_type", f"`{text}` is neither true nor false")
        return text.lower() == "true"
    return text


def _variants(rows: list[Combination], binding: Binding) -> list[Variant]:
    """The ways of converting that occur, in the order of the combinations; each row knows the number of its own."""
    symbols = [name for name in binding.used if name in binding.numbers or name in binding.factors]

    def listed() -> dict[Variant, int]:
        known: dict[Variant, int] = {}
        for row in rows:
            if not row.mistakes:
                own = tuple((name, row.paths.get(name, SAME)) for name in symbols)
                row.variant = known.setdefault(own, len(known))
        return known

    found = listed()
    if len(found) > MAX_PATHS:  # factors as they were converted, to 34 digits
        for row in rows:
            for name, tagged in row.tagged.items():
                assert isinstance(tagged.value, Decimal)
                row.figures[name], row.paths[name] = tagged.value, SAME
        found = listed()
    return list(found) or [tuple((name, SAME) for name in symbols)]


def _widths(rows: list[Combination], binding: Binding) -> tuple[dict[str, tuple[int, int]], bool]:
    """The narrowest DECIMAL for the figures of each factor, and whether some are left out of it."""
    widths: dict[str, tuple[int, int]] = {}
    wide = False
    for name in binding.factors:
        sizes = [_size(row.figures[name]) for row in rows if name in row.figures]
        kept = [(whole, scale) for whole, scale in sizes if whole <= MAX_WHOLE and scale <= MAX_SCALE]
        wide = wide or len(kept) < len(sizes)
        scale = max((scale for _, scale in kept), default=0)
        widths[name] = (max((whole for whole, _ in kept), default=1) + scale, scale)
    return widths, wide


def _size(value: Decimal) -> tuple[int, int]:
    """Digits before and after the point."""
    whole, _, after = normal_text(value.copy_abs()).partition(".")
    return len(whole), len(after)


def _store(connection: duckdb.DuckDBPyConnection, made: Combinations, binding: Binding, name: str) -> None:
    """The table that rows are joined to: the key and, by number of the symbol, figure, mistake and name of the row."""
    import pyarrow as pa

    rows = made.rows
    columns: dict[str, Any] = {
        f"{name}_c": pa.array([row.number for row in rows], pa.int32()),
        f"{name}_fine": pa.array([not row.mistakes and not row.settled.refusal for row in rows], pa.bool_()),
        f"{name}_variant": pa.array([row.variant for row in rows], pa.int16()),
        f"{name}_digest": pa.array([row.digest for row in rows], pa.string()),
        f"{name}_refusal": pa.array([row.settled.refusal or None for row in rows], pa.string()),
        f"{name}_by_row": pa.array([row.settled.depends for row in rows], pa.bool_()),
    }
    for place, symbol in enumerate(binding.used):
        if symbol in binding.numbers or symbol in binding.factors:
            wrong = [row.mistakes.get(symbol) for row in rows]
            columns[f"{name}_e{place}"] = pa.array([m.code if m else None for m in wrong], pa.string())
            columns[f"{name}_w{place}"] = pa.array([str(m) if m else None for m in wrong], pa.string())
        if symbol in binding.numbers:
            columns[f"{name}_u{place}"] = pa.array([row.units.get(symbol) for row in rows], pa.string())
        if symbol in binding.factors:
            columns |= _figures(made, binding, symbol, f"{name}_", place)
    for output in binding.basis_columns:
        labels = [row.settled.labels.get(output) or None for row in rows]
        columns[f"{name}_basis_{output}"] = pa.array(labels, pa.string())
    connection.register(f"{name}_made", pa.table(columns))
    if made.columns:
        joined = f"SELECT k.* EXCLUDE (gl_c), m.* FROM {name}_keys k JOIN {name}_made m ON k.gl_c = m.{name}_c"  # noqa: S608
    else:
        joined = f"SELECT * FROM {name}_made"  # noqa: S608
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {made.table} AS {joined}")
    connection.unregister(f"{name}_made")


def _figures(made: Combinations, binding: Binding, symbol: str, prefix: str, place: int) -> dict[str, Any]:
    import pyarrow as pa

    precision, scale = made.widths[symbol]
    keys = {row.number: {f.symbol: f.key for f in row.factors} for row in made.rows}
    narrow: list[Decimal | None] = []
    for row in made.rows:
        value = row.figures.get(symbol)
        fits = value is not None and _size(value)[0] <= precision - scale and _size(value)[1] <= scale
        narrow.append(value if fits else None)
    return {
        f"{prefix}f{place}": pa.array(narrow, pa.decimal128(precision, scale)),
        f"{prefix}t{place}": pa.array(
            [normal_text(row.figures[symbol]) if symbol in row.figures else None for row in made.rows], pa.string()
        ),
        f"{prefix}k{place}": pa.array([keys[row.number].get(symbol) for row in made.rows], pa.string()),
    }
