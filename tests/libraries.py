"""What every new factory would find out for itself, found out once for all tests: what mypy knows of the libraries that
packs use, the tables, and how the trials of packs ended.

A trial is taken from there only where pack, questions, confinement, tools and the sandbox's code are the same to the
byte (`greenlang.sandbox.cache`); tests of the sandbox hold their own.

Belongs here: giving a factory that knowledge. Does not belong here: settings of a factory.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from filelock import FileLock

from greenlang.factors.table import FILE_NAME
from greenlang.factory.line import prepare
from greenlang.quality.tools import _base_cache, _undisturbed
from greenlang.settings import Settings

_known: list[Path] = []


def keep_in(folder: Path) -> None:
    """The folder that all workers of this run share."""
    _known[:] = [folder]


def tell(var: Path) -> None:
    """Let the factory below ``var`` know; without ``keep_in`` it finds out for itself. What it has, it keeps."""
    if not _known:
        return
    (known,) = _known
    quality, trials = var / "cache" / "quality", var / "cache" / "trials"
    if not any(quality.glob("mypy-*")):
        with _undisturbed():
            base = _base_cache(known)
        quality.mkdir(parents=True, exist_ok=True)
        (quality / base.name).symlink_to(base)
    if not trials.exists():
        (known / "trials").mkdir(exist_ok=True)
        trials.symlink_to(known / "trials")
    if not (var / "tables").exists():
        shutil.copytree(_tables(known), var / "tables")


def _tables(known: Path) -> Path:
    """The tables of factors and formulas, made by the first that asks."""
    made = Settings(var=known / "prepared")
    with FileLock(f"{known}.tables.lock"):
        if not (made.tables / FILE_NAME).exists():
            prepare(made)
    return made.tables
