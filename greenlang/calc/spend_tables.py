"""Exchange rates, price indices and margins: tables that the user gives, each figure with its citation.

None is shipped with the library. A YAML table has ``table``, ``citation`` and ``rows``; a CSV table has one row a
figure with a column ``citation``. Belongs here: reading them and looking figures up. Does not belong here: the order
in which they are applied (``spend``).

| table | columns |
|---|---|
| exchange-rates | from, to, year, rate: units of ``to`` for one of ``from``, the average of the year |
| deflators | currency, series, year, index: of prices, whatever its base |
| margins | product, year, basic_share: basic price as a part of the purchaser price |
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import CONTEXT, normal_text

from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import exact
from greenlang.errors import FactorTableError

COLUMNS = {
    "exchange-rates": ("from", "to", "year", "rate"),
    "deflators": ("currency", "series", "year", "index"),
    "margins": ("product", "year", "basic_share"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A figure, where it is published, and the digest of the table that holds it. ``how`` says more where needed."""

    value: Decimal
    citation: str
    digest: str
    how: str = ""


@dataclass(slots=True)
class MoneyTables:
    """All tables that were given, by what a figure is looked up with."""

    rates: dict[tuple[str, str, int], Cited] = field(default_factory=dict)
    indices: dict[tuple[str, str, int], Cited] = field(default_factory=dict)
    margins: dict[tuple[str, int], Cited] = field(default_factory=dict)

    def rate(self, currency: str, into: str, year: int) -> Cited | None:
        """Units of ``into`` for one of ``currency``; the inverse of the other direction where only that is given."""
        found = self.rates.get((currency, into, year))
        if found is not None:
            return found
        other = self.rates.get((into, currency, year))
        if other is None:
            return None
        how = f"the inverse of {normal_text(other.value)} {currency} for one {into}"
        return Cited(
            value=CONTEXT.divide(Decimal(1), other.value), citation=other.citation, digest=other.digest, how=how
        )

    def used(self, currency: str, into: str, year: int) -> tuple[str, str, int]:
        """The key of the figure that `rate` gives: of this direction, or of the other one."""
        key = (currency, into, year)
        return key if key in self.rates else (into, currency, year)

    def series(self, currency: str) -> list[str]:
        """The names of the price indices of a currency."""
        return sorted({name for known, name, _ in self.indices if known == currency})

    def products(self) -> list[str]:
        """The products that margins are given for."""
        return sorted({product for product, _ in self.margins})


def recorded(table: str, key: tuple[Any, ...], cited: Cited) -> dict[str, Any]:
    """A figure that was used, as a result records it: the columns of its table, its citation, the table's digest."""
    names = COLUMNS[table]
    columns = dict(zip(names[:-1], key, strict=True))
    return {"table": table, **columns, names[-1]: cited.value, "citation": cited.citation, "digest": cited.digest}


def recorded_tables(entries: Any) -> MoneyTables:
    """The tables again, with no more than a result recorded of them.

    Raises ValueError, LookupError, TypeError or ArithmeticError for what `recorded` never writes.
    """
    out = MoneyTables()
    tables: dict[str, dict[Any, Cited]] = {
        "exchange-rates": out.rates,
        "deflators": out.indices,
        "margins": out.margins,
    }
    for entry in entries:
        table, names = entry["table"], COLUMNS[entry["table"]]
        if set(entry) != {"table", "citation", "digest", *names}:
            raise ValueError(f"a record of {table} has {', '.join(names)}, citation and digest")
        key = tuple(entry[name] for name in names[:-1])
        if key in tables[table]:
            raise ValueError(f"{table}: {key} is recorded twice")
        tables[table][key] = Cited(value=Decimal(entry[names[-1]]), citation=entry["citation"], digest=entry["digest"])
    return out


def read_money_tables(sources: Iterable[Path | Mapping[str, Any]]) -> tuple[MoneyTables, list[Mistake]]:
    """Tables from YAML or CSV files, or from plain values like the YAML; every mistake is collected."""
    out = MoneyTables()
    wrong: list[Mistake] = []
    for number, source in enumerate(sources):
        place = source.name if isinstance(source, Path) else f"tables[{number}]"
        try:
            kind, rows = _rows(source)
        except Refused as error:
            wrong.append(error.at(place))
            continue
        own = digest({"table": kind, "rows": [{k: str(v) for k, v in row.items()} for row in rows]})
        for line, row in enumerate(rows):
            try:
                _take(out, kind, row, own)
            except Refused as error:
                wrong.append(error.at(f"{place}[{line}]"))
    return out, wrong


