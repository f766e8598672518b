"""A registry as the first greenlang left it: tables of the revision 0001 and what it wrote into them.

Belongs here: making such a database. Does not belong here: what is tested of it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.engine import Connection

from greenlang.registry import migrate
from greenlang.registry.schema import WRITE, engine_for

BUILT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def make(url: str, *, empty: bool = False) -> None:
    """Two versions of heat/boiler; 1.0.0 was built as `b`, as `9`, and as `b` again."""
    engine = engine_for(url)
    with engine.connect().execution_options(**{WRITE: True}) as connection, connection.begin():
        for statement in migrate.frozen(connection.dialect.name, "0001"):
            connection.exec_driver_sql(statement)
        if not empty:
            _fill(connection)
    engine.dispose()


def _fill(connection: Connection) -> None:
    number = 0
    for version, packs in (("1.0.0", "b9b"), ("1.1.0", "d")):
        same = {"agent": "heat/boiler", "version": version, "at": _stored(connection, BUILT)}
        ports = [{"name": "co2e_kg", "dtype": "float64", "unit": "kgCO2e", "description": "total"}]
        connection.execute(
            text(
                "INSERT INTO agent_versions (agent_id, version, spec_digest, name, summary, domain, tags, inputs, "
                "outputs, text, created_at) VALUES (:agent, :version, :spec, 'Boiler', 'CO2e of a boiler', 'heat', "
                ":tags, :ports, :ports, 'heat/boiler boiler co2e_kg', :at)"
            ),
            {**same, "spec": "a" * 64, "tags": json.dumps(["Scope1"]), "ports": json.dumps(ports)},
        )
        connection.execute(text("INSERT INTO capabilities VALUES (:agent, :version, 'co2e_kg')"), same)
        connection.execute(
            text(
                "INSERT INTO transitions (agent_id, version, before, after, at, reason) "
                "VALUES (:agent, :version, '', 'draft', :at, 'registered')"
            ),
            same,
        )
        for pack in packs:
            number += 1
            connection.execute(
                text(
                    "INSERT INTO builds (agent_id, version, pack_digest, certificate_digest, factor_release, pack, "
                    "score, coverage, tests_passed, tests_total, built_at) VALUES (:agent, :version, :pack, "
                    ":certificate, 'r', 'packs/x', 91.5, 98.25, 12, 12, :at)"
                ),
                {
                    **same,
                    "pack": pack * 64,
                    "certificate": str(number) * 64,
                    "at": _stored(connection, BUILT + timedelta(hours=number)),
                },
            )


def _stored(connection: Connection, at: datetime) -> datetime | str:
    return at if connection.dialect.name == "postgresql" else at.strftime("%Y-%m-%d %H:%M:%S.%f")
