"""Hand-made factor rows, and the full table of the publishers' files, for the tests of selection and search."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from greenlang.factors import Factor, FactorTable
from greenlang.factors.catalogue import catalogue
from greenlang.factors.readers import reader
from greenlang.factors.release import same_cells
from greenlang.factors.standing import stand
from greenlang.factors.storage import STANDING, arrow_table, write_arrow, write_standings

PLAIN: dict[str, Any] = {
    "category": "",
    "gas": "CO2e",
    "gwp_set": "AR5GWP100",
    "region": "GB",
    "value": Decimal("0.5"),
    "unit": "kgCO2e/kWh",
    "data_year": None,
    "publication_year": 2025,
    "reporting_year": None,
    "scope": "",
    "boundary": "",
    "scope2_method": "",
    "calorific_basis": "",
    "biogenic": False,
    "licence": "open",
    "document": "A document",
    "table": "A table",
    "cell": "A1",
    "source_digest": "",
}


def row(key: str, **fields: Any) -> Factor:
    """A row whose publisher, dataset, vintage and activity are those of its key, unless said otherwise."""
    publisher, dataset, vintage, *path = key.split("/")
    own = {"publisher": publisher, "dataset": dataset, "vintage": vintage, "activity": "/".join(path[:-1])}
    values = {**PLAIN, **own, **fields}
    values["value"] = Decimal(str(values["value"]))
    values.setdefault("per", str(values["unit"]).partition("/")[2])
    values.setdefault("cell_text", str(values["value"]))
    return Factor(key=key, **values)


def table(*rows: Factor | Iterable[Factor]) -> FactorTable:
    """A table of these rows."""
    return FactorTable([r for one in rows for r in ((one,) if isinstance(one, Factor) else one)], "test-1.0.0")


@cache
def publishers_table(data: Path, folder: Path) -> FactorTable:
    """Every row of the publishers' files and of the embedded base, with its standing, as a release has them."""
    rows = {factor.key: factor for factor in FactorTable.load()}
    names = []
    for edition in catalogue():
        if not edition.cross_check:
            files = {file.name: data / file.folder / file.name for file in edition.files}
            rows.update({factor.key: factor for factor in reader(edition.reader)(edition, files).rows})
            names.append(edition.name)
    ordered = [rows[key] for key in sorted(rows)]
    parquet = folder / "factors.parquet"
    write_arrow(arrow_table(ordered), parquet, release="factors-0.0.0", digest="0" * 64)
    full = FactorTable.load(parquet)
    twins = same_cells(full, names)
    standings = [stand(factor, compared=(), excluded={}, same_as=twins) for factor in ordered]
    write_standings(full.keys, ["0" * 64] * len(ordered), standings, parquet.with_name(STANDING))
    return full
