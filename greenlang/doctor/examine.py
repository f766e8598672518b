"""Running the checks: each by itself and for a bounded time, so that none hides what another finds.

Belongs here: their list, their time. Does not belong here: what they look at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

from greenlang.doctor import machine, orchestration, stores, work
from greenlang.doctor.result import Check, Found, Result, fault
from greenlang.errors import GreenlangError
from greenlang.masking import without_secrets
from greenlang.settings import Settings

SECONDS = 10.0

CHECKS: Mapping[str, Check] = {
    "disk": machine.disk,
    "sandbox": machine.sandbox,
    "clock": machine.clock,
    "open files": machine.open_files,
    "packages": machine.packages,
    "ports": machine.ports,
    "registry": stores.registry,
    "signing key": stores.signing_key,
    "bucket": stores.bucket,
    "factors": stores.factors,
    "catalogue": stores.catalogue,
    "models": work.models,
    "tokens": work.tokens,
    "inbox": work.inbox,
    "batches": work.batches,
    "dagster": orchestration.dagster,
}


def examine(
    settings: Settings,
    *,
    checks: Mapping[str, Check] = CHECKS,
    seconds: float = SECONDS,
    told: Callable[[int, int], None] | None = None,
) -> Iterator[Result]:
    """What each check found, in their order. A check that fails, or does not end in time, is a fault itself."""
    for number, (name, check) in enumerate(checks.items(), 1):
        for found in _in_time(check, settings, seconds):
            mend = without_secrets(found.mend)
            yield Result(name, found.state, without_secrets(found.message), mend)
        if told is not None:
            told(number, len(checks))


def _in_time(check: Check, settings: Settings, seconds: float) -> list[Found]:
    found: list[Found] = []
    done = threading.Event()

    def look() -> None:
        try:
            found.extend(check(settings))
        except (GreenlangError, OSError) as error:
            found.append(fault(str(error), "see the message"))
        except Exception as error:  # noqa: BLE001 - a bug in one check must not hide what the others find
            found.append(fault(f"the check itself fails: {type(error).__name__}: {error}", "report it, with this line"))
        finally:
            done.set()

    threading.Thread(target=look, daemon=True).start()  # whoever hangs does not hold up the end of the process
    if not done.wait(seconds):
        return [fault(f"no answer within {seconds:g} s", "see whether a disk, a database or a server hangs")]
    return found
