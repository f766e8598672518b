"""Making a backup, while the factory works.

Packs stand on the disk before the registry names them, so files are read first, then the registry in one transaction,
then once more whatever has changed since the beginning. What a batch does after that is for the next backup; what it
had half done the next batch finishes, as after a kill.

Belongs here: the order, the manifest. Does not belong here: what is a file of the factory (`contents`), rows (`rows`).
"""

from __future__ import annotations

import io
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

import greenlang
from greenlang.backup import instance, rows
from greenlang.backup.archive import Writer, spooled, writing
from greenlang.backup.contents import Contents, bucket_folder, bucket_objects, refuse_unreserved
from greenlang.errors import BackupError, SettingsError
from greenlang.masking import without_secrets
from greenlang.registry.database import Database
from greenlang.settings import Settings
from greenlang.signing import PRIVATE, Signer

LEAST_PASSPHRASE = 12
_SLACK = 2_000_000_000  # nanoseconds: a file system's clock may be a little behind


@dataclass(frozen=True, slots=True)
class Made:
    """A finished backup: where it lies, how many files and bytes (before compression) it holds, what is not in it."""

    address: str
    files: int
    bytes: int
    rows: int
    key_id: str  # of the key that signed it; empty: none did
    left_out: dict[str, str]


def backup(
    settings: Settings,
    address: str,
    *,
    passphrase: SecretStr | None = None,
    cache: bool = False,
    dagster: bool = True,
    told: Callable[[int, int], None] | None = None,
) -> Made:
    """Write a backup of everything to a file or to an object of a store; it stands there whole or not at all.

    ``passphrase``: take private keys along, encrypted by it. ``dagster``: its database too, where it is
    PostgreSQL. Raises BackupError, which says what to do.
    """
    if passphrase is not None and len(passphrase.get_secret_value()) < LEAST_PASSPHRASE:
        raise SettingsError(f"the passphrase of the keys has less than {LEAST_PASSPHRASE} characters")
    refuse_unreserved(settings, address)
    started = time.time_ns() - _SLACK
    file = Database(settings.registry).file if settings.registry.startswith("sqlite") else None
    beside = [file.with_name(file.name + end) for end in ("", "-wal", "-shm")] if file else []
    with writing(address) as writer:
        skip = [*beside] if "://" in address else [*beside, Path(address)]
        contents = Contents(settings, writer, skip=skip, cache=cache)
        contents.write(told=told)
        bucket_objects(settings, writer, contents.left)
        lacks = instance.dump(writer.add) if dagster else instance.left_out()
        dumped = rows.dump(settings, writer.add)
        writer.share_nothing_before()
        contents.write(since=started)
        if passphrase is not None:
            _keys(contents.left.private, passphrase, writer)
        left = {**contents.left.why, **_outside(settings, lacks)}
        if passphrase is None:
            left |= dict.fromkeys(contents.left.private, "a private key: `--keys` takes it along, encrypted")
        key_id = ""

        def manifest(files: dict[str, Any]) -> tuple[bytes, bytes | None]:
            nonlocal key_id
            told = _manifest(settings, files, dumped, left)
            if not (settings.keys / PRIVATE).exists():
                return told, None
            signature = Signer(settings.keys).sign(told)
            key_id = signature.key_id
            return told, json.dumps(asdict(signature), sort_keys=True).encode()

        writer.close(manifest)
    return Made(address, writer.files, writer.size, sum(dumped.rows.values()) if dumped else 0, key_id, left)


def _keys(found: dict[str, Path], passphrase: SecretStr, writer: Writer) -> None:
    """Private keys as PKCS #8, encrypted."""
    secret = serialization.BestAvailableEncryption(passphrase.get_secret_value().encode())
    for name, path in sorted(found.items()):
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise BackupError(f"{path} is no private key in PEM that can be read: move it out of the folder") from error
        data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
        writer.add(spooled(f"private/{name}", io.BytesIO(data), mode=0o600))


def _manifest(settings: Settings, files: dict[str, Any], dumped: rows.Dumped | None, left: dict[str, str]) -> bytes:
    told = {
        "backup": 1,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "greenlang": greenlang.__version__,
        "python": platform.python_version(),
        "files": files,
        "registry": asdict(dumped) if dumped else None,
        "left_out": left,
        "bucket": without_secrets(settings.bucket_address),
    }
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _outside(settings: Settings, lacks: str) -> dict[str, str]:
    """What belongs to the factory's surroundings and is not taken along, with what to do. ``lacks``: why Dagster's
    database is not.
    """
    found = {}
    for name in ("sources", "advisories", "llm_config"):
        path = cast("Path | None", getattr(settings, name))
        if path is not None and not path.absolute().is_relative_to(settings.var):
            found[f"GREENLANG_{name.upper()}"] = f"{path} lies outside var: keep it as you keep your configuration"
    store = settings.store_address
    if not _inside(settings, store):
        found["GREENLANG_STORE"] = (
            f"{without_secrets(store)}: what is under way between machines; the next batch builds again what is missing"
        )
    if not lacks and _dagster_unknown(settings):
        lacks = f"{instance.ADDRESS} is not set here: `pg_dump --format=custom` saves it (docs/backup.md)"
    if lacks:
        found["Dagster's database"] = f"its runs, events and schedules are in PostgreSQL; {lacks}"
    found["settings"] = "the environment, and with it every password, stays where you keep it"
    return found


def _inside(settings: Settings, address: str) -> bool:
    """Whether an address lies in what is backed up."""
    if "://" in address and not address.startswith("file://"):
        return bucket_folder(settings) is None and f"{address}/".startswith(f"{settings.bucket_address.rstrip('/')}/")
    path = Path(address.removeprefix("file://")).expanduser().absolute()
    return any(path.is_relative_to(home) for home in (settings.var, bucket_folder(settings)) if home is not None)


def _dagster_unknown(settings: Settings) -> bool:
    """Whether Dagster's instance is in a PostgreSQL whose address nobody has told here."""
    if instance.Instance.here() is not None:
        return False
    homes = [settings.var / "dagster", *map(Path, filter(None, [os.environ.get("DAGSTER_HOME")]))]
    files = [home / "dagster.yaml" for home in homes if (home / "dagster.yaml").is_file()]
    return any("postgres" in file.read_text(encoding="utf-8", errors="replace") for file in files)
