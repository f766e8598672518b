"""A factory is backed up, destroyed and restored: nothing is missing, nothing is another."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr
from sqlalchemy import MetaData, select
from typer.testing import CliRunner

from greenlang.backup.make import backup
from greenlang.backup.reader import verify
from greenlang.backup.restore import restore
from greenlang.bucket import Bucket
from greenlang.cli.main import app
from greenlang.errors import SettingsError
from greenlang.metrics import query
from greenlang.registry import Caller, Registry, migrate
from greenlang.registry.schema import engine_for
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.bucket.conftest import s3, s3_server  # noqa: F401
from tests.line import line_tools
from tests.registry import old
from tests.registry.postgres import APP, OWNER, Postgres

pytestmark = pytest.mark.xdist_group("backup")  # one worker builds the factory
PASSPHRASE = SecretStr("correct horse battery")
# not in a backup: made anew, of this machine, or told otherwise below
_APART = ("cache/", "metrics.duckdb", "registry.sqlite", "batch.lock", "intake/.lock", "bucket/.lock")


def files(var: Path) -> dict[str, str]:
    """Path -> SHA-256 of every file that a backup holds."""
    return {name: digest for name, digest in line_tools.tree(var).items() if not name.startswith(_APART)}


def rows(url: str, role: str = "") -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    engine = engine_for(url)
    found = MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        told = {
            table.name: [
                json.loads(json.dumps({k: str(v) for k, v in row.items()}))
                for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
            ]
            for table in found.sorted_tables
        }
    engine.dispose()
    return told


def command(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == code, result.output
    return str(result.output)


def test_what_was_destroyed_stands_again(factory: Settings, tmp_path: Path) -> None:
    before, registry = files(factory.var), rows(factory.registry)
    asked = "select agent_id, outcome, score, tests_passed from agents order by all"
    answer = query(factory, asked).as_dicts()
    made = backup(factory, str(tmp_path / "backup.tar.zst"), passphrase=PASSPHRASE)
    assert made.files > 50
    assert made.rows == sum(map(len, registry.values())) - 1, "all but the line of Alembic"
    shutil.rmtree(factory.var)

    done = restore(factory, made.address, passphrase=PASSPHRASE)
    assert (done.findings, done.remarks, done.packs) == ([], [], 2)
    assert done.events == len(registry["audit_events"]) > 2
    assert files(factory.var) == before
    assert rows(factory.registry) == registry
    assert query(factory, asked).as_dicts() == answer
    assert (factory.keys / "signing-key.pem").stat().st_mode & 0o777 == 0o600

    var = ("--var", str(factory.var))
    assert "as they were written" in command(*var, "audit", "verify")
    with Registry(factory.registry, keys=factory.keys) as found:
        entries = found.all()
    assert len(entries) == 2
    for entry in entries:
        command(*var, "registry", "verify", entry.agent_id)
        command(*var, "agent", "verify", entry.agent_id)
    kept = line_tools.run(factory, keys=None)
    assert not [one for one in kept.values() if one.rebuilt], "the next batch finds nothing to do"


def test_the_commands_say_what_they_did(factory: Settings, tmp_path: Path) -> None:
    file, var = str(tmp_path / "b.tar.zst"), ("--var", str(factory.var))
    said = command(*var, "backup", file)
    assert "signing-key.pem" in said
    assert "a private key" in said
    assert "as it was made" in command("backup", "verify", file)
    public = str(factory.keys / "signing-key.pub.pem")
    told = json.loads(command("backup", "verify", file, "--key", public, "--json"))
    assert told["manifest"]["registry"]["tenants"] == ["default"]
    assert "is there already" in command(*var, "backup", file, code=3)
    assert "is not empty" in command("restore", file, "--into", str(factory.var), code=2)
    told = json.loads(command("restore", file, "--into", str(factory.var), "--replace", "--json"))
    assert Path(told["moved"], "packs").is_dir()
    assert (told["packs"], told["findings"]) == (2, [])
    assert "set GREENLANG_BACKUP_PASSPHRASE" in command(*var, "backup", file, "--keys", code=2)


def test_without_keys_what_was_signed_is_still_verified(factory: Settings, tmp_path: Path) -> None:
    """A new pair must not leave the old public key beside another private one."""
    made = backup(factory, str(tmp_path / "b.tar.zst"))
    shutil.rmtree(factory.var)
    done = restore(factory, made.address)
    assert done.findings == []
    assert "private key is not restored" in done.remarks[0]
    (earlier,) = factory.keys.glob("*.pub.pem")
    with Registry(factory.registry, keys=factory.keys) as registry:
        entry = registry.all()[0]
    var = ("--var", str(factory.var))
    command(*var, "agent", "verify", entry.agent_id, "--key", str(earlier))
    command(*var, "registry", "verify", entry.agent_id, "--keys", str(factory.keys))


def test_a_backup_verifies_by_tar_alone(factory: Settings, tmp_path: Path) -> None:
    """Whoever has lost everything, GreenLang too, unpacks it with what every machine has."""
    made = backup(factory, str(tmp_path / "b.tar.zst"))
    with pa.CompressedInputStream(pa.OSFile(made.address), "zstd") as raw, (tmp_path / "b.tar").open("wb") as file:
        shutil.copyfileobj(raw, file)
    (tmp_path / "plain").mkdir()
    subprocess.run(["tar", "-xf", str(tmp_path / "b.tar"), "-C", str(tmp_path / "plain")], check=True)
    plain, whole = files(tmp_path / "plain" / "var"), files(factory.var)
    assert whole.keys() - plain.keys() == {"keys/signing-key.pem"}
    assert plain.items() <= whole.items()


def test_databases_that_are_written_to_come_along_whole(factory: Settings, tmp_path: Path) -> None:
    """Dagster's and the models' accounts are SQLite: with a write under way, and half of it in a WAL beside it."""
    file = factory.var / "dagster" / "history" / "runs.db"
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE runs (id INTEGER)")
        writer.executemany("INSERT INTO runs VALUES (?)", [(one,) for one in range(1000)])
        writer.commit()
        writer.execute("INSERT INTO runs VALUES (-1)")  # not committed
        made = backup(factory, str(tmp_path / "b.tar.zst"))
    copy = Settings(var=tmp_path / "copy")
    restore(copy, made.address)
    assert not file.with_name("runs.db-wal").exists() or not (copy.var / "dagster/history/runs.db-wal").exists()
    with closing(sqlite3.connect(copy.var / "dagster" / "history" / "runs.db")) as reader:
        assert reader.execute("SELECT count(*), min(id) FROM runs").fetchone() == (1000, 0)


def test_what_changes_while_it_is_read_is_read_again(
    factory: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the files, before the registry: a pack is replaced, a part of a table is merged away, a spec arrives."""
    from greenlang.backup import make

    pack = next(path for path in factory.packs.iterdir() if path.is_dir())
    other = next(path for path in factory.packs.iterdir() if path.is_dir() and path != pack)
    dumped = make.rows.dump

    def meanwhile(*arguments: Any) -> Any:
        shutil.copytree(other, pack.with_name(".new"))
        shutil.rmtree(pack)
        pack.with_name(".new").rename(pack)
        (factory.var / "bucket" / "inbox" / "late.yaml").write_text("id: late")
        return dumped(*arguments)

    monkeypatch.setattr(make.rows, "dump", meanwhile)
    made = backup(factory, str(tmp_path / "b.tar.zst"))
    copy = Settings(var=tmp_path / "copy")
    done = restore(copy, made.address)
    assert line_tools.tree(copy.packs / pack.name) == line_tools.tree(other), "the new one, and nothing of the old"
    assert (copy.var / "bucket" / "inbox" / "late.yaml").is_file()
    assert all("signed" in finding for finding in done.findings), "the planted pack has another's envelope"


