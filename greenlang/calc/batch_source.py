"""The activities of a batch: Parquet as it is, CSV and Excel brought into Parquet first, every cell as text.

CSV: UTF-8, a header line, commas, semicolons, tabs or bars between cells, quotation marks doubled inside. A line that
cannot be read (too few cells, an open quotation mark, another encoding) becomes a row with a reason. Excel: the first
sheet or the one that the mapping names; its numbers count with 15 significant digits, which is what Excel shows.

Belongs here: files in, columns out. Does not belong here: what a column means.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang.calc.batch_mapping import BatchMapping, FromColumn, MappingMistake
from greenlang.calc.mistakes import near
from greenlang.provenance import file_digest
from greenlang.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

UNREADABLE = "gl_unreadable"
_DELIMITERS = ",;\t|"
_BLOCK = 1 << 20
_BATCH = 20_000  # rows of a sheet that are written at once
_NESTED = ("STRUCT", "MAP", "UNION", "LIST", "VARIANT", "BLOB", "BIT")
_PROBLEMS = {
    "MISSING COLUMNS": "it has fewer cells than the header",
    "TOO MANY COLUMNS": "it has more cells than the header",
    "UNQUOTED VALUE": "a quotation mark is not closed, or stands inside a cell without being doubled",
    "INVALID ENCODING": "it is not UTF-8",
    "INVALID UNICODE": "it is not UTF-8",
    "LINE SIZE OVER MAXIMUM": "it is too long",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Activities that DuckDB can read: ``relation`` stands after FROM, ``types`` are its columns.

    ``unreadable``: lines that could not be read are among the rows, with their reason in a column of that name.
    """

    relation: str
    types: dict[str, str]
    rows: int
    name: str
    digest: str
    size: int
    unreadable: bool = False


def open_source(
    connection: duckdb.DuckDBPyConnection, path: Path, mapping: BatchMapping, folder: Path
) -> tuple[Source | None, list[MappingMistake]]:
    """The activities in a file, or what is wrong with it. Text files are written to ``folder`` as Parquet."""
    if not path.is_file():
        return None, [MappingMistake("activities", f"there is no file `{path}`")]
    kind = path.suffix.lower()
    try:
        if kind in {".parquet", ".pq"}:
            return _opened(connection, path, mapping, readable(path, folder), unreadable=False)
        if kind in {".csv", ".tsv", ".txt"}:
            staged, mistakes = _csv(connection, path, mapping, folder)
        elif kind in {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}:
            staged, mistakes = _sheet(path, mapping, folder)
        else:
            return None, [MappingMistake("activities", f"`{path.name}` is neither Parquet, CSV nor Excel")]
    except _problems() as error:
        return None, [MappingMistake("activities", f"{path.name} cannot be read: {_first_line(error)}")]
    if staged is None:
        return None, mistakes
    return _opened(connection, path, mapping, staged, unreadable=staged.with_name("unreadable.parquet").is_file())


def readable(path: Path, folder: Path) -> Path:
    """The path, or a link to it whose name DuckDB does not take for a pattern."""
    if not any(sign in str(path) for sign in "*?["):
        return path
    link = folder / f"activities{path.suffix}"
    link.symlink_to(path.absolute())
    return link


def columns_used(mapping: BatchMapping) -> Iterator[tuple[str, str]]:
    """(place in the mapping, column) of every column that it names."""
    yield from ((f"id[{number}]", name) for number, name in enumerate(mapping.id))
    for symbol, entry in mapping.inputs.items():
        for field in ("column", "unit_column", "basis_column"):
            if getattr(entry, field):
                yield f"inputs.{symbol}.{field}", getattr(entry, field)
    for symbol, factor in mapping.factors.items():
        if factor.column:
            yield f"factors.{symbol}.column", factor.column
        for word, said in factor.select.items():
            if isinstance(said, FromColumn):
                yield f"factors.{symbol}.select.{word}.column", said.column
    yield from ((f"carry[{number}]", name) for number, name in enumerate(mapping.carry))


def _problems() -> tuple[type[Exception], ...]:
    import duckdb
    from python_calamine import CalamineError

    return (duckdb.Error, CalamineError, OSError, UnicodeDecodeError, csv.Error)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _opened(
    connection: duckdb.DuckDBPyConnection, path: Path, mapping: BatchMapping, parquet: Path, *, unreadable: bool
) -> tuple[Source | None, list[MappingMistake]]:
    files = [parquet, parquet.with_name("unreadable.parquet")] if unreadable else [parquet]
    relation = f"read_parquet([{', '.join(literal(str(file)) for file in files)}], union_by_name = true)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608 - names are quoted
    types = {str(name): str(kind) for name, kind, *_ in described}
    mistakes = check_columns(mapping, types)
    if mistakes:
        return None, mistakes
    found = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0]  # noqa: S608
    size = path.stat().st_size
    return Source(relation, types, int(found[0]), path.name, file_digest(path), size, unreadable), []


