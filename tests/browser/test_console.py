"""The console as a browser shows it: accessible by axe's rules, in light and dark, on a phone, by keyboard alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from greenlang.api.app import create_app
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.api.console.agents import AGENT, certified, flag, successor
from tests.browser.test_quality_report import TEXTS
from tests.quality.report.contrast import contrast
from tools import screenshot
from tools.console import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PAGES = {
    "search": "/console?q=carbon",
    "nothing found": "/console?q=zebra",
    "agent": f"/console/agents/{AGENT}",
    "review": f"/console/review/{AGENT}?version=1.1.0",
    "failure": "/console/agents/no/such",
}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    """The service over a registry with two versions of an agent; its URL, and the key of a developer who reviews."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(var=Path(folder) / "var")
        with Registry(settings.registry, keys=settings.keys) as registry:
            flag(registry, certified(registry, settings), "epa/some/row")
            successor(registry, settings)
            key = key_for(registry, "developer", "reviewer", name="maria")
            with serving(create_app(settings, registry=registry)) as base:
                yield base, key


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """One browser for the module."""
    if screenshot.chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium: apt-get install chromium")
        pytest.skip("no chromium on the PATH: apt-get install chromium")
    with screenshot.page(width=1200, height=900) as page:
        page.emulate_media(reduced_motion="reduce")
        page.set_default_timeout(10_000)
        yield page


@pytest.fixture
def view(browser: Page, served: tuple[str, str]) -> Page:
    """Signed in, on the page of the search."""
    base, key = served
    browser.goto(f"{base}/console")
    if browser.url.endswith("/sign-in"):
        browser.get_by_label("API key").fill(key)
        browser.keyboard.press("Enter")
        browser.wait_for_url(f"{base}/console")
    return browser


def faults(view: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA: rule and place."""
    view.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(view, options=RULES).response
    assert len(found["passes"]) > 10, "axe looked"
    named = [f"{v['id']}: {node['html'][:200]}" for v in found["violations"] for node in v["nodes"]]
    # axe decides nothing on the shaded grounds of wide tables
    pale = [f"pale: {text}" for text, ink, ground in view.evaluate(TEXTS) if contrast(ink, ground) < 4.5]
    return named + pale


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(view: Page, served: tuple[str, str], name: str, scheme: str) -> None:
    view.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    view.goto(served[0] + PAGES[name])
    assert faults(view) == []


def test_axe_would_find_faults(view: Page) -> None:
    view.emulate_media(color_scheme="light")
    view.evaluate("() => document.querySelectorAll('label').forEach(l => l.remove())")
    view.evaluate("() => { const s = new CSSStyleSheet(); s.replaceSync('p {color: #aaa !important}');"
                  " document.adoptedStyleSheets = [s]; }")  # fmt: skip
    found = {fault.partition(":")[0] for fault in faults(view)}
    assert {"color-contrast", "select-name"} <= found


def test_axe_finds_nothing_on_the_sign_in(view: Page, served: tuple[str, str]) -> None:
    view.context.clear_cookies()
    view.goto(f"{served[0]}/console/sign-in")
    assert faults(view) == []
    view.get_by_label("API key").fill("gl_wrong")
    view.keyboard.press("Enter")
    view.get_by_role("alert").wait_for()
    assert faults(view) == []


@pytest.mark.parametrize("width", [320, 768])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(view: Page, served: tuple[str, str], name: str, width: int) -> None:
    view.set_viewport_size({"width": width, "height": 800})
    view.goto(served[0] + PAGES[name])
    view.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    assert view.evaluate("() => document.documentElement.scrollWidth") <= width
    view.set_viewport_size({"width": 1200, "height": 900})


def test_the_keyboard_alone_finds_reads_and_decides(view: Page, served: tuple[str, str]) -> None:
    view.keyboard.press("Tab")
    assert view.evaluate("() => document.activeElement.className") == "skip"
    assert view.evaluate("() => document.activeElement.checkVisibility() && innerHeight > 0")
    view.keyboard.press("Enter")
    view.keyboard.press("Tab")
    assert view.evaluate("() => document.activeElement.id") == "q", "the skip link passes the navigation"
    view.keyboard.type("carbon")
    view.keyboard.press("Enter")
    view.wait_for_url("**/console?q=carbon**")
    assert view.get_by_role("heading", name="Carbon Calculator V1").is_visible()
    view.goto(served[0] + PAGES["review"])
    comment = view.get_by_label("Why").first
    comment.focus()
    assert view.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    view.keyboard.type("checked against the workbook")
    view.keyboard.press("Tab")
    view.keyboard.press("Enter")
    view.get_by_text("checked against the workbook").wait_for()
    assert view.get_by_role("heading", name="Said so far").is_visible()


def test_code_stands_side_by_side(view: Page, served: tuple[str, str]) -> None:
    view.goto(served[0] + PAGES["review"])
    old, new = (view.locator(f".sides .changed .{side}").first.bounding_box() for side in ("old", "new"))
    assert old is not None
    assert new is not None
    assert old["y"] == new["y"]
    assert old["x"] + old["width"] <= new["x"]
    assert min(old["width"], new["width"]) > 300


def test_everything_is_there_without_a_script_and_nothing_is_loaded_from_elsewhere(
    view: Page, served: tuple[str, str]
) -> None:
    heard: list[str] = []
    view.on("request", lambda request: heard.append(request.url))
    view.on("console", lambda message: heard.append(f"console: {message.text}"))
    view.goto(served[0] + PAGES["agent"])
    view.wait_for_load_state("networkidle")
    assert set(heard) == {served[0] + PAGES["agent"], f"{served[0]}/console/style.css"}
    assert view.evaluate("() => document.scripts.length") == 0
    assert view.locator("math").first.bounding_box()["height"] > 10  # type: ignore[index]
    assert view.evaluate("() => document.cookie") == "", "the key is out of reach of scripts"
