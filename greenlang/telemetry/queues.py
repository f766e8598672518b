"""What waits to be built: files in the inbox, orders that were given and have not begun, shards of a planned batch.

Belongs here: asking whoever keeps a queue. Does not belong here: queues themselves (bucket, launchers, exchange).
"""

from __future__ import annotations

import logging
from collections import Counter

from greenlang.bucket import Bucket
from greenlang.errors import GreenlangError
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.settings import Settings

INBOX, SHARDS = "inbox", "shards"
_log = logging.getLogger("greenlang.telemetry")


def waiting(settings: Settings, home: Settings) -> dict[str, int]:
    """Specs of a tenant that wait, by priority; ``inbox`` for files, ``shards`` for what machines have still to send of
    a planned batch. A queue that cannot be asked is left out, and logged. ``home``: the settings of the machine, whose
    launcher takes the orders of every tenant.
    """
    found: Counter[str] = Counter()
    try:
        found[INBOX] = _files(settings)
    except (GreenlangError, OSError) as error:
        _log.warning("the inbox cannot be counted: %s", error)
    try:
        found.update(_orders(home, settings.tenant))
    except (GreenlangError, OSError) as error:
        _log.warning("the queue of the launcher %s cannot be counted: %s", home.launcher, error)
    try:
        if settings.tenant == DEFAULT_TENANT and (shards := _shards(home)) is not None:
            found[SHARDS] = shards
    except (GreenlangError, OSError) as error:
        _log.warning("what machines have to build cannot be counted: %s", error)
    return dict(found)


def _files(settings: Settings) -> int:
    from greenlang.factory.intake import waiting_files

    if not settings.bucket and not (settings.var / "bucket" / INBOX).is_dir():
        return 0  # opening it would make the folder
    return len(waiting_files(Bucket.open(settings.bucket_address), settings, settle=False))


def _orders(home: Settings, tenant: str) -> dict[str, int]:
    if home.launcher == "dagster":
        from greenlang.telemetry.queues_dagster import queued

        return queued(home.dagster_url, tenant)
    from greenlang.launcher_local import ordered

    return {"0": ordered(home.var / "launches", tenant)}


def _shards(home: Settings) -> int | None:
    """Keys of open orders, those of a batch that was given up not among them; None: there is no store."""
    if not home.store and not (home.var / "store").is_dir():
        return None
    from greenlang.exchange.orders import unbuilt
    from greenlang.exchange.store import Store

    left = unbuilt(Store(home.store_address))
    return left if not left or _at_work(home) else 0


def _at_work(home: Settings) -> bool:
    """Whether a batch on machines is under way; where nobody can tell, it is."""
    if home.launcher != "dagster":
        return True
    from greenlang.telemetry.queues_dagster import on_machines

    try:
        return on_machines(home.dagster_url)
    except OSError:  # `waiting` has just said so
        return True
