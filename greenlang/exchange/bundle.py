"""Files of a factory as one object: a zip, written whole or not at all.

Belongs here: packing and unpacking. Does not belong here: which files.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from greenlang.errors import ExchangeError


def bundled(files: Mapping[str, bytes | Path]) -> bytes:
    """Path -> content, or the file that holds it, as one zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(name, content.read_bytes() if isinstance(content, Path) else content)
    return made.getvalue()


def contents(data: bytes, what: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of each file. Raises ExchangeError for what is no such zip, and for a path that leads out."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                path = PurePosixPath(info.filename)
                if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
                    raise ExchangeError(f"{what}: {info.filename!r} leads out of the folder")
                yield info.filename, archive.read(info)
    except zipfile.BadZipFile as error:
        raise ExchangeError(f"{what}: {error}") from error


def below(folder: Path, root: Path) -> dict[str, bytes | Path]:
    """Every file below a folder by its path from ``root``; empty where there is no such folder."""
    return {p.relative_to(root).as_posix(): p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}
