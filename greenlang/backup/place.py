"""Putting what was unpacked where it belongs, in a way that can be taken back.

In containers ``var`` is a mount on a root that nobody may write: so nothing is put beside it and it is never renamed.
All lies in a folder of ``var`` until its children are swapped for those that stand there, one by one.

Belongs here: folders, moves, taking them back. Does not belong here: what is restored (`restore`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from greenlang.backup.contents import ASIDE, BACKUPS, RESTORING
from greenlang.errors import SettingsError
from greenlang.settings import Settings
from greenlang.signing import PUBLIC, key_id, read_public_key

_STAY = ("batch.lock", "lost+found", BACKUPS, RESTORING)  # the lock is held, the others are no part of a factory


@dataclass
class Moves:
    """Moves that were made, and folders for them."""

    done: list[tuple[Path, Path]] = field(default_factory=list)
    made: list[Path] = field(default_factory=list)

    def folder(self, path: Path) -> None:
        """Make a folder and those above it."""
        missing = [one for one in (path, *path.parents) if not one.exists()]
        path.mkdir(parents=True, exist_ok=True)
        self.made += reversed(missing)

    def move(self, source: Path, target: Path) -> None:
        """Move a file or a folder to a place where there is none; a file may go to another file system."""
        self.folder(target.parent)
        try:
            if source.is_dir():
                source.rename(target)
            else:
                shutil.move(source, target)
        except BaseException:
            if source.is_file():  # half of a copy
                target.unlink(missing_ok=True)
            raise
        self.done.append((source, target))

    def take_back(self) -> None:
        """Everything where it was."""
        for source, target in reversed(self.done):
            shutil.move(target, source)
        self.done.clear()

    def unmake(self) -> None:
        """Take away the folders that were made, where nothing lies in them."""
        for path in reversed(self.made):
            with suppress(OSError):
                path.rmdir()


def filled(folder: Path) -> bool:
    """Whether a factory stands in a folder."""
    return folder.is_dir() and any(not _stays(path) for path in folder.iterdir())


def _stays(path: Path) -> bool:
    return path.name in _STAY or path.name.startswith(ASIDE)


def _free(var: Path, name: str) -> Path:
    """A name that nothing has: two restores may begin in one second."""
    names = (var / name, *(var / f"{name}-{number}" for number in range(2, 1000)))
    return next(path for path in names if not path.exists())


@contextmanager
def swapped(var: Path, staged: Path, moves: Moves) -> Iterator[Path | None]:
    """What was unpacked stands in ``var``, and what stood there in the folder that is yielded (None: nothing did).

    If the block fails, all of that is as it was, and so is what else ``moves`` has moved.
    """
    placed: set[str] | None = None
    aside = _free(var, f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}") if filled(var) else None
    try:
        if aside is not None:
            for path in [path for path in sorted(var.iterdir()) if not _stays(path)]:
                moves.move(path, aside / path.name)
        for path in sorted(staged.iterdir()) if staged.is_dir() else []:
            if not (var / path.name).exists():
                moves.move(path, var / path.name)
        placed = {path.name for path in var.iterdir()}
        yield aside
    except BaseException:
        if placed is not None:
            for path in [path for path in var.iterdir() if path.name not in placed]:  # the block made them
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        moves.take_back()
        raise


def merge(source: Path, target: Path) -> None:
    """Every file of a folder into another, in the place of one that is there."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            path.replace(target / path.relative_to(source))
    shutil.rmtree(source)


def files(folder: Path) -> list[Path]:
    """Every file below a folder; none where there is no folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def gathered(name: str, target: Path | None, settings: Settings, staging: Path) -> Path:
    """The unpacked folder of keys, cassettes or the bucket, brought to where the settings have it now.

    ``target``: that place; None for a store. Returned is a folder of what becomes ``var``, or ``staging / name``.
    """
    inside = target is not None and target.is_relative_to(settings.var)
    home = staging / "var" / target.relative_to(settings.var) if target is not None and inside else staging / name
    for folder in (staging / name, staging / "var" / name):
        if folder.is_dir():
            if folder != home and (folder == staging / name or not home.exists()):
                merge(folder, home)
            break
    return home


def gathered_bucket(settings: Settings, target: Path | None, staging: Path) -> Path:
    """The same for the bucket, in which each tenant has a folder where it is not inside ``var``."""
    home = gathered("bucket", target, settings, staging)
    if settings.bucket is not None:
        for folder in sorted((staging / "var" / "tenants").glob("*/bucket")):
            merge(folder, home / "tenants" / folder.parent.name)
    else:
        for folder in sorted((home / "tenants").glob("*")):
            merge(folder, staging / "var" / "tenants" / folder.name / "bucket")
    return home


def same_key(folder: Path, other: Path) -> bool:
    """Whether the key of two folders is one."""
    public = [one / PUBLIC for one in (folder, other)]
    return all(path.is_file() for path in public) and len({key_id(read_public_key(path)) for path in public}) == 1


def refuse(folder: Path, mend: str) -> None:
    """Raises SettingsError where a folder holds files."""
    if files(folder):
        raise SettingsError(f"{folder} is not empty: {mend}")
