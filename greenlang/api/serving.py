"""What each process of `greenlang api serve` runs.

Belongs here: the application from the environment. Does not belong here: how it is put together (`app`).
"""

from __future__ import annotations

import os

from fastapi import FastAPI

from greenlang.api.app import create_app
from greenlang.settings import Settings


def application() -> FastAPI:
    """The application as the environment says. Raises SettingsError."""
    return create_app(Settings(), sign_in=not os.environ.get("GREENLANG_API_NO_SIGN_IN"))
