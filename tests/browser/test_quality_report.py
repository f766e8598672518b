"""The quality report as a browser shows it: contrast, phone width, paper, keyboard, and nothing that runs or loads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greenlang.quality.report import html
from tests.quality.report.contrast import contrast
from tests.quality.report.example import WEAK, dimensions, report
from tools import screenshot

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

# Every piece of text with its colour and the first ground behind it that is not transparent.
TEXTS = """
() => {
  const two = (v) => Math.round(v).toString(16).padStart(2, '0');
  const hex = (c) => '#' + c.match(/[0-9.]+/g).slice(0, 3).map(two).join('');
  const clear = (c) => c === 'transparent' || /, 0\\)$/.test(c);
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3 && n.data.trim()).map(n => n.data.trim()).join(' ');
    if (!text || e.closest('svg') || !e.checkVisibility()) continue;
    let ground = e;
    while (clear(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement || document.body;
    found.push([text, hex(getComputedStyle(e).color), hex(getComputedStyle(ground).backgroundColor)]);
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def view() -> Iterator[Page]:
    """One browser for the module."""
    if screenshot.chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium: apt-get install chromium")
        pytest.skip("no chromium on the PATH: apt-get install chromium")
    with screenshot.page(width=1200, height=900) as page:
        yield page


def show(view: Page, folder: Path, text: str, **media: Any) -> list[str]:
    """Open a page; what it asked for beside itself, said on the console or put up as a dialog."""
    path = folder / "index.html"
    path.write_text(text, encoding="utf-8")
    heard: list[str] = []
    view.on("console", lambda message: heard.append(f"console: {message.text}"))
    view.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    view.on("request", lambda request: heard.append(request.url))
    view.emulate_media(**({"media": "screen", "color_scheme": "light"} | media))
    view.goto(path.as_uri())
    view.wait_for_load_state("networkidle")
    return [h for h in heard if h != path.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("good", [True, False], ids=["passed", "failed"])
def test_all_text_stands_out_from_its_ground(view: Page, tmp_path: Path, scheme: str, good: bool) -> None:
    show(view, tmp_path, html(report(good=good, profile=WEAK)), color_scheme=scheme)
    view.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    texts = view.evaluate(TEXTS)
    assert len(texts) > 300
    assert [(t, ink, on) for t, ink, on in texts if contrast(ink, on) < 4.5] == []
    assert len({on for _, _, on in texts}) >= 4, "the grounds behind the texts were found"


@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_the_page_never_scrolls_sideways(view: Page, tmp_path: Path, width: int) -> None:
    view.set_viewport_size({"width": width, "height": 800})
    show(view, tmp_path, html(report(profile=WEAK)))
    view.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    assert view.evaluate("() => document.documentElement.scrollWidth") <= width
    view.set_viewport_size({"width": 1200, "height": 900})


def test_on_paper_every_detail_is_unfolded_and_dark_is_left_to_the_screen(view: Page, tmp_path: Path) -> None:
    show(view, tmp_path, html(report()))
    seen = "() => document.querySelector('#d-specification .inside').checkVisibility()"
    assert view.evaluate("() => document.querySelector('#d-specification').open") is False
    assert view.evaluate(seen) is False
    view.emulate_media(media="print", color_scheme="dark")
    assert view.evaluate(seen) is True
    assert view.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert view.evaluate("() => getComputedStyle(document.querySelector('nav')).display") == "none"


def test_a_detail_unfolds_with_the_keyboard(view: Page, tmp_path: Path) -> None:
    show(view, tmp_path, html(report()))
    view.locator("#d-specification > summary").focus()
    view.keyboard.press("Enter")
    assert view.evaluate("() => document.querySelector('#d-specification').open") is True
    assert view.locator("#d-specification table").is_visible()


def test_the_wheel_is_read_aloud_by_its_title_and_description(view: Page, tmp_path: Path) -> None:
    show(view, tmp_path, html(report()))
    picture = view.get_by_role("img", name="Score wheel of the twelve dimensions")
    assert picture.count() == 1
    assert view.get_by_role("heading", level=1).inner_text() == "Boiler Replacement"


def test_nothing_is_loaded_and_nothing_runs_even_from_a_hostile_agent(view: Page, tmp_path: Path) -> None:
    bad = "\"'><img src='http://evil.example/x' onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>"
    found = tuple(replace(d, title=bad, reason=bad, evidence=bad) for d in dimensions())
    made = report(name=bad, agent_id=bad, dimensions=found, figures={bad: 1.0}, digests={bad: bad})
    assert show(view, tmp_path, html(made)) == []
    assert view.locator("h1").inner_text() == bad
    assert view.evaluate("() => document.querySelectorAll('script, img').length") == 0
    # Were a script to slip through, the page's own policy stops it.
    heard = show(view, tmp_path, html(report()).replace("<main", "<script>alert(4)</script><main"))
    assert len(heard) == 1
    assert "Content Security Policy" in heard[0]
