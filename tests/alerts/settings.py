"""An alert, and settings with channels that arrive at receivers on loopback."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from greenlang.alerts import Alert
from greenlang.settings import Settings
from tests.alerts.receivers import PASSWORD, USER, Hook, Post

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ALERT = Alert(
    "run-1",
    "run_failed",
    "line_batch failed:\nüber",
    datetime.now(UTC),
    facts={"run": "1"},
    detail="| key | why |",
    look=("http://127.0.0.1:3000/runs/1",),
)


def smtp(box: Post, password: str = PASSWORD) -> str:
    return f"smtp://{USER.replace('@', '%40')}:{password}@127.0.0.1:{box.port}"


def both(folder: Path, receiver: Hook, box: Post, **more: Any) -> Settings:
    given = {
        "alert_webhook": SecretStr(receiver.url),
        "alert_webhook_key": SecretStr(KEY),
        "alert_email_to": "ops@example.org, night@example.org",
        "alert_email_from": USER,
        "smtp_url": SecretStr(smtp(box)),
    }
    return Settings(var=folder / "var", **{**given, **more})


def waiting(settings: Settings) -> list[str]:
    return sorted(file.stem for file in (settings.var / "alerts" / "waiting").glob("*.json"))
