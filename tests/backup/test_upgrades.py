"""What an earlier release has written is read by this one: tables with columns fewer and more, in every view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from greenlang.metrics import MetricsStore, query
from greenlang.metrics.catalogue import view_fields
from greenlang.metrics.fields import TABLES
from greenlang.metrics.parts import SCHEMA_PART
from greenlang.settings import Settings
from tests.line import line_tools

pytestmark = pytest.mark.xdist_group("backup")  # one worker builds the factory


def as_of_an_earlier_release(folder: Path, gone: str) -> int:
    """Take a column out of every part and its declaration, and put one in that is not known any more."""
    parts = sorted(folder.glob("*.parquet"))
    for part in parts:
        table = pq.read_table(part)
        old = table.drop_columns([gone]).append_column("of_old", pa.array(["x"] * len(table), pa.string()))
        pq.write_table(old, part)
    return len(parts)


def asked(settings: Settings, view: str, columns: list[str]) -> list[tuple[Any, ...]]:
    return sorted(query(settings, f"SELECT {', '.join(columns)} FROM {view}").rows, key=repr)


@pytest.mark.parametrize("table", ["outcomes", "tests", "qa_dimensions", "lineage"])
def test_rows_of_an_earlier_release_lose_nothing(table: str, factory: Settings) -> None:
    """Each column that is no key may be the newest: the others are as they were, and it is NULL."""
    view = "agents" if table == "outcomes" else table
    gone = [name for name in TABLES[table].fields if name not in (*TABLES[table].key, "key", "part", "written_at")][-1]
    columns = [f'"{name}"' for name in view_fields(view) if name != gone]
    before = asked(factory, view, columns)
    assert before
    assert as_of_an_earlier_release(factory.tables / table, gone) > 1
    factory.catalogue.unlink()  # that of an earlier release has other views, and is built anew
    assert asked(factory, view, columns) == before
    if gone in view_fields(view):
        assert {row[0] for row in asked(factory, view, [f'"{gone}"'])} == {None}
    assert gone in pq.read_schema(factory.tables / table / SCHEMA_PART).names, "the declaration is the newest again"


def test_merging_takes_parts_of_both_releases(factory: Settings) -> None:
    """Compaction writes the newest columns, and every row once."""
    gone = [name for name in TABLES["outcomes"].fields if name not in (*TABLES["outcomes"].key, "key", "part")][-1]
    newest = next(part for part in (factory.tables / "outcomes").glob("*.parquet") if part.name != SCHEMA_PART)
    whole = pq.read_table(newest)
    columns = [f'"{name}"' for name in view_fields("agents") if name != gone]
    before = asked(factory, "agents", columns)
    as_of_an_earlier_release(factory.tables / "outcomes", gone)
    pq.write_table(whole, newest.with_name("z-newer.parquet"))
    store = MetricsStore(factory)
    store.compact(grace=0, at_least=2)
    store.compact(grace=0, at_least=2)
    assert asked(factory, "agents", columns) == before


def test_a_batch_goes_on_with_them(factory: Settings) -> None:
    """Whatever the newest column is, what stands is kept or built anew, and nothing is lost."""
    gone = [name for name in TABLES["outcomes"].fields if name not in (*TABLES["outcomes"].key, "key", "part")][-1]
    before = line_tools.end_state(factory)["registry"]
    as_of_an_earlier_release(factory.tables / "outcomes", gone)
    outcomes = line_tools.run(factory)
    assert {one.outcome for one in outcomes.values()} <= {"registered"}
    after = line_tools.end_state(factory)["registry"]
    names = ("agent_id", "version", "pack_digest", "certificate_digest")
    assert [[one[name] for name in names] for one in after] == [[one[name] for name in names] for one in before]
