"""Agents for the console's pages: packs that were not run, with lives that were led.

Belongs here: what several of the console's tests start from.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import insert

from greenlang.registry import Caller, Registry, RegistryEntry, scans
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.tables import FlagRow
from greenlang.settings import Settings
from tests.factory.conftest import build_combustion
from tests.registry.emit import made
from tests.registry.lives import scanned

AGENT = "emissions/carbon_calculator_v1"


def certified(registry: Registry, settings: Settings) -> RegistryEntry:
    """The carbon calculator 1.0.0, certified by its real steps: two people vouched for it."""
    _register(registry, made.pack(settings.var, build_combustion()))
    asker = Lifecycle(registry.as_caller(Caller(actor="maria")))
    assert asker.promote(AGENT, "experimental", "first trial").lacking == ()
    for name in ("jonas", "amira"):
        Lifecycle(registry.as_caller(Caller(actor=name))).approve(AGENT, "certified", comment="figures agree")
    assert asker.promote(AGENT, "certified", "forty sites recalculated", fast_track=True).lacking == ()
    return registry.get(AGENT)


def successor(registry: Registry, settings: Settings) -> RegistryEntry:
    """Version 1.1.0 with another CH4 figure, another summary and a formula of its own; a draft."""
    resolution = made.with_version(build_combustion(), "1.1.0", summary="Carbon of fuels, with AR5")
    table = resolution.lookups["gwp_ch4"]
    row = (
        replace(table.rows[()], value=Decimal(28), citation="IPCC AR5")
        if hasattr(table.rows[()], "cited")
        else replace(table.rows[()], value=Decimal(28), cell_text="28")
    )
    lookups = {**resolution.lookups, "gwp_ch4": replace(table, rows={(): row})}
    plans = {**resolution.plans, "co2e_kg": replace(resolution.plans["co2e_kg"], text="co2_kg + gwp_ch4 × ch4_kg")}
    _register(registry, made.pack(settings.var, replace(resolution, lookups=lookups, plans=plans)))
    return registry.get(AGENT, "1.1.0")


def _register(registry: Registry, entry: RegistryEntry) -> None:
    """As the factory enters what it judged by advisories of today."""
    scan = {scans.DIMENSION: {**entry.judgement[scans.DIMENSION], "scan": scanned()}}
    registry.register(replace(entry, judgement=entry.judgement | scan))


def flag(registry: Registry, entry: RegistryEntry, ref: str) -> None:
    """What a factor release would do that supersedes this pin."""
    build = registry.builds(entry.agent_id, entry.version)[0]
    values = {"kind": "factor", "ref": ref, "before": "a" * 64, "after": "b" * 64, "release": "2026-2"}
    with registry.transaction(write=True) as connection:
        connection.execute(
            insert(FlagRow).values(tenant=entry.tenant, build_id=build.id, at=datetime.now(UTC), **values)
        )
