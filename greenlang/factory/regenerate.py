"""Generating again over a person's edits: a three-way merge against what was generated last.

A working copy keeps what was generated, untouched, in ``.greenlang/base``. From there git merges, file by file, what a
person changed with what the generator changes. Where both changed the same lines, the person's file stays as it is and
the merge with its markers lies beside it as ``<file>.conflict``; while such a file is there, nothing is generated
again. Nothing of a person's is ever overwritten or removed.

Belongs here: what becomes of each file. Does not belong here: making the files (``generate``), packs (``pack``), which
nobody edits.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from greenlang.errors import PackError

BASE = Path(".greenlang") / "base"
CONFLICT = ".conflict"
Fate = Literal["written", "merged", "conflict", "kept", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one file of the working copy, and why. Files that nobody changed are not told."""

    name: str
    fate: Fate
    why: str


def regenerate(files: Mapping[str, bytes], folder: Path) -> tuple[Change, ...]:
    """Bring freshly generated files into a working copy; what changed, by path.

    A folder that does not exist is made. Raises PackError, and changes nothing, for a folder that keeps no base or
    holds conflicts that nobody settled.
    """
    base = _base(folder)
    open_ = sorted(p.relative_to(folder).as_posix() for p in folder.rglob(f"*{CONFLICT}")) if folder.exists() else []
    if open_:
        raise PackError(f"settle {', '.join(open_[:5])} first: carry it over into the file, and remove it")
    for name in files:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise PackError(f"{name} lies outside {folder}")
    changes = []
    for name in sorted({*base, *files}):
        change = _one(folder / name, name, base.get(name), files.get(name))
        if change is not None:
            changes.append(change)
    _keep_base(folder, files)
    return tuple(changes)


def _base(folder: Path) -> dict[str, bytes]:
    kept = folder / BASE
    fresh = kept.with_name("base.new")
    if fresh.is_dir() and not kept.is_dir():
        fresh.rename(kept)  # a killed process had written it whole
    if not kept.is_dir():
        if folder.exists() and any(folder.iterdir()):
            raise PackError(
                f"{folder} keeps no {BASE}, so nobody can tell what was generated there; name an empty folder, and "
                f"carry the edits over"
            )
        return {}
    return {p.relative_to(kept).as_posix(): p.read_bytes() for p in sorted(kept.rglob("*")) if p.is_file()}


def _keep_base(folder: Path, files: Mapping[str, bytes]) -> None:
    """The new base, in place of the old one."""
    kept = folder / BASE
    fresh = kept.with_name("base.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _write_all(fresh, files)
    if kept.exists():
        shutil.rmtree(kept)
    fresh.rename(kept)


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _one(path: Path, name: str, base: bytes | None, new: bytes | None) -> Change | None:
    """Settle one file: ``base`` is what was generated last, ``new`` what is generated now."""
    mine = path.read_bytes() if path.is_file() else None
    if new is None:
        return _dropped(path, name, base, mine)
    if mine == new:
        return None
    if mine is None and base is None:
        return _write(path, name, new, "written", "new")
    if mine is None:
        if new == base:
            return Change(name, "kept", "you removed it, and it stays removed")
        _write(path.with_name(path.name + CONFLICT), name, new, "conflict", "")
        return Change(name, "conflict", f"you removed it, and it changed; the new one is {name}{CONFLICT}")
    if mine == base:
        return _write(path, name, new, "written", "generated anew")
    if new == base:
        return Change(name, "kept", "you changed it, and nothing new was generated")
    merged, clean = merge(mine, base or b"", new)
    if clean:
        return _write(path, name, merged, "merged", "your edits and the new ones")
    _write(path.with_name(path.name + CONFLICT), name, merged, "conflict", "")
    return Change(name, "conflict", f"both changed the same lines; your file stays, the merge is {name}{CONFLICT}")


def _dropped(path: Path, name: str, base: bytes | None, mine: bytes | None) -> Change | None:
    """A file that is generated no longer."""
    if mine is None:
        return None
    if mine != base:
        return Change(name, "kept", "it is generated no longer, and you changed it: remove it yourself")
    path.unlink()
    return Change(name, "removed", "it is generated no longer")


def _write(path: Path, name: str, content: bytes, fate: Fate, why: str) -> Change:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Change(name, fate, why)


def merge(mine: bytes, base: bytes, new: bytes) -> tuple[bytes, bool]:
    """The three-way merge by ``git merge-file``, and whether it is free of conflicts. Raises PackError without git."""
    if shutil.which("git") is None:
        raise PackError("git is not on the PATH; merging needs it")
    with TemporaryDirectory(prefix="greenlang-merge-") as scratch:
        paths = [Path(scratch) / name for name in ("mine", "base", "new")]
        for path, content in zip(paths, (mine, base, new), strict=True):
            path.write_bytes(content)
        labels = [word for label in ("yours", "generated before", "generated now") for word in ("-L", label)]
        command = ["git", "merge-file", "--stdout", "--diff3", *labels, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode < 0 or done.returncode > 127:
        if b"Cannot merge binary files" in done.stderr:
            return new, False
        raise PackError(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout, done.returncode == 0
