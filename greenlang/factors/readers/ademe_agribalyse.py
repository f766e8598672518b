"""ADEME Agribalyse: climate change per kg of food consumed, as totals, by life-cycle stage and by ingredient.

Belongs here: the three files of an edition and how they join. Does not belong here: the columns of other impacts.

A food's total is a factor. Its six stages, and its ingredients with "Autres étapes", are two ways to divide the same
total: never add both. Total and stages are each split into biogenic and fossil emissions and land use change (kind
gas-part: these are CO2e of an origin, not gases). The CIQUAL code and the French name are shared by several foods: the
code AGB tells them apart, with or without leading zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, csv_rows

_CLIMATE = "Changement climatique"
_SPLITS = {
    "émissions biogéniques": "of-biogenic",
    "émissions fossiles": "of-fossil",
    "émissions liées au changement d'affectation des sols": "of-land-use-change",
}
_STAGES = (
    "Agriculture",
    "Transformation",
    "Emballage",
    "Transport",
    "Supermarché et distribution",
    "Consommation",
)
_QUANTITY = "co2e-per-kg"
_NAME, _AGB, _GROUPS = "Nom du Produit en Français", "Code AGB", ("Groupe d'aliment", "Sous-groupe d'aliment")
_FOUND_IN = {  # file: its table, its number of columns, columns that it must have
    "synthese": ("Synthèse", 32, (_AGB, "Code CIQUAL", _NAME, *_GROUPS, "DQR", _CLIMATE)),
    "detail-par-etape": ("Détail par étape", 131, (_AGB, "Code CIQUAL", _NAME, *_GROUPS)),
    "detail-par-ingredient": ("Détail par ingrédient", 24, ("Ciqual AGB", "Nom Français", "Ingredients", _CLIMATE)),
}
_DETAILS = {
    "code saison": "code saison",
    "code avion": "code avion",
    "Livraison": "livraison",
    "Approche emballage": "emballage",
    "Préparation": "préparation",
}

_Record: TypeAlias = dict[str, str]


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """Totals, stages and ingredients of the edition. Raises LayoutError for other columns or foods that do not join."""
    totals, stages, ingredients = (_records(edition, files, kind) for kind in _FOUND_IN)
    foods = _Foods(Rows(edition))
    for line, record in totals[1]:
        foods.total(totals[0], line, record)
    for line, record in stages[1]:
        foods.stages(stages[0], line, record)
    for line, record in ingredients[1]:
        foods.ingredient(ingredients[0], line, record)
    return foods.rows.reading()


def _records(edition: Edition, files: Mapping[str, Path], kind: str) -> tuple[str, list[tuple[int, _Record]]]:
    """Name of the file of that kind, and its records with their numbers."""
    _, width, needed = _FOUND_IN[kind]
    names = [declared.name for declared in edition.files if declared.name.endswith(f"{kind}.csv")]
    if len(names) != 1:
        raise LayoutError(edition, kind, wanted=f"one file that ends in {kind}.csv", found=names)
    records = csv_rows(files[names[0]])
    header = [" ".join(cell.split()) for cell in records[0]] if records else []  # no-break spaces, trailing blanks
    climate = _climate_columns(kind)
    wanted = (*needed, *climate)
    held = sum(column.startswith(_CLIMATE) for column in header)
    if len(header) != width or set(wanted) - set(header) or held != len(climate):
        raise LayoutError(edition, names[0], wanted=f"{width} columns with {', '.join(wanted)}", found=header)
    return names[0], [
        (number, dict(zip(header, map(str.strip, record), strict=True)))
        for number, record in enumerate(records[1:], start=2)
    ]


def _climate_columns(kind: str) -> list[str]:
    if kind == "synthese":
        return [_CLIMATE, *(f"{_CLIMATE} - {split}" for split in _SPLITS)]
    if kind == "detail-par-etape":
        return [f"{_CLIMATE} - {part}{stage}" for part in ("", *(f"{s} - " for s in _SPLITS)) for stage in _STAGES]
    return [_CLIMATE]


class _Foods:
    """The foods met in the totals, so that stages and ingredients find the whole that they are part of."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.known: dict[str, tuple[tuple[str, str], dict[str, Any], str]] = {}

    def total(self, file: str, line: int, record: _Record) -> None:
        """One food's total and its split."""
        code = record[_AGB]
        common = {
            "category": " > ".join(record[column] for column in _GROUPS),
            "region": "FR",
            "language": "fr",
            "scope": "3",
            "scope_category": "3.1",
            "boundary": "life-cycle",
            "data_quality": f"DQR {record['DQR']} (1 is best, 5 is worst)" if record["DQR"] else "",
        }
        details = "; ".join(f"{word} {record[column]}" for column, word in _DETAILS.items() if record.get(column))
        note = f"per kg consumed; CIQUAL {record['Code CIQUAL']}; {record['LCI Name']}; {details}"
        path = (record[_NAME], code)
        key = self._add(file, line, record, _CLIMATE, path, common | {"name": record[_NAME], "note": note})
        self.known[code.lstrip("0")] = (path, common, key)
        self._splits(file, line, record, f"{_CLIMATE} - {{}}", path, common | {"name": record[_NAME]}, key)

    def stages(self, file: str, line: int, record: _Record) -> None:
        """The six stages of one food, each with its split."""
        path, common, total = self._whole(file, line, record[_AGB])
        for stage in _STAGES:
            own = {"name": f"{record[_NAME]}, {stage}", "boundary": "", "data_quality": "", "kind": "stage"}
            at = (*path, stage)
            key = self._add(file, line, record, f"{_CLIMATE} - {stage}", at, common | own | {"part_of": total})
            self._splits(file, line, record, f"{_CLIMATE} - {{}} - {stage}", at, common | own, key)

    def ingredient(self, file: str, line: int, record: _Record) -> None:
        """One ingredient's share of one food."""
        path, common, total = self._whole(file, line, record["Ciqual AGB"])
        own = {"name": f"{record['Nom Français']}, {record['Ingredients']}", "boundary": "", "data_quality": ""}
        own |= {"kind": "ingredient-share", "part_of": total}
        self._add(file, line, record, _CLIMATE, (*path, "ingredients", record["Ingredients"]), common | own)

    def _whole(self, file: str, line: int, code: str) -> tuple[tuple[str, str], dict[str, Any], str]:
        found = self.known.get(code.lstrip("0"))
        if found is None:
            raise LayoutError(
                self.rows.edition, file, wanted=f"in record {line} a food of the totals", found=f"code AGB {code}"
            )
        return found

    def _splits(
        self,
        file: str,
        line: int,
        record: _Record,
        column: str,
        path: tuple[str, ...],
        common: dict[str, Any],
        whole: str,
    ) -> None:
        for split, segment in _SPLITS.items():
            own = {"name": f"{common['name']}, {split}", "kind": "gas-part", "part_of": whole}
            self._add(file, line, record, column.format(split), (*path, segment), common | own)

    def _add(
        self, file: str, line: int, record: _Record, column: str, path: tuple[str, ...], fields: dict[str, Any]
    ) -> str:
        place = f"record {line}, {column}"
        if not record[column]:
            self.rows.refuse(file, place, "empty cell")
            return ""
        table = next(table for kind, (table, _, _) in _FOUND_IN.items() if file.endswith(f"{kind}.csv"))
        return (
            self.rows.add(
                record[column],
                file=file,
                place=place,
                row=line,
                path=(*path, _QUANTITY),
                unit="kgCO2e/kg",
                gas="CO2e",
                table=table,
                **fields,
            )
            or ""
        )
