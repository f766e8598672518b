"""Merging one file: a person's text, what was generated before, what is generated now.

Belongs here: the merge by git, line ends, whether the outcome still is a file of its kind. Does not belong here:
working copies (``regenerate``).
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from greenlang.errors import PackError

_LABELS = ("yours", "generated before", "generated now")
_PARSERS: dict[str, Callable[[str], Any]] = {
    ".py": ast.parse,
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
}


def merge(mine: bytes, base: bytes, new: bytes) -> tuple[bytes, bool]:
    """The three-way merge by ``git merge-file``, and whether it is free of conflicts. Raises PackError without git."""
    if shutil.which("git") is None:
        raise PackError("git is not on the PATH; merging needs it")
    with TemporaryDirectory(prefix="greenlang-merge-") as scratch:
        paths = [Path(scratch) / name for name in ("mine", "base", "new")]
        for path, content in zip(paths, (mine, base, new), strict=True):
            path.write_bytes(content)
        labels = [word for label in _LABELS for word in ("-L", label)]
        command = ["git", "merge-file", "--stdout", "--diff3", *labels, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode < 0 or done.returncode > 127:
        if b"Cannot merge binary files" in done.stderr:
            return new, False
        raise PackError(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout, done.returncode == 0


def places(merged: bytes) -> tuple[int, ...]:
    """The lines of a merge at which its conflicts begin."""
    mark = f"<<<<<<< {_LABELS[0]}".encode()
    return tuple(n for n, line in enumerate(merged.split(b"\n"), 1) if line.rstrip(b"\r") == mark)


def in_style(content: bytes | None, mine: bytes) -> bytes | None:
    """Generated content with CRLF at its line ends if every line of the person's file ends so."""
    if content is None or b"\r" in content or not 0 < mine.count(b"\n") == mine.count(b"\r\n"):
        return content
    return content.replace(b"\n", b"\r\n")


def parses(name: str, content: bytes) -> bool:
    """Whether a file is what its name says: Python, JSON, TOML, YAML; any other name says nothing."""
    parse = _PARSERS.get(PurePosixPath(name).suffix)
    if parse is None:
        return True
    try:
        with warnings.catch_warnings(action="ignore"):  # of a person's code
            parse(content.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, yaml.YAMLError):
        return False
    return True
