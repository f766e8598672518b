"""Foreign programs that look at packs without running them: ruff and mypy, once for a whole batch.

Belongs here: calling the tools and sorting what they say by pack. Does not belong here: opinions on it.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import gc
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from greenlang.quality.alike import form

# Rules about mistakes. Rules about taste (names, line length, the shape of an `if`) are left out: names and formulas
# are the spec author's own.
LINT_RULES = ("E4", "E7", "E9", "F", "W", "I", "B", "UP", "C4", "PIE", "DTZ", "BLE", "PTH", "PLE", "T10")
SECURITY_RULES = ("S",)
_SECURITY = re.compile(r"S\d")  # and not SIM
_WARM = """\
import argparse, dataclasses, datetime, decimal, enum, functools, importlib.resources, json, logging, math, sys, typing
import greenlang_sdk, greenlang_sdk.testing, pydantic
"""
_MYPY = threading.Lock()
_MOST = 100_000  # forms that are remembered
_SOUND: set[str] = set()  # forms of packages in which mypy found nothing


@dataclass(frozen=True, slots=True)
class PackRef:
    """A pack on disk and the name of its package."""

    folder: Path
    package: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a tool found; ``path`` is relative to the pack."""

    path: str
    line: int
    code: str
    message: str

    @property
    def text(self) -> str:
        """``path:line: code message``."""
        return f"{self.path}:{self.line}: {self.code} {self.message}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What the tools found in one pack. ``trees`` holds the tree of every file that parses, ``texts`` its content."""

    trees: dict[str, ast.Module]
    syntax: tuple[Finding, ...]
    lint: tuple[Finding, ...]
    security: tuple[Finding, ...]
    types: tuple[Finding, ...]
    texts: dict[str, bytes] = field(default_factory=dict)


def prepare(packs: Sequence[PackRef], cache: Path) -> dict[Path, Findings]:
    """Parse, lint and type-check a batch in one go; keys are the folders as given.

    ``cache`` is a folder for mypy's cache; any number of processes may use it.
    Raises RuntimeError if a tool itself fails: that is never the pack's fault.
    """
    with _without_collector():
        parsed = {ref.folder: _parse(ref) for ref in packs}
    linted = _ruff(packs)
    sound = [ref for ref in packs if not parsed[ref.folder][2]]
    typed = _typed(sound, {ref.folder: form(ref.folder, ref.package, *parsed[ref.folder][:2]) for ref in sound}, cache)
    found = {}
    for ref in packs:
        trees, texts, syntax = parsed[ref.folder]
        lint = linted.get(ref.folder, [])
        package = f"{ref.package}/"
        found[ref.folder] = Findings(
            trees,
            tuple(syntax),
            tuple(f for f in lint if not _SECURITY.match(f.code)),
            tuple(f for f in lint if _SECURITY.match(f.code) and f.path.startswith(package)),
            tuple(typed.get(ref.folder, ())),
            texts,
        )
    return found


def _parse(ref: PackRef) -> tuple[dict[str, ast.Module], dict[str, bytes], list[Finding]]:
    trees: dict[str, ast.Module] = {}
    texts: dict[str, bytes] = {}
    wrong = []
    for name in _sources(ref.folder):
        text = (ref.folder / name).read_bytes()
        try:
            trees[name], texts[name] = ast.parse(text, filename=name), text
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            wrong.append(Finding(name, getattr(error, "lineno", 0) or 0, "syntax", f"{type(error).__name__}: {error}"))
    return trees, texts, wrong


def _sources(folder: Path) -> list[str]:
    """The Python files below a folder, in the order of their paths."""
    found: list[str] = []
    for place, _, names in os.walk(folder):
        head = Path(place).relative_to(folder).as_posix()
        found += [name if head == "." else f"{head}/{name}" for name in names if name.endswith(".py")]
    return sorted(found, key=lambda name: name.split("/"))


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Where much is made that has no cycles, or is kept: looking for garbage in it takes longer than making it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _locate(folders: dict[str, Path], name: str) -> tuple[Path, str] | None:
    """The pack that an absolute file name lies in, and the name inside it."""
    head = name
    while head:
        head = head.rpartition("/")[0]
        if head in folders:
            return folders[head], name[len(head) + 1 :]
    return None


def _ruff(packs: Sequence[PackRef]) -> dict[Path, list[Finding]]:
    binary = importlib.import_module("ruff").find_ruff_bin()
    folders = {str(ref.folder.resolve()): ref.folder for ref in packs}
    own = json.dumps(sorted({ref.package for ref in packs}))
    command = [
        binary,
        "check",
        "--isolated",
        "--no-cache",
        "--quiet",
        "--exit-zero",
        "--ignore-noqa",
        "--output-format=json",
        "--line-length=100",  # where an import is wrapped
        "--ignore=E741",  # an input may be called l
        "--target-version=py311",
        f"--select={','.join((*LINT_RULES, *SECURITY_RULES))}",
        f"--config=lint.isort.known-first-party={own}",
        "--no-respect-gitignore",
        *folders,
    ]
    run = subprocess.run(command, capture_output=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"ruff failed: {run.stderr.decode(errors='replace')[-2000:]}")
    found: dict[Path, list[Finding]] = {}
    for record in json.loads(run.stdout or b"[]"):
        place = _locate(folders, record["filename"])
        if place is not None:
            line = (record.get("location") or {}).get("row", 0)
            found.setdefault(place[0], []).append(
                Finding(place[1], line, record.get("code") or "syntax", record["message"])
            )
    return found


