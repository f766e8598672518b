"""What the factory keeps: registry, signing key, bucket, factor tables, catalogue.

Belongs here: whether each can be used and is of this release. Does not belong here: work that was left undone (`work`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from greenlang.doctor.result import Found, fault, ok, warning
from greenlang.errors import BucketError, FactorTableError, PackError, RegistryError, SettingsError
from greenlang.settings import Settings

_PROBE = "reports/.doctor"  # hidden: nobody takes it in


def registry(settings: Settings) -> Iterator[Found]:
    """Whether the database answers, with the tables of this release, under a role that tenants are safe from."""
    from greenlang.registry import Registry, migrate
    from greenlang.registry.database import Database, shown
    from greenlang.registry.definition import REVISION

    name = shown(settings.registry)
    embedded = settings.registry.startswith("sqlite")
    file = Database(settings.registry).file if embedded else None
    if embedded and file is not None and not file.exists():
        yield ok(f"{name}: not made yet; the first batch does")
        return
    try:
        revision = migrate.current(settings.registry)
    except RegistryError as error:
        mend = (
            f"see that the file is one of SQLite's and may be read; `greenlang restore` brings back a backup of {file}"
            if embedded
            else "see that the server runs, that GREENLANG_REGISTRY_URL names it, and that the password is right"
        )
        yield fault(f"{name}: {error}", mend)
        return
    if revision is None or revision < REVISION:
        stands = f"tables of the revision {revision}" if revision else "no tables"
        mend = "back up first (docs/upgrades.md), then `greenlang registry migrate`"
        if embedded:
            yield warning(f"{name} has {stands}; they are brought to {REVISION} when it is opened", mend)
        else:
            yield fault(f"{name} has {stands}, this greenlang knows {REVISION}", f"{mend} --app-role NAME")
    elif revision > REVISION:
        yield fault(
            f"{name} has tables of the revision {revision}, this greenlang knows {REVISION}",
            "install the release that made them, or go back with that one: `greenlang registry migrate --to`",
        )
    else:
        try:
            with Registry(settings.registry, keys=settings.keys) as found:
                number = found.count()
        except (RegistryError, SettingsError) as error:
            yield fault(str(error), "see the message")
            return
        yield ok(f"{name}: revision {revision}, {number:,} agent versions")


def signing_key(settings: Settings) -> Iterator[Found]:
    """Whether the key is there, whole, and its owner's alone."""
    from greenlang.signing import PRIVATE, PUBLIC, key_id, read_public_key, signing_key

    private, public = settings.keys / PRIVATE, settings.keys / PUBLIC
    if not private.is_file():
        if any(settings.packs.glob("*.dsse.json")):
            yield fault(
                f"{private} is missing, and there are packs that it signed",
                "restore it from a backup that was made with --keys; else a new one is made, and the old packs are "
                "verified by the public key of the old one",
            )
        else:
            yield ok("none yet: the first signature makes one")
        return
    mode = stat.S_IMODE(private.stat().st_mode)
    if mode & 0o077:
        mend = f"`chmod 600 {private}`; if others have used the machine, take it for known and make a new one"
        yield fault(f"{private} may be read by others ({mode:04o}): nothing is signed with it", mend)
        return
    try:
        own = key_id(signing_key(settings.keys).public_key())
        if key_id(read_public_key(public)) != own:
            mend = f"move {public} aside under another name that ends in .pub.pem; the right one is made anew"
            yield fault(f"{public} is not the public half of {private}", mend)
            return
    except (PackError, ValueError, OSError) as error:
        yield fault(f"the key in {settings.keys} cannot be used: {error}", "restore the folder from a backup")
        return
    yield ok(own[:16])


def bucket(settings: Settings) -> Iterator[Found]:
    """Whether the bucket can be listed and written."""
    from greenlang.bucket import AREAS, Bucket, FolderBucket
    from greenlang.masking import without_secrets

    shown = without_secrets(settings.bucket_address)
    try:
        found = Bucket.open(settings.bucket_address) if settings.var.is_dir() or settings.bucket else None
        if found is None:
            yield ok(f"{shown}: not made yet")
            return
        number = len(found.list("inbox", limit=1000))
        if isinstance(found, FolderBucket):
            for area in AREAS:
                if not os.access(found.root / area, os.W_OK | os.X_OK):
                    raise BucketError(f"{found.root / area} cannot be written")
        found.write(_PROBE, b"")
        if isinstance(found, FolderBucket):
            (found.root / _PROBE).unlink(missing_ok=True)
    except BucketError as error:
        remote = "://" in settings.bucket_address
        mend = (
            "see that the address, the end point (AWS_ENDPOINT_URL) and the credentials in the environment are right, "
            "and that they allow to list, read, write and delete"
            if remote
            else "give the factory's user the right to read and write there"
        )
        yield fault(str(error), mend)
        return
    yield ok(f"{shown}: {number}{'+' if number == 1000 else ''} files in the inbox")


def factors(settings: Settings) -> Iterator[Found]:
    """Whether the factor tables are whole and as new as the declarations."""
    from greenlang.factors import FactorTable
    from greenlang.sync import releases

    file = settings.tables / "factors.parquet"
    if not file.exists():
        if any(settings.packs.glob("*.dsse.json")):
            yield fault(f"{file} is missing", "`greenlang factors sync`, or a batch, writes it anew")
        else:
            yield ok("not built yet: the embedded base is in force")
        return
    try:
        table = FactorTable.load(file)
    except (FactorTableError, OSError, ValueError) as error:
        yield fault(
            f"{file} cannot be used: {error}",
            f"remove it and run `greenlang factors sync`; `greenlang factors release pin` puts a stored release back "
            f"into {settings.tables}",
        )
        return
    embedded = FactorTable.load(None)
    if not releases(settings).pinned and table.digest != embedded.digest:
        mend = "run a batch (`line_batch`, or `greenlang agent batch`): it writes the table of this release first"
        yield warning(f"{file.name} is of {table.release}, older than the declarations of this greenlang", mend)
    else:
        yield ok(f"{table.release}, {len(table):,} rows")


def catalogue(settings: Settings) -> Iterator[Found]:
    """Whether analysts can open the catalogue, and what it shows is the newest."""
    import duckdb

    from greenlang.metrics.catalogue import fingerprint

    file = settings.catalogue
    mend = "`greenlang query 'select count(*) from agents'` builds it anew"
    parts = [path for path in settings.tables.glob("outcomes/*.parquet") if not path.name.startswith(("_", "."))]
    if not file.exists():
        yield warning(f"{file} is missing", mend) if parts else ok("nothing to show yet")
        return
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            rows = connection.execute("SELECT count(*) FROM agents").fetchone()
            built = connection.execute("SELECT catalogue_fingerprint()").fetchone()
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        held = "lock" in said.lower()
        yield fault(
            f"{file} cannot be opened: {said}",
            "end the program that holds it open for writing; analysts open it read-only"
            if held
            else f"remove it; {mend}",
        )
        return
    assert rows is not None
    if built != (fingerprint(settings.tables),):
        yield warning(f"{file} is of another greenlang, or of tables that have moved", mend)
    else:
        yield ok(f"{rows[0]:,} agents")
