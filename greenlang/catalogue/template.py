"""A template as read: its declaration, where each key stands, and what a region or a sector changes.

Belongs here: the value and its look-ups. Does not belong here: reading (``reading``), filling (``filling``), proof
(``proof``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenlang.catalogue.schema import OTHERS, Change, TemplateFile
from greenlang.errors import TemplateError
from greenlang.specs.source import Document

if TYPE_CHECKING:
    from greenlang.catalogue.parameters import Parameter
    from greenlang.specs.model import AgentSpec


@dataclass(frozen=True, slots=True)
class Template:
    """A template file, read. ``regions`` holds the changes by region, those of a shared set included."""

    declared: TemplateFile
    regions: Mapping[str, Change]
    document: Document
    file: str  # name of the file, for messages
    text: str
    digest: str  # SHA-256 of the bytes

    @property
    def name(self) -> str:
        """The name, unique over all templates."""
        return self.declared.name

    @property
    def title(self) -> str:
        """What people read."""
        return self.declared.title

    @property
    def domain(self) -> str:
        """The domain, as the catalogue prints it."""
        return self.declared.domain

    def region(self, region: str) -> Change:
        """What the region changes; a change with ``refuse`` where it is not served."""
        found = self.regions.get(region, self.regions.get(OTHERS))
        return found if found is not None else Change(refuse=f"the template gives no figures for {region}")

    def sector(self, sector: str) -> Change:
        """What the sector changes; a change with ``refuse`` where it is not served."""
        return self.declared.sectors.get(sector, self.declared.sectors.get(OTHERS, Change()))

    def refusal(self, region: str, sector: str) -> str:
        """Why the template does not serve this region and sector; empty if it does."""
        return self.region(region).refuse or self.sector(sector).refuse

    def create_spec(
        self,
        name: str = "",
        parameters: Mapping[str, Parameter] | None = None,
        *,
        region: str = "",
        sector: str = "",
    ) -> AgentSpec:
        """The spec of an agent of that name.

        ``parameters`` maps inputs to what they start from: a value is a default, a pair of numbers the range.
        Raises TemplateError for a region or sector that is refused, an input that there is not, a value that does not
        fit.
        """
        from greenlang.catalogue.manager import spec_of

        return spec_of(self, name, parameters or {}, region=region, sector=sector)

    def customize(
        self,
        name: str = "",
        domain: str = "",
        parameters: Mapping[str, Parameter] | None = None,
        *,
        region: str = "",
        sector: str = "",
    ) -> AgentSpec:
        """`create_spec` for a caller who says the domain too. Raises TemplateError for another one's."""
        if domain and domain.lower() != self.domain.lower():
            raise TemplateError(f"{self.name} is a template of {self.domain}, not of {domain}")
        return self.create_spec(name, parameters, region=region, sector=sector)
