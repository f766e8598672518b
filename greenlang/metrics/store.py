"""MetricsStore: writes outcomes, reads back the standing ones, keeps the catalogue.

Belongs here: the store's public face. Does not belong here: what decides whether an agent is rebuilt.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics.catalogue import latest_sql, rebuild, rows_sql
from greenlang.metrics.fields import JOURNALS, TABLES
from greenlang.metrics.parts import ensure_schema_parts, merge, write_rows
from greenlang.metrics.rows import Row, RunInfo, formula_rows, rows_of
from greenlang.settings import Settings

_HEAVY = ("summary", "diagnostics", "figures")  # only where one row is asked for


class MetricsStore:
    """The factory's metrics under ``settings.tables``. Any number of processes may write at once.

    Nothing is opened until a method is called, so a store may be kept across a fork.
    """

    def __init__(self, settings: Settings) -> None:
        self.tables: Path = settings.tables
        self.catalogue: Path = settings.catalogue

    def write(self, outcomes: Sequence[AgentOutcome], run: RunInfo) -> None:
        """Add one part to each table; the outcomes come last, so a kill before leaves nothing visible.

        Outcomes with ``rebuilt=False`` are not written: their standing rows stay the truth. Call it with no
        outcomes to record that a run has ended.
        """
        ensure_schema_parts(self.tables)
        now = datetime.now(UTC)
        part = f"{time.time_ns():020d}-{os.getpid()}"
        built = [outcome for outcome in outcomes if outcome.rebuilt]
        tables = rows_of(built, run, part=part, now=now)
        for name in TABLES:
            if tables[name]:
                write_rows(self.tables / name / f"{_safe(run.run_id)}-{part}.parquet", tables[name], name)

    def write_calls(self, rows: Sequence[Row], part: str) -> None:
        """Add a part of calls to language models; a row has the columns of the table `llm_usage` but ``part``."""
        ensure_schema_parts(self.tables)
        named = [{**row, "part": part} for row in rows]
        write_rows(self.tables / "llm_usage" / f"{_safe(part)}.parquet", named, "llm_usage")

    def write_formulas(self, formulas: Iterable[Row]) -> None:
        """Write the formula library for the view `formulas`; the keys of a row are that view's columns."""
        write_rows(self.tables / "formulas.parquet", formula_rows(formulas), "formulas")

    def rebuild_catalogue(self) -> None:
        """Build the views-only DuckDB file anew and swap it in."""
        rebuild(self.catalogue, self.tables)

    def compact(self, *, grace: float = 300.0, at_least: int = 16) -> int:
        """Merge the parts of each table that has ``at_least`` so many; return how many parts were merged.

        Readers see every row once at any time. Merged parts are removed by a call ``grace`` seconds later.
        """
        folders = {n: self.tables / n for n in (*TABLES, *JOURNALS) if (self.tables / n).is_dir()}
        return sum(merge(path, name, grace=grace, at_least=at_least) for name, path in folders.items())

    def latest(self, key: str) -> dict[str, Any] | None:
        """The standing outcome of a key, all columns of the table; None if there is none."""
        rows = self._select("*", "WHERE key = $key", {"key": key})
        return rows[0] if rows else None

    def outcomes(self) -> list[dict[str, Any]]:
        """The standing outcome of every key, by key, without the long texts: one scan for a whole batch."""
        return self._select(f"* EXCLUDE ({', '.join(_HEAVY)})", "ORDER BY key", {})

    def texts(self, keys: Sequence[str]) -> dict[str, tuple[dict[str, str], list[dict[str, Any]]]]:
        """The long texts of these keys' standing outcomes: the summary by heading, and the findings."""
        if not keys:
            return {}
        rows = self._select("key, summary, diagnostics", "WHERE list_contains($keys, key)", {"keys": list(keys)})
        return {row["key"]: (dict(row["summary"]), json.loads(row["diagnostics"])) for row in rows}

    def overlays(self, keys: Sequence[str]) -> dict[str, str]:
        """Digests of the overlays that these keys' standing outcomes were made with; a key without one is not there."""
        where = "kind = 'overlay' AND list_contains($keys, key)"
        rows = self._children("lineage", "key, digest", where, {"keys": list(keys)}) if keys else []
        return {row["key"]: row["digest"] for row in rows}

    def formulas_used(self) -> list[dict[str, Any]]:
        """The formulas in the lineage of every key's standing outcome: agent_id, version, kind, ref."""
        return self._children("lineage", "agent_id, version, kind, ref", "kind = 'formula'", {})

    def failed_repairs(self, key: str) -> list[str]:
        """Fingerprints of the failures that no repair of this key has mended, over all runs."""
        if not (self.tables / "repairs").is_dir():
            return []
        ensure_schema_parts(self.tables)
        with duckdb.connect() as connection:
            rows = connection.execute(
                f"SELECT DISTINCT fingerprint FROM ({rows_sql(self.tables, 'repairs')}) "  # noqa: S608 - our own text
                "WHERE key = $key AND rung = 'quarantine' AND status = 'refused' ORDER BY 1",
                {"key": key},
            ).fetchall()
        return [str(row[0]) for row in rows]

    def _children(self, table: str, columns: str, where: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Rows of a child table that belong to standing outcomes."""
        if not (self.tables / table).is_dir():
            return []
        ensure_schema_parts(self.tables)
        with duckdb.connect() as connection:
            cursor = connection.execute(
                f"SELECT {columns} FROM ({rows_sql(self.tables, table)}) "  # noqa: S608 - our own text
                f"SEMI JOIN ({latest_sql(self.tables)}) latest USING (key, part) WHERE {where}",
                parameters,
            )
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _select(self, columns: str, tail: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        if not (self.tables / "outcomes").is_dir():
            return []
        ensure_schema_parts(self.tables)
        with duckdb.connect() as connection:
            cursor = connection.execute(
                f"SELECT {columns} FROM ({latest_sql(self.tables)}) {tail}",  # noqa: S608 - our own text
                parameters,
            )
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _safe(run_id: str) -> str:
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in run_id)[:80]
