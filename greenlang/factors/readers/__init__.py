"""Publishers' own layouts, one small module each: a file as published -> factor rows and refusals.

Belongs here: finding tables, columns and units in a publisher's file, and telling what a cell means. Does not belong
here: downloads, releases, plausibility (``greenlang.factors.gates``), figures.

A reader knows its vintages. A layout that it does not know is refused with what it looked for and what it found
(`LayoutError`), never half-read.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from greenlang.errors import FactorTableError
from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Refusal, Rows

__all__ = ["READERS", "LayoutError", "Reader", "Reading", "Refusal", "Rows", "reader"]

# name in emission_factors/sources/*.yaml -> module in this package that has a function `read(edition, files)`
READERS = (
    "ademe_agribalyse",
    "ademe_base_carbone",
    "ademe_impact_co2",
    "desnz_flat",
    "desnz_ggi",
    "desnz_workbook",
    "ec_cbam",
    "ec_mrr",
    "eea_electricity",
    "epa_egrid",
    "epa_ghg_hub",
    "epa_supply_chain",
    "ipcc_gwp",
    "owid_electricity",
    "unfccc_ifi",
)


class Reader(Protocol):
    """``files`` maps the names of the edition's files to where they lie; their digests were verified before."""

    def __call__(self, edition: Edition, files: Mapping[str, Path]) -> Reading:
        """All rows of the edition. Raises LayoutError if the file is laid out in another way than the reader knows."""


def reader(name: str) -> Reader:
    """The reader of that name. Raises FactorTableError if there is none."""
    if name not in READERS:
        raise FactorTableError(f"there is no reader `{name}`; there are {', '.join(READERS)}")
    return cast("Reader", import_module(f"{__name__}.{name}").read)
