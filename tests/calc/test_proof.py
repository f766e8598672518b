"""Trees over digests: the same in any order, and a path from every row to the root that nothing else has."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.calc import proof
from greenlang.calc.proof import FANOUT, ProofImpossible, Step, build, check, path_of, read_path, tree_root


def digests(count: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(count)]


def write(folder: Path, rows: Sequence[bytes | None], group: int = 1000) -> Path:
    path = folder / "digests.parquet"
    pq.write_table(pa.table({"row_digest": pa.array(rows, pa.binary())}), path, row_group_size=group)
    return path


@settings(max_examples=20, deadline=None)
@given(count=st.integers(0, 300), seed=st.integers(1, 10**6), small=st.integers(1, 40))
def test_the_order_of_rows_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: int, small: int
) -> None:
    folder = tmp_path_factory.mktemp("proof")
    rows = digests(count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "CHUNK_ROWS", small)
        one = build(write(folder, rows))
        other = build(write(folder, sorted(rows, key=lambda row: hashlib.md5(row + bytes([seed % 256])).digest()), 7))
        assert one == other
        assert sum(chunk.rows for chunk in one.chunks) == count == one.rows


@pytest.mark.parametrize("count", [1, 2, FANOUT, FANOUT + 1, 5000])
def test_every_row_has_a_path_and_no_other_row_has_it(
    tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "CHUNK_ROWS", 100)
    rows = digests(count)
    path = write(tmp_path, rows)
    tree = build(path)
    for place in range(0, count, max(1, count // 9)):
        digest = rows[place].hex()
        steps = path_of(path, digest, tree)
        assert check(digest, steps, tree.root)
        assert read_path([step.as_dict() for step in steps]) == steps
        assert not check(hashlib.sha256(b"x").hexdigest(), steps, tree.root)
        assert not check(digest, steps, hashlib.sha256(b"x").hexdigest())
        assert not check(digest, steps[1:], tree.root)
        for number, step in enumerate(steps):
            if step.after:
                forged = replace(step, after=(digest, *step.after[1:]))
                assert not check(digest, [*steps[:number], forged, *steps[number + 1 :]], tree.root)


def test_a_row_more_less_or_twice_is_another_root(tmp_path: Path) -> None:
    rows = digests(100)
    roots = [build(write(tmp_path, one)).root for one in (rows, rows[1:], [*rows, rows[0]], [*rows[1:], rows[1]])]
    assert len(set(roots)) == 4


def test_a_node_is_no_row(tmp_path: Path) -> None:
    """A digest from inside the tree cannot stand for a row: leaves, chunks and nodes are marked apart."""
    rows = digests(FANOUT + 1)
    tree = build(write(tmp_path, rows))
    steps = path_of(tmp_path / "digests.parquet", rows[0].hex(), tree)
    inner = steps[0].up(rows[0]).hex()
    assert not check(inner, steps[1:], tree.root) or len(steps) > 3
    assert not check(inner, steps, tree.root)


def test_the_form_of_a_path_is_fixed() -> None:
    digest = hashlib.sha256(b"row").hexdigest()
    root = Step("root", text="1:0:")
    assert not check(digest, [root], root.up(bytes.fromhex(digest)).hex())
    chunk = Step("chunk", text=":1:")
    found = root.up(chunk.up(bytes.fromhex(digest))).hex()
    assert not check(digest, [chunk, root], found)


def test_digests_that_are_equal_stand_beside_each_other(tmp_path: Path) -> None:
    same = b"\x00" * 8
    rows = [same + hashlib.sha256(bytes([n])).digest()[:24] for n in range(50)] * 2
    assert build(write(tmp_path, rows)) == build(write(tmp_path, rows[::-1], 3))


def test_many_rows_are_sorted_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = digests(3000)
    monkeypatch.setattr(proof, "CHUNK_ROWS", 20)
    whole = build(write(tmp_path, rows))
    monkeypatch.setattr(proof, "AT_ONCE", 100)
    assert build(write(tmp_path, rows)) == whole
    assert whole.digits == 2


@pytest.mark.parametrize("row", [None, b"short"])
def test_a_row_without_digest_is_refused(tmp_path: Path, row: bytes | None) -> None:
    with pytest.raises(ProofImpossible):
        build(write(tmp_path, [*digests(5), row]))


def test_a_row_that_is_not_there_has_no_path(tmp_path: Path) -> None:
    path = write(tmp_path, digests(5))
    with pytest.raises(ProofImpossible, match="no row of these results"):
        path_of(path, hashlib.sha256(b"x").hexdigest(), build(path))


def test_the_root_of_nothing_and_of_one() -> None:
    leaf = hashlib.sha256(b"row").digest()
    assert tree_root(leaf) == hashlib.sha256(b"\x01" + leaf).digest()
    assert tree_root(b"") == hashlib.sha256(b"\x01").digest()
