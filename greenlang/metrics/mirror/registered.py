"""What the mirror takes from the registry and the templates: steps in the lives of builds, references, templates.

Belongs here: reading those, and their rows. Does not belong here: what outcomes bring (`rows`).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.engine import make_url

from greenlang.catalogue.manager import TemplateManager
from greenlang.catalogue.reading import read
from greenlang.catalogue.template import Template
from greenlang.metrics.mirror import derived
from greenlang.metrics.mirror.rows import cut, row_id
from greenlang.provenance import bytes_digest
from greenlang.registry import Caller, Registry
from greenlang.registry.chain import FIRST
from greenlang.registry.entry import version_key
from greenlang.registry.tables import TransitionRow
from greenlang.registry.templates import Templates
from greenlang.settings import Settings

if TYPE_CHECKING:
    from greenlang.metrics.mirror.fill import Filling

_PIECE = 5000
_AGAIN = 5000  # ids of the whole registry, given out while one transaction is open
_NO_REFERENCE = frozenset({"deprecated", "retired"})
_FRESH_ENTRIES = (
    "id UUID, agent_id TEXT, version TEXT, domain TEXT, pack_digest TEXT, metrics JSONB, certified BOOLEAN, "
    "built_at TIMESTAMP"
)
_FRESH_TEMPLATES = (
    "id UUID, name TEXT, category TEXT, description TEXT, template_yaml TEXT, parameters JSONB, examples JSONB, "
    "created_at TIMESTAMP"
)


def _registry(settings: Settings) -> Registry | None:
    """The registry; None for a file that nobody has made yet, which asking would."""
    url = make_url(settings.registry)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None
    return Registry(settings.registry, caller=Caller(settings.tenant, "mirror"), keys=settings.keys)


def add_steps(mirror: Filling) -> int:
    """`provenance_chain`: the signed steps that are not there yet; how many.

    Of several writers to one registry the later id may be committed first: so those before the last one that was met
    are looked at again.
    """
    registry = _registry(mirror.settings)
    if registry is None:
        return 0
    ((before,),) = mirror.ask("SELECT step FROM mirror_source")
    added, last = 0, max(0, before - _AGAIN)
    with registry:
        while True:
            with registry.transaction() as connection:
                found = connection.execute(
                    select(TransitionRow.id, TransitionRow.kind, TransitionRow.at, TransitionRow.statement)
                    .where(TransitionRow.tenant == mirror.settings.tenant, TransitionRow.id > last)
                    .order_by(TransitionRow.id)
                    .limit(_PIECE)
                ).all()
            if not found:
                break
            steps = [_step(row) for row in found]
            added += mirror.insert("provenance_chain", steps)
            packs = sorted({step["event_data"]["pack_digest"] for step in steps})
            mirror.execute(derived.STEPS_TO_ARTIFACTS, packs=packs)
            last = found[-1].id
    mirror.execute("UPDATE mirror_source SET step = %(last)s WHERE step < %(last)s", last=last)
    return added


def _step(row: Any) -> dict[str, Any]:
    digest = bytes_digest(row.statement.encode())
    statement = json.loads(row.statement)
    before = statement["previous"]
    return {
        "id": row_id("step", digest),
        "artifact_id": None,
        "event_type": row.kind,
        "event_data": statement,
        "hash": digest,
        "previous_hash": None if before == FIRST else before,
        "timestamp": row.at.replace(tzinfo=None),
    }


def add_references(mirror: Filling) -> None:
    """`reference_agents`: the highest version of each agent, unless it is deprecated or retired."""
    registry = _registry(mirror.settings)
    highest: dict[str, Any] = {}
    if registry is not None:
        with registry:
            for entry in registry.own():
                standing = highest.get(entry.agent_id)
                if standing is None or version_key(entry.version) > version_key(standing.version):
                    highest[entry.agent_id] = entry
    entries = [
        {
            "id": row_id("reference", entry.agent_id),
            "agent_id": entry.agent_id,
            "version": entry.version,
            "domain": entry.domain,
            "pack_digest": entry.pack_digest,
            "metrics": {
                **{n: getattr(entry, n) for n in ("version", "state", "score", "coverage", "tests_passed")},
                **{n: getattr(entry, n) for n in ("tests_total", "factor_release", "pack_digest")},
            },
            "certified": entry.state == "certified",
            "built_at": entry.built_at.replace(tzinfo=None) if entry.built_at else None,
        }
        for entry in highest.values()
        if entry.state not in _NO_REFERENCE
    ]
    mirror.load("entries", entries, shape=_FRESH_ENTRIES)
    mirror.execute(derived.REFERENCES_GONE)
    mirror.execute(derived.REFERENCES)


def add_templates(mirror: Filling) -> None:
    """`agent_templates`: those that come with GreenLang, and those that the tenant registered, which win."""
    found = dict(_shipped())
    registry = _registry(mirror.settings)
    if registry is not None:
        with registry:
            for stored in Templates(registry).all():
                made, _ = read(stored.text.encode(), Path(f"{stored.name}.yaml"))
                if made is not None:
                    moment = stored.at.replace(tzinfo=None)
                    found[stored.name] = _template(made) | {"category": cut(stored.category, 100), "created_at": moment}
    mirror.load("templates", list(found.values()), shape=_FRESH_TEMPLATES)
    mirror.execute(derived.TEMPLATES_GONE)
    mirror.execute(derived.TEMPLATES)


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    """Reading them takes most of a second."""
    return {name: _template(template) for name, template in TemplateManager().templates.items()}


def _template(made: Template) -> dict[str, Any]:
    declared = made.declared
    return {
        "id": row_id("template", made.name),
        "name": made.name,
        "category": cut(made.domain, 100),
        "description": f"{made.title}. {declared.spec.summary}",
        "template_yaml": made.text,
        "parameters": declared.spec.compute.get("inputs", {}),
        "examples": list(declared.spec.tests.get("golden", [])),
        "created_at": None,
    }
