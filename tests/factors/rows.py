"""Hand-made factor rows, and the full table of the publishers' files, for the tests of selection and search."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from filelock import FileLock

from greenlang.factors import Factor, FactorTable
from greenlang.factors.release import Candidate, same_cells
from greenlang.factors.standing import stand
from greenlang.factors.storage import STANDING, write_standings

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


def publishers_table(candidate: Candidate, folder: Path) -> FactorTable:
    """The rows of a candidate with their standing, as a release has them; made once in ``folder`` for all workers."""
    parquet = folder / "standing" / "factors.parquet"
    with FileLock(f"{parquet.parent}.lock"):
        if not parquet.is_file():
            table = candidate.table()
            twins = same_cells(table, [edition.name for edition in candidate.editions])
            standings = [stand(factor, compared=(), excluded={}, same_as=twins) for factor in table]
            parquet.parent.mkdir()
            write_standings(table.keys, ["0" * 64] * len(table), standings, parquet.with_name(STANDING))
            shutil.copyfile(candidate.parquet, parquet)
    return FactorTable.load(parquet)
