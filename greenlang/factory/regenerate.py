"""Generating again over a person's edits: a three-way merge against what was generated last.

A working copy keeps what was generated, untouched, in ``.greenlang/base``, with the SHA-256 of each file. From there
git merges, file by file, what a person changed with what the generator changes. Where both changed the same lines, the
person's file stays as it is and the merge with its markers lies beside it as ``<file>.conflict``; while such a file is
there, nothing is generated again. Nothing of a person's is ever overwritten or removed.

Everything is settled before the first file is touched. Then the new base is kept beside the old one, the files are
brought over one by one, each whole or not at all, and the bases change places. A call that was killed in between is
finished by the next one.

Belongs here: what becomes of each file, and in which order it is written. Does not belong here: making the files
(``generate``), merging one file (``merging``), packs (``pack``), which nobody edits.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from greenlang.errors import PackError
from greenlang.factory.merging import in_style, merge, parses, places
from greenlang.provenance import bytes_digest

STORE = Path(".greenlang")
BASE = STORE / "base"
LISTING = "SHA256SUMS"  # of the files of a base; `sha256sum -c` reads it
CONFLICT = ".conflict"
_PART = "part."  # begins the name of what is not written whole yet; each process has its own
# Version control keeps the bytes of a base, and formatters and searches pass it by.
_BESIDE = {".gitattributes": b"* -text\n", ".ignore": b"*\n"}
Fate = Literal["written", "merged", "conflict", "kept", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one file of the working copy, and why. Files that nobody changed are not told."""

    name: str
    fate: Fate
    why: str


@dataclass(frozen=True, slots=True)
class _Step:
    """A change and what is done for it: ``content`` goes to ``target``, or ``target`` goes; without one, nothing is."""

    change: Change
    target: str = ""
    content: bytes | None = None
    seen: bytes | None = None  # what stood there when this was decided


def regenerate(files: Mapping[str, bytes], folder: Path) -> tuple[Change, ...]:
    """Bring freshly generated files into a working copy; what changed, by path.

    A folder that does not exist is made. Raises PackError, and changes nothing, for a folder that keeps no base or a
    damaged one, that holds conflicts that nobody settled, or where a file cannot be written.
    """
    finished = _finish(folder)
    base = _base(folder)
    open_ = [f"{name}{CONFLICT}" for name in sorted({*base, *files}) if os.path.lexists(folder / f"{name}{CONFLICT}")]
    if open_:
        raise PackError(
            f"settle {', '.join(open_[:5])} first: carry over into the file what you want of it, and remove it"
        )
    steps = _steps(folder, base, files)
    changes = {change.name: change for change in finished}
    if base != files:
        _bring(folder, steps, files)
    for step in steps:
        if step.change.fate != "kept" or step.change.name not in changes:
            changes[step.change.name] = step.change
    return tuple(changes[name] for name in sorted(changes))


def _finish(folder: Path) -> tuple[Change, ...]:
    """Finish what a killed call began."""
    kept, fresh, old = (folder / STORE / name for name in ("base", "base.new", "base.old"))
    changes: tuple[Change, ...] = ()
    if fresh.is_dir():
        if kept.is_dir():
            steps = _steps(folder, _read(kept), _read(fresh))
            _apply(folder, steps)
            changes = tuple(step.change for step in steps)
        _swap(folder)
    elif old.is_dir() and kept.is_dir():
        shutil.rmtree(old)
    for part in (folder / STORE).glob(f"{_PART}*"):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink()
    return changes


def _base(folder: Path) -> dict[str, bytes]:
    if (folder / BASE).is_dir():
        return _read(folder / BASE)
    if folder.exists() and any(path.name not in (".git", STORE.name) for path in folder.iterdir()):
        raise PackError(
            f"{folder} keeps no {BASE}, so nobody can tell what was generated there; bring it back from version "
            f"control, or name an empty folder and carry the edits over"
        )
    return {}


def _read(kept: Path) -> dict[str, bytes]:
    """The files of a base. Raises PackError if they are not those that were generated."""
    listing = kept / LISTING
    lines = listing.read_text("utf-8", "replace").splitlines() if listing.is_file() else [f"missing  {LISTING}"]
    stated = [(digest, name) for digest, _, name in (line.partition("  ") for line in lines)]
    found = {name: (kept / name).read_bytes() for _, name in stated if (kept / name).is_file()}
    wrong = [name for digest, name in stated if name not in found or bytes_digest(found[name]) != digest]
    if wrong:
        raise PackError(
            f"{kept} is not as it was generated ({', '.join(wrong[:3])}); bring it back from version control, or name "
            f"an empty folder and carry the edits over"
        )
    return found


def _bring(folder: Path, steps: list[_Step], files: Mapping[str, bytes]) -> None:
    if not (folder / BASE).is_dir():
        _keep(folder, "base", {})  # a killed first call is told from a base whose files a person removed
        for name, content in _BESIDE.items():
            (folder / STORE / name).write_bytes(content)
    _keep(folder, "base.new", files)
    _apply(folder, steps)
    _swap(folder)


