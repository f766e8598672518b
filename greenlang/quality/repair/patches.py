"""Patches: replacements that name the text they expect, applied to a copy, all or none, and taken back again.

Belongs here: what a patch may touch, applying, the journal, rolling back. Does not belong here: whether a patch helps
(`greenlang.quality.repair.ladder`), where patches come from.
"""

from __future__ import annotations

import ast
import base64
import difflib
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from greenlang.llm.prompts import visible
from greenlang.provenance import bytes_digest

MAX_PATCHES = 20
MAX_TEXT = 20_000
_DEMOS = "demos"
_SILENCERS = re.compile(  # as generously as the tools themselves read them
    r"type:\s*ignore|#\s*noqa|pragma[:\s]?\s*no\s*(?:cover|branch)|#\s*nosec|mypy:|ruff:|pylint:|pyright:|flake8:"
    r"|\bno_type_check\b|\bfmt:\s*(?:off|skip)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Patch:
    """In ``path`` (relative to the pack) the text ``old``, which stands there exactly once, becomes ``new``."""

    path: str
    old: str
    new: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after a rung; None where it was not there."""

    rung: str
    round: int
    path: str
    before: bytes | None
    after: bytes | None
    why: str = ""

    @property
    def diff(self) -> str:
        """The unified diff, or a line with both digests where a side is no text."""
        try:
            old, new = ((side or b"").decode() for side in (self.before, self.after))
        except UnicodeDecodeError:
            return f"{self.path}: {_digest(self.before)} -> {_digest(self.after)}\n"
        lines = difflib.unified_diff(
            old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{self.path}", f"b/{self.path}"
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``journal.json``: enough to take the change back."""
        return {
            "rung": self.rung,
            "round": self.round,
            "path": self.path,
            "before": _text(self.before),
            "after": _text(self.after),
            "digest_before": _digest(self.before),
            "digest_after": _digest(self.after),
            "why": self.why,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Change:
        """What `as_dict` wrote. Raises ValueError where a content does not have the digest that stands beside it."""
        change = cls(
            row["rung"], row["round"], row["path"], _bytes(row["before"]), _bytes(row["after"]), row.get("why", "")
        )
        if (_digest(change.before), _digest(change.after)) != (row["digest_before"], row["digest_after"]):
            raise ValueError(f"the journal's contents of {change.path} are not those of its digests")
        return change


def _digest(data: bytes | None) -> str:
    return "" if data is None else bytes_digest(data)


def _text(data: bytes | None) -> dict[str, str] | None:
    if data is None:
        return None
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _bytes(value: Mapping[str, str] | None) -> bytes | None:
    if value is None:
        return None
    return value["text"].encode() if "text" in value else base64.b64decode(value["base64"])


# --- what may be touched ---------------------------------------------------------------------------------------------


def place_refused(folder: Path, package: str, path: str) -> str:
    """Why a path may not be patched, "" if it may: a Python file of the agent's package or of its demos."""
    pure = PurePosixPath(path)
    if not path or "\\" in path or "\0" in path or pure.is_absolute() or ".." in pure.parts or str(pure) != path:
        return f"`{path[:200]}` is no plain path inside the pack"
    if pure.suffix != ".py" or pure.parts[0] not in {package, _DEMOS} or len(pure.parts) < 2:
        return f"`{path}` is none of the files that a repair may touch ({package}/**.py, {_DEMOS}/**.py)"
    root, target = folder.resolve(), folder / path
    if any((folder / Path(*pure.parts[:n])).is_symlink() for n in range(1, len(pure.parts) + 1)):
        return f"`{path}` goes through a symbolic link"
    if not target.resolve().is_relative_to(root):
        return f"`{path}` lies outside the agent's folder"
    if not target.is_file() or target.stat().st_nlink > 1:
        return f"`{path}` is no file of the pack"
    return ""


def out_of_bounds(folder: Path, package: str, patches: Sequence[Patch]) -> str:
    """Why patches may not be applied whatever the files hold, "" if they may."""
    if not patches or len(patches) > MAX_PATCHES:
        return f"a round has 1 to {MAX_PATCHES} patches, this one has {len(patches)}"
    refused = (place_refused(folder, package, p.path) or _text_refused(p) for p in patches)
    return next((why for why in refused if why), "")


def allowed_files(folder: Path, package: str) -> tuple[str, ...]:
    """Every file that a repair may touch, sorted."""
    names = (p.relative_to(folder).as_posix() for top in (package, _DEMOS) for p in (folder / top).rglob("*.py"))
    return tuple(sorted(name for name in names if not place_refused(folder, package, name)))


def _text_refused(patch: Patch) -> str:
    if not patch.old.strip():
        return f"{patch.path}: the patch names no text that it expects"
    if patch.old == patch.new:
        return f"{patch.path}: the patch changes nothing"
    if max(len(patch.old), len(patch.new)) > MAX_TEXT:
        return f"{patch.path}: a patch has at most {MAX_TEXT} characters"
    if visible(patch.new) != patch.new:
        return f"{patch.path}: the new text has control or invisible characters"
    if silencer := _silenced(patch.old, patch.new):
        return f"{patch.path}: the new text silences a check (`{silencer}`)"
    return ""


def _silenced(old: str, new: str) -> str:
    """A word that silences a check and stands more often in the new text, "" if none does."""
    before, after = (Counter(w.lower() for w in _SILENCERS.findall(text)) for text in (old, new))
    return min(after - before, default="")


def _replaced(text: str, patch: Patch) -> tuple[str, str]:
    """The new text of a file, and why there is none."""
    count = text.count(patch.old)
    if count != 1:
        where = "does not stand there" if not count else f"stands there {count} times"
        return text, f"{patch.path}: the expected text {where}: {patch.old[:80]!r}"
    return text.replace(patch.old, patch.new), ""


def patched(folder: Path, patches: Sequence[Patch]) -> tuple[dict[str, tuple[str, str]], str]:
    """Each file's text before and after the patches, or none and the reason why; nothing is written."""
    texts: dict[str, tuple[str, str]] = {}
    for patch in patches:
        if patch.path not in texts:
            try:
                text = (folder / patch.path).read_bytes().decode()
            except UnicodeDecodeError:
                return {}, f"{patch.path} is no text"
            texts[patch.path] = (text, text)
        before, now = texts[patch.path]
        after, why = _replaced(now, patch)
        if why:
            return {}, why
        texts[patch.path] = (before, after)
    return texts, ""


def apply(
    folder: Path, package: str, patches: Sequence[Patch], *, rung: str, round_: int = 0
) -> tuple[tuple[Change, ...], str]:
    """Apply patches to a copy, all or none. Returns the changes, or none and the reason why."""
    if why := out_of_bounds(folder, package, patches):
        return (), why
    texts, why = patched(folder, patches)
    if why:
        return (), why
    for path, (before, text) in texts.items():
        if silencer := _silenced(before, text):  # put together of what stood there and of patches
            return (), f"{path}: the patched file silences a check (`{silencer}`)"
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return (), f"{path}: the patched file does not parse: {error}"
    whys = {p.path: p.why for p in patches}
    changes = tuple(Change(rung, round_, p, a.encode(), b.encode(), whys[p]) for p, (a, b) in texts.items())
    for change in changes:
        (folder / change.path).write_bytes(change.after or b"")
    return changes, ""


# --- copies and the journal ------------------------------------------------------------------------------------------


def copy_pack(pack: Path, target: Path) -> Path:
    """A copy of a pack; links stay links, caches and certificate stay behind."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    left = shutil.ignore_patterns("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache")
    shutil.copytree(pack, target, symlinks=True, ignore=left)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    """Relative path -> content of every regular file."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.is_symlink()
    }


def changes_between(before: Mapping[str, bytes], after: Mapping[str, bytes], *, rung: str) -> tuple[Change, ...]:
    """What differs between two contents of a folder."""
    names = sorted(before.keys() | after.keys())
    return tuple(Change(rung, 0, n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n))


def rollback(folder: Path, changes: Iterable[Change]) -> tuple[str, ...]:
    """Take changes back, the last one first. Returns why not, with nothing changed, or nothing.

    A file that is not as its last change left it, or that is reached through a link, refuses the whole.
    """
    ordered = list(changes)[::-1]
    state: dict[str, bytes | None] = {}
    refused = []
    for change in ordered:
        path = folder / change.path
        linked = any(p.is_symlink() for p in (path, *path.parents) if p != folder and p.is_relative_to(folder))
        if linked or ".." in path.parts or not path.resolve().is_relative_to(folder.resolve()):
            refused.append(f"{change.path} lies outside the folder")
            continue
        now = state[change.path] if change.path in state else path.read_bytes() if path.is_file() else None
        if now != change.after:
            refused.append(f"{change.path} is not as the repair left it")
        state[change.path] = change.before
    if refused:
        return tuple(refused)
    for name, data in state.items():
        if data is None:
            (folder / name).unlink(missing_ok=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    return ()
