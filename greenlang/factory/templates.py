"""The templates under the name that callers of the factory know; they live in ``greenlang.catalogue``."""

from __future__ import annotations

from greenlang.catalogue.manager import DomainMatch, TemplateManager
from greenlang.catalogue.template import Template

__all__ = ["DomainMatch", "Template", "TemplateManager"]
