"""ADEME Base Carbone: one semicolon-separated file in Windows-1252, decimal commas, line breaks inside quoted cells.

Belongs here: its 67 columns. Does not belong here: what its words mean (``_base_carbone``).

Lines are of two types: an Elément is a whole (kind factor), a Poste a part of the Elément with its identifier (kind
stage). Each may be divided into gases, whose columns are in kgCO2e already (kind gas-part): CO2f, CH4f, CH4b, N2O,
Autres GES and five further ones add up to the total; CO2b (biogenic) is never in it. The further ones name their gas
on the line of the Elément only. "Données source" are no factors: GWPs, heating values, densities and leak rates are
kept as such, statistics are refused. The publisher's identifier stands in the key, since name, attribute, frontier,
place and unit are shared by 679 of the 9,623 Eléments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, csv_rows, number, slug
from greenlang.factors.readers._base_carbone import (
    Place,
    Unit,
    data_year,
    factor_units,
    part,
    place,
    property_units,
    validity_year,
    whole,
)

_ID = "Identifiant de l'élément"
_TOTAL = "Total poste non décomposé"
_TABLE = "Base Carbone"
_COMMENT = 300
_GASES = {
    "CO2f": ("of-co2-fossil", "CO2 fossile"),
    "CH4f": ("of-ch4-fossil", "CH4 fossile"),
    "CH4b": ("of-ch4-biogenic", "CH4 biogénique"),
    "N2O": ("of-n2o", "N2O"),
    "Autres GES": ("of-other-ghg", "autres GES"),
}
_FURTHER = {
    "SF6": ("of-sf6", "SF6"),
    "Divers": ("of-contrails", "divers (traînées de condensation)"),
}
_SCORES = {
    "Transparence": "Transparence",
    "Qualité": "Qualité",
    "Qualité TeR": "TeR",
    "Qualité GR": "GR",
    "Qualité TiR": "TiR",
    "Qualité C": "C",
    "Qualité P": "P",
    "Qualité M": "M",
}
_COLUMNS = (
    *("Type Ligne", _ID, "Structure", "Type de l'élément", "Statut de l'élément", "Nom base français"),
    *("Nom attribut français", "Nom frontière français", "Code de la catégorie", "Unité français", "Contributeur"),
    *("Programme", "Source", "Localisation géographique", "Sous-localisation géographique français"),
    *("Période de validité", "Incertitude", *_SCORES, "Commentaire français", "Type poste", "Nom poste français"),
    *(_TOTAL, *_GASES, "CO2b"),
    *(f"{word} gaz supplémentaire {n}" for n in range(1, 6) for word in ("Code", "Valeur")),
)
_WIDTH = 67
_LINES = ("Elément", "Poste")
_TYPES = ("Facteur d'émission", "Données source")
_STATES = {"Valide générique": "valid", "Valide spécifique": "valid", "Archivé": "archived"}
_GWP_SETS = {"4ème rapport du GIEC (2007)": "AR4GWP100", "5ème rapport du GIEC (2013)": "AR5GWP100"}
_GWP_GAS = {"CO2f": "CO2", "CH4f": "CH4", "CH4b": "CH4", "N2O": "N2O", "SF6": "SF6", "NF3": "NF3"}
_ORIGINS = {"Ecocalculateur DGAC": "dgac", "GLEC Framework": "glec", "HBEFA": "hbefa", "EcoTransit": "ecotransit"}

_NAMES = ("Nom base français", "Nom attribut français", "Nom frontière français")

_Line: TypeAlias = dict[str, str]
_Numbered: TypeAlias = tuple[int, _Line]  # with its record number in the file
_About: TypeAlias = tuple[Place, Unit, tuple[str, ...]]  # the last: segments for the poste and the gas


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """Every Elément, Poste and gas of the edition. Raises LayoutError for other columns or types of line."""
    (file,) = (declared.name for declared in edition.files)
    rows = Rows(edition)
    for numbered in _elements(edition, file, csv_rows(files[file], encoding="cp1252", delimiter=";")):
        _Element(rows, file, numbered).add()
    return rows.reading()


def _elements(edition: Edition, file: str, records: list[list[str]]) -> Iterable[list[_Numbered]]:
    """The lines of each identifier with their numbers, the Elément first."""
    header = records[0] if records else []
    missing = [name for name in _COLUMNS if name not in header]
    if missing or len(header) != _WIDTH:
        raise LayoutError(edition, file, wanted=f"{_WIDTH} columns with {missing or _COLUMNS}", found=header)
    groups: dict[str, list[_Numbered]] = {}
    for number_, record in enumerate(records[1:], start=2):
        if len(record) != _WIDTH:
            raise LayoutError(edition, file, wanted=f"{_WIDTH} cells in record {number_}", found=len(record))
        line = {name: " ".join(cell.split()) for name, cell in zip(header, record, strict=True)}
        for column, known in (("Type Ligne", _LINES), ("Type de l'élément", _TYPES), ("Statut de l'élément", _STATES)):
            if line[column] not in known:
                raise LayoutError(
                    edition,
                    file,
                    wanted=f"one of {', '.join(known)} in `{column}` of record {number_}",
                    found=line[column],
                )
        groups.setdefault(line[_ID], []).append((number_, line))
    for identifier, numbered in groups.items():
        numbered.sort(key=lambda pair: pair[1]["Type Ligne"] != "Elément")
        if [line["Type Ligne"] for _, line in numbered].count("Elément") != 1:
            raise LayoutError(edition, file, wanted=f"one Elément with identifier {identifier}", found=len(numbered))
        yield numbered


class _Element:
    """One Elément with its Postes: decides once what all its cells share."""

    def __init__(self, rows: Rows, file: str, numbered: list[_Numbered]) -> None:
        self.rows, self.file, self.numbered = rows, file, numbered
        self.number, self.line = numbered[0]
        self.category = self.line["Code de la catégorie"]
        self.wide = self.line["Localisation géographique"]
        self.narrow = self.line["Sous-localisation géographique français"]
        self.words = [self.line[column] for column in _NAMES if self.line[column]]
        self.origin = _taken_from(self.line)

    def add(self) -> None:
        """Give all cells to the rows, kept or refused."""
        written = self.line["Unité français"]
        source_data = self.line["Type de l'élément"] == "Données source"
        unit = (property_units() if source_data else factor_units()).get(written)
        where = place(self.wide, self.narrow)
        if where is None:
            self._refuse("place that is not in the table of regions", self.numbered)
        elif source_data and self.category.startswith("PRG"):
            self._gwp(where)
        elif source_data and self.category.startswith("Statistiques territoriales"):
            self._refuse("statistic of a territory, not a factor", self.numbered)
        elif unit is None:
            reason = "unit that is not in the table of units" if written else "source data without a unit"
            self._refuse(reason, self.numbered)
        elif number(_point(self.line[_TOTAL])) is None:
            self._refuse("total that is no number", self.numbered)
        elif source_data:
            self._property(where, unit)
        else:
            self._factor(where, unit)

    def _refuse(self, reason: str, numbered: list[_Numbered], columns: tuple[str, ...] = ()) -> None:
        for number_, line in numbered:
            for column in columns or _value_columns(line):
                self.rows.refuse(self.file, f"record {number_}, {column}", reason, line[column])

    def _factor(self, where: Place, unit: Unit) -> None:
        postes = {line["Type poste"] for _, line in self.numbered[1:]}
        common = self._common(where) | {"calorific_basis": unit.basis, "gwp_set": self._basis(), **_money(unit.unit)}
        total = biogenic = ""
        for numbered in self.numbered:
            kind, name = numbered[1]["Type poste"], numbered[1]["Nom poste français"]
            parts = tuple(word for word in (kind, name) if word)
            if kind:
                evident = part(self.category, kind, name)
                own: dict[str, Any] = {"kind": "stage", "part_of": total}
            else:
                evident = whole(self.category, self.line["Nom frontière français"], postes, iea=self.origin == "iea")
                own = {"note": self._notes(unit.unit), "uncertainty": number(self.line["Incertitude"])}
                own |= {flag: evident.pop(flag) for flag in ("permitted_use", "radiative_forcing") if flag in evident}
            shared = common | evident
            key = self._cell(numbered, _TOTAL, (where, unit, parts), "CO2e", shared | own)
            if key is None:
                self._refuse("part of a total that is no number", [numbered], tuple(_value_columns(numbered[1])[1:]))
                continue
            total = total or key
            self._gases(numbered, (where, unit, parts), shared | {"kind": "gas-part", "part_of": key})
            if numbered[1]["CO2b"]:
                stage = {"kind": "stage", "part_of": biogenic} if kind and biogenic else {}
                shared |= stage | {"biogenic": True, "gwp_set": "", "word": "CO2 biogénique"}
                held = self._cell(numbered, "CO2b", (where, unit, (*parts, "of-co2-biogenic")), "CO2", shared)
                biogenic = biogenic or held or ""

    def _gases(self, numbered: _Numbered, about: _About, shared: dict[str, Any]) -> None:
        line, (where, unit, parts) = numbered[1], about
        for column, (segment, word) in _GASES.items():
            if line[column]:
                self._cell(numbered, column, (where, unit, (*parts, segment)), "CO2e", shared | {"word": word})
        for n in range(1, 6):
            column, code = f"Valeur gaz supplémentaire {n}", f"Code gaz supplémentaire {n}"
            gas = line[code] or self.line[code]
            if line[column] and gas:
                segment, word = _FURTHER.get(gas, (f"of-{gas}", gas))
                self._cell(numbered, column, (where, unit, (*parts, segment)), "CO2e", shared | {"word": word})
            elif line[column]:
                self._refuse(_nameless(line[column]), [numbered], (column,))

    def _cell(self, numbered: _Numbered, column: str, about: _About, gas: str, fields: dict[str, Any]) -> str | None:
        (number_, line), (where, unit, parts) = numbered, about
        named = [word for word in (*self.words, where.within) if slug(word)]
        printed = [*self.words, line["Type poste"], line["Nom poste français"], fields.pop("word", "")]
        quantity = f"{gas}-{unit.quantity}" if gas else unit.quantity
        return self.rows.add(
            _point(line[column]),
            file=self.file,
            place=f"record {number_}, {column}",
            row=number_,
            path=(*named, where.region, self.line[_ID], *parts, quantity),
            unit=unit.unit.replace("CO2e", gas) if gas else unit.unit,
            gas=gas,
            table=_TABLE,
            cell_text=line[column],
            activity="/".join(slug(word) for word in (*named, *parts)),
            name=", ".join(text for text in printed if text),
            **fields,
        )

    def _common(self, where: Place) -> dict[str, Any]:
        period = self.line["Période de validité"]
        return {
            "category": self.category,
            "language": "fr",
            "region": where.region,
            "region_name": f"{self.wide}, {self.narrow}" if self.narrow else self.wide,
            "status": _STATES[self.line["Statut de l'élément"]],
            "data_quality": "; ".join(f"{word} {self.line[c]}" for c, word in _SCORES.items() if self.line[c]),
            "taken_from": self.origin,
            **({"data_year": year} if (year := data_year(period)) else {}),
        }

    def _notes(self, unit: str) -> str:
        written, period = self.line["Unité français"], self.line["Période de validité"]
        notes = [f"unit as printed: {written or 'none'}"] if written != unit else []
        if period and not data_year(period):
            year = validity_year(period)
            ended = ", before this edition" if year and year < self.rows.edition.publication_year else ""
            notes.append(f"validity: {period}{f' ({year})' if year and str(year) not in period else ''}{ended}")
        if self.line["Source"]:
            notes.append(f"source: {self.line['Source']}")
        if comment := self.line["Commentaire français"]:
            notes.append(comment if len(comment) <= _COMMENT else f"{comment[:_COMMENT]}…")
        return "; ".join(notes)

    def _basis(self) -> str:
        """What ADEME states for the Base Carbone, unless the row is older or from another method."""
        if self.origin in {"agribalyse", "iea"} or self.line["Statut de l'élément"] == "Archivé":
            return "unstated"
        return self.rows.edition.gwp_set

    def _gwp(self, where: Place) -> None:
        gwp_set, symbol = _GWP_SETS.get(self.line["Période de validité"]), self.line["Nom base français"]
        if gwp_set is None:
            self._refuse("GWP of a report that is not known", self.numbered)
            return
        gas = _GWP_GAS.get(symbol, symbol)
        self.rows.add(
            _point(self.line[_TOTAL]),
            file=self.file,
            place=f"record {self.number}, {_TOTAL}",
            row=self.number,
            path=("gwp", gwp_set, symbol, self.line[_ID], "gwp-100"),
            unit=f"kgCO2e/kg{gas if symbol in _GWP_GAS else ''}",
            gas=gas,
            table=_TABLE,
            cell_text=self.line[_TOTAL],
            activity=f"gwp/{slug(symbol)}",
            name=", ".join(self.words),
            kind="gwp",
            gwp_set=gwp_set,
            **self._common(where) | {"region": ""},
        )

    def _property(self, where: Place, unit: Unit) -> None:
        own: dict[str, Any] = {"kind": "property", "calorific_basis": unit.basis, "note": self._notes(unit.unit)}
        own["uncertainty"] = number(self.line["Incertitude"])
        self._cell(self.numbered[0], _TOTAL, (where, unit, ()), "", self._common(where) | own)


def _value_columns(line: _Line) -> list[str]:
    """The columns of a line that hold a source value."""
    further = [f"Valeur gaz supplémentaire {n}" for n in range(1, 6)]
    return [_TOTAL, *(column for column in (*_GASES, "CO2b", *further) if line[column])]


def _point(cell: str) -> str:
    return cell.replace(",", ".")


def _nameless(cell: str) -> str:
    return "zero for a gas that is not named" if number(cell) == Decimal(0) else "value of a gas that is not named"


def _money(unit: str) -> dict[str, str]:
    per = unit.rpartition("/")[2]
    return {"kEUR": {"currency": "EUR"}, "EUR": {"currency": "EUR"}, "XPF": {"currency": "XPF"}}.get(per, {})


def _taken_from(line: _Line) -> str:
    if line["Contributeur"] == "AGRIBALYSE":
        return "agribalyse"
    if line["Source"].startswith("AIE"):
        return "iea"
    if "GIEC" in line["Programme"]:
        return "ipcc"
    return next((slug for start, slug in _ORIGINS.items() if line["Source"].startswith(start)), "")
