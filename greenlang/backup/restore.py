"""Making a factory of a backup again.

Everything is unpacked beside the target and compared before it is moved into place; the registry's rows are loaded in
one transaction; afterwards the restored factory is proved: certificates and signatures of packs, the chain of the log.

Belongs here: the order, the proof. Does not belong here: reading the archive (`reader`), the rows (`rows`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from greenlang.backup import rows
from greenlang.backup.archive import FULL
from greenlang.backup.contents import PACKS, PUBLISHED
from greenlang.backup.reader import Verified, unpack
from greenlang.errors import BackupError, SettingsError
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.registry.database import Database
from greenlang.settings import Settings
from greenlang.signing import PRIVATE, PUBLIC, key_id, read_public_key


@dataclass
class Restored:
    """A factory that stands again, and what was proved of it; ``findings`` is empty if everything holds."""

    var: Path
    backup: Verified
    packs: int = 0
    events: int = 0
    moved: Path | None = None  # what stood there before
    findings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def restore(
    settings: Settings,
    address: str,
    *,
    replace: bool = False,
    passphrase: SecretStr | None = None,
    key: Path | None = None,
) -> Restored:
    """Restore a backup into ``settings.var``, its registry into that of the settings. The backup is proved first.

    ``replace``: move what stands in ``var`` aside instead of refusing it. ``passphrase``: of the private keys in it.
    ``key``: the public key that must have signed it. Raises SettingsError for a target that will not do, BackupBroken,
    and BackupError.
    """
    var = settings.var
    filled = var.is_dir() and any(var.iterdir())
    if filled and not replace:
        raise SettingsError(f"{var} is not empty: name another folder by --into, or say --replace to move it aside")
    file = Database(settings.registry).file if settings.registry.startswith("sqlite") else None
    if file is None or not file.absolute().is_relative_to(var):
        rows.refuse_filled(settings.registry_admin_url or settings.registry)
    staging = var.with_name(f".{var.name}.restoring")
    try:
        with _idle(settings):
            var.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(mode=0o700)
            done = Restored(var, unpack(address, staging, key))
            _one_tenant(settings, done.backup)
            _keys(staging, passphrase, done)
            elsewhere = _elsewhere(settings, staging)
            with _in_place(settings, staging, done):
                for folder, target in elsewhere:
                    shutil.copytree(folder, target, dirs_exist_ok=True, copy_function=shutil.move)
                _bucket(settings, staging)
                _registry(settings, staging, done)  # last: what is loaded into a database is not taken back
    except OSError as error:
        if error.errno in FULL:
            raise BackupError(
                f"there is no space below {var.parent} for the backup: free some, and try again"
            ) from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    _views(settings)
    _prove(settings, done)
    return done


@contextmanager
def _in_place(settings: Settings, staging: Path, done: Restored) -> Iterator[None]:
    """The restored folder where it belongs; what stood there comes back if the block fails."""
    var = settings.var
    if var.is_dir() and any(var.iterdir()):
        done.moved = var.with_name(f"{var.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        var.rename(done.moved)
    elif var.is_dir():
        var.rmdir()
    (staging / "var").mkdir(exist_ok=True)
    (staging / "var").rename(var)
    try:
        yield
    except BaseException:
        shutil.rmtree(var)
        if done.moved is not None:
            done.moved.rename(var)
        raise


@contextmanager
def _idle(settings: Settings) -> Iterator[None]:
    """Refuses while a batch writes into the folder."""
    lock = settings.var / "batch.lock"
    if not lock.exists():
        yield
        return
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(f"a batch works in {settings.var}: stop it first (`make down`)") from error
        yield


def _one_tenant(settings: Settings, backup: Verified) -> None:
    others = set(backup.dumped.tenants if backup.dumped else ()) - {DEFAULT_TENANT}
    if others and settings.registry.startswith("sqlite"):
        raise SettingsError(
            f"the backup has rows of {', '.join(sorted(others))}, and a registry in an SQLite file has one tenant: "
            "name an empty PostgreSQL by GREENLANG_REGISTRY_URL"
        )


def _keys(staging: Path, passphrase: SecretStr | None, done: Restored) -> None:
    """Private keys as they were. Without one the public key gets its own name: a new pair takes the usual ones."""
    sealed = sorted(path for path in (staging / "private").rglob("*") if path.is_file())
    if sealed and passphrase is None:
        done.remarks.append("the private keys in it were left in it: no passphrase was given")
    for path in sealed if passphrase is not None else []:
        assert passphrase is not None
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), passphrase.get_secret_value().encode())
        except ValueError as error:
            raise SettingsError("the passphrase does not open the private keys of the backup") from error
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        target = staging / path.relative_to(staging / "private")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(plain)
    for folder in (staging / "var" / "keys", staging / "keys"):
        if folder.is_dir():
            folder.chmod(0o700)
        if (folder / PUBLIC).is_file() and not (folder / PRIVATE).is_file():
            earlier = f"{key_id(read_public_key(folder / PUBLIC))[:16]}.pub.pem"
            (folder / PUBLIC).rename(folder / earlier)
            done.remarks.append(
                f"the private key is not restored: what is signed from now on is signed by a new one, and `{earlier}` "
                "verifies what was signed before (`agent verify --key`, `registry verify --keys`)"
            )


def _elsewhere(settings: Settings, staging: Path) -> list[tuple[Path, Path]]:
    """Folders that were outside var and go where the settings say. Raises SettingsError where one is not empty."""
    targets = {"keys": settings.keys, "cassettes": settings.cassettes}
    if not _remote(settings):
        targets["bucket"] = Path(settings.bucket_address.removeprefix("file://")).expanduser().absolute()
    found = []
    for name, target in targets.items():
        inside = target.is_relative_to(settings.var)
        # a folder of var that the settings keep elsewhere now, or the other way round, moves
        for folder in (staging / name, *([] if inside else [staging / "var" / name])):
            if folder.is_dir():
                if not inside and target.is_dir() and any(path.is_file() for path in target.rglob("*")):
                    raise SettingsError(f"{target} is not empty: move it aside, or name another folder")
                found.append((folder, target))
    return found


def _remote(settings: Settings) -> bool:
    return "://" in settings.bucket_address and not settings.bucket_address.startswith("file://")


def _bucket(settings: Settings, staging: Path) -> None:
    """The bucket's files into a store, where the settings name one. What is there under other names stays."""
    if not _remote(settings):
        return
    from greenlang.bucket import Bucket

    bucket = Bucket.open(settings.bucket_address)
    for folder in (staging / "bucket", settings.var / "bucket"):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                bucket.write(path.relative_to(folder).as_posix(), path.read_bytes())