def _rows(source: Path | Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    if isinstance(source, Path):
        if source.suffix.lower() == ".csv":
            return _csv(source)
        from greenlang.factors._yaml import read_yaml

        try:
            source = read_yaml(source)
        except FactorTableError as error:
            raise Refused("wrong_type", str(error), "give a YAML or CSV table") from None
    if not isinstance(source, Mapping) or not isinstance(source.get("rows"), list):
        raise Refused("wrong_type", "a table has `table`, `citation` and `rows`", "see docs/accounting.md")
    kind = str(source.get("table"))
    if kind not in COLUMNS:
        raise Refused("not_allowed", f"`{kind}` is no table of money", near(kind, COLUMNS))
    citation = _citation(source.get("citation"))
    rows = []
    for row in source["rows"]:
        if not isinstance(row, Mapping):
            raise Refused("wrong_type", "a row is a mapping of columns")
        rows.append({"citation": citation, **row})
    return kind, rows


def _csv(path: Path) -> tuple[str, list[dict[str, Any]]]:
    try:
        rows: list[dict[str, Any]] = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused("wrong_type", f"{path.name}: {error}", "give a YAML or CSV table") from None
    columns = set(rows[0]) if rows else set()
    for kind, needed in COLUMNS.items():
        if columns == {*needed, "citation"}:
            return kind, rows
    wanted = "; ".join(f"{kind}: {', '.join((*needed, 'citation'))}" for kind, needed in COLUMNS.items())
    raise Refused("wrong_type", f"its columns are {', '.join(map(str, columns)) or 'none'}", f"give {wanted}")


def _citation(raw: object) -> str:
    if isinstance(raw, Mapping):
        return ", ".join(str(raw[name]) for name in ("document", "locator") if raw.get(name))
    return str(raw or "")


def _take(out: MoneyTables, kind: str, row: Mapping[str, Any], own: str) -> None:
    needed = COLUMNS[kind]
    if extra := [str(name) for name in row if name not in {*needed, "citation"}]:
        raise Refused("unknown_input", f"a row of {kind} has no `{extra[0]}`", near(extra[0], needed))
    if missing := [name for name in needed if name != "series" and str(row.get(name, "")).strip() == ""]:
        raise Refused("missing_input", f"the {missing[0]} is missing", f"a row has {', '.join(needed)}")
    citation = str(row.get("citation") or "").strip()
    if not citation:
        raise Refused("missing_input", "the figure has no citation", "say where it is published")
    value = exact(row[needed[-1]] if not isinstance(row[needed[-1]], str) else row[needed[-1]].strip())
    if value <= 0:
        raise Refused("out_of_range", f"{needed[-1]} is {value}", "give a figure above zero")
    cited = Cited(value=value, citation=citation, digest=own)
    year = read_year(row["year"])
    texts = [str(row.get(name) or "").strip() for name in needed]
    if kind == "exchange-rates":
        _once(out.rates, (read_currency(texts[0]), read_currency(texts[1]), year), cited)
    elif kind == "deflators":
        _once(out.indices, (read_currency(texts[0]), texts[1], year), cited)
    else:
        if value > 1:
            raise Refused("out_of_range", f"basic_share is {value}", "a basic price is a part of the purchaser price")
        _once(out.margins, (texts[0], year), cited)


def _once(table: dict[Any, Cited], key: tuple[Any, ...], cited: Cited) -> None:
    if key in table:
        raise Refused("wrong_type", f"there are two figures for {', '.join(map(str, key))}", "give one")
    table[key] = cited


def read_currency(text: str) -> str:
    """An ISO 4217 code. Raises Refused."""
    if len(text) != 3 or not text.isascii() or not text.isalpha() or text != text.upper():
        raise Refused("not_allowed", f"`{text}` is no currency", "write its ISO 4217 code: EUR, USD, GBP")
    return text


def read_year(raw: object) -> int:
    """A year of four digits. Raises Refused."""
    text = str(raw).strip()
    if isinstance(raw, bool) or not text.isdigit() or len(text) != 4:
        raise Refused("wrong_type", f"`{raw}` is no year", "write it like 2022")
    return int(text)
