"""Making a factory of a backup again.

Everything is unpacked in a folder of the target and compared before it is moved into place; the registry's rows are
loaded in one transaction, the bucket of a store is written after that; afterwards the restored factory is proved:
certificates and signatures of packs, the chain of the log.

Belongs here: the order, the proof. Does not belong here: reading the archive (`reader`), moving folders and taking that
back (`place`), the rows (`rows`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from greenlang.backup import instance, place, rows
from greenlang.backup.archive import FULL
from greenlang.backup.contents import BUCKET_LEFT, DAGSTER_LEFT, PACKS, PUBLISHED, RESTORING, bucket_folder, is_backup
from greenlang.backup.reader import Verified, unpack
from greenlang.errors import BackupError, BucketError, GreenlangError, SettingsError
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.registry.database import Database
from greenlang.settings import Settings
from greenlang.signing import PRIVATE, PUBLIC, key_id, read_public_key


class Filled(StrEnum):
    """What becomes of a bucket outside of ``var`` that holds something already."""

    REFUSE = "refuse"
    KEEP = "keep"
    OVERWRITE = "overwrite"


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
    bucket: Filled = Filled.REFUSE,
    passphrase: SecretStr | None = None,
    key: Path | None = None,
) -> Restored:
    """Restore a backup into ``settings.var``, its registry into that of the settings. The backup is proved first.

    ``replace``: move what stands in ``var`` aside instead of refusing it. ``bucket``: what becomes of one elsewhere
    that is not empty. ``passphrase``: of the private keys in it. ``key``: the public key that must have signed it.
    Raises SettingsError for a target that will not do, BackupBroken, and BackupError.
    """
    var = settings.var
    if place.filled(var) and not replace:
        raise SettingsError(f"{var} is not empty: name another folder by --into, or say --replace to move it aside")
    file = Database(settings.registry).file if settings.registry.startswith("sqlite") else None
    if file is None or not file.absolute().is_relative_to(var):
        rows.refuse_filled(settings.registry_admin_url or settings.registry)
    keep = bucket is Filled.KEEP
    if bucket_folder(settings) is None and bucket is not Filled.OVERWRITE and (held := _in_store(settings)):
        if not keep:
            raise SettingsError(
                f"the bucket holds objects already, as {held}: name another by GREENLANG_BUCKET, or say whether it "
                "stays as it is (--bucket keep) or objects of the backup take the place of those of the same name "
                "(--bucket overwrite)"
            )
    elif bucket_folder(settings) is None:
        keep = False
    staging = var / RESTORING
    moves = place.Moves()
    try:
        with _idle(settings):
            moves.folder(var)
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(mode=0o700)
            done = Restored(var, unpack(address, staging, key))
            _one_tenant(settings, done.backup)
            late = _elsewhere(settings, staging, bucket, keep, passphrase, done, moves)
            with place.swapped(var, staging / "var", moves) as done.moved:
                _registry(settings, staging, done)  # last: what is loaded into a database is not taken back
            moves.made.clear()
            if late is not None:
                _bucket(settings, late, done)
            _dagster(settings, staging / instance.MEMBER, done)
    except GreenlangError:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise BackupError(f"there is no space below {var} for the backup: free some, and try again") from error
        raise BackupError(
            f"{error.filename or var} cannot be written or moved: {error.strerror or error}; nothing was changed"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        moves.unmake()
    _views(settings)
    _prove(settings, done)
    return done


@contextmanager
def _idle(settings: Settings) -> Iterator[None]:
    """Refuses while anybody's batch works in the folder."""
    from greenlang.factory.locks import all_held, lock_files

    with all_held(lock_files(settings.var)) as taken:
        if taken is not None:
            raise SettingsError(f"a batch works in {settings.var} ({taken} is held): stop it first (`make down`)")
        yield


def _one_tenant(settings: Settings, backup: Verified) -> None:
    others = set(backup.dumped.tenants if backup.dumped else ()) - {DEFAULT_TENANT}
    if others and settings.registry.startswith("sqlite"):
        raise SettingsError(
            f"the backup has rows of {', '.join(sorted(others))}, and a registry in an SQLite file has one tenant: "
            "name an empty PostgreSQL by GREENLANG_REGISTRY_URL"
        )


