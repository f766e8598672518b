"""Fixtures that several rooms use."""

from __future__ import annotations

import asyncio
import contextlib
import json
import warnings
from pathlib import Path

import pytest
from filelock import FileLock

from greenlang.factors import FactorTable
from greenlang.factors.editions import EditionRead
from greenlang.settings import Settings
from greenlang.sync import chosen, prepare, releases
from tests import libraries
from tests.loopback import stay_here
from tests.registry.postgres import (  # noqa: F401
    own_postgres,
    postgres,
    postgres_database,
    postgres_owner_url,
    postgres_url,
)

ROOT = Path(__file__).resolve().parents[1]
stay_here()


def of_all_workers(factory: pytest.TempPathFactory) -> Path:
    """A folder that every worker of this run sees."""
    base = factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@pytest.fixture(scope="session", autouse=True)
def _libraries(tmp_path_factory: pytest.TempPathFactory) -> None:
    libraries.keep_in(of_all_workers(tmp_path_factory) / "libraries")


@pytest.fixture(scope="module", autouse=True)
def no_loop_left() -> None:
    """Whatever calls `asyncio.run` drops the main thread's loop, and litellm leaves an open one there."""
    with warnings.catch_warnings(), contextlib.suppress(RuntimeError):  # there is none
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of publishers' files and real specs beside the checkout; tests skip where it is missing."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the publishers' files (../shared) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def prepared(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[EditionRead]]:
    """Every edition of the publishers' files, those included that load on request only, read once for all workers.

    The candidate of a first release lies in the settings' folder; nobody may write there.
    """
    folder = of_all_workers(tmp_path_factory) / "publishers"
    settings = Settings(var=folder, workers=2)
    with FileLock(f"{folder}.lock"):
        done = folder / "read.json"
        if not done.is_file():
            read = prepare(settings, chosen(releases(settings), ("unfccc",)), folder=shared / "data")
            assert read.missing == ()
            done.write_text(json.dumps([edition.name for edition in read.read]))
    editions = list(releases(settings).candidate().editions)
    assert sorted(json.loads(done.read_text())) == [edition.name for edition in editions]
    return settings, editions


@pytest.fixture(scope="session")
def full_table(prepared: tuple[Settings, list[EditionRead]]) -> FactorTable:
    """All rows of all editions and of the embedded base."""
    return releases(prepared[0]).candidate().table()
