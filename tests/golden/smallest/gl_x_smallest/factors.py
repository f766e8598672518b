"""The pinned emission factors of the agent, as they stood when it was made (`factors.json`)."""

from functools import cache
from pathlib import Path

from greenlang_sdk.factors import PinnedTable, read_tables


@cache
def tables() -> dict[str, PinnedTable]:
    """The look-up tables by name. Raises PackDamaged if a row does not fit its digest."""
    return read_tables(Path(__file__).with_name("factors.json"))
