"""Past nights: every view as it stood then, as a table macro for any DuckDB client: ``agents_at('2026-11-20')``.

Rows are never changed and never removed, only superseded and merged, so that the answer for a night stays what it was.
Belongs here: what a night is, the macros' names and sentences. Does not belong here: the views' SQL (`catalogue`).
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from greenlang.errors import QueryError
from greenlang.metrics.fields import VIEWS, Field
from greenlang.sql import literal

# The views that have a past: `<view>_at(night)` has the same columns.
DATED = tuple(name for name in VIEWS if name not in {"formulas", "factor_changes"})
UNDATED = "undated"
_INDIRECT = ("query", "execute", "show", "pragma", "describe", "duckdb_", "information_schema")
_FORMULAS = "the formulas of a past night are not kept: lineage_at(night) names those that each agent used"
# The first moment that no longer belongs to the night: a day counts to its end (UTC), a moment counts itself.
_END = (
    "(CASE WHEN length(night::VARCHAR) <= 10 THEN night::VARCHAR::DATE::TIMESTAMP + INTERVAL 1 DAY "
    "ELSE night::VARCHAR::TIMESTAMP + INTERVAL 1 MICROSECOND END)"
)


def releases_folder(tables: Path) -> Path:
    """Where the stored factor releases lie, beside the tables; see `greenlang.factors.release`."""
    return tables.parent / "factors" / "releases"


def macros_sql(views: Callable[[str, str], Mapping[str, str]]) -> dict[str, str]:
    """``agents_at(night)`` and the like with their SQL, from the views by conditions on rows of runs and on calls."""
    made = views(f"written_at < {_END}", f"created_at < {_END}")
    last = "SELECT factor_release FROM runs_at(night) ORDER BY started_at DESC LIMIT 1"
    return {
        **{f"{name}_at(night)": made[name] for name in DATED},
        "factors_at(night)": f"FROM factors_of(({last}))",
    }


def factors_of_sql(tables: Path, fields: Mapping[str, Field]) -> str:
    """The rows of a stored release; of the table in force if it is that one, as the embedded base is stored nowhere."""
    columns = ", ".join(f'"{name}"::{field.type} AS "{name}"' for name, field in fields.items())
    sources = []
    folder = releases_folder(tables)
    if any(folder.glob("factors-*/factors.parquet")):
        pattern = literal(str(Path(glob.escape(str(folder))) / "factors-*" / "factors.parquet"))
        sources.append(
            f"SELECT {columns} FROM read_parquet({pattern}, filename = true) "  # noqa: S608 - declared names
            "WHERE parse_path(filename)[-2] = release"
        )
    in_force = tables / "factors.parquet"
    if in_force.exists():
        file = literal(glob.escape(str(in_force)))
        sources.append(
            f"SELECT {columns} FROM read_parquet({file}) WHERE release NOT LIKE 'factors-%' "  # noqa: S608
            f"AND release = (SELECT decode(value) FROM parquet_kv_metadata({file}) "
            "WHERE decode(key) = 'greenlang.release')"
        )
    if not sources:
        nulls = ", ".join(f'NULL::{field.type} AS "{name}"' for name, field in fields.items())
        return f"SELECT {nulls} WHERE release IS NULL AND false"
    return " UNION ALL ".join(sources)


def as_of_sql(night: str, sql: str) -> list[str]:
    """Statements that make a catalogue ``metrics`` of the views that ``sql`` names, as they stood at a night, and look
    into it before the one of today, which is attached as `UNDATED`: so qualified names are of the night too.

    Only those, as each costs a look at its files; every one where the text may name more than it shows. Raises
    QueryError for what is neither a day nor a moment.
    """
    try:
        datetime.fromisoformat(night.strip())
    except ValueError as error:
        known = "give a day, 2026-11-20, or a moment, 2026-11-20T06:00 (UTC)"
        raise QueryError(f"{night!r} is no night: {known}") from error
    text = sql.lower()
    hidden = any(word in text for word in _INDIRECT)
    named = [name for name in (*DATED, "factors") if hidden or name in text]
    sources = {name: f"{name}_at({literal(night.strip())})" for name in named} | {"factor_changes": "factor_changes"}
    views = [f"CREATE VIEW metrics.main.{name} AS FROM {UNDATED}.main.{source}" for name, source in sources.items()]
    # a row, so that the condition is looked at whatever is asked of it
    nulls = ", ".join(f"NULL::VARCHAR AS {name}" for name in VIEWS["formulas"].fields)
    none = f"SELECT {nulls} FROM range(1) WHERE error({literal(_FORMULAS)}) IS NULL"  # noqa: S608 - declared names
    views.append(f"CREATE VIEW metrics.main.formulas AS {none}")
    return ["ATTACH ':memory:' AS metrics", *views, f"SET search_path = 'metrics.main,{UNDATED}.main'"]


def macro_sentences() -> dict[str, str]:
    """Every table macro and what it gives, for the documentation."""
    return {
        **{f"{name}_at(night)": f"`{name}` as it stood at the end of that day, or at that moment" for name in DATED},
        "factors_at(night)": "`factors` of the release that the last run until then used; no row if it is not kept",
        "factors_of(release)": "the factor rows of a stored release, or of the embedded base while that is in force",
    }
