"""The Python of a pack, read once: syntax trees for the gate and the claims, code for the children.

Belongs here: reading and compiling. Does not belong here: running, judging.

What the gate looked at is what the children run: they get the code of the package and of its tests with their request,
so that a file that changes in between changes nothing, and none of the three compiles it again.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import marshal
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

MAX_SOURCE = 1_000_000  # bytes of one file, as for the gate, which refuses larger ones
MAX_SOURCES = 32_000_000  # bytes of all files
MAX_CODE = 8 * 1024 * 1024  # bytes of all code; the children compile more than that by themselves


@dataclass(frozen=True, slots=True)
class Sources:
    """The package, ``demos/*.py`` and ``tests/test_*.py``, as far as they parse, by name relative to the pack."""

    pack: Path
    texts: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, ast.Module] = field(default_factory=dict)

    def add(self, name: str, text: bytes, ready: Sources | None = None) -> None:
        """Parse a file, unless ``ready`` holds the tree of that very text. Raises what parsing raises."""
        known = ready.trees.get(name) if ready is not None and ready.texts.get(name) == text else None
        self.trees[name] = known if known is not None else ast.parse(text, filename=name)
        self.texts[name] = text

    def tests(self) -> dict[str, ast.Module]:
        """The trees of the tests."""
        return {name: tree for name, tree in self.trees.items() if name.startswith("tests/")}

    def code(self) -> str:
        """The code of package and tests as text for a request, "" where it is too much."""
        found: dict[str, bytes] = {}
        with warnings.catch_warnings(action="ignore"):
            for name, text in self.texts.items():
                if name.startswith("demos/"):
                    continue  # run once, by one child
                try:
                    code = compile(text, str(self.pack / name), "exec", dont_inherit=True, optimize=0)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    continue  # the child meets it as well, and tells where
                found[name] = marshal.dumps(code)
        data = marshal.dumps(found)
        return base64.b64encode(data).decode() if len(data) <= MAX_CODE else ""


def read(pack: Path, package: str, ready: Sources | None = None) -> Sources:
    """Read and parse. Raises SyntaxError, ValueError for tests that are no plain Python; the gate sees the rest.

    ``ready`` saves parsing again what is still the same to the byte.
    """
    found = Sources(pack)
    for name, text in _plain(pack, pack / "tests", "test_*.py"):
        if text is None:
            raise ValueError(f"{name} is no plain file, or too large")
        found.add(name, text, ready)
    for name, text in (*_plain(pack, pack / package, "**/*.py"), *_plain(pack, pack / "demos", "*.py")):
        if text is not None:
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                found.add(name, text, ready)
    return found


def _plain(pack: Path, folder: Path, pattern: str) -> Iterator[tuple[str, bytes | None]]:
    """Name and content of each file; None for one that is no plain file or too large to be read."""
    left = MAX_SOURCES
    for path in sorted(folder.glob(pattern)):
        status = path.lstat()
        left -= status.st_size
        plain = stat.S_ISREG(status.st_mode) and status.st_size <= MAX_SOURCE and left >= 0
        yield path.relative_to(pack).as_posix(), path.read_bytes() if plain else None


def received(text: str, pack: Path, *, tests: bool = True) -> dict[str, CodeType]:
    """The code that came with a request, by absolute path; without ``tests`` that of the package alone."""
    found: dict[str, bytes] = marshal.loads(base64.b64decode(text)) if text else {}  # noqa: S302 - of our own making
    wanted = {name: code for name, code in found.items() if tests or not name.startswith("tests/")}
    return {str(pack / name): marshal.loads(code) for name, code in wanted.items()}  # noqa: S302
