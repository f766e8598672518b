"""Packs in the store: ``packs/<digest of the certificate>.zip``, the pack and its signed envelope.

The name is the content, so that any machine may write it, twice too, and a row that names a certificate names its pack.
Belongs here: packs of a factory to the store and back. Does not belong here: zips and their checks
(`greenlang.registry.packs`, `pack_zip`).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from greenlang.errors import ExchangeError, PackError
from greenlang.exchange.store import Store
from greenlang.factory.attest import envelope_path
from greenlang.factory.pack import publish_pack, put_aside
from greenlang.provenance import PackCertificate
from greenlang.registry import pack_zip
from greenlang.registry.packs import certified
from greenlang.settings import Settings
from greenlang.specs.model import slug


class NotInStore(ExchangeError):
    """The store does not hold a pack."""


def object_name(certificate_digest: str) -> str:
    """The name of a pack in the store."""
    return f"packs/{certificate_digest}.zip"


def send(store: Store, settings: Settings, key: str) -> str:
    """Bring the pack of a key to the store, unless it is there; the digest of its certificate.

    Raises ExchangeError, and PackError for a pack that is not as it was certified.
    """
    pack = certified(settings.packs / slug(key))
    if not store.exists(object_name(pack.certificate.digest)):
        store.write(object_name(pack.certificate.digest), pack.zip(signed=True))
    return pack.certificate.digest


def offer(store: Store, settings: Settings, key: str, certificate_digest: str) -> bool:
    """Bring the pack of a registered key to a store that lacks it; whether it was sent.

    What does not lie here as it was certified is not sent: whoever misses it builds it anew. Raises ExchangeError.
    """
    if store.exists(object_name(certificate_digest)) or not stands(settings, key, certificate_digest):
        return False
    try:
        send(store, settings, key)
    except PackError:
        return False
    return True


def stands(settings: Settings, key: str, certificate_digest: str) -> bool:
    """Whether the pack of a key lies here with this certificate, signed."""
    folder = settings.packs / slug(key)
    try:
        return PackCertificate.load(folder).digest == certificate_digest and envelope_path(folder).is_file()
    except (OSError, ValueError):
        return False


def fetch(store: Store, settings: Settings, key: str, certificate_digest: str, *, aside: bool = False) -> bool:
    """Have the pack of a key lie here with this certificate; whether it was fetched.

    ``aside``: the pack that it follows is put aside as a build is (`greenlang.factory.pack.put_aside`).

    Raises NotInStore, and ExchangeError where what the store holds is another or not as certified.
    """
    if stands(settings, key, certificate_digest):
        return False
    name = object_name(certificate_digest)
    settings.packs.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix=".incoming-", dir=settings.packs))
    try:
        fresh = pack_zip.unpacked(store.read(name), home)
        found = certified(fresh).certificate.digest
        if found != certificate_digest:
            raise ExchangeError(f"{store.address}/{name} holds another pack: {found}")
        target = settings.packs / slug(key)
        if aside:
            put_aside(target, settings.builds, settings.keys, but=certificate_digest)
        envelope = envelope_path(fresh).rename(home / "envelope")
        publish_pack(fresh, target)
        envelope.replace(envelope_path(target))
    except FileNotFoundError as error:
        raise NotInStore(f"{store.address} does not hold {name}, the pack of {key}") from error
    except PackError as error:
        raise ExchangeError(f"{store.address}/{name}: {error}") from error
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return True
