"""Whether what the factory hangs on is there, in a word each.

Belongs here: asking. Does not belong here: HTTP, details that only an operator may see (they are in the log).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import text

from greenlang.api.services import Services
from greenlang.bucket import Bucket
from greenlang.errors import GreenlangError, SettingsError
from greenlang.llm.config import environment, load
from greenlang.settings import Settings

_log = logging.getLogger("greenlang.api")


def dependencies(services: Services) -> dict[str, str]:
    """``ok`` or ``failed`` for registry, bucket, factors and, where it runs the jobs, Dagster."""
    asked: dict[str, Callable[[], object]] = {
        "registry": lambda: _registry(services),
        "bucket": lambda: Bucket.open(services.settings.bucket_address).list("inbox", limit=1),
        "factors": services.factors,
    }
    if services.launcher.name == "dagster":
        asked["dagster"] = lambda: _dagster(services)
    return {name: _state(name, ask) for name, ask in asked.items()}


def providers(settings: Settings) -> dict[str, str]:
    """Each language model provider: ``configured``, ``no key``, or ``replay`` where none is ever called."""
    try:
        found = load(settings).providers
        if settings.llm == "replay":
            return {provider.name: "replay" for provider in found}
        return {p.name: "configured" if p.key(environment()) is not None else "no key" for p in found}
    except SettingsError as error:
        _log.warning("the providers of language models cannot be used: %s", error)
        return {"configuration": "failed"}


def _state(name: str, ask: Callable[[], object]) -> str:
    try:
        ask()
    except (GreenlangError, OSError) as error:
        _log.warning("the factory's %s: %s", name, error)
        return "failed"
    return "ok"


def _registry(services: Services) -> None:
    with services.registry.transaction() as connection:
        connection.execute(text("SELECT 1"))


def _dagster(services: Services) -> None:
    try:
        services.launcher.progress("00000000-0000-0000-0000-000000000000")
    except LookupError:
        return  # it answers, and there is no such run