def test_a_bucket_keys_and_cassettes_elsewhere_come_along(
    factory: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    (factory.var / "bucket").rename(away)
    factory.keys.rename(tmp_path / "safe")
    settings = factory.model_copy(update={"bucket": str(away), "keys_folder": tmp_path / "safe"})
    before = line_tools.tree(away)
    made = backup(settings, str(tmp_path / "b.tar.zst"), passphrase=PASSPHRASE)
    with pytest.raises(SettingsError, match="is not empty"):
        restore(settings, made.address, replace=True, passphrase=PASSPHRASE)
    assert files(factory.var), "what stood there is untouched"
    shutil.rmtree(away)
    shutil.rmtree(tmp_path / "safe")
    done = restore(settings, made.address, replace=True, passphrase=PASSPHRASE)
    assert done.findings == []
    assert line_tools.tree(away) == before
    assert (tmp_path / "safe" / "signing-key.pem").is_file()


@pytest.mark.slow
def test_a_store_holds_bucket_and_backup(factory: Settings, tmp_path: Path, s3: Any) -> None:  # noqa: F811
    """The bucket is on S3, and so is the backup; the files go back to a folder."""
    folder = factory.var / "bucket"
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            s3.write(path.relative_to(folder).as_posix(), path.read_bytes())
    before = line_tools.tree(folder)
    shutil.rmtree(folder)
    remote = factory.model_copy(update={"bucket": s3.address})
    address = f"{s3.address}/backups/one.tar.zst"
    made = backup(remote, address)
    assert verify(address).signed_by == made.key_id
    with pytest.raises(OSError, match="is there already"):
        backup(remote, address)
    other = Settings(var=tmp_path / "other", bucket=f"{s3.address}-two")
    assert restore(other, address).findings == []
    names = [entry.name for entry in Bucket.open(other.bucket_address).list("")]
    assert set(names) == set(before), "everything of the bucket, and no backup"
    copy = Settings(var=tmp_path / "copy")
    assert restore(copy, address).findings == []
    assert line_tools.tree(copy.var / "bucket") == before
    second = backup(remote, f"{s3.address}/backups/two.tar.zst")
    assert second.left_out["bucket/backups/one.tar.zst"].startswith("an earlier backup")


def test_two_tenants_on_postgresql(
    factory: Settings, postgres: Postgres, postgres_url: str, postgres_owner_url: str, tmp_path: Path
) -> None:
    """The role of the application reads every tenant; the restored rules still keep them apart."""
    settings = factory.model_copy(update={"registry_url": postgres_url})
    with Registry(postgres_url, keys=settings.keys, caller=Caller(actor="ada")) as registry:
        Tenants(registry).create("acme", name="Acme")
        line_tools.drop(settings.of_tenant("acme"), boiler__yaml=line_tools.example("boiler"))
        with Registry(f"sqlite:///{factory.var / 'registry.sqlite'}") as embedded:
            for entry in embedded.all():
                registry.register(entry)
                registry.as_caller(Caller("acme", "bob")).register(entry)
                registry.as_caller(Caller("public", "eve")).register(entry)
    before = _of_tenants(postgres, postgres_url)
    assert {row["tenant"] for row in before["builds"]} == {"default", "acme", "public"}
    made = backup(settings, str(tmp_path / "b.tar.zst"))
    with postgres.database() as name:
        target = Settings(
            var=tmp_path / "copy", registry_url=postgres.url(name), registry_admin_url=postgres.url(name, OWNER)
        )
        done = restore(target, made.address)
        assert done.findings == []
        assert done.events == len(before["audit_events"])
        assert _of_tenants(postgres, postgres.url(name)) == before
        assert migrate.current(target.registry) is not None
        with Registry(target.registry, keys=target.keys, caller=Caller("acme", "bob")) as registry:
            assert {entry.tenant for entry in registry.all()} == {"acme", "public"}
            registry.register(line_entry("heat/next"))  # numbers go on, and the log
        with pytest.raises(SettingsError, match="has tables already"):
            restore(target.model_copy(update={"var": tmp_path / "third"}), made.address)
        with Registry(target.registry, caller=Caller("default", "ada")) as registry:
            assert {entry.tenant for entry in registry.all()} == {"default", "public"}
    assert (tmp_path / "copy" / "tenants" / "acme" / "bucket" / "inbox" / "boiler.yaml").is_file()


def line_entry(agent_id: str) -> Any:
    from tests.registry.test_registry import entry

    return entry(agent_id)


def _of_tenants(server: Postgres, url: str) -> dict[str, list[Any]]:
    """Every row of all tenants, as the superuser sees them."""
    return rows(url.replace(f"{APP}@", "postgres@"))


def test_a_file_moves_to_postgresql_and_back(factory: Settings, postgres: Postgres, tmp_path: Path) -> None:
    before = rows(factory.registry)
    made = backup(factory, str(tmp_path / "one.tar.zst"))
    with postgres.database() as name:
        there = Settings(
            var=tmp_path / "there", registry_url=postgres.url(name), registry_admin_url=postgres.url(name, OWNER)
        )
        assert restore(there, made.address).findings == []
        back = backup(there, str(tmp_path / "two.tar.zst"))
        with Registry(there.registry, keys=there.keys, caller=Caller("acme", "bob")) as registry:
            registry.register(line_entry("heat/next"))
        more = backup(there, str(tmp_path / "three.tar.zst"))
    with pytest.raises(SettingsError, match=r"acme.*one tenant"):
        restore(Settings(var=tmp_path / "third"), more.address)
    assert not (tmp_path / "third").exists()
    again = Settings(var=tmp_path / "again")
    assert restore(again, back.address).findings == []
    assert rows(again.registry) == before


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_registry_of_an_earlier_release_is_brought_to_the_newest(
    kind: str, factory: Settings, tmp_path: Path, postgres: Postgres
) -> None:
    """Backed up before the upgrade, restored after it."""
    (factory.var / "registry.sqlite").unlink()
    old.make(factory.registry)
    made = backup(factory, str(tmp_path / "b.tar.zst"), passphrase=PASSPHRASE)
    assert verify(made.address).manifest["registry"]["revision"] == "0001"
    with postgres.database() as name:
        urls = {"registry_url": postgres.url(name), "registry_admin_url": postgres.url(name, OWNER)}
        copy = Settings(var=tmp_path / "copy", **(urls if kind == "postgresql" else {}))
        assert restore(copy, made.address, passphrase=PASSPHRASE).findings == []
        with Registry(copy.registry, keys=copy.keys) as registry:
            assert sorted(e.version for e in registry.versions("heat/boiler")) == ["1.0.0", "1.1.0"]


def test_an_empty_factory_has_a_backup_too(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var")
    settings.var.mkdir()
    made = backup(settings, str(tmp_path / "b.tar.zst"))
    assert (made.files, made.rows, made.key_id) == (0, 0, "")
    copy = Settings(var=tmp_path / "copy")
    assert restore(copy, made.address).findings == []
    assert list(copy.var.iterdir()) == []


def test_what_was_damaged_before_is_told_and_restored_as_it_was(factory: Settings, tmp_path: Path) -> None:
    """A backup is no judgement; the restored factory is."""
    one, other = sorted(path for path in factory.packs.iterdir() if path.is_dir())
    (one / "certificate.json").write_text("{")
    (other / "README.md").write_text("changed")
    made = backup(factory, str(tmp_path / "b.tar.zst"))
    said = command("restore", made.address, "--into", str(tmp_path / "copy"), code=1)
    assert f"packs/{one.name}: certificate.json cannot be read" in said
    assert f"packs/{other.name}: README.md was changed" in said
    assert (tmp_path / "copy" / "packs" / other.name / "README.md").read_text() == "changed"


def test_text_is_as_it_was(tmp_path: Path) -> None:
    """Names that are no UTF-8, umlauts, empty files, modes."""
    settings = Settings(var=tmp_path / "var")
    folder = settings.var / "bucket" / "inbox"
    folder.mkdir(parents=True)
    (folder / "Wärme öl.yaml").write_text("ä", encoding="utf-8")
    Path(os.fsdecode(bytes(folder) + b"/latin-\xe4.yaml")).write_bytes(b"x")
    (folder / "empty").touch(mode=0o640)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    made = backup(settings, str(tmp_path / "b.tar.zst"))
    shutil.rmtree(settings.var)
    restore(settings, made.address)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert (folder / "empty").stat().st_mode & 0o777 == 0o640
