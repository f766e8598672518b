"""The morning report and the dashboard as a browser shows them: axe's rules, contrast, phone width, nothing loaded."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from greenlang.digest import dashboard_of, night_of, write_dashboard, write_morning
from tests.browser.test_console import faults
from tests.browser.test_quality_report import show, view
from tests.digest.nights import four_nights

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["view"]  # the browser, one for a module

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_report_and_dashboard_are_accessible_and_fit(view: Page, tmp_path: Path) -> None:
    settings = four_nights(tmp_path / "var")
    pages = {
        "morning": write_morning(settings, night_of(settings, date(2026, 11, 4))) / "index.html",
        "dashboard": write_dashboard(settings, dashboard_of(settings, date(2026, 11, 6))),
    }
    for name, path in pages.items():
        for scheme in ("light", "dark"):
            assert show(view, tmp_path, path.read_text(), color_scheme=scheme) == [], "nothing is asked for or said"
            assert faults(view) == [], f"{name}, {scheme}"
        for width in (320, 1600):
            view.set_viewport_size({"width": width, "height": 800})
            assert view.evaluate("() => document.documentElement.scrollWidth") <= width, name
        view.set_viewport_size({"width": 1200, "height": 900})
    assert view.get_by_role("img", name="Pass rate").count() == 1
