"""Templates of specs that tenants registered beside those that come with GreenLang.

Belongs here: the rows. Does not belong here: what a template is (`greenlang.catalogue`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, insert, select

from greenlang.registry import audit
from greenlang.registry.store import Registry
from greenlang.registry.tables import TemplateRow


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """A template as it was registered; the newest of its name counts."""

    tenant: str
    name: str
    category: str
    digest: str
    text: str
    at: datetime
    actor: str


class Templates:
    """The templates that the caller may read: its own, and those that all may."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def add(self, name: str, category: str, digest: str, text: str) -> bool:
        """Register a template of the caller's tenant; False where these very bytes stand already."""
        caller = self._registry.caller
        with self._registry.transaction(write=True) as connection:
            last = connection.execute(
                select(TemplateRow.digest, TemplateRow.category)
                .where(TemplateRow.tenant == caller.tenant, TemplateRow.name == name)
                .order_by(TemplateRow.id.desc())
                .limit(1)
            ).one_or_none()
            if last is not None and (last.digest, last.category) == (digest, category):
                return False
            row = {"name": name, "category": category, "digest": digest, "text": text}
            connection.execute(
                insert(TemplateRow).values(**row, tenant=caller.tenant, at=datetime.now(UTC), actor=caller.actor)
            )
            audit.record(connection, caller, "template.registered", name, digest=digest)
        return True

    def all(self) -> list[StoredTemplate]:
        """The newest of each name, by name; the caller's own before one that all may read."""
        readable = self._registry.caller.readable
        newest = (
            select(func.max(TemplateRow.id))
            .where(TemplateRow.tenant.in_(readable))
            .group_by(TemplateRow.tenant, TemplateRow.name)
        )
        columns = [getattr(TemplateRow, name) for name in StoredTemplate.__slots__]
        with self._registry.transaction() as connection:
            rows = [
                StoredTemplate(**row._mapping)
                for row in connection.execute(select(*columns).where(TemplateRow.id.in_(newest)))
            ]
        by_name: dict[str, StoredTemplate] = {}
        for row in sorted(rows, key=lambda one: readable.index(one.tenant), reverse=True):
            by_name[row.name] = row
        return [by_name[name] for name in sorted(by_name)]
