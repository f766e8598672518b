"""Releases: immutable, versioned, with a changelog; blocked by findings that nobody has reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import FactorNotFound, FactorTableError
from greenlang.factors import Factor, FactorTable
from greenlang.factors.editions import EditionRead
from greenlang.factors.gates.report import Finding, Report
from greenlang.factors.model import row_digest
from greenlang.factors.release import Release, ReleaseBlocked, Releases
from greenlang.factors.storage import arrow_table

BASE = FactorTable.load()
PATTERN = BASE.get("desnz/fuels/2025/natural-gas/co2e-per-kwh-gross")
assert PATTERN is not None


def row(key: str, value: str = "1", **fields: object) -> Factor:
    assert PATTERN is not None
    changed = {"value": Decimal(value), "cell_text": value, "cell": key, "source_digest": "a" * 64, **fields}
    return replace(PATTERN, key=f"owid/grid/2026/{key}", dataset="grid", publisher="owid", **changed)


def read(folder: Path, rows: Sequence[Factor], name: str = "owid/grid/2026") -> EditionRead:
    digest = row_digest(rows[0])
    path = folder / "editions" / f"{name.replace('/', '_')}-{digest[:16]}-{len(rows)}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = sorted(rows, key=lambda r: r.key)
    pq.write_table(arrow_table(rows).append_column("row_digest", pa.array([row_digest(r) for r in rows])), path)
    return EditionRead(name, digest, len(rows) + 2, len(rows), 0, {"empty cell": 2}, path, True)


def no_gates(table: FactorTable, before: FactorTable | None) -> Report:
    del before
    return Report((), frozenset(table.keys))


def made(store: Releases, rows: Sequence[Factor]) -> Release:
    return store.make([read(store.folder, rows)], BASE, no_gates)


@pytest.fixture
def store(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


def test_a_release_holds_the_rows_the_embedded_base_and_the_account(store: Releases) -> None:
    release = made(store, [row("fr/co2e-per-kwh"), row("de/co2e-per-kwh")])
    assert (release.name, release.rows, release.before) == ("factors-1.0.0", len(BASE) + 2, "")
    assert release.counts["seen"] == 4
    assert release.counts["kept"] + release.counts["refused"] == 4
    table = release.table()
    assert table.get("owid/grid/2026/fr/co2e-per-kwh") == row("fr/co2e-per-kwh")
    assert [table.get(f.key) for f in BASE] == list(BASE)


def test_nothing_changed_gives_the_same_release(store: Releases) -> None:
    rows = [row("fr/co2e-per-kwh"), row("de/co2e-per-kwh")]
    first = made(store, rows)
    assert made(store, rows[::-1]) == first
    assert store.names() == ["factors-1.0.0"]


@pytest.mark.parametrize(
    ("rows", "name", "what"),
    [
        ([row("fr/x", "2"), row("de/x")], "factors-1.1.0", [("changed", "1", "value cell_text")]),
        ([row("fr/x"), row("de/x"), row("es/x")], "factors-1.1.0", [("added", None, "")]),
        ([row("fr/x")], "factors-2.0.0", [("withdrawn", None, "")]),
        ([row("fr/x", boundary="WTT"), row("de/x")], "factors-2.0.0", [("changed", "0", "boundary")]),
        ([row("fr/x", note="said better"), row("de/x")], "factors-1.0.1", [("changed", "0", "note")]),
    ],
)
def test_the_version_step_follows_from_what_changed(
    store: Releases, rows: list[Factor], name: str, what: list[tuple[str, str | None, str]]
) -> None:
    made(store, [row("fr/x"), row("de/x")])
    release = made(store, rows)
    assert (release.name, release.before) == (name, "factors-1.0.0")
    sql = f"SELECT what, relative, fields FROM read_parquet('{release.folder / 'changelog.parquet'}')"
    assert duckdb.sql(sql).fetchall() == what


def test_the_changelog_begins_with_the_largest_relative_change(store: Releases) -> None:
    made(store, [row("a/x", "1"), row("b/x", "100"), row("c/x", "5"), row("d/x", "0")])
    release = made(store, [row("a/x", "3"), row("b/x", "150"), row("d/x", "1"), row("e/x")])
    sql = f"SELECT key, what, old, new, relative FROM read_parquet('{release.folder / 'changelog.parquet'}')"
    rows = [(key.rpartition("2026/")[2], *rest) for key, *rest in duckdb.sql(sql).fetchall()]
    assert rows == [
        ("a/x", "changed", 1, 3, "2"),
        ("b/x", "changed", 100, 150, "0.5"),
        ("d/x", "changed", 0, 1, None),
        ("c/x", "withdrawn", 5, None, None),
        ("e/x", "added", None, 1, None),
    ]


def test_a_release_is_never_written_again(store: Releases) -> None:
    release = made(store, [row("fr/x")])
    before = {path: path.read_bytes() for path in release.folder.iterdir()}
    assert all(not path.stat().st_mode & 0o222 for path in before)
    made(store, [row("fr/x", "2")])
    assert {path: path.read_bytes() for path in release.folder.iterdir()} == before


def test_a_reference_resolves_in_the_release_that_it_names(store: Releases) -> None:
    made(store, [row("fr/x", "1")])
    made(store, [row("fr/x", "2")])
    store.pin("factors-1.1.0", store.folder / "tables")
    ref = "ef://owid/grid/2026/fr/x"
    assert [r.value for r in store.resolve(f"{ref}@factors-1.0.0")] == [1]
    assert [r.value for r in store.resolve(f"{ref}@factors-1.1.0")] == [2]
    assert [r.value for r in store.resolve(ref)] == [2]
    with pytest.raises(FactorTableError, match=r"no factor release `factors-9\.0\.0`; there are factors-1\.0\.0, fac"):
        store.resolve(f"{ref}@factors-9.0.0")
    with pytest.raises(FactorNotFound):
        store.resolve("ef://owid/grid/2026/xx@factors-1.0.0")


def test_pinning_puts_the_rows_in_force(store: Releases) -> None:
    release = made(store, [row("fr/x")])
    tables = store.folder / "tables"
    store.pin(release.name, tables)
    table = FactorTable.in_force(tables)
    assert (table.release, table.digest) == (release.name, release.digest)
    assert store.pinned == release.name
    standing = dict(zip(table.keys, table.standings(), strict=True))
    assert standing["owid/grid/2026/fr/x"].eligible


def test_an_open_finding_blocks_the_release(store: Releases) -> None:
    def gates(table: FactorTable, before: FactorTable | None) -> Report:
        del table, before
        return Report((Finding("magnitude", "owid/grid/2026/fr/x", "1000 times the median"),))

    with pytest.raises(ReleaseBlocked, match=r"1 findings that nobody has reviewed: magnitude: owid/grid/2026/fr/x"):
        store.make([read(store.folder, [row("fr/x")])], BASE, gates)
    assert store.names() == []


def test_an_excluded_row_stays_catalogued_and_is_not_eligible(store: Releases) -> None:
    key = "owid/grid/2026/fr/x"

    def gates(table: FactorTable, before: FactorTable | None) -> Report:
        del before
        return Report((Finding("magnitude", key, "odd", "exclude", "a slip"),), frozenset(table.keys))

    release = store.make([read(store.folder, [row("fr/x")])], BASE, gates)
    table = release.table()
    position = table.position(key)
    assert position is not None
    standing = table.standings()[position]
    assert (standing.checked, standing.eligible, standing.finding) == (False, False, f"magnitude {key}")


def test_an_embedded_row_of_the_same_cell_is_counted_once(store: Releases) -> None:
    assert PATTERN is not None
    twin = row("gb/x", str(PATTERN.value), cell=PATTERN.cell, source_digest=PATTERN.source_digest)
    release = made(store, [twin])
    table = release.table()
    standing = dict(zip(table.keys, table.standings(), strict=True))[PATTERN.key]
    assert (standing.same_as, standing.eligible) == (twin.key, False)
    assert release.counts["repeated"] == 1
    assert release.counts["catalogued"] == len(BASE)


def test_stats_leaves_out_tables_that_only_repeat_and_says_so(tmp_path: Path) -> None:
    table = "epa/egrid/2023"
    whole = [f for f in BASE if f.key.startswith(f"{table}/")]
    assert PATTERN is not None
    twins = [row(str(i), str(f.value), cell=f.cell, source_digest=f.source_digest) for i, f in enumerate(whole)]
    twins.append(row("gb", str(PATTERN.value), cell=PATTERN.cell, source_digest=PATTERN.source_digest))
    made(Releases(tmp_path / "factors"), twins)
    shown = CliRunner().invoke(app, ["--var", str(tmp_path), "factors", "stats", "--release", "factors-1.0.0"]).stdout
    lines = [line.split()[:3] for line in shown.splitlines()]
    assert table.split("/") not in lines
    assert ["desnz", "fuels", "2025"] in lines  # repeats one cell, and holds others
    assert f"{len(twins)} rows of the embedded base repeat cells of publishers' files" in shown
    assert "1 of its tables hold no others and are not listed" in shown


def test_one_key_in_two_editions_is_refused(store: Releases) -> None:
    twice = [read(store.folder, [row("fr/x")]), read(store.folder, [row("fr/x")], "owid/grid/2025")]
    with pytest.raises(FactorTableError, match=r"1 keys stand in two editions, the first is `owid/grid/2026/fr/x`"):
        store.make(twice, BASE, no_gates)


def test_an_account_that_does_not_add_up_is_refused(store: Releases) -> None:
    lost = replace(read(store.folder, [row("fr/x")]), seen=9)
    with pytest.raises(FactorTableError, match=r"9 read, 1 kept, 2 refused"):
        store.make([lost], BASE, no_gates)


def test_a_changed_release_file_is_refused(store: Releases) -> None:
    release = made(store, [row("fr/x")])
    other = made(store, [row("fr/x", "2")])
    release.parquet.chmod(0o644)
    release.parquet.write_bytes(other.parquet.read_bytes())
    with pytest.raises(FactorTableError, match=r"factors-1\.0\.0: the rows are not those that were released"):
        release.table()
