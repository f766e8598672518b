"""A picture of the lineage from the real UI, in headless Chromium: ``python -m tools.screenshot --port 3000``.

Belongs here: opening a page as a person sees it. `make up` must be running.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from playwright.sync_api import Page

GROUPS = ("emission_factors", "agents", "analytics")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """Path of the system's Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextlib.contextmanager
def page(*, width: int = 2000, height: int = 900) -> Iterator[Page]:
    """A page of a fresh browser. Raises FileNotFoundError where there is no Chromium."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    if program is None:
        raise FileNotFoundError("no chromium on the PATH: install the package `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


def lineage_address(base: str) -> str:
    """The page of the global lineage with all groups open."""
    return f"{base}/asset-groups?" + urlencode({"expanded": ",".join(f"global@global:{g}" for g in GROUPS)})


def partition_address(base: str, asset: str, key: str) -> str:
    """The page of one partition of an asset."""
    return f"{base}/assets/{asset}?" + urlencode({"view": "partitions", "partition": key})


def open_lineage(view: Page, base: str) -> None:
    """Open the lineage and wait until the graph is drawn, first asset to last."""
    from playwright.sync_api import TimeoutError as TooSlow

    view.goto(lineage_address(base))
    with contextlib.suppress(TooSlow):  # only for looks: it takes room from the graph
        view.get_by_text("Hide navigation").click(timeout=10_000)
    for name in ("raw_embedded", "registry_entry", "factory_metrics"):
        view.locator("foreignObject", has_text=name).first.wait_for(timeout=30_000)


def screenshot(base: str, target: Path) -> None:
    """Write the picture of the lineage to ``target`` (PNG)."""
    with page() as view:
        open_lineage(view, base)
        view.wait_for_timeout(1_500)  # the graph slides to its place
        target.parent.mkdir(parents=True, exist_ok=True)
        view.screenshot(path=str(target))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshot", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=Path("docs/img/lineage.png"))
    given = parser.parse_args()
    screenshot(f"http://127.0.0.1:{given.port}", given.out)
    print(given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
