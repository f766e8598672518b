"""What agents pin, as it is in force now: factors, formulas, parameters with their digests.

Belongs here: one answer a pin, over the tables of one factory; telling the registry that they changed. Does not belong
here: flags (`greenlang.registry.decay`), how pins get into a pack.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from greenlang.errors import FormulaError
from greenlang.factors import FactorTable
from greenlang.factors.model import Factor, row_digest
from greenlang.factory.parameters import digest_of
from greenlang.formulas.library import FormulaLibrary, library

if TYPE_CHECKING:
    from greenlang.registry.decay import Decay
    from greenlang.settings import Settings


class Pinned:
    """The tables in force; see `greenlang.registry.decay.InForce`."""

    def __init__(self, table: FactorTable) -> None:
        self.table = table

    @property
    def release(self) -> str:
        """The name of the factor release."""
        return self.table.release

    @cached_property
    def _formulas(self) -> FormulaLibrary:
        return library()

    def digest(self, kind: str, ref: str) -> str:
        """The digest of what a pin names, as an agent's build takes it down; empty if it is there no longer."""
        if kind == "factor":
            row = self._row(ref)
            return row_digest(row) if row else ""
        try:
            if kind == "parameter":
                return digest_of(ref)
            formula = self._formulas.get(ref)
        except FormulaError:  # it stands there, and cannot be read: nobody can calculate with it
            return ""
        return formula.digest if formula else ""

    def gwp_set(self, kind: str, ref: str) -> str:
        """The GWP set that a factor rests on; empty if on none, or if it is no factor."""
        row = self._row(ref) if kind == "factor" else None
        return row.gwp_named if row else ""

    def _row(self, ref: str) -> Factor | None:
        return self.table.get(ref.removeprefix("ef://"))


def flag_decay(settings: Settings, *, dry_run: bool = False) -> Decay | None:
    """Flag the agents of this factory whose pins are no longer in force; None where nothing was ever registered."""
    from sqlalchemy.engine import make_url

    from greenlang.registry import Caller, Registry
    from greenlang.registry.decay import flag

    url = make_url(settings.registry)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None
    with Registry(settings.registry, caller=Caller(settings.tenant, "factory"), keys=settings.keys) as registry:
        return flag(registry, Pinned(FactorTable.in_force(settings.tables)), dry_run=dry_run)