def _registry(settings: Settings, staging: Path, done: Restored) -> None:
    dumped = done.backup.dumped
    if dumped is None:
        return
    owner = settings.registry_admin_url or settings.registry
    role = make_url(settings.registry).username if settings.registry_admin_url else None
    rows.load(owner, staging / rows.FOLDER, dumped, app_role=role, keys=settings.keys)


def _views(settings: Settings) -> None:
    from greenlang.metrics import MetricsStore

    tenants = sorted((settings.var / "tenants").glob("*")) if (settings.var / "tenants").is_dir() else []
    for one in (settings, *(settings.of_tenant(folder.name) for folder in tenants)):
        if one.tables.is_dir():
            MetricsStore(one).rebuild_catalogue()


def _prove(settings: Settings, done: Restored) -> None:
    """Every finished pack by its certificate and its signature, and the log of every tenant."""
    from greenlang.factory import attest
    from greenlang.provenance import CERTIFICATE, PackCertificate

    keys = [read_public_key(path) for path in sorted(settings.keys.glob("*.pub.pem"))]
    for folder in _packs(settings.var):
        if not (folder / CERTIFICATE).is_file():
            continue  # it never was finished
        done.packs += 1
        try:
            findings = PackCertificate.load(folder).verify(folder)
        except (ValueError, AttributeError, TypeError) as error:  # it was damaged before it was backed up
            findings = [f"{CERTIFICATE} cannot be read: {error}"]
        envelope = attest.envelope_path(folder)
        if not findings and keys and envelope.is_file():
            wrong = [attest.verify(folder, envelope.read_bytes(), key) for key in keys]
            findings = min(wrong, key=len)
        done.findings += [f"{folder.relative_to(settings.var)}: {finding}" for finding in findings]
    _prove_log(settings, done)


def _packs(var: Path) -> Iterator[Path]:
    for home in (var, *sorted((var / "tenants").glob("*"))):
        for name in PACKS[:2]:
            for folder in (home / name, home / name / PUBLISHED):
                with suppress(FileNotFoundError):
                    yield from sorted(path for path in folder.iterdir() if path.is_dir() and path.name != PUBLISHED)


def _prove_log(settings: Settings, done: Restored) -> None:
    from greenlang.registry import Caller, Registry
    from greenlang.registry.audit import AuditLog

    if done.backup.dumped is None:
        return
    owner = settings.registry_admin_url is not None
    url = settings.registry_admin_url or settings.registry
    for tenant in done.backup.dumped.tenants:
        caller = Caller(tenant, "restore")
        with Registry(url, caller=caller, keys=settings.keys, database=Database(url, owner=owner)) as registry:
            seen = AuditLog(registry).verify()
        done.events += seen.events
        done.findings += [f"{one.place}: {one.message}" for one in seen.findings]