def check_columns(mapping: BatchMapping, types: dict[str, str]) -> list[MappingMistake]:
    """Columns that are not there, or hold lists and structures."""
    mistakes = []
    for place, name in columns_used(mapping):
        if name not in types:
            mistakes.append(MappingMistake(place, f"the activities have no column `{name}`", near(name, types)))
        elif types[name].endswith("]") or types[name].startswith(_NESTED):
            mistakes.append(MappingMistake(place, f"the column `{name}` holds {types[name]}, which is no single value"))
    return mistakes


# --- CSV ------------------------------------------------------------------------------------------------------------


def _csv(
    connection: duckdb.DuckDBPyConnection, path: Path, mapping: BatchMapping, folder: Path
) -> tuple[Path | None, list[MappingMistake]]:
    header, delimiter = _header(path, mapping.delimiter)
    if mistakes := _header_mistakes(header):
        return None, mistakes
    kinds = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    options = (
        f"auto_detect = false, header = true, delim = {literal(delimiter)}, quote = '\"', escape = '\"', "
        f"columns = {{{kinds}}}, store_rejects = true, rejects_limit = 0, "
        "rejects_table = 'gl_rejects', rejects_scan = 'gl_reject_scans'"
    )
    target = folder / "activities.parquet"
    wanted = [name for name in mapping.columns if name in header] or header[:1]
    listed = ", ".join(map(quoted, wanted))
    connection.execute(
        f"COPY (SELECT {listed} FROM read_csv({literal(str(readable(path, folder)))}, {options})) "  # noqa: S608
        f"TO {literal(str(target))} (FORMAT parquet)"
    )
    _write_rejects(connection, wanted[0], folder / "unreadable.parquet")
    return target, []


def _header(path: Path, delimiter: str) -> tuple[list[str], str]:
    """The names in the first line, and what stands between them."""
    with path.open("rb") as stream:  # the rest of the file may be no UTF-8, which is told row by row
        line = stream.readline(_BLOCK).decode("utf-8-sig")
    if not delimiter:
        delimiter = max(_DELIMITERS, key=lambda sign: len(next(csv.reader([line], delimiter=sign), [])))
    return next(csv.reader([line], delimiter=delimiter), []), delimiter


def _header_mistakes(header: list[str]) -> list[MappingMistake]:
    lowered = [name.lower() for name in header]
    twice = next((name for name in header if lowered.count(name.lower()) > 1), None)
    if not header or not all(name.strip() for name in header):
        return [MappingMistake("activities", "the first line names no column, or leaves one without a name")]
    if twice is not None:
        return [MappingMistake("activities", f"the column `{twice}` stands twice in the first line")]
    return []


def _write_rejects(connection: duckdb.DuckDBPyConnection, column: str, target: Path) -> None:
    """Lines that could not be read, each as one row that holds its reason alone."""
    cases = " ".join(f"WHEN {literal(kind)} THEN {literal(text)}" for kind, text in _PROBLEMS.items())
    why = f"CASE min(CAST(error_type AS VARCHAR)) {cases} ELSE 'it cannot be read' END"
    line = "coalesce(left(any_value(csv_line), 200), '')"
    rows = (
        f"SELECT CAST(NULL AS VARCHAR) AS {quoted(column)}, "  # noqa: S608 - names are quoted
        f"concat('a line of the file is no row: ', {why}, ': `', {line}, '`') AS {UNREADABLE} "
        "FROM gl_rejects GROUP BY scan_id, file_id, line, line_byte_position"
    )
    found = connection.execute("SELECT count(*) FROM gl_rejects").fetchall()[0]
    if found[0]:
        connection.execute(f"COPY ({rows}) TO {literal(str(target))} (FORMAT parquet)")


# --- Excel ----------------------------------------------------------------------------------------------------------


def _sheet(path: Path, mapping: BatchMapping, folder: Path) -> tuple[Path | None, list[MappingMistake]]:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_path(str(path))
    names = list(book.sheet_names)
    wanted = mapping.sheet or names[0]
    if wanted not in names:
        return None, [MappingMistake("sheet", f"there is no sheet `{wanted}`", near(wanted, names))]
    rows = book.get_sheet_by_name(wanted).iter_rows()
    header = [_cell(value) or "" for value in next(rows, [])]
    while header and not header[-1]:
        header.pop()
    if mistakes := _header_mistakes(header):
        return None, mistakes
    target = folder / "activities.parquet"
    columns = [name for name in mapping.columns if name in header] or header[:1]
    _write_sheet(rows, [header.index(name) for name in columns], columns, target)
    return target, []


def _write_sheet(rows: Iterable[list[Any]], places: list[int], columns: list[str], target: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in columns])
    filled = (row for row in rows if any(value not in {"", None} for value in row))
    with pq.ParquetWriter(target, schema) as writer:
        while block := list(islice(filled, _BATCH)):
            cells = [[_cell(row[place]) if place < len(row) else None for row in block] for place in places]
            writer.write_table(pa.table(dict(zip(columns, cells, strict=True)), schema=schema))


def _cell(value: Any) -> str | None:
    """A cell as text: numbers with 15 significant digits, days in ISO form, empty cells as None."""
    from greenlang.factors.embedded import cell_value

    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{cell_value(repr(value)):f}"
    if isinstance(value, (int, Decimal, str)):
        return str(value)
    write: Callable[[], str] | None = getattr(value, "isoformat", None)
    return write() if write is not None else str(value)
