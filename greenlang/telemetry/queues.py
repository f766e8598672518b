"""What waits to be built: files in the inbox, and orders that were given and have not ended.

Belongs here: asking whoever keeps a queue. Does not belong here: queues themselves (bucket, launchers).
"""

from __future__ import annotations

import logging
from collections import Counter

from greenlang.bucket import Bucket
from greenlang.errors import GreenlangError
from greenlang.settings import Settings

INBOX = "inbox"
_log = logging.getLogger("greenlang.telemetry")


def waiting(settings: Settings, home: Settings) -> dict[str, int]:
    """Specs of a tenant that wait, by priority; ``inbox`` for files. A queue that cannot be asked is left out, and
    logged. ``home``: the settings of the machine, whose launcher takes the orders of every tenant.
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
