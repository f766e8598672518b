"""What the agent says of itself, and what it does at its other doors, in the confined child.

Belongs here: asking. The judge holds each answer against what the agent answered through the SDK, and against the plan
(`greenlang.quality.measures.doors`, ``declared``). Does not belong here: HTTP (`greenlang.sandbox.child_service`).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from greenlang.sandbox.child_modules import reading

MAX_TEXT = 20_000
_SAID = ("output", "unit", "formula", "citation", "decimals")
_ROW = 20  # of many rows, the one that is damaged: all before it are proved first, which takes time
_DEMO = "demos/command_line.py"


def told(package: str) -> dict[str, Any]:
    """What the agent says of itself: who it is; of each tool (of a flat agent one, "") its calculations and fields."""
    agent = importlib.import_module(package).Agent()
    parts = {str(name): {"tools": _tools(part), "fields": _fields(part)} for name, part in _parts(agent).items()}
    who = {name: str(getattr(agent, name, "")) for name in ("agent_id", "version")}
    return {"told": {**who, "parts": parts}}


def _parts(agent: Any) -> dict[Any, Any]:
    """The agents of a toolbox by the names of their tools; of a flat agent itself."""
    parts = getattr(agent, "agents", None)
    return parts if isinstance(parts, dict) else {"": agent}


def _tools(agent: Any) -> list[dict[str, Any]]:
    tools = getattr(agent, "tools", None)
    tools = tools if isinstance(tools, Mapping) else {}
    return [{name: _plain(getattr(tool, name, None)) for name in _SAID} for tool in tools.values()]


def _fields(agent: Any) -> list[dict[str, str]]:
    if not (hasattr(agent, "input_model") and hasattr(agent, "output_model")):
        return []
    fields: list[dict[str, str]] = importlib.import_module("greenlang_sdk.testing").fields_of(agent)
    return fields


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int) else str(value)


def damaged(pack: Path, package: str) -> dict[str, Any]:
    """What ``health`` says over a pinned row that was changed and kept its digest: "ok", or what it says or raises."""
    path = pack / package / "factors.json"
    if not path.is_file():
        return {}
    content = json.loads(path.read_bytes())
    rows = content.get("factors") if isinstance(content, dict) else None
    if not rows:
        return {}
    row = rows[min(_ROW, len(rows) - 1)]
    row["value"] = f"{row['value']}1"
    with reading({str(path): json.dumps(content).encode()}), _forgetful(pack, package):
        try:
            health = importlib.import_module(package).Agent().health()
        except Exception as error:  # noqa: BLE001 - foreign code; that it raises is the right answer
            return {"damaged": f"{type(error).__name__}: {error}"[:MAX_TEXT]}
    return {"damaged": str(health.get("status")) if isinstance(health, Mapping) else "ok"}


@contextlib.contextmanager
def _forgetful(pack: Path, package: str) -> Iterator[None]:
    """With what the package's modules have read forgotten, before and after."""

    def forget() -> None:
        for module in [sys.modules[name] for name in names if name in sys.modules]:
            for value in list(vars(module).values()):
                clear: Callable[[], None] | None = getattr(value, "cache_clear", None)
                if clear is not None and callable(value):
                    clear()

    # By their files: to go through all modules of the process would have the kernel copy the memory of their names.
    places = ((pack / package).relative_to(pack), *(p.relative_to(pack) for p in (pack / package).rglob("*.py")))
    names = {".".join(place.with_suffix("").parts).removesuffix(".__init__") for place in places}
    forget()
    try:
        yield
    finally:
        forget()


def printed(pack: Path, package: str, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the command line prints for the first input, and what the demo of it prints for its example."""
    commands: list[tuple[str, Callable[[], object], list[str]]] = []
    if inputs and importlib.util.find_spec(f"{package}.__main__") is not None:
        words = [json.dumps(inputs[0])]
        commands.append(("python -m", partial(runpy.run_module, package, run_name="__main__"), [package, *words]))
    path = pack / _DEMO
    if path.is_file():
        commands.append((_DEMO, partial(runpy.run_path, str(path), run_name="__main__"), [_DEMO]))
    return {"printed": {name: _output(run, words) for name, run, words in commands}}


def _output(run: Callable[[], object], words: list[str]) -> str:
    argv, sys.argv = sys.argv, words
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            run()
    except SystemExit as ended:
        if ended.code not in (0, None) and not out.getvalue():
            return f"it ended with {ended.code}"
    except Exception as error:  # noqa: BLE001 - foreign code; what it raised is reported
        return f"{type(error).__name__}: {error}"[:MAX_TEXT]
    finally:
        sys.argv = argv
    return out.getvalue()[:MAX_TEXT]
