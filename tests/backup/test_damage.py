"""Backups that are not whole or not what they were are refused by the member's name; what fails leaves nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr

from greenlang.backup.make import backup
from greenlang.backup.reader import verify
from greenlang.backup.restore import restore
from greenlang.errors import BackupBroken, BackupError, PackError, SettingsError
from greenlang.settings import Settings
from greenlang.signing import Signer
from tests.cli.test_cli import filled

Change = Callable[[tarfile.TarInfo, bytes], "tuple[tarfile.TarInfo, bytes] | None"]


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """A factory with a few files, a registry and a key."""
    settings = Settings(var=filled(tmp_path / "var"))
    (settings.var / "reports").mkdir()
    for number in range(30):
        (settings.var / "reports" / f"{number}.json").write_text(f"report {number} " * 400)
    (settings.var / "reports" / "copy.json").write_text("report 3 " * 400)
    Signer(settings.keys).sign(b"")
    return settings


@pytest.fixture
def made(small: Settings, tmp_path: Path) -> str:
    return backup(small, str(tmp_path / "b.tar.zst")).address


def rewritten(address: str, change: Change) -> str:
    """The same archive with other members."""
    target = address.replace(".tar", "-changed.tar")
    with (
        pa.CompressedInputStream(pa.OSFile(address), "zstd") as raw,
        tarfile.open(fileobj=raw, mode="r|") as old,
        pa.CompressedOutputStream(pa.OSFile(target, "w"), "zstd") as pressed,
        tarfile.open(fileobj=pressed, mode="w|", format=tarfile.PAX_FORMAT) as new,
    ):
        for info in old:
            file = old.extractfile(info) if info.isreg() else None
            changed = change(info, file.read() if file else b"")
            if changed is not None:
                import io

                changed[0].size = len(changed[1])
                new.addfile(changed[0], io.BytesIO(changed[1]))
    return target


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 0.999])
def test_one_that_is_cut_off_is_refused(made: str, share: float, tmp_path: Path) -> None:
    data = Path(made).read_bytes()
    cut = tmp_path / "cut.tar.zst"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BackupBroken, match=r"cut off|damaged"):
        verify(str(cut))
    with pytest.raises(BackupBroken):
        restore(Settings(var=tmp_path / "copy"), str(cut))
    assert not (tmp_path / "copy").exists()
    assert not list(tmp_path.glob(".copy*"))


def test_other_bytes_are_told_by_the_name_of_their_member(made: str, tmp_path: Path) -> None:
    name = "var/reports/7.json"
    changed = rewritten(made, lambda info, data: (info, data.replace(b"7", b"8") if info.name == name else data))
    with pytest.raises(BackupBroken, match=r"var/reports/7\.json: it is not what was backed up") as error:
        verify(changed)
    assert error.value.member == name
    with pytest.raises(BackupBroken, match=r"7\.json"):
        restore(Settings(var=tmp_path / "copy"), changed)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("var/reports/9.json", None, r"9\.json: it is missing"),
        ("files.jsonl", None, "files.jsonl.*missing"),
        ("manifest.json", None, "manifest.json.*missing"),
        ("manifest.json", lambda data: data.replace(b'"backup": 1', b'"backup": 2'), "form 2"),
        ("manifest.json", lambda data: data.replace(b"0.1.0", b"0.2.0"), "manifest.sig: .*not what this key signed"),
        ("manifest.sig", lambda data: b"{}", "manifest.sig: it cannot be read"),
        (
            "registry/builds.jsonl",
            lambda data: data.replace(b'"tests_total": 12', b'"tests_total": 13'),
            r"registry/builds\.jsonl",
        ),
    ],
)
def test_each_part_is_held_by_another(made: str, name: str, change: Any, says: str) -> None:
    def changed(info: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes] | None:
        if info.name != name:
            return info, data
        if change is None:
            return None
        assert change(data) != data
        return info, change(data)

    with pytest.raises(BackupBroken, match=says):
        verify(rewritten(made, changed))


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "var/../../out", "elsewhere/x"])
def test_a_member_that_leads_elsewhere_is_refused(made: str, name: str, tmp_path: Path) -> None:
    def renamed(info: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if info.name == "var/reports/7.json":
            info.name = name
        return info, data

    with pytest.raises(BackupBroken, match=r"no such member|neither a file"):
        restore(Settings(var=tmp_path / "deep" / "copy"), rewritten(made, renamed))
    assert not (tmp_path / "out").exists()


def test_a_symbolic_link_is_refused(made: str, tmp_path: Path) -> None:
    def linked(info: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if info.name == "var/reports/7.json":
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            return info, b""
        return info, data

    with pytest.raises(BackupBroken, match=r"7\.json is neither a file nor a folder"):
        restore(Settings(var=tmp_path / "copy"), rewritten(made, linked))


def test_who_must_have_signed_it(made: str, small: Settings, tmp_path: Path) -> None:
    assert verify(made, small.keys / "signing-key.pub.pem").signed_by
    Signer(tmp_path / "other").sign(b"")
    with pytest.raises(BackupBroken, match="not what this key signed"):
        verify(made, tmp_path / "other" / "signing-key.pub.pem")
    (tmp_path / "none.pem").write_text("x")
    with pytest.raises(PackError, match="no public key"):
        verify(made, tmp_path / "none.pem")
    unsigned = rewritten(made, lambda info, data: None if info.name == "manifest.sig" else (info, data))
    assert verify(unsigned).signed_by == ""
    with pytest.raises(BackupBroken, match="not signed"):
        verify(unsigned, small.keys / "signing-key.pub.pem")


def test_something_else_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "b.tar.zst").write_bytes(b"hello")
    with pytest.raises(BackupBroken, match="cut off or damaged at its start"):
        verify(str(tmp_path / "b.tar.zst"))
    with pytest.raises(BackupError, match="cannot be read"):
        verify(str(tmp_path / "none.tar.zst"))


def test_private_keys_are_never_in_it_unencrypted(small: Settings, tmp_path: Path) -> None:
    secret = (small.keys / "signing-key.pem").read_bytes().splitlines()[1]

    def members(address: str) -> Iterator[tuple[str, bytes]]:
        with pa.CompressedInputStream(pa.OSFile(address), "zstd") as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
            for info in tar:
                file = tar.extractfile(info) if info.isreg() else None
                yield info.name, file.read() if file else b""

    without = dict(members(backup(small, str(tmp_path / "1.tar.zst")).address))
    assert not [name for name in without if "signing-key.pem" in name]
    made = backup(small, str(tmp_path / "2.tar.zst"), passphrase=SecretStr("correct horse battery"))
    held = dict(members(made.address))
    assert held["private/var/keys/signing-key.pem"].startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert not [name for name, data in {**without, **held}.items() if secret in data]
    with pytest.raises(SettingsError, match="does not open"):
        restore(Settings(var=tmp_path / "copy"), made.address, passphrase=SecretStr("something other than it"))
    assert not (tmp_path / "copy").exists()
    with pytest.raises(SettingsError, match="less than 12"):
        backup(small, str(tmp_path / "3.tar.zst"), passphrase=SecretStr("short"))
    assert not (tmp_path / "3.tar.zst").exists()


@contextmanager
def little_space(size: int) -> Iterator[None]:
    """No file of this process grows beyond ``size`` bytes, as if the disk ended there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    held = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, held)


