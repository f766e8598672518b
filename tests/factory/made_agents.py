"""From a spec to an imported agent, for tests that look at behaviour."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from greenlang.factors.table import FactorTable
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.formulas.library import library
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.reader import read


@cache
def embedded() -> FactorTable:
    """The factors that come with the project."""
    return FactorTable.in_force(Path("no-such-folder"))


def planned(text: str, overlay: str | None = None) -> tuple[Resolution | None, tuple[Diagnostic, ...]]:
    """A spec and its overlay, read and resolved, with all findings."""
    spec, findings = read(text.encode(), "spec.yaml", overlay=overlay.encode() if overlay is not None else None)
    if spec is None:
        return None, findings
    resolution = resolve(spec, embedded(), library())
    return resolution, (*findings, *resolution.diagnostics)


@contextmanager
def imported(resolution: Resolution) -> Iterator[Any]:
    """The generated package."""
    name = package_name(resolution.spec)
    with TemporaryDirectory() as folder:
        write_pack(generate(resolution), Path(folder) / "pack")
        forget(name)  # another test's package of this name
        sys.path.insert(0, f"{folder}/pack")
        importlib.invalidate_caches()
        try:
            yield importlib.import_module(name)
        finally:
            sys.path.remove(f"{folder}/pack")
            forget(name)


def forget(package: str) -> None:
    """Let the next import of a package find its files anew."""
    for module in [m for m in sys.modules if m.partition(".")[0] == package]:
        del sys.modules[module]
