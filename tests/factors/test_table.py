"""Building, loading and asking the factor table."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang._paths import data
from greenlang.errors import FactorNotFound, FactorTableError
from greenlang.factors import FactorTable, build_tables
from greenlang.factors.fields import ddl, declared_fields, docs_table
from greenlang.factors.table import split_ref

TABLE = FactorTable.load()
KEYS = [f.key for f in TABLE]


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("tables")
    build_tables(target)
    return target / "factors.parquet"


def test_parquet_and_csv_give_the_same_rows(parquet: Path) -> None:
    loaded = FactorTable.load(parquet)
    assert list(loaded) == list(TABLE)
    assert [str(f.value) for f in loaded] == [str(f.value) for f in TABLE]
    assert (loaded.release, loaded.digest) == (TABLE.release, TABLE.digest)
    assert loaded.release == "embedded-1.3.0"
    assert len(loaded) == len(KEYS)


def test_build_says_what_it_built(tmp_path: Path) -> None:
    ticks = iter([10.0, 12.5])
    info = build_tables(tmp_path / "new" / "tables", clock=lambda: next(ticks))
    assert (info.release, info.digest, info.rows, info.seconds) == ("embedded-1.3.0", TABLE.digest, len(TABLE), 2.5)
    assert build_tables(tmp_path).seconds == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["factors.parquet", "new"]


def test_values_are_exact_decimals_for_analysts(parquet: Path) -> None:
    with duckdb.connect() as connection:
        view = connection.sql(f"SELECT * FROM read_parquet('{parquet}')")
        types = dict(zip(view.columns, map(str, view.types), strict=True))
        assert types["value"] == "DECIMAL(38,24)"
        assert types["biogenic"] == "BOOLEAN"
        assert view.columns == [f.name for f in declared_fields()]
        keys = [row[0] for row in connection.execute(f"SELECT key FROM read_parquet('{parquet}')").fetchall()]
        assert keys == KEYS
        connection.execute(ddl())
        connection.execute(f"INSERT INTO factors SELECT * FROM read_parquet('{parquet}')")
        assert connection.execute("SELECT count(*) FROM factors").fetchone() == (len(TABLE),)


def test_a_failed_build_leaves_the_old_file(tmp_path: Path) -> None:
    build_tables(tmp_path)
    before = (tmp_path / "factors.parquet").read_bytes()
    broken = Path(shutil.copytree(data() / "emission_factors", tmp_path / "broken"))
    next((broken / "embedded").glob("*.csv")).write_text("nothing\n", encoding="utf-8")
    with pytest.raises(FactorTableError):
        build_tables(tmp_path, folder=broken)
    assert (tmp_path / "factors.parquet").read_bytes() == before
    build_tables(tmp_path)
    assert (tmp_path / "factors.parquet").read_bytes() == before


def test_a_changed_parquet_file_is_refused(parquet: Path, tmp_path: Path) -> None:
    table = pq.read_table(parquet)
    position = table.column_names.index("note")
    notes = ["changed", *table["note"].to_pylist()[1:]]
    changed = table.set_column(position, table.schema.field("note"), pa.array(notes)).replace_schema_metadata(
        table.schema.metadata
    )
    pq.write_table(changed, tmp_path / "factors.parquet")
    with pytest.raises(FactorTableError, match=r"factors\.parquet: the rows are not those that were built"):
        FactorTable.load(tmp_path / "factors.parquet")


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactorTableError, match=r"nowhere\.parquet: cannot be read, build the tables again"):
        FactorTable.load(tmp_path / "nowhere.parquet")
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(FactorTableError, match=r"other\.parquet: cannot be read, build the tables again"):
        FactorTable.load(tmp_path / "other.parquet")


def test_loading_is_quick(parquet: Path) -> None:
    FactorTable.load(parquet)  # DuckDB is imported
    start = time.process_time()
    FactorTable.load(parquet)
    assert time.process_time() - start < 0.3


def test_the_embedded_table_is_read_once() -> None:
    assert FactorTable.load() is FactorTable.load()


def test_get_takes_a_key() -> None:
    factor = TABLE.get("epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu")
    assert factor is not None
    assert factor.ref == "ef://epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu"
    assert factor.citation == (
        "EPA GHG Emission Factors Hub, 2024 edition (last modified 13 February 2024), "
        "Table 1 Stationary Combustion, Emission Factors Hub!E39"
    )
    assert TABLE.get("epa/stationary-combustion/2024") is None


@pytest.mark.parametrize(
    ("ref", "rows"),
    [
        ("ef://epa/stationary-combustion/2024", 421),
        ("ef://epa/stationary-combustion/2024/", 421),
        ("ef://epa/stationary-combustion/2024@embedded-1.3.0", 421),
        ("ef://epa/stationary-combustion/2024/natural-gas", 7),
        ("ef://epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu@embedded-1.3.0", 1),
        ("ef://ipcc/gwp/ar6", 89),
        ("ef://epa/egrid/2023/electricity/camx", 3),
        ("ef://epa/waste/2025/mixed-msw", 2),
    ],
)
def test_a_reference_names_a_row_or_a_table(ref: str, rows: int) -> None:
    assert len(TABLE.resolve(ref)) == rows


@pytest.mark.parametrize(
    "ref", ["ef://epa/stationary-combustion/20", "ef://epa/stationary", "ef://epa/egrid/2023/electricity/u"]
)
def test_a_prefix_ends_at_a_segment(ref: str) -> None:
    with pytest.raises(FactorNotFound):
        TABLE.resolve(ref)


def nearest_of(ref: str) -> tuple[tuple[str, str], ...]:
    with pytest.raises(FactorNotFound) as caught:
        TABLE.resolve(ref)
    return caught.value.nearest


def test_real_references_that_do_not_exist_get_three_sensible_ones() -> None:
    assert nearest_of("ef://ipcc_ar6/combustion/ng/co2e_kg_per_mj")[:2] == (
        (
            "ef://epa/stationary-combustion/2025/natural-gas/co2-per-mmbtu",
            "`ng` means natural-gas, in epa/stationary-combustion",
        ),
        (
            "ef://epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu",
            "`ng` means natural-gas, in epa/stationary-combustion",
        ),
    )
    assert nearest_of("ef://epa/egrid/us_average/co2e_kg_per_mwh")[:2] == (
        ("ef://epa/egrid/2023/electricity/us/co2-per-mwh", "same dataset, vintage 2023"),
        ("ef://epa/egrid/2022/electricity/us/co2-per-mwh", "same dataset, vintage 2022"),
    )


@pytest.mark.parametrize(
    ("ref", "near", "reason"),
    [
        ("ef://epa/stationary-combustion/2023", "ef://epa/stationary-combustion/2025", "same dataset, vintage 2025"),
        (
            "ef://epa/stationary-combustion/2024/natural-gas/sf6-per-mmbtu",
            "ef://epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu",
            "same activity, other gas",
        ),
        (
            "ef://epa/stationary-combustion/2024/natural-gas/co2-per-gj",
            "ef://epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu",
            "same activity and gas, other unit",
        ),
        (
            "ef://epa/stationary-combustion/2024/natral-gas/co2-per-mmbtu",
            "ef://epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu",
            "spelled almost the same",
        ),
        (
            "ef://epa/stationary-combustion/2024/diesel/co2-per-gallon",
            "ef://epa/stationary-combustion/2024/distillate-fuel-oil-no-2/co2-per-gallon",
            "same table, `diesel` means distillate-fuel-oil-no-2",
        ),
        ("ef://uk_defra/2023/fuels", "ef://desnz/fuels/2025", "same publisher, dataset fuels"),
        ("ef://ipcc/gwp/ar7", "ef://ipcc/gwp/ar6", "same dataset, vintage ar6"),
    ],
)
def test_the_nearest_reference_and_its_reason(ref: str, near: str, reason: str) -> None:
    found = nearest_of(ref)
    assert (near, reason) in found
    assert len(found) == 3


def test_the_message_names_release_and_nearest() -> None:
    with pytest.raises(FactorNotFound) as caught:
        TABLE.resolve("ef://ipcc/gwp/ar7")
    assert str(caught.value) == (
        "no factor `ef://ipcc/gwp/ar7` in release embedded-1.3.0; nearest: "
        "ef://ipcc/gwp/ar6 (same dataset, vintage ar6); ef://ipcc/gwp/ar5 (same dataset, vintage ar5); "
        "ef://ipcc/gwp/ar4 (same dataset, vintage ar4)"
    )


def test_another_release_is_not_found_and_the_pinned_one_is_named() -> None:
    with pytest.raises(
        FactorNotFound, match=r"asks for release embedded-9\.9\.9, but the pinned release is embedded-1\.3\.0"
    ) as caught:
        TABLE.resolve("ef://epa/stationary-combustion/2024@embedded-9.9.9")
    assert caught.value.nearest == (
        ("ef://epa/stationary-combustion/2024@embedded-1.3.0", "same reference in the pinned release"),
    )
    with pytest.raises(FactorNotFound, match="asks for release , but"):
        TABLE.resolve("ef://epa/stationary-combustion/2024@")


@pytest.mark.parametrize("ref", ["epa/stationary-combustion/2024", "http://epa/stationary-combustion/2024"])
def test_a_reference_needs_its_scheme(ref: str) -> None:
    assert len(nearest_of(ref)) == 3


@pytest.mark.parametrize("ref", ["", "ef://", "ef://zzz", "ef://no/such/thing"])
def test_where_nothing_is_near_nothing_is_named(ref: str) -> None:
    with pytest.raises(FactorNotFound, match="nothing is called like it: `greenlang factors search` finds by words"):
        TABLE.resolve(ref)
    assert nearest_of(ref) == ()


def test_split_ref() -> None:
    assert split_ref("ef://a/b/c@embedded-1.3.0") == ("a/b/c", "embedded-1.3.0")
    assert split_ref(" ef://a/b/c/ ") == ("a/b/c", None)


@settings(deadline=None)
@given(st.sampled_from(KEYS), st.integers(min_value=1, max_value=9))
def test_every_table_above_a_factor_holds_it(key: str, depth: int) -> None:
    rows = TABLE.resolve("ef://" + "/".join(key.split("/")[:depth]))
    assert TABLE.get(key) in rows
    assert [r.key for r in rows] == sorted(r.key for r in rows)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    try:
        rows = TABLE.resolve(text)
    except FactorNotFound as error:
        assert bool(error.nearest) != ("nothing is called like it" in str(error)) or "asks for release" in str(error)
        for ref, reason in error.nearest:
            assert TABLE.resolve(ref)
            assert reason
    else:
        assert rows


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KEYS), st.data())
def test_a_slip_of_the_pen_finds_its_factor(key: str, choice: st.DataObject) -> None:
    parts = key.split("/")
    last = parts[-1]
    position = choice.draw(st.integers(min_value=0, max_value=len(last) - 1))
    typo = "/".join([*parts[:-1], last[:position] + "x" + last[position:]])
    near = [ref for ref, _ in TABLE.nearest(f"ef://{typo}")]
    assert any("/".join(ref.removeprefix("ef://").split("/")[:-1]) == "/".join(parts[:-1]) for ref in near)


def test_suggestions_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from greenlang.factors import FactorTable as T\n"
        "for r in ('ipcc_ar6/combustion/ng/co2e_kg_per_mj', 'iea/electricity/grid-average/2024', 'x'):\n"
        "    print(T.load().nearest('ef://' + r))\n"
        "print(T.load().digest)\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(answers) == 1


def test_the_docs_table_names_every_column() -> None:
    text = docs_table()
    assert all(f"| `{f.name}` |" in text for f in declared_fields())
    assert text.count("\n") == len(declared_fields()) + 2


def test_a_changed_base_needs_a_new_release() -> None:
    """Packs pin the release by name: when this fails, raise it in release.yaml, then write both here."""
    assert (TABLE.release, TABLE.digest) == (
        "embedded-1.3.0",
        "a86d7beafdd8b1bedeb02908b8f996ce0bd30f9dcb1e3927319289ecb2fd5d60",
    )
