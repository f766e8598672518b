"""ruff and mypy over packs: what they find, and what they leave behind in this process."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from greenlang.quality import tools
from greenlang.quality.tools import PackRef, prepare
from tests.quality.good import PACKAGE


@pytest.mark.slow
def test_mypy_leaves_limits_and_collector_as_they_were(
    untouched: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "_SOUND", set())  # or it would not be asked
    before = (gc.isenabled(), gc.get_threshold(), sys.getrecursionlimit(), gc.enable, gc.unfreeze)
    gc.freeze()  # as a worker does before its first chunk
    try:
        frozen = gc.get_freeze_count()
        found = prepare([PackRef(untouched, PACKAGE)], cache)[untouched]
        assert found.types == ()
        # objects that were frozen may end in the meantime; to have let them loose would leave none
        assert gc.get_freeze_count() > frozen / 2
    finally:
        gc.unfreeze()
    assert (gc.isenabled(), gc.get_threshold(), sys.getrecursionlimit(), gc.enable, gc.unfreeze) == before


@pytest.mark.slow
def test_texts_and_trees_are_those_of_the_files(untouched: Path, cache: Path) -> None:
    found = prepare([PackRef(untouched, PACKAGE)], cache)[untouched]
    files = {p.relative_to(untouched).as_posix(): p.read_bytes() for p in untouched.rglob("*.py")}
    assert found.texts == files
    assert found.trees.keys() == files.keys()
