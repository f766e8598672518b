"""Whether code gives the same bytes for the same input under another hash seed, time zone, locale, clock and folder.

Belongs here: laying code out and asking it again. Does not belong here: judging an agent against its spec
(``validators``), running foreign code (``greenlang.sandbox``).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlang.errors import PackError
from greenlang.sandbox import Sandbox

SEEDS = (0, 1, 4242)  # 0 is UTC and UTF-8 in a plain folder; others differ in all of that
_ALONE = "agent"  # name of the package of a single module


@dataclass(frozen=True, slots=True)
class Violation:
    """A case whose answer was another one. ``case`` is its place, from 0; -1 where nothing was answered at all."""

    case: int
    conditions: str
    expected: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Determinism:
    """What came of it. Nothing is deterministic that could not be run."""

    deterministic: bool
    runs: int
    answers: tuple[Any, ...]
    violations: tuple[Violation, ...]


def determinism(
    sandbox: Sandbox, code: str | Mapping[str, str], cases: Sequence[Mapping[str, Any]], *, folder: Path
) -> Determinism:
    """Ask the code each case, once for each of `SEEDS`.

    ``code``: the text of one module that defines ``AGENT`` or ``Agent``, or path -> text of one package. ``folder``:
    where it is laid out; it lives as long as the sandbox does. Raises PackError for paths that make no package.
    """
    files = {f"{_ALONE}/__init__.py": code} if isinstance(code, str) else dict(code)
    packages = {name.partition("/")[0] for name in files if name.endswith("/__init__.py") and name.count("/") == 1}
    packages.discard("tests")
    if len(packages) != 1:
        raise PackError("the files make no single package: one folder with an __init__.py is needed")
    (package,) = packages
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        root = Path(scratch).resolve() / "pack"
        for name, text in files.items():
            path = (root / name).resolve()
            if not path.is_relative_to(root) or path == root:
                raise PackError(f"{name!r} leads out of the package")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        runs = [sandbox.evaluate(root, package, cases, hash_seed=seed) for seed in SEEDS]
    first = runs[0]
    broken = [Violation(-1, run.conditions, "answers", f"{run.status}: {run.detail}") for run in runs if not _ran(run)]
    if broken:
        return Determinism(False, len(runs), (), tuple(broken))
    expected = first.output.splitlines()
    found: list[Violation] = []
    for run in runs[1:]:
        lines = run.output.splitlines()
        for case in range(max(len(expected), len(lines))):
            left = expected[case] if case < len(expected) else b"null"
            right = lines[case] if case < len(lines) else b"null"
            if left != right:
                found.append(Violation(case, run.conditions, _value(left), _value(right)))
    return Determinism(not found, len(runs), tuple(_value(line) for line in expected), tuple(found))


def _ran(run: Any) -> bool:
    return bool(run.status == "passed")


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line.decode(errors="replace")