def test_a_full_disk_is_told_with_the_mend_and_leaves_nothing(small: Settings, made: str, tmp_path: Path) -> None:
    (small.var / "reports" / "large").write_bytes(os.urandom(3_000_000))
    with little_space(1_000_000), pytest.raises(BackupError, match=r"no space for .*free some, or name"):
        backup(small, str(tmp_path / "full.tar.zst"))
    assert not list(tmp_path.glob("*full*")) + list(tmp_path.glob(".*full*"))
    with_large = backup(small, str(tmp_path / "large.tar.zst")).address
    with little_space(1_000_000), pytest.raises(BackupError, match="no space below"):
        restore(Settings(var=tmp_path / "copy"), with_large)
    assert not (tmp_path / "copy").exists()
    assert not list(tmp_path.glob(".copy*"))


def test_a_killed_one_leaves_nothing_under_its_name(small: Settings, tmp_path: Path) -> None:
    target = tmp_path / "killed.tar.zst"
    script = (
        "import sys, time\n"
        "from greenlang.backup import make\n"
        "from greenlang.settings import Settings\n"
        "make.rows.dump = lambda *_: (print('half', flush=True), time.sleep(60))\n"
        "make.backup(Settings(var=sys.argv[1]), sys.argv[2])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(small.var), str(target)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        with pytest.raises(BackupError, match="being written by another"):
            backup(small, str(target))
        process.kill()
    assert not target.exists()
    assert backup(small, str(target)).files > 30
    assert verify(str(target)).signed_by
    assert not list(tmp_path.glob(".killed*"))


def test_nothing_is_restored_over_a_batch_at_work(small: Settings, made: str) -> None:
    import fcntl

    with (small.var / "batch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SettingsError, match="a batch works"):
            restore(small, made, replace=True)
    assert (small.var / "reports" / "7.json").is_file()


def test_a_registry_that_cannot_be_loaded_puts_everything_back(
    small: Settings, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenlang.backup import restore as module
    from greenlang.errors import RegistryError

    def fails(*_: Any, **__: Any) -> None:
        raise RegistryError("lost")

    before = sorted(small.var.rglob("*"))
    monkeypatch.setattr(module.rows, "load", fails)
    with pytest.raises(RegistryError):
        restore(small, made, replace=True)
    assert sorted(path for path in small.var.rglob("*")) == before
    assert not list(small.var.parent.glob("var.before*"))


def test_the_manifest_holds_no_password(small: Settings, tmp_path: Path) -> None:
    settings = small.model_copy(update={"bucket": "s3://name:planted-password@host/x?secret_key=planted-too"})
    from greenlang.backup.make import _manifest

    told = _manifest(settings, {}, None, {})
    assert b"planted" not in told
    assert json.loads(told)["bucket"]
