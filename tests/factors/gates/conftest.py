"""Tables for the gates: small ones that need no publisher's file, and the full one with and without some editions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from greenlang.factors import Factor, FactorTable
from greenlang.factors.editions import EditionRead
from greenlang.factors.gates.columns import columns
from greenlang.factors.storage import ArrowRows
from greenlang.settings import Settings
from greenlang.sync import releases
from tests.factors.gates.plant import BASE, as_table


@pytest.fixture(scope="session")
def untouched(prepared: tuple[Settings, list[EditionRead]]) -> FactorTable:
    """Every row of the publishers' files, those on request included, and the embedded base."""
    return releases(prepared[0]).candidate().table()


@pytest.fixture(scope="session")
def without(untouched: FactorTable) -> Callable[[Sequence[str]], FactorTable]:
    """The full table without these editions."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = untouched._rows
    assert isinstance(rows, ArrowRows)
    table = pa.Table.from_arrays(rows._columns, names=rows._names)
    editions = pa.array(columns(untouched).edition)

    def made(dropped: Sequence[str]) -> FactorTable:
        gone = pc.is_in(editions, value_set=pa.array(list(dropped), pa.string()))
        return as_table(ArrowRows(table.filter(pc.invert(gone))))

    return made


@pytest.fixture
def small() -> Callable[[Iterable[Factor]], FactorTable]:
    """A table of these rows and of the embedded base."""
    return lambda rows: FactorTable([*BASE, *rows], "small-1.0.0")
