"""Where reports lie: ``var/morning/<date>/`` and ``var/dashboard/``, each file written whole.

Belongs here: names of files and writing them. Does not belong here: what they tell.
"""

from __future__ import annotations

from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from greenlang.alerts.alert import Alert
from greenlang.digest import page
from greenlang.digest.board import dashboard_page
from greenlang.digest.night import Night
from greenlang.digest.series import Dashboard
from greenlang.digest.telling import morning_page, summary_text
from greenlang.provenance import canonical
from greenlang.replacing import replacing
from greenlang.settings import Settings

Form = Literal["html", "md", "json"]
PAGE, MARKDOWN, JSON = "index.html", "report.md", "report.json"


def forms(night: Night) -> dict[Form, str]:
    """The report in its three forms."""
    told = morning_page(night)
    return {"html": page.html(told), "md": page.markdown(told), "json": as_json(night)}


def as_json(night: Night) -> str:
    """The night as canonical JSON (RFC 8785), Decimals as texts, moments in UTC; the same night gives the same."""
    return canonical(_adapter().dump_python(night, mode="json")).decode()


def write_morning(settings: Settings, night: Night) -> Path:
    """Write the report of a night in all its forms, over one that is there; its folder."""
    folder = settings.var / "morning" / night.name.isoformat()
    names: dict[Form, str] = {"html": PAGE, "md": MARKDOWN, "json": JSON}
    for form, text in forms(night).items():
        _write(folder / names[form], text)
    return folder


def message(night: Night) -> Alert:
    """The report as an alert: sent once for a night, however often it is made."""
    title = summary_text(night).partition("\n")[0]
    look = f"greenlang factory morning --night {night.name}"
    at = night.end.replace(tzinfo=UTC)
    return Alert(f"morning-{night.name}", "morning", title, at, detail=forms(night)["md"], look=(look,))


def dashboard_markdown(dashboard: Dashboard) -> str:
    """The dashboard as Markdown, its charts in words."""
    return page.markdown(dashboard_page(dashboard))


def write_dashboard(settings: Settings, dashboard: Dashboard) -> Path:
    """Write the dashboard over the one that is there; its page."""
    path = settings.var / "dashboard" / PAGE
    _write(path, page.html(dashboard_page(dashboard)))
    return path


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@cache
def _adapter() -> TypeAdapter[Night]:
    return TypeAdapter(Night)
