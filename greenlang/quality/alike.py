"""Packs that no type checker can tell apart: a batch has thousands of agents with the same code under other names.

Belongs here: the form of a package without its docstrings and names. Does not belong here: checking (``tools``).
"""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeGuard

_NAMES = {"agent_id", "version"}  # of an agent's class: texts that say who it is
_SETTING = b"mypy:"  # mypy takes a line of a docstring that looks like a setting of its own for one
_GONE = None  # a line that left nothing


def form(folder: Path, package: str, trees: Mapping[str, ast.Module], texts: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and lines of a package's files, but for docstrings, and for an agent's id and version.

    Of two packages with the same form a type checker says the same, as long as it says nothing: what it finds has a
    line, and docstrings differ in length. ``trees`` and ``texts`` hold its Python files by name relative to ``folder``.
    """
    found = hashlib.sha256()
    for place, folders, names in os.walk(folder / package):
        folders.sort()
        inside = Path(place).relative_to(folder / package).as_posix()
        for name in sorted(names):
            found.update(f"{inside}/{name}\0".encode(errors="surrogateescape"))
            path = f"{package}/{name}" if inside == "." else f"{package}/{inside}/{name}"
            if path in texts:
                found.update(_lines(trees[path], texts[path]))
                found.update(b"\0")
    return found.hexdigest()


def _lines(tree: ast.Module, text: bytes) -> bytes:
    """A file without the lines that only speak; each leaves an empty one."""
    if b"\r" in text:  # Python counts lines otherwise
        return text
    before = text.split(b"\n")
    after: list[bytes | None] = [*before]
    for node in _speaking(tree):
        first, end = node.lineno - 1, node.end_lineno or node.lineno
        said = before[first:end]
        alone = not said[0][: node.col_offset].strip() and not said[-1][node.end_col_offset :].strip()
        if alone and not any(_SETTING in line for line in said):
            after[first:end] = [b"", *[_GONE] * (len(said) - 1)]
    return b"\n".join(line for line in after if line is not _GONE)


def _speaking(tree: ast.Module) -> Iterator[ast.stmt]:
    """Docstrings, and an agent's id and version where the SDK declares them as texts."""
    stack: list[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef] = [tree]
    bases = {alias.asname or alias.name for node in tree.body if _of_the_sdk(node) for alias in node.names}
    while stack:
        owner = stack.pop()
        named = isinstance(owner, ast.ClassDef) and [_name(base) for base in owner.bases if _name(base) in bases]
        for place, node in enumerate(owner.body):
            match node:
                case ast.Expr(value=ast.Constant(value=str())) if place == 0:
                    yield node
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str())) if name in _NAMES:
                    if named and len(owner.bases) == 1:  # type: ignore[union-attr]
                        yield node
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    stack.append(node)


def _of_the_sdk(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    return isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("greenlang_sdk")


def _name(base: ast.expr) -> str:
    """The name of a base class, with or without parameters."""
    inner = base.value if isinstance(base, ast.Subscript) else base
    return inner.id if isinstance(inner, ast.Name) else ""
