"""What each process of `greenlang api serve` runs.

Belongs here: the application from the environment, how the interpreter is set for it. Does not belong here: how it is
put together (`app`).
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from greenlang.errors import GreenlangError

if TYPE_CHECKING:
    from fastapi import FastAPI

_log = logging.getLogger("uvicorn.error")

BROKEN = 3  # by which uvicorn knows that another attempt would end the same way
_SWITCH_SECONDS = 0.001  # after which a thread that computes lets the others go on: the loop answers in between


def application() -> FastAPI:
    """The application as the environment says. Ends the process where it cannot be made, and says why."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        from greenlang.api.app import create_app
        from greenlang.settings import Settings
        from greenlang.telemetry import process

        found = Settings()
        process.start(found)
        return create_app(found, sign_in=not os.environ.get("GREENLANG_API_NO_SIGN_IN"), warm=True)
    except GreenlangError as error:
        _log.error("%s", error)
    except Exception:  # noqa: BLE001 - whatever it is: a process that dies of it is started again for ever
        _log.exception("the application cannot be made")
    sys.exit(BROKEN)