def _elsewhere(
    settings: Settings,
    staging: Path,
    bucket: Filled,
    keep: bool,
    passphrase: SecretStr | None,
    done: Restored,
    moves: place.Moves,
) -> Path | None:
    """Keys, cassettes and bucket to where the settings have them now; returns the bucket that is written at the end.

    Raises SettingsError where such a folder is not empty; then nothing was moved.
    """
    _unsealed(staging, passphrase, done)
    found: list[tuple[Path, Path]] = []
    keys = place.gathered("keys", settings.keys, settings, staging)
    if keys == staging / "keys" and place.same_key(keys, settings.keys):
        missing = [path.name for path in place.files(keys) if not (settings.keys / path.name).exists()]
        if missing:
            done.remarks.append(f"{settings.keys} has the same key and was left alone, without {', '.join(missing)}")
        shutil.rmtree(keys)
    elif keys == staging / "keys" and place.files(keys):
        place.refuse(settings.keys, "it holds another key than the backup: name an empty folder, or that of this key")
        found.append((keys, settings.keys))
    _new_pair(keys, done)
    cassettes = place.gathered("cassettes", settings.cassettes, settings, staging)
    if cassettes == staging / "cassettes" and place.files(cassettes):
        place.refuse(settings.cassettes, "move it aside, or name another folder")
        found.append((cassettes, settings.cassettes))
    target = bucket_folder(settings)
    specs = place.gathered_bucket(settings, target, staging)
    late: Path | None = None
    if specs == staging / "bucket" and place.files(specs):
        if keep and (target is None or place.files(target)):
            done.remarks.append("the bucket was left as it is")
        elif target is None or bucket is Filled.OVERWRITE:
            late = specs
        else:
            place.refuse(target, "move it aside, name another folder, or say what becomes of it (--bucket)")
            found.append((specs, target))
    try:
        for folder, to in found:
            if not to.exists():
                moves.folder(to)
                to.chmod(folder.stat().st_mode & 0o777)
            for path in place.files(folder):
                moves.move(path, to / path.relative_to(folder))
    except BaseException:
        moves.take_back()
        raise
    return late


def _unsealed(staging: Path, passphrase: SecretStr | None, done: Restored) -> None:
    """Private keys as they were."""
    sealed = place.files(staging / "private")
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


def _new_pair(folder: Path, done: Restored) -> None:
    """Without the private key the public one gets its own name: a new pair takes the usual ones."""
    if folder.is_dir():
        folder.chmod(0o700)
    if (folder / PUBLIC).is_file() and not (folder / PRIVATE).is_file():
        earlier = f"{key_id(read_public_key(folder / PUBLIC))[:16]}.pub.pem"
        (folder / PUBLIC).rename(folder / earlier)
        done.remarks.append(
            f"the private key is not restored: what is signed from now on is signed by a new one, and `{earlier}` "
            "verifies what was signed before (`agent verify --key`, `registry verify --keys`)"
        )


def _in_store(settings: Settings) -> str:
    """The first object of a bucket in a store that is no backup; empty if there is none."""
    from greenlang.bucket import Bucket

    bucket, last = Bucket.open(settings.bucket_address), ""
    while page := bucket.list("", after=last, limit=1000):
        last = page[-1].name
        if found := [entry.name for entry in page if not is_backup(entry.name)]:
            return found[0]
    return ""


def _bucket(settings: Settings, folder: Path, done: Restored) -> None:
    """The bucket's files to where it is. It is the last: what fails here is a finding, and the files stay at hand."""
    from greenlang.bucket import Bucket

    number = 0
    try:
        bucket = Bucket.open(settings.bucket_address)
        for path in place.files(folder):
            bucket.write(path.relative_to(folder).as_posix(), path.read_bytes())
            number += 1
    except (BucketError, OSError) as error:
        left = settings.var / BUCKET_LEFT
        shutil.rmtree(left, ignore_errors=True)
        folder.rename(left)
        done.findings.append(
            f"the bucket got {number} of {len(place.files(left))} files ({error}); all else is restored: copy what is "
            f"missing from {left}, then remove that"
        )


def _dagster(settings: Settings, file: Path, done: Restored) -> None:
    """Dagster's database into that of the settings, where it is empty; else the file stays at hand."""
    if not file.is_file() or not (why := instance.load(file)):
        return
    left = settings.var / DAGSTER_LEFT
    file.replace(left)
    done.remarks.append(
        f"Dagster's database was not restored ({why}); it is {left}: `pg_restore --clean --if-exists --no-owner "
        f'--dbname="${instance.ADDRESS}" {left}` puts it in the place of what is there'
    )


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
