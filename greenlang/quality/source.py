"""Checks over syntax trees and texts of a pack: docstrings, imports, secrets.

Belongs here: pure functions over what was read. Does not belong here: scores.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ALLOWED_IMPORTS = frozenset({"pydantic", "greenlang_sdk"})
_TEXT = frozenset({".py", ".md", ".yaml", ".yml", ".json", ".toml", ".txt", ".cfg", ".ini", ".sh", ""})
_SECRETS = (
    ("AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("GitHub token", re.compile(r"\bgh[pousr]_[0-9A-Za-z]{36}\b|\bgithub_pat_[0-9A-Za-z_]{40,}")),
    ("Slack token", re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}")),
    ("model provider key", re.compile(r"\bsk-[0-9A-Za-z_-]{20,}")),
    ("Google key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("web token", re.compile(r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{5,}")),
    ("password in an address", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]{1,64}:[^\s/@]{3,}@[\w.-]+")),
    (
        "password",
        re.compile(r"""(?i)\b(?:password|passwd|secret|api_?key|token)["']?\s*[:=]\s*["'][^"'\s]{8,}["']"""),
    ),
)


def package_trees(trees: Mapping[str, ast.Module], package: str) -> dict[str, ast.Module]:
    """The trees of the agent's own package."""
    return {name: tree for name, tree in trees.items() if name.startswith(f"{package}/")}


def public_names(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, bool]]:
    """Every public module, class, function and method, and whether it has a docstring."""
    for name, tree in trees.items():
        yield name, ast.get_docstring(tree) is not None
        yield from _members(name, tree.body)


def _members(prefix: str, body: list[ast.stmt]) -> Iterator[tuple[str, bool]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            name = f"{prefix}::{node.name}"
            yield name, ast.get_docstring(node) is not None
            if isinstance(node, ast.ClassDef):
                yield from _members(name, node.body)


def public_functions(tree: ast.Module) -> list[str]:
    """Names of the public functions of a module, in order."""
    return [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]


def imported(trees: Mapping[str, ast.Module], package: str) -> dict[str, str]:
    """Top-level modules that a package imports beside the standard library and itself -> ``file:line``."""
    found: dict[str, str] = {}
    for file, tree in trees.items():
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top != package and top not in sys.stdlib_module_names:
                    found.setdefault(top, f"{file}:{getattr(node, 'lineno', 0)}")
    return found


def secrets(folder: Path) -> list[str]:
    """Places in the texts of a pack that look like a secret, as ``file:line: kind`` (never the secret itself)."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if "wheels" in name.parts or path.suffix not in _TEXT or not path.is_file() or path.is_symlink():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for kind, pattern in _SECRETS:
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{name.as_posix()}:{line}: {kind}")
    return sorted(found)
