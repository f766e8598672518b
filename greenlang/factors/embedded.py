"""The embedded base: figures entered as CSV, checked row by row, and GWPs out of an installed package.

Belongs here: reading `emission_factors/embedded` into `Factor` rows, and every check on them.
Does not belong here: Parquet, look-ups, references.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from decimal import Context, Decimal, InvalidOperation
from importlib import import_module
from pathlib import Path
from typing import Any

from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml
from greenlang.factors.fields import DECIMAL_PRECISION, DECIMAL_SCALE, Field, read_fields
from greenlang.factors.model import Factor
from greenlang.factors.sources import Source, read_sources

_KEY = re.compile(r"[a-z0-9][a-z0-9.\-]*(/[a-z0-9][a-z0-9.\-]*){3,}")
_RELEASE = re.compile(r"[a-z]+-\d+\.\d+\.\d+")
_WORKING = Context(prec=DECIMAL_PRECISION)
# A spreadsheet keeps 15 significant digits; what stands behind them is binary noise (0.022000000000000002).
_CELL = Context(prec=15)
_SPECIES = re.compile(r"(HCFE|HCFC|HFC|HFE|CFC|Halon)(\d.*)")
_OWN_UNIT = frozenset({"CO2", "CH4", "N2O", "SF6", "NF3"})  # gases that are units of their own in greenlang.units
_GAS_PART = re.compile(r"/of-(?:co2|ch4|n2o)(?=/|$)")
_DEFAULTS: dict[str, Any] = {
    field.name: field.default
    for field in dataclass_fields(Factor)
    if field.default is not MISSING and field.name != "note"
}
_QUANTITY = "quantity"  # the one column of a CSV that is part of the key alone


def read_release(folder: Path) -> str:
    """The release's name, such as ``embedded-1.0.0``."""
    content = read_yaml(folder / "release.yaml")
    name = content.get("release") if isinstance(content, dict) else None
    if not isinstance(name, str) or not _RELEASE.fullmatch(name):
        raise FactorTableError("release.yaml: `release` must look like embedded-1.0.0")
    return name


def read_embedded(folder: Path) -> tuple[Factor, ...]:
    """Every factor of ``folder`` (`emission_factors/`), sorted by key.

    Raises FactorTableError with the file, the row and what is wrong.
    """
    declared = read_fields(folder / "fields.yaml")
    sources = read_sources(folder / "embedded")
    named = {source.csv for source in sources if source.csv}
    for path in sorted((folder / "embedded").glob("*.csv")):
        if path.name not in named:
            raise FactorTableError(f"{path.name}: no declaration beside it names this file")
    seen: dict[str, str] = {}
    rows: list[Factor] = []
    for source in sources:
        found = _from_package(source, declared) if source.package else _from_csv(source, folder, declared)
        for place, factor in found:
            if factor.key in seen:
                raise FactorTableError(f"{place}: key `{factor.key}` stands already in {seen[factor.key]}")
            seen[factor.key] = place
            rows.append(factor)
    for factor in rows:
        if factor.part_of and factor.part_of not in seen:
            raise FactorTableError(f"{seen[factor.key]}: the whole `{factor.part_of}` of this part is no row")
    return tuple(sorted(rows, key=lambda factor: factor.key))


def plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without a positive exponent."""
    value = value.normalize(_WORKING)
    exponent = value.as_tuple().exponent
    return value.quantize(Decimal(1), context=_WORKING) if isinstance(exponent, int) and exponent > 0 else value


def cell_value(text: str) -> Decimal:
    """What a publisher's cell says, to 15 significant digits. Raises InvalidOperation if it is no number."""
    return plain(_CELL.create_decimal(text.strip()))


def _from_csv(source: Source, folder: Path, declared: tuple[Field, ...]) -> Iterator[tuple[str, Factor]]:
    path = folder / "embedded" / source.csv
    columns = [field.name for field in declared if field.in_row] + [_QUANTITY]
    required = [f.name for f in declared if f.origin == "row" and f.name not in _DEFAULTS] + [_QUANTITY]
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            header = list(reader.fieldnames or ())
            for name in header:
                if name not in columns or header.count(name) > 1:
                    problem = "stands twice" if name in columns else "is not declared in fields.yaml"
                    raise FactorTableError(f"{path.name}:1: column `{name}` {problem}")
            for name in required:
                if name not in header:
                    raise FactorTableError(f"{path.name}:1: column `{name}` is missing")
            for row in reader:
                place = f"{path.name}:{reader.line_num}"
                if None in row or any(value is None for value in row.values()):
                    raise FactorTableError(f"{place}: the row has not the {len(header)} columns of the header")
                yield place, _factor(place, source, row, declared)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FactorTableError(f"{path.name}: {error}") from error


def _factor(place: str, source: Source, row: dict[str, str], declared: tuple[Field, ...]) -> Factor:
    values: dict[str, Any] = {}
    for field in declared:
        if field.origin == "derived":
            continue
        raw: Any = row.get(field.name, "") if field.in_row else ""
        if raw == "" and field.in_source:
            raw = getattr(source, field.name, "")
        if raw == "" and field.name in _DEFAULTS:
            values[field.name] = _DEFAULTS[field.name]
        else:
            values[field.name] = _typed(place, field, raw)
    _check_value(place, values)
    quantity = row[_QUANTITY]
    if not quantity:
        raise FactorTableError(f"{place}: column `{_QUANTITY}` is empty")
    key = _key(source, quantity, values, values["boundary"])
    if not _KEY.fullmatch(key):
        raise FactorTableError(f"{place}: `{key}` is no key: lower-case segments of letters, digits, `-` and `.`")
    values["kind"], values["part_of"] = _standing(source, quantity, values, key)
    return Factor(key=key, **values)


