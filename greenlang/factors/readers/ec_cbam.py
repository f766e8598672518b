"""CBAM default values of Regulation (EU) 2025/2621, Annex I: emissions per tonne by origin, CN code and route.

Belongs here: the machine extract of the Commission's workbook (JSON, one list an origin). Does not belong here: which
CN code serves a longer one (the longest prefix wins: the selection's business), mark-ups, benchmarks, prices.

Direct and indirect emissions are parts (kind stage) of the total (kind factor). A workbook's sheet is named with at
most 31 characters, so that longer origins are cut.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, slug
from greenlang.factors.readers._regions import iso2

_TOP = ("countries", "cnIndex", "productsByCountry")
_VALUES = ("direct", "indirect", "total")
_MARK_UPS = ("dv2026", "dv2027", "dv2028")
_FIELDS = {"cn", "category", "description", "route", "benchmark", *_VALUES, *_MARK_UPS}
_CUT = 31  # characters of a sheet's name
_CUT_NAMES = {"Democratic Republic of the Cong": "CD", "_Other Countries and Territorie": "OTHER"}
_QUANTITY = "co2e-per-t"

_Product: TypeAlias = dict[str, Any]


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """Every value of every origin and good. Raises LayoutError for other fields or an origin that is not known."""
    (file,) = (declared.name for declared in edition.files if declared.name.endswith(".json"))
    rows = Rows(edition)
    for origin, products in _origins(edition, file, files[file]).items():
        region = _CUT_NAMES.get(origin) or iso2(origin)
        if region is None:
            raise LayoutError(edition, file, wanted="the name of a country in productsByCountry", found=origin)
        for product in products:
            if set(product) != _FIELDS:
                raise LayoutError(edition, file, wanted=f"fields {sorted(_FIELDS)} ({origin})", found=sorted(product))
            _product(rows, file, origin, region, product)
    return rows.reading()


def _origins(edition: Edition, file: str, path: Path) -> dict[str, list[_Product]]:
    """The goods by origin, figures as the texts that the file holds."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=str, parse_int=str)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise LayoutError(edition, file, wanted="JSON in UTF-8", found=error) from error
    if not isinstance(content, dict) or set(_TOP) - set(content):
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise LayoutError(edition, file, wanted=f"an object with {', '.join(_TOP)}", found=found)
    origins: dict[str, list[_Product]] = content["productsByCountry"]
    if set(origins) != set(content["countries"]):
        raise LayoutError(edition, file, wanted="the origins of `countries`", found=f"{len(origins)} others")
    return origins


def _product(rows: Rows, file: str, origin: str, region: str, product: _Product) -> None:
    """The seven values of one good: total first, since the others are its parts."""
    code, route = product["cn"], product["route"]
    place = f"{origin}!{code}{f' {route}' if route else ''}"
    activity = (code, f"route {route}") if route else (code,)
    shifted = product["total"] is None and any(product[name] is not None for name in _MARK_UPS)
    for name in (*_MARK_UPS, "benchmark"):
        rows.refuse(file, f"{place}!{name}", _reason(name, product[name], shifted), _text(product[name]))
    only_direct = product["indirect"] is None
    total = ""
    for boundary in ("total", "direct", "indirect"):
        value = product[boundary]
        if value is None:
            reason = "cells shifted by columns" if shifted else "empty cell"
            rows.refuse(file, f"{place}!{boundary}", reason)
            continue
        key = rows.add(
            value,
            file=file,
            place=f"{place}!{boundary}",
            path=(boundary, *activity, region, _QUANTITY),
            unit="tCO2e/t",
            gas="CO2e",
            table="Annex I",
            activity="/".join(slug(part) for part in activity),
            category=product["category"],
            name=f"{product['description']}, production route {route}" if route else product["description"],
            region=region,
            region_name=origin,
            boundary=boundary,
            scope="3",
            scope_category="3.1",
            note=_note(origin, only_direct, boundary),
            kind="factor" if boundary == "total" else "stage",
            part_of=total,
        )
        total = total or key or ""


def _reason(name: str, value: str | None, shifted: bool) -> str:
    if value is None:
        return "empty cell"
    if name == "benchmark":
        return "benchmark, not a factor"
    return "cells shifted by columns" if shifted else "mark-up, not a factor"


def _text(value: str | None) -> str:
    return "" if value is None else value


def _note(origin: str, only_direct: bool, boundary: str) -> str:
    notes = [f"origin cut at {_CUT} characters: {origin}"] if len(origin) == _CUT else []
    if only_direct and boundary == "total":
        notes.append("direct emissions only: none are given as indirect")
    return "; ".join(notes)
