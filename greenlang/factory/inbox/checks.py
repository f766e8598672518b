"""What only the tables can tell of a file: an overlay's faults, and further mistakes of a spec whose form is wrong.

Belongs here: whose fault a finding is. Does not belong here: what becomes of the file (``desk``).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from greenlang.factors.table import FactorTable
from greenlang.factory.source import SpecSource
from greenlang.formulas.library import library
from greenlang.resolution.drafts import further
from greenlang.resolution.resolve import resolve
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec


class Checks:
    """Judges files against the tables in force, which are loaded when the first one is judged."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _table(self) -> FactorTable:
        return FactorTable.in_force(self._settings.tables)

    def faults(self, source: SpecSource) -> tuple[Diagnostic, ...]:
        """The errors that the spec has with its overlay and would not have without it.

        Their places are the overlay's own; ``file`` names the spec where one stands there.
        """
        told = self._errors(source)
        if not told:
            return ()
        alone = set(self._errors(replace(source, overlay=None, overlay_name="")))
        return tuple(_at_home(d, source) for d in told if d not in alone)

    def further(self, draft: AgentSpec, findings: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        """What else is wrong with a spec that is refused for its form, so that its author mends all at once."""
        return further(draft, findings, self._table, library())

    def _errors(self, source: SpecSource) -> list[Diagnostic]:
        spec, findings = source.read(self._settings.max_spec_bytes)
        if spec is not None:
            findings = (*findings, *resolve(spec, self._table, library()).diagnostics)
        return [d for d in findings if d.severity == "error"]


def _at_home(finding: Diagnostic, source: SpecSource) -> Diagnostic:
    return replace(finding, file="" if finding.file == source.overlay_name else source.name)
