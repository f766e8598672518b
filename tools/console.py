"""Pictures of the web console, in headless Chromium: ``python -m tools.console emissions/carbon_calculator_v1``.

Belongs here: serving a folder of the factory on loopback for as long as the pictures take. The folder is only read.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from tools import screenshot

if TYPE_CHECKING:
    from fastapi import FastAPI

WIDTH, HEIGHT = 1040, 760
SECONDS = 30.0


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a free port of the loopback address; its URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            _until(lambda: server.started or not thread.is_alive())
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(SECONDS)


def _until(done: object) -> None:
    waiting = threading.Event()
    for _ in range(int(SECONDS / 0.05)):
        if done():  # type: ignore[operator]
            return
        waiting.wait(0.05)
    raise TimeoutError("the server did not start")


def pictures(base: str, agent: str, query: str) -> Iterator[tuple[str, str, str]]:
    """(name, address, what is brought to the top) of each picture."""
    yield "search", f"{base}/console?q={query}", "main"
    yield "agent", f"{base}/console/agents/{agent}", "main"
    yield "quality", f"{base}/console/agents/{agent}", "#quality"
    yield "review", f"{base}/console/review/{agent}", "main"
    yield "diff", f"{base}/console/review/{agent}", "#files"


def main() -> int:
    """Run the command line."""
    from greenlang.api.app import create_app
    from greenlang.settings import Settings

    parser = argparse.ArgumentParser(prog="python -m tools.console", description=(__doc__ or "").split(":")[0])
    parser.add_argument("agent")
    parser.add_argument("--review", help="ID?version=... of the build to review; default: the agent")
    parser.add_argument("--query", default="emissions")
    parser.add_argument("--var", type=Path, default=Path("var"))
    parser.add_argument("--out", type=Path, default=Path("docs/img"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    app = create_app(Settings(var=given.var), sign_in=False)
    with serving(app) as base, screenshot.page(width=WIDTH, height=HEIGHT) as view:
        view.emulate_media(reduced_motion="reduce")
        for name, address, top in pictures(base, given.agent, given.query):
            where = address.replace(given.agent, given.review) if given.review and "/review/" in address else address
            view.goto(where)
            view.wait_for_load_state("networkidle")
            view.locator(top).first.evaluate("e => e.scrollIntoView()" if top != "main" else "() => scrollTo(0, 0)")
            path = given.out / f"console-{name}.png"
            view.screenshot(path=str(path))
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
