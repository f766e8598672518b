"""A factor table's file is replaced whole, and only after it has reached the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from greenlang.factors import FactorTable
from greenlang.factors.storage import arrow_table, read_parquet, replace_file, write_arrow

ROWS = list(FactorTable.load())[:3]


def write_text(target: Path) -> None:
    replace_file(target, lambda path: path.write_text("new"))


def write_table(target: Path) -> None:
    write_arrow(arrow_table(ROWS), target, release="r", digest="d")


@pytest.mark.parametrize("write", [write_text, write_table])
def test_what_did_not_reach_the_disk_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write(target)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert target.read_text() == "old"


def test_what_reached_the_disk_replaces_the_file_in_a_folder_that_may_be_new(tmp_path: Path) -> None:
    target = tmp_path / "new" / "factors.parquet"
    write_text(target)
    assert target.read_text() == "new"
    write_table(target)
    rows, release, digest = read_parquet(target)
    assert (list(rows), release, digest) == (ROWS, "r", "d")
    assert [path.name for path in target.parent.iterdir()] == ["factors.parquet"]
