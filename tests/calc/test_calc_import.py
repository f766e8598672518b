"""Importing the engine is light: no data frames, no databases, no unit registry, nothing that reads the network."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "pint",
    "duckdb",
    "pydantic",
    "pyarrow",
    "polars",
    "pandas",
    "numpy",
    "sqlalchemy",
    "typer",
    "rich",
    "jinja2",
    "python_calamine",
    "litellm",
    "asyncio",
    "socket",
    "urllib.request",
    "http.client",
)


def test_the_import_brings_no_heavy_module() -> None:
    code = f"import sys; import greenlang.calc; print([m for m in {HEAVY!r} if m in sys.modules], len(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    heavy, count = done.stdout.strip().rsplit(" ", 1)
    assert heavy == "[]"
    assert int(count) < 260, "every further module is paid for at each start"