def _key(source: Source, quantity: str, values: dict[str, Any], boundary: str) -> str:
    tail = source.key.format(
        activity=values["activity"], quantity=quantity, region=values["region"].lower(), boundary=boundary.lower()
    )
    return f"{source.prefix}/{tail}"


def _standing(source: Source, quantity: str, values: dict[str, Any], key: str) -> tuple[str, str]:
    """What kind of figure a row is, and the key of the whole that it is a part of."""
    if source.kind:
        return source.kind, ""
    if not values["gas"]:
        return "property", ""
    if source.whole and values["boundary"] != source.whole:
        return "stage", _key(source, quantity, values, source.whole)
    if _GAS_PART.search(values["activity"]):
        return "gas-part", _GAS_PART.sub("", key)
    return "factor", ""


def _typed(place: str, field: Field, raw: Any) -> Any:
    if raw is None or raw == "":
        if field.required:
            raise FactorTableError(f"{place}: column `{field.name}` is empty")
        return "" if field.type == "text" else None
    if field.type == "decimal":
        return _decimal(place, field.name, str(raw))
    if field.type == "integer":
        if not isinstance(raw, int):
            raise FactorTableError(f"{place}: column `{field.name}`: `{raw}` is not a whole number")
        return raw
    if field.type == "boolean":
        if raw not in {"true", "false"}:
            raise FactorTableError(f"{place}: column `{field.name}`: `{raw}` is neither true nor false")
        return raw == "true"
    if field.allowed and raw not in field.allowed:
        allowed = ", ".join(field.allowed)
        raise FactorTableError(f"{place}: column `{field.name}`: `{raw}` is not one of {allowed}")
    return str(raw)


def _decimal(place: str, name: str, text: str) -> Decimal:
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        raise FactorTableError(f"{place}: column `{name}`: `{text}` is not a plain decimal number")
    whole, _, digits = text.lstrip("-").partition(".")
    if len(digits) > DECIMAL_SCALE or len(whole) > DECIMAL_PRECISION - DECIMAL_SCALE:
        raise FactorTableError(
            f"{place}: column `{name}`: `{text}` does not fit DECIMAL({DECIMAL_PRECISION}, {DECIMAL_SCALE})"
        )
    return plain(Decimal(text))


def _check_value(place: str, values: dict[str, Any]) -> None:
    value: Decimal = values["value"]
    if value < 0:
        raise FactorTableError(f"{place}: column `value`: `{value}` is negative")
    try:
        cell = cell_value(values["cell_text"])
    except InvalidOperation:
        raise FactorTableError(f"{place}: column `cell_text`: `{values['cell_text']}` is not a number") from None
    if cell != value:
        raise FactorTableError(f"{place}: column `value`: `{value}` is not the cell's `{values['cell_text']}`")
    if not values["unit"].endswith(f"/{values['per']}"):
        raise FactorTableError(f"{place}: column `per`: `{values['unit']}` is not per `{values['per']}`")
    if values["gas"] == "CO2e" and values["unit"].partition("/")[0][-4:] != "CO2e":
        raise FactorTableError(f"{place}: column `unit`: `{values['unit']}` is no CO2e unit")
    if values["gas"] == "CO2e" and not values["gwp_set"]:
        raise FactorTableError(
            f"{place}: column `gwp_set`: CO2e without its basis; write `unstated` where none is named"
        )


def _from_package(source: Source, declared: tuple[Field, ...]) -> Iterator[tuple[str, Factor]]:
    """GWPs as the installed distribution publishes them: nothing of it is copied into this repository."""
    try:
        table: dict[str, float] = import_module(source.package).data[source.column]
    except (ImportError, AttributeError, KeyError) as error:
        raise FactorTableError(f"{source.name}: `{source.package}` has no table `{source.column}`") from error
    for species in source.notes:
        if species not in table:
            raise FactorTableError(f"{source.name}: `notes` names `{species}`, which `{source.package}` does not hold")
    for species, number in table.items():
        gas = gas_name(species)
        per = f"kg{gas}" if gas in _OWN_UNIT else "kg"
        row = {
            "activity": gas.lower(),
            _QUANTITY: "gwp-100",
            "gas": gas,
            "value": format(cell_value(repr(number)), "f"),
            "cell_text": repr(number),
            "unit": f"kgCO2e/{per}",
            "per": per,
            "cell": f"{source.package}, {source.column}, {species}",
            "biogenic": "false",
            "note": source.notes.get(species, ""),
        }
        yield f"{source.name}, {species}", _factor(f"{source.name}, {species}", source, row, declared)


def gas_name(species: str) -> str:
    """The usual designation of a species of `globalwarmingpotentials`: HFC134a is HFC-134a, cC4F8 is c-C4F8."""
    match = _SPECIES.fullmatch(species)
    if match:
        family, number = match.groups()
        if number.startswith("4310"):  # four digits before the letters: HFC-43-10mee, HFE-43-10pccc124
            number = f"43-10{number[4:]}"
        return f"{family}-{number}"
    return f"c-{species[1:]}" if species.startswith("cC") else species