def _keep(folder: Path, name: str, files: Mapping[str, bytes]) -> None:
    """A base under this name, whole or not at all."""
    part = folder / STORE / f"{_PART}base.{os.getpid()}"
    lines = "".join(f"{bytes_digest(content)}  {path}\n" for path, content in sorted(files.items()))
    for path, content in {**files, LISTING: lines.encode()}.items():
        (part / path).parent.mkdir(parents=True, exist_ok=True)
        (part / path).write_bytes(content)
    part.rename(folder / STORE / name)


def _swap(folder: Path) -> None:
    """The new base, in place of the old one."""
    kept, fresh, old = (folder / STORE / name for name in ("base", "base.new", "base.old"))
    if kept.is_dir():
        shutil.rmtree(old, ignore_errors=True)
        kept.rename(old)
    fresh.rename(kept)
    shutil.rmtree(old, ignore_errors=True)


def _steps(folder: Path, base: Mapping[str, bytes], files: Mapping[str, bytes]) -> list[_Step]:
    """What is to become of every file. Raises PackError if one of them cannot be written where it belongs."""
    steps = []
    for name in sorted({*base, *files}):
        step = _settle(folder / name, name, base.get(name), files.get(name))
        if step is None:
            continue
        if step.target:
            _place(folder, step.target)
        steps.append(step)
    return steps


def _place(folder: Path, target: str) -> None:
    """Raises PackError where a file would be written or removed outside the folder, or below what is no folder."""
    parent = (folder / target).parent
    if not parent.resolve().is_relative_to(folder.resolve()):
        raise PackError(f"{target} lies outside {folder}: a link leads there; make it a folder again")
    for above in (parent, *parent.parents):
        if os.path.lexists(above):
            if not above.is_dir():
                raise PackError(f"{above} is no folder, and {target} belongs into it; move it away")
            return


def _settle(path: Path, name: str, base: bytes | None, new: bytes | None) -> _Step | None:
    """Settle one file: ``base`` is what was generated last, ``new`` what is generated now."""
    if path.is_symlink() or path.is_dir():
        return _no_file(name, "a link" if path.is_symlink() else "a folder", base, new)
    mine = path.read_bytes() if path.is_file() else None
    if mine is not None:
        base, new = in_style(base, mine), in_style(new, mine)
    if mine == new:
        return None
    if new is None:
        if mine == base:
            return _Step(Change(name, "removed", "it is generated no longer"), name, None, mine)
        return _Step(Change(name, "kept", "it is generated no longer, and you changed it: remove it yourself"))
    if mine is None:
        if base is None:
            return _Step(Change(name, "written", "new"), name, new)
        return (
            _Step(Change(name, "kept", "you removed it, and it stays removed"))
            if new == base
            else _beside(name, "you removed it, and it changed; the new one is", new)
        )
    if mine == base:
        return _Step(Change(name, "written", "generated anew"), name, new, mine)
    if new == base:
        return _Step(Change(name, "kept", "you changed it, and nothing new was generated"))
    return _merged(name, mine, base or b"", new)


def _no_file(name: str, what: str, base: bytes | None, new: bytes | None) -> _Step:
    """A person put a link or a folder where a file is generated: nothing is written through it."""
    if new is None:
        return _Step(Change(name, "kept", f"it is generated no longer, and you made it {what}: remove it yourself"))
    if new == base:
        return _Step(Change(name, "kept", f"you made it {what}, and nothing new was generated"))
    return _beside(name, f"you made it {what}, and it changed; the new one is", new)


def _merged(name: str, mine: bytes, base: bytes, new: bytes) -> _Step:
    merged, clean = merge(mine, base, new)
    if not clean:
        found = places(merged)
        lines = f", line{'s' * (len(found) > 1)} {', '.join(map(str, found[:5]))}" if found else ""
        return _beside(name, "both changed the same lines; your file stays, the merge is", merged, lines)
    if parses(name, mine) and not parses(name, merged):
        return _beside(name, "both changes together make no valid file; yours stays, the merge is", merged)
    return _Step(Change(name, "merged", "your edits and the new ones"), name, merged, mine)


def _beside(name: str, why: str, content: bytes, places_: str = "") -> _Step:
    return _Step(Change(name, "conflict", f"{why} {name}{CONFLICT}{places_}"), f"{name}{CONFLICT}", content)


def _apply(folder: Path, steps: list[_Step]) -> None:
    for step in steps:
        path = folder / step.target
        if not step.target or (step.change.fate == "conflict" and os.path.lexists(path)):
            continue  # a conflict that lies there since the call that was killed may hold edits by now
        if (path.read_bytes() if path.is_file() else None) != step.seen:
            raise PackError(f"{step.target} was changed meanwhile; call this again")
        if step.content is None:
            _remove(path, folder)
        else:
            _put(path, step.content, folder / STORE / f"{_PART}file.{os.getpid()}")


def _put(path: Path, content: bytes, scratch: Path) -> None:
    """Write a file whole or not at all; it stays executable if it was."""
    scratch.write_bytes(content)
    if path.exists():
        shutil.copymode(path, scratch)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch.replace(path)


def _remove(path: Path, folder: Path) -> None:
    """Remove a file, and the folders that it leaves empty."""
    path.unlink()
    for above in path.parents:
        if above == folder or above.is_symlink() or any(above.iterdir()):
            return
        above.rmdir()
