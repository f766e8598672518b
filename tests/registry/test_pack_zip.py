"""Zips of packs as they are published: what is refused of them, and what is left after the disk failed."""

from __future__ import annotations

import errno
import io
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.errors import PackError
from greenlang.provenance import tree
from greenlang.registry import Registry
from greenlang.registry.pack_exchange import publish
from greenlang.registry.pack_zip import ZippedPack
from greenlang.registry.packs import certified, pack_of
from tests.api.packing import pack, zipped


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def made(tmp_path: Path, var: Path) -> Path:
    return pack(tmp_path / "made", var / "keys")


@pytest.fixture
def registry(var: Path) -> Iterator[Registry]:
    with Registry(f"sqlite:///{var / 'registry.sqlite'}") as opened:
        yield opened


def _zip(name: str, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> bytearray:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        archive.writestr(name, content)
    return bytearray(out.getvalue())


def test_what_a_zip_declares_is_all_that_is_inflated_of_it() -> None:
    bomb = _zip("a/b", bytes(50_000_000))
    struct.pack_into("<L", bomb, bomb.index(b"PK\x01\x02") + 24, 10)  # its size, in the directory
    tracemalloc.start()
    try:
        with pytest.raises(PackError, match="no zip that can be unpacked"):
            ZippedPack.read(bytes(bomb))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_what_is_no_file_of_a_pack_is_refused() -> None:
    broken = _zip("a/b", b"content " * 100)
    broken[40:50] = b"\xff" * 10
    for data, said in (
        (_zip("a/b", b"x" * 100, zipfile.ZIP_LZMA), "neither stored nor deflated"),
        (_zip("a/" + "ü" * 128, b""), "a name 255"),
        (_zip("a/" * 500 + "b", b""), "at most 1,000 bytes"),
        (broken, "no zip that can be unpacked"),
    ):
        with pytest.raises(PackError, match=said):
            ZippedPack.read(bytes(data))


def test_publishing_again_heals_a_folder_that_was_damaged(registry: Registry, var: Path, made: Path) -> None:
    data = zipped(made)
    _, entry = publish(registry, data, var, var / "keys")
    folder = pack_of(entry, var).folder
    for damage in (
        lambda: (folder / "heat_kiln" / "agent.py").write_text("x = 666\n"),
        (folder / "certificate.json").unlink,
        folder.with_name(f"{folder.name}.dsse.json").unlink,
        lambda: [folder.with_name(f"{folder.name}.zip").write_bytes(data), (folder / "pack.yaml").unlink()],
    ):
        damage()
        assert publish(registry, data, var, var / "keys")[0] == "exists"
        assert certified(pack_of(entry, var).folder).zip(signed=True) == certified(made).zip(signed=True)
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_zip_goes_when_its_folder_is_on_the_disk(
    registry: Registry, var: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()

    def fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        flush(descriptor)

    flush = os.fsync
    monkeypatch.setattr(os, "fsync", fsync)
    _, entry = publish(registry, zipped(made), var, var / "keys")
    kept = (var / entry.pack).with_name(f"{entry.certificate_digest}.zip")
    assert {kept.stat().st_ino, kept.parent.stat().st_ino} <= synced
    synced.clear()
    unlink = Path.unlink

    def gone(path: Path, missing_ok: bool = False) -> None:
        if path == kept:
            below = [path.parent, *(found for found in path.parent.rglob("*") if found != kept)]
            assert {found.stat().st_ino for found in below} <= synced
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", gone)
    assert tree(pack_of(entry, var).folder) == tree(made)
    assert not kept.exists()


def test_a_disk_that_is_full_for_a_while_is_no_pack_that_is_not_there(
    registry: Registry, var: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, entry = publish(registry, zipped(made), var, var / "keys")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for broken in ("write_bytes", "rename"):
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
            patch.setattr(Path, broken, full)
            pack_of(entry, var)
    assert tree(pack_of(entry, var).folder) == tree(made)
