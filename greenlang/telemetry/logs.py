"""Log lines as JSON, one object a line on standard error, with the fields of design document 000, section 12.

Belongs here: the form of lines, levels, redaction, switching it on. Does not belong here: what is logged.

A line says timestamp, level, service, component, message, and of these what applies: trace_id, span_id, agent_id,
job_id, user_id, duration_ms, error (type, details, stack). Further fields come from ``extra={"fields": {...}}``.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from pydantic import SecretStr

from greenlang.errors import SettingsError
from greenlang.llm.secrets import Redactor
from greenlang.masking import without_secrets
from greenlang.settings import Settings
from greenlang.telemetry.trace import current

SERVICE = "agent-factory"
_COMPONENTS = {  # by the name of the logger: the longest that fits
    "greenlang": "generator",
    "greenlang.api": "api",
    "greenlang.quality": "validator",
    "greenlang.sandbox": "validator",
    "greenlang.validator": "validator",
    "greenlang.sensor": "sensor",
    "greenlang.telemetry": "telemetry",
    "uvicorn": "api",
    "dagster": "pipelines",
    "celery": "pipelines",
}
# Of the name of a variable: words as a part of it (PGPASSWORD, OPENAI_APIKEY), short ones only by themselves.
_SECRET = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|PASSCODE|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|ACCOUNT_?KEY"
    r"|(^|_)(KEY|PASS|PWD|PAT|AUTH|HEADERS|DSN)($|_)"
)
_FILES = re.compile(r"_(FILE|PATH|DIR|SOCK)$")  # of these the value says where
_PLACES = frozenset({"PWD", "OLDPWD"})  # the shell's folders
_FOLLOWED = ("greenlang", "uvicorn", "celery")  # whose lines of level INFO are told; of others only warnings
_handler: logging.Handler | None = None


def configure(settings: Settings) -> None:
    """Have this process log as the settings say. With ``text`` nothing is changed. Called again, it changes nothing."""
    global _handler  # noqa: PLW0603 - one handler for the process
    if settings.log_format != "json" or _handler is not None:
        return
    _handler = logging.StreamHandler(sys.stderr)
    _handler.setFormatter(JsonLines(_redactor(settings)))
    root = logging.getLogger()
    root.addHandler(_handler)
    for name in _FOLLOWED:
        logger = logging.getLogger(name)
        logger.setLevel(settings.log_level)
        logger.handlers.clear()  # uvicorn's own, whose lines are text
        logger.propagate = True
    logging.getLogger("uvicorn.error").handlers.clear()


def switched_off() -> None:
    """Undo it, for a process that goes on with other settings."""
    global _handler  # noqa: PLW0603 - one handler for the process
    if _handler is not None:
        logging.getLogger().removeHandler(_handler)
        _handler = None
        for name in _FOLLOWED:
            logging.getLogger(name).setLevel(logging.NOTSET)


def on() -> bool:
    """Whether this process writes JSON lines."""
    return _handler is not None


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object, without any secret that it knows."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        said: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "service": SERVICE,
            "component": _component(record.name),
            "message": record.getMessage(),
        }
        span = getattr(record, "span", None) or current()
        if span is not None:
            said |= {"trace_id": span.trace_id, "span_id": span.span_id, **span.fields}
        said |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            said["error"] = _error(record.exc_info[0], record.exc_info[1])
        return json.dumps(self._clean(said), ensure_ascii=False, default=str)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return without_secrets(self._redact(value))
        if isinstance(value, dict):
            return {name: self._clean(inner) for name, inner in value.items()}
        return value if isinstance(value, int | float | None) else without_secrets(self._redact(str(value)))


def _component(name: str) -> str:
    while name:
        if name in _COMPONENTS:
            return _COMPONENTS[name]
        name = name.rpartition(".")[0]
    return "other"


def _error(kind: type[BaseException], error: BaseException | None) -> dict[str, str]:
    stack = "".join(traceback.format_exception(error)) if error is not None else ""
    return {"type": kind.__name__, "details": str(error), "stack": stack}


def _redactor(settings: Settings) -> Redactor:
    """What is known to be secret: settings of that type and the files they may
    stand in, keys of models' providers, passwords in addresses, variables that are named like secrets.
    """
    found: list[SecretStr] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            found.append(value)
            value = value.get_secret_value()
        if isinstance(value, str):
            found += _passwords(value)
        if name.endswith("_file") and value is not None:
            found += _content(value)
    found += _of_providers(settings)
    for name, text in os.environ.items():
        found += _passwords(text)
        if _secret(name.upper()):
            found += [SecretStr(text), *(SecretStr(pair.partition("=")[2].strip()) for pair in text.split(","))]
    return Redactor(found)


def _secret(name: str) -> bool:
    return bool(_SECRET.search(name)) and not _FILES.search(name) and name not in _PLACES


def _of_providers(settings: Settings) -> list[SecretStr]:
    from greenlang.llm.config import environment, load

    try:
        keys = [provider.key(environment()) for provider in load(settings).providers]
    except SettingsError:  # whoever asks a model is told
        return []
    return [key for key in keys if key is not None]


def _content(file: Path) -> list[SecretStr]:
    try:
        text = file.read_text().strip()
    except (OSError, ValueError):  # whoever needs it is told
        return []
    return [SecretStr(text), *_passwords(text)]


def _passwords(text: str) -> list[SecretStr]:
    """The password of an address, as it stands there and as whoever connects says it."""
    if "://" not in text or "@" not in text:
        return []
    try:
        password = urlsplit(text).password
    except ValueError:  # no address after all
        return []
    return [SecretStr(one) for one in sorted({password, unquote(password), unquote_plus(password)})] if password else []
