"""Where a backup is restored to: mounts, folders that moved, filled buckets; and what no backup contains."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from greenlang.backup import restore as module
from greenlang.backup.make import backup
from greenlang.backup.restore import Filled, restore
from greenlang.bucket import Bucket
from greenlang.errors import BackupError, BucketError, RegistryError, SettingsError
from greenlang.settings import Settings
from greenlang.signing import Signer
from tests.backup.test_damage import made, small  # noqa: F401
from tests.bucket.conftest import s3, s3_server  # noqa: F401
from tests.line import line_tools

pytestmark = pytest.mark.xdist_group("backup")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def full(small: Settings) -> Settings:  # noqa: F811
    """A small factory with specs, cassettes and a tenant."""
    for name in ("bucket/inbox/a.yaml", "cassettes/one.json", "tenants/acme/bucket/inbox/b.yaml"):
        (small.var / name).parent.mkdir(parents=True, exist_ok=True)
        (small.var / name).write_text(name)
    return small


def members(address: str) -> set[str]:
    import tarfile

    with pa.CompressedInputStream(pa.OSFile(address), "zstd") as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        return {info.name for info in tar}


def fails(*_: Any, **__: Any) -> None:
    raise RegistryError("lost")


# --- mounts -----------------------------------------------------------------------------------------------------------


def test_var_itself_is_never_moved_and_nothing_is_made_beside_it(full: Settings, tmp_path: Path) -> None:
    address = backup(full, str(tmp_path / "b.tar.zst")).address
    for var in (full.var, tmp_path / "new" / "var"):
        var.mkdir(parents=True, exist_ok=True)
        (var / "lost+found").mkdir()  # every file system of a volume has one
        inode, beside = var.stat().st_ino, sorted(var.parent.iterdir())
        done = restore(Settings(var=var), address, replace=var == full.var)
        assert (done.findings, var.stat().st_ino, sorted(var.parent.iterdir())) == ([], inode, beside)
        assert (done.moved is None) == (var != full.var)
        assert not (var / ".restoring").exists()
    assert done.moved is None
    again = backup(full, str(tmp_path / "again.tar.zst"))
    assert not [name for name in members(again.address) if ".before-" in name], "what was moved aside is no factory"
    assert [name for name, why in again.left_out.items() if ".before-" in name and why]


def test_a_volume_on_a_root_that_nobody_may_write(full: Settings, tmp_path: Path) -> None:
    """As Compose and the chart have it, with the key of a Secret."""
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make mounts of their own")
    address = backup(full, str(tmp_path / "b.tar.zst")).address
    root = tmp_path / "root"
    root.mkdir()
    script = """set -e
        mount -t tmpfs root "$1"; mkdir "$1/var" "$1/keys"; cp -p "$2"/* "$1/keys/"
        mount -t tmpfs volume "$1/var"; mount -o remount,ro "$1"
        touch "$1/x" 2> /dev/null && exit 9
        export GREENLANG_KEYS_FOLDER="$1/keys"
        "$3" restore "$4" --into "$1/var"
        "$3" restore "$4" --into "$1/var" --replace
        ls -A "$1/var" """
    arguments = [str(root), str(full.keys), str(Path(sys.executable).with_name("greenlang")), address]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["unshare", "-Urm", "bash", "-c", script, "x", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "events of the log as they were written" in done.stdout
    assert "\n.before-" in done.stdout
    assert "\nreports\n" in done.stdout
    assert "\nkeys\n" not in done.stdout


def test_a_folder_with_the_same_key_is_left_alone(full: Settings, tmp_path: Path) -> None:
    address = backup(full, str(tmp_path / "b.tar.zst")).address
    shutil.copytree(full.keys, tmp_path / "secret")
    before = line_tools.tree(tmp_path / "secret")
    done = restore(Settings(var=tmp_path / "copy", keys_folder=tmp_path / "secret"), address)
    assert done.findings == []
    assert line_tools.tree(tmp_path / "secret") == before
    assert not (tmp_path / "copy" / "keys").exists()
    Signer(tmp_path / "other").sign(b"")
    with pytest.raises(SettingsError, match="another key"):
        restore(Settings(var=tmp_path / "third", keys_folder=tmp_path / "other"), address)
    assert not (tmp_path / "third").exists()


# --- folders that moved -----------------------------------------------------------------------------------------------


def test_what_was_inside_goes_where_it_is_now_and_back(full: Settings, tmp_path: Path) -> None:
    before = line_tools.tree(full.var / "bucket")
    address = backup(full, str(tmp_path / "b.tar.zst")).address
    away = tmp_path / "away"
    moved = {"bucket": str(away / "bucket"), "keys_folder": away / "keys", "llm_cassettes": away / "cassettes"}
    there = Settings(var=tmp_path / "there", **moved)
    assert restore(there, address).findings == []
    assert (away / "bucket" / "tenants" / "acme" / "inbox" / "b.yaml").is_file(), "where `of_tenant` looks"
    shutil.copytree(away / "bucket", tmp_path / "seen")
    shutil.rmtree(tmp_path / "seen" / "tenants")
    assert line_tools.tree(tmp_path / "seen") == before
    assert (away / "cassettes" / "one.json").is_file()
    assert list((away / "keys").glob("*.pub.pem"))
    assert (away / "keys").stat().st_mode & 0o077 == 0
    assert not [name for name in ("bucket", "keys", "cassettes") if (there.var / name).exists()]
    back = Settings(var=tmp_path / "back")
    assert restore(back, backup(there, str(tmp_path / "two.tar.zst")).address).findings == []
    assert line_tools.tree(back.var / "bucket") == before
    assert (back.var / "tenants" / "acme" / "bucket" / "inbox" / "b.yaml").is_file()
    assert (back.var / "cassettes" / "one.json").is_file()


def test_what_fails_takes_every_move_back(full: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = backup(full, str(tmp_path / "b.tar.zst")).address
    before = line_tools.tree(full.var)
    monkeypatch.setattr(module.rows, "load", fails)
    away = tmp_path / "away"
    settings = full.model_copy(update={"bucket": str(away / "bucket"), "keys_folder": away / "keys"})
    with pytest.raises(RegistryError):
        restore(settings, address, replace=True)
    assert line_tools.tree(full.var) == before
    assert not away.exists()
    with pytest.raises(RegistryError):
        restore(Settings(var=tmp_path / "new"), address)
    assert not (tmp_path / "new").exists()


# --- buckets that hold something --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_live_bucket_in_a_store_is_not_written_over(
    full: Settings,
    tmp_path: Path,
    s3: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = backup(full, str(tmp_path / "b.tar.zst")).address
    s3.write("backups/one.tar.zst", b"a backup is no spec")

    def into(name: str, **more: Any) -> Any:
        return restore(Settings(var=tmp_path / name, bucket=s3.address), address, **more)

    with monkeypatch.context() as patch:
        patch.setattr(module.rows, "load", fails)
        with pytest.raises(RegistryError):
            into("failed")
    assert [entry.name for entry in s3.list("")] == ["backups/one.tar.zst"], "nothing before the rows are committed"
    assert into("one", bucket=Filled.KEEP).findings == [], "an empty one is filled"
    assert s3.read("inbox/a.yaml") == b"bucket/inbox/a.yaml"
    s3.write("inbox/a.yaml", b"live")
    s3.write("inbox/later.yaml", b"live")
    with pytest.raises(SettingsError, match=r"holds objects already, as inbox/a\.yaml"):
        into("two")
    assert s3.read("inbox/a.yaml") == b"live"
    kept = into("two", bucket=Filled.KEEP)
    assert (kept.findings, "the bucket was left as it is" in kept.remarks) == ([], True)
    assert s3.read("inbox/a.yaml") == b"live"
    assert into("three", bucket=Filled.OVERWRITE).findings == []
    assert s3.read("inbox/a.yaml") == b"bucket/inbox/a.yaml"
    assert s3.read("inbox/later.yaml") == b"live"
    assert s3.read("tenants/acme/inbox/b.yaml") == b"tenants/acme/bucket/inbox/b.yaml"


def test_a_bucket_that_fails_at_the_end_is_told_and_its_files_are_kept(
    full: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = backup(full, str(tmp_path / "b.tar.zst")).address

    class Lost:
        def list(self, *_: Any, **__: Any) -> list[Any]:
            return []

        def write(self, path: str, data: bytes) -> None:
            raise BucketError("the store is gone")

    monkeypatch.setattr(Bucket, "open", lambda _: Lost())
    settings = Settings(var=tmp_path / "copy", bucket="s3://gone")
    done = restore(settings, address)
    assert "0 of 2 files (the store is gone)" in done.findings[0]
    assert (settings.var / ".bucket-of-backup" / "inbox" / "a.yaml").is_file()
    assert (settings.var / "registry.sqlite").is_file()


def test_a_filled_folder_of_a_bucket(full: Settings, tmp_path: Path) -> None:
    address = backup(full, str(tmp_path / "b.tar.zst")).address
    live = tmp_path / "live" / "inbox" / "a.yaml"
    live.parent.mkdir(parents=True)
    live.write_text("live")
    settings = Settings(var=tmp_path / "copy", bucket=str(tmp_path / "live"))
    with pytest.raises(SettingsError, match="--bucket"):
        restore(settings, address)
    assert restore(settings, address, bucket=Filled.KEEP).findings == []
    assert live.read_text() == "live"
    assert restore(settings, address, replace=True, bucket=Filled.OVERWRITE).findings == []
    assert live.read_text() == "bucket/inbox/a.yaml"


# --- what works meanwhile ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tenants/acme/batch.lock", "launches/lock"])
def test_nothing_is_restored_over_anybody_at_work(full: Settings, name: str, tmp_path: Path) -> None:
    address = backup(full, str(tmp_path / "b.tar.zst")).address
    (full.var / name).parent.mkdir(parents=True, exist_ok=True)
    with (full.var / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SettingsError, match="a batch works"):
            restore(full, address, replace=True)
    assert restore(full, address, replace=True).findings == []


# --- what no backup contains ------------------------------------------------------------------------------------------


@contextmanager
def store_that_answers(head: int) -> Iterator[tuple[str, list[str]]]:
    """A store that answers every HEAD so and takes everything else; with what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            asked.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(head if self.command == "HEAD" else 200)
            self.send_header("Content-Length", "0")
            self.send_header("ETag", '"x"')
            self.end_headers()

        do_HEAD = do_GET = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [403, 404])
def test_only_what_is_surely_free_is_written(status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(var=tmp_path / "var")
    (settings.var / "reports").mkdir(parents=True)
    with store_that_answers(status) as (url, asked):
        for name, value in {"ENDPOINT_URL": url, "ALLOW_HTTP": "true", "ACCESS_KEY_ID": "x", "REGION": "x"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        if status == 404:
            assert backup(settings, "s3://some/b.tar.zst").files == 0
            assert "PUT" in asked
        else:
            with pytest.raises(BackupError, match="whether something is there cannot be told"):
                backup(settings, "s3://some/b.tar.zst")
            assert set(asked) == {"HEAD"}


def test_no_backup_contains_another(full: Settings, tmp_path: Path) -> None:
    first = backup(full, str(full.var / "backups" / "2026" / "one.tar.zst"))
    shutil.copytree(full.var / "backups", full.var / "bucket" / "backups")
    (full.var / "backups" / "note.txt").write_text("not a backup")
    second = backup(full, str(full.var / "backups" / "two.tar.zst"))
    names = members(second.address)
    assert not [name for name in names if name.endswith(".tar.zst")]
    assert "var/backups/note.txt" in names
    for name in ("var/backups/2026/one.tar.zst", "var/bucket/backups/2026/one.tar.zst"):
        assert "an earlier backup" in second.left_out[name]
    assert second.bytes < first.bytes * 1.1
    for place in (full.var / "b.tar.zst", full.var / "bucket" / "inbox" / "b.tar.zst", full.var / "backups" / "b.tar"):
        with pytest.raises(SettingsError, match=r"backups/NAME\.tar\.zst"):
            backup(full, str(place))
    with pytest.raises(SettingsError, match=r"s3://specs/backups/NAME"):
        backup(full.model_copy(update={"bucket": "s3://specs"}), "s3://specs/b.tar.zst")
    shutil.rmtree(full.var / "reports")
    assert restore(full, second.address, replace=True).findings == []
    assert (full.var / "backups" / "2026" / "one.tar.zst").is_file(), "backups stay where they are"


def test_a_private_key_in_the_middle_and_files_of_secrets_are_left_out(
    full: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = (full.keys / "signing-key.pem").read_text()
    folder = full.var / "dagster"
    folder.mkdir()
    (folder / "bundle.pem").write_text(f"Bag Attributes\n    friendlyName: {'x' * 100}\n{private}")
    (folder / "deploy.yaml").write_text(f"key: |\n  {private}")
    (folder / "url").write_text("postgresql://me:planted-secret@host/x")
    (folder / "plain").write_text("no secret")
    monkeypatch.setenv("DAGSTER_PG_URL_FILE", str(folder / "url"))
    made = backup(full, str(tmp_path / "b.tar.zst"), dagster=False)  # noqa: F811
    names = members(made.address)
    assert {name for name in names if name.startswith("var/dagster/")} == {"var/dagster/plain"}
    assert "private key" in made.left_out["var/dagster/bundle.pem"]
    assert "private key" in made.left_out["var/dagster/deploy.yaml"]
    assert "DAGSTER_PG_URL_FILE" in made.left_out["var/dagster/url"]


def test_what_lies_in_other_stores_is_named(small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    for name in ("DAGSTER_PG_URL", "DAGSTER_PG_URL_FILE", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    here = backup(small, str(tmp_path / "1.tar.zst")).left_out
    assert not {"GREENLANG_STORE", "Dagster's database"} & here.keys()
    monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://me:planted@host/dagster")
    monkeypatch.setenv("PATH", str(tmp_path))
    there = small.model_copy(update={"store": "s3://me:planted@shards"})
    left = backup(there, str(tmp_path / "2.tar.zst")).left_out
    assert "between machines" in left["GREENLANG_STORE"]
    assert "pg_dump is not on the PATH" in left["Dagster's database"]
    assert "planted" not in str(left)
