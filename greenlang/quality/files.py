"""The files of a pack, each read once for a whole judgement.

Belongs here: reading. Does not belong here: what is looked for in them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

_SKIPPED = frozenset({"wheels", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


class Files:
    """A pack's own files by their path relative to the pack. Symbolic links and wheels are left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, bytes] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every path, sorted."""
        found: list[str] = []
        queue = [("", str(self.folder))]
        while queue:
            head, place = queue.pop()
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_symlink() or entry.name in _SKIPPED:
                        continue
                    if entry.is_dir():
                        queue.append((f"{head}{entry.name}/", entry.path))
                    elif entry.is_file():
                        found.append(f"{head}{entry.name}")
        return tuple(sorted(found))

    def bytes(self, name: str) -> bytes:
        """The content; empty where there is no such file."""
        if name not in self._read:
            self._read[name] = (self.folder / name).read_bytes() if name in self.names else b""
        return self._read[name]

    def text(self, name: str) -> str:
        """The text; empty where there is no such file, what is no UTF-8 replaced."""
        return self.bytes(name).decode("utf-8", errors="replace")

    @cached_property
    def project(self) -> Mapping[str, Any]:
        """The table ``project`` of pyproject.toml, empty where there is none."""
        try:
            project = tomllib.loads(self.text("pyproject.toml")).get("project", {})
        except tomllib.TOMLDecodeError:
            return {}
        return project if isinstance(project, dict) else {}

    def yaml(self, name: str) -> list[Any]:
        """The documents of a YAML file. Raises yaml.YAMLError.

        Aliases are refused: a few of them, one in the other, are more than any memory.
        """
        if _ANCHOR.search(self.text(name)) and any(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(self.bytes(name), _LOADER)
        ):
            raise yaml.YAMLError("it has aliases, which are not read")
        return [document for document in yaml.load_all(self.bytes(name), _LOADER) if document is not None]


_ANCHOR = re.compile(r"(?:^|[\s\[{,])&\w", re.MULTILINE)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