def _typed(packs: Sequence[PackRef], forms: Mapping[Path, str], cache: Path) -> dict[Path, list[Finding]]:
    """Type-check packages, of those that are alike the first: where nothing is found in it, nothing is in the others.

    What was found to be in order is remembered for as long as the process lives.
    """
    first: dict[str, PackRef] = {}
    for ref in packs:
        if forms[ref.folder] not in _SOUND:
            first.setdefault(forms[ref.folder], ref)
    found = _mypy([*first.values()], cache)
    for one, ref in first.items():
        if not found.get(ref.folder) and len(_SOUND) < _MOST:
            _SOUND.add(one)
    others = [ref for ref in packs if found.get(first.get(forms[ref.folder], ref).folder) and ref.folder not in found]
    return found | _mypy(others, cache)


def _mypy(packs: Sequence[PackRef], cache: Path) -> dict[Path, list[Finding]]:
    """Type-check packages; two of one name (versions of an agent) go into separate runs."""
    found: dict[Path, list[Finding]] = {}
    turn: Counter[str] = Counter()
    batches: dict[int, list[PackRef]] = {}
    for ref in packs:
        batches.setdefault(turn[ref.package], []).append(ref)
        turn[ref.package] += 1
    for batch in batches.values():
        found |= _mypy_run(batch, cache)
    return found


def _mypy_run(packs: Sequence[PackRef], cache: Path) -> dict[Path, list[Finding]]:
    from mypy import api

    folders = {str(ref.folder.resolve()): ref.folder for ref in packs}
    targets = [str(ref.folder.resolve() / ref.package) for ref in packs]
    with _MYPY, _undisturbed():
        base = _base_cache(cache)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".mypy-", ignore_cleanup_errors=True) as folder:
            copied = Path(shutil.copytree(base, Path(folder) / "cache"))
            out, error, code = api.run([*_mypy_options(copied), *targets])
    if code not in (0, 1) or (code and not out.strip()):
        if len(packs) > 1:  # one pack stopped the whole run: find out which
            alone = [_mypy_run([ref], cache) for ref in packs]
            return {folder: findings for part in alone for folder, findings in part.items()}
        return {packs[0].folder: [Finding(packs[0].package, 0, "mypy", (error or out).strip()[:2000])]}
    found: dict[Path, list[Finding]] = {}
    for line in out.splitlines():
        record: dict[str, Any] = json.loads(line)
        place = _locate(folders, record["file"])
        if place is None:
            raise RuntimeError(f"mypy speaks of a file outside the packs: {line}")
        if record["severity"] == "error":
            finding = Finding(place[1], record["line"], str(record.get("code")), record["message"])
            found.setdefault(place[0], []).append(finding)
    return found


def _mypy_options(cache: Path) -> list[str]:
    return [
        "--strict",
        "--config-file=",
        f"--cache-dir={cache}",
        "--no-error-summary",
        "--show-absolute-path",
        "--output=json",
    ]


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """mypy sets limits of the interpreter for itself; put them back.

    It also lets the collector loose on whatever a worker has frozen, to which its own run adds nothing: it is told so.
    """
    threshold, depth, path = gc.get_threshold(), sys.getrecursionlimit(), os.environ.pop("MYPYPATH", None)
    held = {name: getattr(gc, name) for name in ("enable", "disable", "freeze", "unfreeze")}
    try:
        with _without_collector():
            for name in held:
                setattr(gc, name, lambda: None)
            try:
                yield
            finally:
                for name, function in held.items():
                    setattr(gc, name, function)
    finally:
        gc.set_threshold(*threshold)
        sys.setrecursionlimit(depth)
        if path is not None:
            os.environ["MYPYPATH"] = path


def _base_cache(cache: Path) -> Path:
    """What mypy knows of the libraries that packs use: found out once, and copied for each run.

    A run of its own copy takes no lock and leaves nothing behind: what it knows of ten thousand packs is a gigabyte.
    """
    base = cache / f"mypy-{_libraries()}"
    if base.is_dir():
        return base
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "mypy.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not base.is_dir():
            for old in cache.glob("mypy-*"):
                shutil.rmtree(old, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=".mypy-") as folder:
                source, fresh = Path(folder) / "warm.py", Path(folder) / "cache"
                source.write_text(_WARM)
                from mypy import api

                api.run([*_mypy_options(fresh), str(source)])
                fresh.mkdir(exist_ok=True)  # a mypy that keeps no cache is slow, not wrong
                fresh.rename(base)
    return base


def _libraries() -> str:
    """Changes when what the base cache knows is out of date: tools, libraries, the SDK's files."""
    import greenlang_sdk

    sdk = sorted(
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for folder in greenlang_sdk.__path__
        for path in Path(folder).rglob("*.py")
    )
    known = (sys.version_info[:3], version("mypy"), version("pydantic"), sdk)
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]
