"""The agent as one who operates it meets it, in the confined child: latency, memory, HTTP, logs.

Belongs here: taking these figures. Does not belong here: what is good enough (`greenlang.quality`).

The demo server is spoken to as ASGI, by hand: the sandbox has no sockets, and an event loop needs one. A handler that
waits for anything, a pool of threads included, therefore cannot be asked; the handlers of a pack are ``async def``.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from greenlang.sandbox import child_doors
from greenlang.sandbox.trial import posted

MAX_TEXT = 4_000
_REFUSED = {"no_such_input": 1}


def measure(pack: Path, package: str, inputs: list[dict[str, Any]], calls: int) -> dict[str, Any]:
    """Everything but the code blocks."""
    problems: list[str] = []
    result: dict[str, Any] = {"problems": problems}

    def take(what: str, step: Callable[[], dict[str, Any]]) -> None:
        try:
            result.update(step())
        except MemoryError:
            result["out_of_memory"] = True
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; what it raised is reported
            problems.append(f"{what}: {type(error).__name__}: {error}"[:MAX_TEXT])

    take("latency", lambda: _latency(package, inputs, calls))
    result["peak_kb"] = peak_kb()
    take("logs", lambda: _logs(package, inputs))
    take("demos/api.py", lambda: http(pack, inputs))
    take("what it says of itself", lambda: child_doors.told(package))
    take("command line and demos", lambda: child_doors.printed(pack, package, inputs))
    take("health over a damaged row", lambda: child_doors.damaged(pack, package))
    return result


def peak_kb() -> int:
    """The peak of this process's memory so far; a fork begins with what its parent has."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _latency(package: str, inputs: list[dict[str, Any]], calls: int) -> dict[str, Any]:
    run = importlib.import_module(package).Agent().run
    seconds = []
    for number in range(calls if inputs else 0):
        given = inputs[number % len(inputs)]
        started = time.perf_counter()
        run(given)
        seconds.append(time.perf_counter() - started)
    return {"latency_ms": [round(s * 1000, 6) for s in seconds]}


def _logs(package: str, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    name = f"{package}.logs"
    if importlib.util.find_spec(name) is None:
        return {"logs": []}
    stream = io.StringIO()
    agent = importlib.import_module(package).Agent()
    importlib.import_module(name).log_runs(agent, stream)
    for given in [*inputs, {}]:
        if agent.run(given).error is None:
            break
    stream.seek(0)
    lines = stream.read().splitlines()[-1:]
    stream.truncate(0)
    stream.seek(0)
    agent.run(_REFUSED)
    return {"logs": [*lines, *stream.getvalue().splitlines()]}


def http(pack: Path, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the demo server of a pack answers: method and path -> status and body."""
    path = pack / "demos" / "api.py"
    if not path.is_file():
        return {"http_detail": "the pack has no demos/api.py"}
    if importlib.util.find_spec("fastapi") is None:
        return {"http_detail": "FastAPI is not installed"}
    spec = importlib.util.spec_from_file_location("gl_demo_api", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _without_places(module.app)
    answers: dict[str, list[Any]] = {}
    for name, body in _requests(module, inputs):
        method, _, target = name.partition(" #")[0].partition(" ")
        answers[name] = list(_ask(module.app, method, target, body))
    return {"http": answers}


def _without_places(app: Any) -> None:
    """FastAPI reads and tokenizes the source of each handler, to say where it stands should it fail: not asked here.

    What it has found before, it keeps in a table by handler; a version without that table looks it up as ever.
    """
    table = getattr(importlib.import_module("fastapi.routing"), "_endpoint_context_cache", None)
    if isinstance(table, dict):
        table.update({id(r.endpoint): {} for r in getattr(app, "routes", ()) if hasattr(r, "endpoint")})


def _requests(module: Any, inputs: list[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """Name and body, by `posted`. Runs come before the metrics, so that there is something to count."""
    toolbox = isinstance(getattr(module, "EXAMPLES", None), dict)
    runs = []
    for name, place in posted(inputs, toolbox=toolbox).items() if inputs else ():
        given = inputs[place]["arguments"] if toolbox else inputs[place]
        runs.append((name, json.dumps(given).encode()))
    if not runs and not toolbox:
        runs = [("POST /run", json.dumps(module.EXAMPLE).encode())]
    return [("GET /health", b""), *runs, ("GET /tools" if toolbox else "GET /schema", b""), ("GET /metrics", b"")]


def _ask(app: Any, method: str, target: str, body: bytes) -> tuple[int, str]:
    """Status and body of one request. Raises RuntimeError for a handler that waits."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": target,
        "raw_path": target.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"agent"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    _drive(app(scope, receive, send))
    status = next((m["status"] for m in sent if m["type"] == "http.response.start"), 0)
    data = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return int(status), data.decode(errors="replace")


def _drive(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("the handler waits for something; without an event loop nothing comes")
