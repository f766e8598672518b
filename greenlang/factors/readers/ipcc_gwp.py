"""GWPs and GTPs of the IPCC's reports, from three compilations: which file gives which set stands in the declaration.

Belongs here: their three layouts (a long list, a table of metrics, a table of species). Does not belong here: choosing
a set for a calculation, GWPs entered by hand (the embedded base).

A gas is called by its acronym or else its name; CO2, CH4, N2O, SF6 and NF3 by their formulas. Neither the formula nor
the name is a key (isomers, fossil methane): gases that share their designation get their CAS number, or else formula,
too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from greenlang.factors.catalogue import Edition
from greenlang.factors.embedded import gas_name
from greenlang.factors.readers._base import LayoutError, Reading, Rows, csv_rows, slug

_LONG = ["AR", "Name", "CAS", "Acronym", "Formula", "Parameter", "Value"]
_IDENTITY = ["Name", "CAS", "Acronym", "Formula"]
_METRICS = {"GWP20": "gwp-20", "GWP100": "gwp-100", "GWP500": "gwp-500", "GTP50": "gtp-50", "GTP100": "gtp-100"}
_NO_DATA = "(no data)"
_BY_FORMULA = ("CO2", "CH4", "N2O", "SF6", "NF3")  # gases that are units of their own in greenlang.units
_HEADING = "0"  # formula of the long list's headings, which have zeros for values

_Record: TypeAlias = dict[str, str]


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """The sets that the edition's options name. Raises LayoutError for other columns, reports or parameters."""
    rows = Rows(edition)
    options: dict[str, Any] = edition.options
    if "long" in options:
        _long(rows, files, **options["long"])
    if "metrics" in options:
        _metrics(rows, files, notes=options.get("notes", {}), **options["metrics"])
    if "species" in options:
        _species(rows, files, **options["species"])
    return rows.reading()


def _long(rows: Rows, files: Mapping[str, Path], *, file: str, table: str, report: str) -> None:
    records = csv_rows(files[file])
    if not records or records[0] != _LONG:
        raise LayoutError(rows.edition, file, wanted=_LONG, found=records[0] if records else [])
    lines = [
        (line, dict(zip(_LONG, record, strict=True)))
        for line, record in enumerate(records[1:], start=2)
        if record[0] == report
    ]
    if not lines:
        raise LayoutError(
            rows.edition, file, wanted=f"{report} in the column AR", found=sorted({r[0] for r in records})
        )
    designations = _designations([record for _, record in lines])
    for line, record in lines:
        parameter, place = record["Parameter"], f"line {line}, Value"
        if parameter not in _METRICS:
            raise LayoutError(rows.edition, file, wanted=f"one of {list(_METRICS)} in line {line}", found=parameter)
        if record["Formula"] == _HEADING:
            rows.refuse(file, place, "heading, not a gas", record["Value"])
        elif record["Value"] == _NO_DATA:
            rows.refuse(file, place, "no data", record["Value"])
        else:
            _add(rows, file, place, line, table, record, designations, report, parameter, record["Value"], "")


def _metrics(rows: Rows, files: Mapping[str, Path], *, file: str, table: str, notes: Mapping[str, str]) -> None:
    records = csv_rows(files[file])
    header = records[0] if records else []
    if header[:4] != _IDENTITY or set(_METRICS) - set(header):
        raise LayoutError(rows.edition, file, wanted=[*_IDENTITY, *_METRICS], found=header)
    lines = [
        (line, {name: cell.strip() for name, cell in zip(header, record, strict=True)})
        for line, record in enumerate(records[1:], start=2)
    ]
    for _, record in lines:
        record["CAS"] = record["CAS"].removeprefix("=").strip('"')  # ="75-69-4", so that Excel sees no date
    designations = _designations([record for _, record in lines])
    for line, record in lines:
        note = notes.get(record["Formula"], "")
        for metric in _METRICS:
            place = f"line {line}, {metric}"
            if not record[metric]:
                rows.refuse(file, place, "empty cell")
                continue
            report = rows.edition.vintage.upper()
            _add(rows, file, place, line, table, record, designations, report, metric, record[metric], note)


def _add(
    rows: Rows,
    file: str,
    place: str,
    line: int,
    table: str,
    record: _Record,
    designations: Mapping[tuple[str, ...], str],
    report: str,
    metric: str,
    value: str,
    note: str,
) -> None:
    designation = designations[_identity(record)]
    gas = record["Formula"] if record["Formula"] in _BY_FORMULA else designation
    known = [record[column] for column in _IDENTITY if record[column] not in {"", _NO_DATA}]
    rows.add(
        value,
        file=file,
        place=place,
        row=line,
        path=(_segment(designation), _METRICS[metric]),
        unit=_unit(gas),
        gas=gas,
        table=table,
        kind="gwp",
        gwp_set=f"{report}{metric}",
        name=", ".join(known),
        note=note,
    )


def _species(rows: Rows, files: Mapping[str, Path], *, file: str, table: str, sets: Mapping[str, str]) -> None:
    records = [(n, record) for n, record in enumerate(csv_rows(files[file]), start=1) if not record[0].startswith("#")]
    header = records[0][1] if records else []
    if header[:1] != ["Species"] or set(sets) - set(header):
        raise LayoutError(rows.edition, file, wanted=["Species", *sets], found=header)
    for line, record in records[1:]:
        gas = gas_name(record[0])
        for gwp_set, quantity in sets.items():
            value, place = record[header.index(gwp_set)], f"line {line}, {gwp_set}"
            if not value:
                rows.refuse(file, place, "empty cell")
                continue
            rows.add(
                value,
                file=file,
                place=place,
                row=line,
                path=(gas, quantity),
                unit=_unit(gas),
                gas=gas,
                table=table,
                kind="gwp",
                gwp_set=gwp_set,
                name=record[0],
            )


def _unit(gas: str) -> str:
    return f"kgCO2e/kg{gas if gas in _BY_FORMULA else ''}"


def _identity(record: _Record) -> tuple[str, ...]:
    return tuple(record[column] for column in _IDENTITY)


def _designations(records: list[_Record]) -> dict[tuple[str, ...], str]:
    """What each gas is called in keys: no two alike."""
    plain = {_identity(record): _designation(record) for record in records}
    shared = Counter(_segment(name) for name in plain.values())
    cas, formula = _IDENTITY.index("CAS"), _IDENTITY.index("Formula")
    return {
        who: f"{name} {who[cas] if who[cas] != _NO_DATA else who[formula]}" if shared[_segment(name)] > 1 else name
        for who, name in plain.items()
    }


def _segment(name: str) -> str:
    """The name in a key; HG’-02 is another gas than HG-02."""
    return slug(name.replace("’", "-prime"))


def _designation(record: _Record) -> str:
    if record["Formula"] in _BY_FORMULA:
        return f"{record['Formula']}{'-fossil' if record['Name'].startswith('Fossil') else ''}"
    known = (record[column] for column in ("Acronym", "Name", "Formula") if record[column] not in {"", _NO_DATA})
    return next(known, "")
