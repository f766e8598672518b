"""What a build depends on, as digests: what one agent consumed, and the whole world of tables, templates and code.

Belongs here: digests that decide whether something is built or judged again. Does not belong here: digests of packs
(`greenlang.provenance`).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import greenlang_sdk

import greenlang
from greenlang import _paths
from greenlang.factors.table import FactorTable
from greenlang.factory.wheels import sdk_wheel
from greenlang.formulas.library import FormulaLibrary
from greenlang.provenance import bytes_digest, files_digest
from greenlang.settings import Settings

_TOOLS = ("ruff", "mypy", "pytest", "coverage", "pydantic")
_RENDERING = ("jinja2", "pint", "pyyaml")


@cache
def _engine() -> str:
    """Digest of what generates and judges: library and SDK as they are here, and the templates."""
    digest = hashlib.sha256(f"{greenlang.__version__}:{greenlang_sdk.__version__}".encode())
    digest.update(bytes_digest(sdk_wheel()[1]).encode())
    _add(digest, _paths.data() / "templates" / "agent", "*.jinja")
    return digest.hexdigest()


@cache
def _judging() -> str:
    """Digest of what runs and judges a pack: quality and sandbox code, and the tools with their versions."""
    digest = hashlib.sha256(repr((sys.version_info[:3], [(tool, version(tool)) for tool in _TOOLS])).encode())
    assert greenlang.__file__ is not None
    root = Path(greenlang.__file__).parent
    for room in ("quality", "sandbox"):
        _add(digest, root / room, "*")
    return digest.hexdigest()


def _settled(settings: Settings) -> str:
    """What the settings say on judging: the confinement, and the known vulnerabilities by content."""
    advisories = settings.advisories
    files = sorted(advisories.rglob("*.json")) if advisories and advisories.is_dir() else [advisories]
    state = tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files if f and f.is_file())
    return f"{settings.sandbox}:{_contents(state)}"


@cache
def _contents(state: tuple[tuple[str, int, int], ...]) -> str:
    return files_digest({Path(name).name: bytes_digest(Path(name).read_bytes()) for name, _, _ in state})


def consumed_digest(files: Mapping[str, bytes], settings: Settings) -> str:
    """Digest of everything that an agent's build consumes: what it renders to, the engine, and what judges it.

    Another threshold, measure or tool judges the standing agents again; a trial that was the same is remembered.
    """
    rendered = files_digest({n: bytes_digest(d) for n, d in files.items()})
    return bytes_digest(f"{rendered}:{_engine()}:{_judging()}:{_settled(settings)}".encode())


def world_digest(table: FactorTable, formulas: FormulaLibrary, settings: Settings) -> str:
    """Digest of all tables, aliases, templates, code and libraries that render: while it stands, no agent can have
    changed but by its overlay.

    All of the code and the libraries count here and not in `consumed_digest`: after an upgrade every agent is looked at
    again, and only those are built again that it renders differently, or that other code judges.
    """
    made = f"{_aliases()}:{_engine()}:{_code()}:{_judging()}:{_settled(settings)}"
    return bytes_digest(f"{table.digest}:{formulas.digest}:{made}".encode())


def _aliases() -> str:
    """Digest of the reviewed words and foreign references, which decide what a reference of a spec means."""
    folder = _paths.data() / "emission_factors" / "aliases"
    return files_digest({p.name: bytes_digest(p.read_bytes()) for p in folder.iterdir()})


@cache
def _code() -> str:
    digest = hashlib.sha256(repr([(library, version(library)) for library in _RENDERING]).encode())
    for package in (greenlang, greenlang_sdk):
        assert package.__file__ is not None
        _add(digest, Path(package.__file__).parent, "*.py")
    return digest.hexdigest()


def _add(digest: hashlib._Hash, folder: Path, pattern: str) -> None:
    """Count the files of a folder, by name and content, in the order of their names."""
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
